using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Inbound.Checks;
using Postern.Smtp;
using Postern.Tests.Doubles;
using Postern.Tests.Inbound.Checks;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Security;

/// <summary>Plays the catalogue's cases about checks of mail from others: nothing that a peer says, signs or
/// publishes makes a pass of what is none, costs much, or writes into our fields and replies.</summary>
public sealed partial class SecurityAuthnTests
{
    static readonly string[] Special =
        ["AUTHN-02", "AUTHN-03", "AUTHN-04", "AUTHN-05", "AUTHN-06", "AUTHN-07", "AUTHN-08", "AUTHN-11",
        "AUTHN-13", "AUTHN-14", "AUTHN-17", "AUTHN-22", "AUTHN-24", "AUTHN-25"];

    internal static IEnumerable<SecurityCase> Played =>
        SecurityCase.Of("AUTHN").Where(one => Special.Contains(one.Id));

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    // RFC 7208 §4.6.4. Of more than ten names of an address the first ten count, and that is no fault.
    [Theory]
    [InlineData("11 terms", AuthenticationResult.Permerror, 11)]
    [InlineData("3 empty", AuthenticationResult.Permerror, 4)]
    [InlineData("11 mail hosts", AuthenticationResult.Permerror, 2)]
    [InlineData("11 names", AuthenticationResult.Fail, 12)]
    [InlineData("10 terms", AuthenticationResult.Pass, 11)]
    [InlineData("2 empty", AuthenticationResult.Pass, 4)]
    public async Task Record_ThatAsksTooMuch_EndsAtTheLimit(
        string row, AuthenticationResult result, int questions)
    {
        SecurityCase.Get("AUTHN-02");
        var zone = new ZoneResolver().Add("here.example", "A", "198.51.100.9");
        var (count, what) = (int.Parse(row.Split(' ')[0], null), row[(row.IndexOf(' ') + 1)..]);
        var terms = what switch
        {
            "terms" => string.Concat(Enumerable.Repeat("a:here.example ", count - 1)) + "a:mine.example",
            "empty" => string.Join(' ', Enumerable.Range(0, count).Select(i => $"a:no{i}.example"))
                + " a:mine.example",
            "names" => "ptr:mine.example",
            _ => "mx",
        };
        for (var i = 0; i < 11; i++)
        {
            zone.Add("sender.example", "MX", "here.example").Add($"n{i}.mine.example", "A", "198.51.100.9")
                .Add("1.2.0.192.in-addr.arpa", "PTR", i == 10 ? "mine.example" : $"n{i}.mine.example");
        }
        zone.Add("mine.example", "A", CheckedHouse.Client)
            .Add("sender.example", "TXT", $"v=spf1 {terms} -all");
        Assert.Equal(result, (await CheckSpfAsync(zone)).Result);
        Assert.Equal(questions, zone.Asked.Count);
    }

    [Theory]
    [InlineData("v=spf1 include:b.example -all", "v=spf1 include:sender.example -all")]
    [InlineData("v=spf1 redirect=b.example", "v=spf1 redirect=sender.example")]
    [InlineData("v=spf1 include:sender.example -all", "")]
    [InlineData("v=spf1 a:%{s}%{s}%{s}%{s}.%{d} include:b.example ?all", "v=spf1 LONG ~all")]
    [InlineData("v=spf1 LONG -all", "")]
    public async Task Record_WithoutEnd_IsPermError(string record, string other)
    {
        SecurityCase.Get("AUTHN-03");
        var grown = string.Concat(Enumerable.Repeat("exists:%{s}%{S}%{l}%{d}.x.example ", 3000));
        var zone = new ZoneResolver()
            .Add("sender.example", "TXT", record.Replace("LONG", grown, StringComparison.Ordinal))
            .Add("b.example", "TXT", other.Replace("LONG", grown, StringComparison.Ordinal));
        var verdict = await CheckSpfAsync(zone, Mailbox($"{new string('a', 64)}@sender.example"));
        Assert.Equal(AuthenticationResult.Permerror, verdict.Result);
        Assert.InRange(zone.Asked.Count, 1, 1 + SpfCheck.TermsMax);
        Assert.InRange(verdict.Why!.Length, 1, 300);
        Assert.All(zone.Asked, asked => Assert.InRange(asked.Length, 0, 4 + 253));
    }

    [Theory]
    [InlineData("see https://sender.example/?ip=%{i}", "see https://sender.example/?ip=192.0.2.1")]
    [InlineData("no\r\n250 2.0.0 Ok: queued as 1", null)]
    [InlineData("\u001b[2J\u202eno", null)]
    [InlineData("%{h}", "a??250 ok?")]
    [InlineData("64 KiB", null)]
    [InlineData("500", "xxxxx")]
    public async Task Explanation_InAReply_IsOneLineOfTheirs(string text, string? shown)
    {
        SecurityCase.Get("AUTHN-04");
        if (text is "64 KiB" or "500")
            text = new string('x', text == "500" ? 500 : 64 << 10);
        using var server = new ZoneServer()
            .Add("sender.example", "TXT", "v=spf1 -all exp=why.sender.example")
            .Add("why.sender.example", "TXT", text);
        await using var house = new CheckedHouse(
            ResolverOf(server, ""), TimeProvider.System,
            new VerdictOptions
            {
                Name = "spf",
                Action = VerdictAction.Reject,
                Spf = [AuthenticationResult.Fail],
            });
        var reply = await house.SendAsync(Sender, helo: "a\r\n250 ok\u001b");
        const string told = "Message rejected: SPF fail for sender.example";
        Assert.Equal("550 5.7.23", $"{reply.Code} {reply.Status}");
        var line = Assert.Single(reply.Lines);
        Assert.StartsWith(shown is null ? told : $"{told}: {shown}", line, StringComparison.Ordinal);
        if (shown is null)
            Assert.Equal(told, line);
        Assert.InRange(line.Length, 1, "Message rejected: ".Length + 256);
        Assert.Equal(-1, line.AsSpan().IndexOfAnyExceptInRange(' ', '~'));
    }

    [Theory]
    [InlineData(VerdictAction.Defer, "451 4.7.24")]
    [InlineData(VerdictAction.Accept, "250 2.0.0")]
    public async Task Dns_WithoutAnswer_IsWhatAVerdictMakesOfIt(VerdictAction action, string reply)
    {
        SecurityCase.Get("AUTHN-05");
        using var server = new ZoneServer { Say = question => new(question.Answer(2)) };
        await using var house = new CheckedHouse(
            ResolverOf(server, ""), TimeProvider.System,
            new VerdictOptions { Name = "later", Action = action, Spf = [AuthenticationResult.Temperror] });
        var said = await house.SendAsync(Sender);
        Assert.Equal(reply, $"{said.Code} {said.Status}");
    }

    /// <summary>What espoofer sends as A2, A5, A6 and A7: words of one domain for some readers, of another
    /// for others.</summary>
    [Theory]
    [InlineData("<>", CheckedHouse.Helo)]
    [InlineData("<ann@sender.example>", "sender.example")]
    [InlineData("<\"ann@sender.example\"@evil.example>", "evil.example")]
    [InlineData("<\"a(b)\\\"; dmarc=pass header.from=bank.example;\"@evil.example>", "evil.example")]
    [InlineData("<@sender.example,@b.example:ann@evil.example>", "evil.example")]
    [InlineData("<(ann@sender.example)ann@evil.example>", null)]
    [InlineData("<ann@evil.example(sender.example)>", null)]
    [InlineData("<ann@evil.example@sender.example>", null)]
    [InlineData("<ann@evil.example,ann@sender.example>", null)]
    [InlineData("<ann@evil.example\\0.sender.example>", null)]
    [InlineData("<ann@evil.example'.sender.example>", null)]
    public async Task Sender_OfTwoReadings_HasOneDomainForAllChecks(string path, string? domain)
    {
        SecurityCase.Get("AUTHN-07");
        var isRead = EnvelopePath.TryRead(Encoding.Latin1.GetBytes(path), out var sender, out var rest);
        Assert.Equal(domain is not null, isRead && rest.IsEmpty);
        if (domain is null)
            return;
        var zone = new ZoneResolver().Add(domain, "TXT", Forged)
            .Add("_dmarc.evil.example", "TXT", "v=DMARC1; p=reject")
            .Add("_dmarc.sender.example", "TXT", "v=DMARC1; p=reject; aspf=s");
        await using var house = new CheckedHouse(zone, null);
        await house.SendAsync(sender);
        var spf = house.Checks.Spf!;
        Assert.Equal((domain, AuthenticationResult.Pass), (spf.Domain, spf.Result));
        // The letter is of sender.example.
        Assert.Equal(domain == "sender.example", house.Checks.Dmarc!.IsSpfAligned);
        Assert.Contains(
            domain == CheckedHouse.Helo ? $"smtp.helo={domain};" : $"smtp.mailfrom={domain};", house.Prefix,
            StringComparison.Ordinal);
        Assert.DoesNotContain("bank.example", FieldOf(house), StringComparison.Ordinal);
        Assert.Single(FieldOf(house).Split(" dmarc=")[1..]);
    }

    [Fact]
    public async Task Helo_ThatPasses_HelpsNoMailFromThatFails()
    {
        SecurityCase.Get("AUTHN-08");
        var zone = new ZoneResolver().Add(CheckedHouse.Helo, "TXT", Forged).Add("evil.example", "TXT", True)
            .Add("_dmarc.sender.example", "TXT", "v=DMARC1; p=reject");
        await using var house = new CheckedHouse(zone, null);
        await house.SendAsync(Mailbox("ann@evil.example"));
        Assert.Equal(AuthenticationResult.Fail, house.Checks.Dmarc!.Result);
        Assert.DoesNotContain($"TXT {CheckedHouse.Helo}", zone.Asked);
    }

    /// <summary>What we add and cut ourselves is none of what was signed.</summary>
    [Fact]
    public async Task Signature_OverWhatWeChange_IsProvedOnWhatCame()
    {
        SecurityCase.Get("AUTHN-24");
        // No Date and no Message-ID; a field of ours that is cut; a signature over all of them.
        const string head = $"Authentication-Results: {CheckedHouse.Host}; none\r\n" + SampleMail.Head;
        using var mail = new SampleMail();
        var field = mail.Sign(
            "h=authentication-results:date:message-id:received:return-path:from:to", head,
            SampleMail.Body, "v=1; a=rsa-sha256; c=simple/simple; d=example.org");
        await using var house = new CheckedHouse(mail.Resolver, null);
        await house.SendAsync(Sender, field + head + "\r\n" + SampleMail.Body);
        Assert.Equal(AuthenticationResult.Pass, Assert.Single(house.Checks.Dkim!).Result);
        Assert.Single(house.Stored.Edits.Cuts);
        Assert.Contains("Received: ", house.Prefix, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<script>alert(1)</script>.example", false)]
    [InlineData("a\r\nX-Forged: 1.example", false)]
    [InlineData("255", false)]
    [InlineData("mx.local.example", false)]
    [InlineData("OUT.Honest.example", true)]
    public async Task Name_OfAClient_IsShownWhenItLeadsBackAlone(string name, bool isShown)
    {
        SecurityCase.Get("AUTHN-25");
        if (name == "255")
            name = string.Concat(Enumerable.Repeat($"{new string('a', 62)}.", 4)) + "b";
        using var server = new ZoneServer().Add("1.2.0.192.in-addr.arpa", "PTR", name)
            .Add("mx.local.example", "A", "198.51.100.1")
            .Add("out.honest.example", "A", CheckedHouse.Client);
        await using var house = new CheckedHouse(ResolverOf(server, ""), TimeProvider.System);
        await house.SendAsync(Sender);
        Assert.Equal(
            isShown ? AuthenticationResult.Pass : house.Checks.Iprev!.Result, house.Checks.Iprev!.Result);
        Assert.Equal(isShown ? "out.honest.example" : null, house.Stored.Client.Name);
        Assert.Contains(
            $"({(isShown ? "out.honest.example" : "unknown")} [{CheckedHouse.Client}])", house.Prefix,
            StringComparison.Ordinal);
        Assert.DoesNotContain("script", house.Prefix, StringComparison.Ordinal);
        Assert.DoesNotContain("Forged", house.Prefix, StringComparison.Ordinal);
    }

    static async Task<SpfVerdict> CheckSpfAsync(ZoneResolver zone, Mailbox? sender = null) =>
        await new SpfCheck(zone, new FakeTimeProvider(Start)).CheckAsync(
            SpfQuestion.Of(
                IPAddress.Parse(CheckedHouse.Client), CheckedHouse.Helo, sender ?? Sender, CheckedHouse.Host),
            Cancel);

    /// <summary>Authentication-Results, which is the first field of ours.</summary>
    static string FieldOf(CheckedHouse house)
    {
        var end = house.Prefix.IndexOf("\r\nReceived:", StringComparison.Ordinal);
        var field = house.Prefix[..end];
        return field[field.IndexOf("Authentication-Results:", StringComparison.Ordinal)..];
    }
}
