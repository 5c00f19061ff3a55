using System.Text;
using DnsClient;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Security;

/// <summary>Name servers that lie, break off and go round in circles, at the real resolver.</summary>
public sealed partial class SecurityAuthnTests
{
    const string Forged = "v=spf1 +all";
    const string True = "v=spf1 -all";

    static readonly Mailbox Sender = Mailbox("ann@sender.example");

    /// <summary>What is said to a question for the sender's record, over UDP and, where that is cut short,
    /// over TCP.</summary>
    /// <remarks>An answer from another address is not among them: the DNS library believes it where port, id
    /// and question fit, as docs/RFC.md says of RFC 5452 §9.1.</remarks>
    static readonly Dictionary<string, (string Id, Func<ZoneQuestion, ZoneSaying> Say)> Lies = new()
    {
        ["SERVFAIL"] = ("AUTHN-05", q => new(q.Answer(2))),
        ["REFUSED"] = ("AUTHN-05", q => new(q.Answer(5))),
        ["nothing"] = ("AUTHN-05", _ => new()),
        ["cut short, and no TCP"] = ("AUTHN-05",
            q => q.IsTcp ? new() : new(q.Answer(ZoneQuestion.Truncated, Text(Forged)))),
        ["cut short in TCP too"] = ("AUTHN-05",
            q => new(q.Answer(ZoneQuestion.Truncated, Text(Forged)))),
        ["64 KiB of text"] = ("AUTHN-05", q => q.IsTcp
            ? new(q.Answer(0, Text($"{Forged} {new string('a', 65_000)}")))
            : new(q.Answer(ZoneQuestion.Truncated))),
        ["an alias of itself"] = ("AUTHN-06", q => new(q.Answer(0, Alias(q.Name, q.Name)))),
        ["aliases in a circle"] = ("AUTHN-06", q => new(q.Answer(
            0, Alias(q.Name, "b.example"), Alias("b.example", "c.example"), Alias("c.example", q.Name)))),
        ["twenty aliases"] = ("AUTHN-06", q => new(q.Answer(0,
            [Alias(q.Name, "a0.example"),
            .. Enumerable.Range(0, 20).Select(i => Alias($"a{i}.example", $"a{i + 1}.example")),
            ZoneQuestion.Record("a20.example", "TXT", Forged)]))),
        ["a name that points at itself"] = ("AUTHN-06", q => new(q.Answer(
            0, ZoneQuestion.Record([0xC0, (byte)(12 + q.Question.Length)], "TXT", TextOf(Forged))))),
        ["names that point at each other"] = ("AUTHN-06", q => new(q.Answer(
            0, ZoneQuestion.Record(
                [0xC0, (byte)(14 + q.Question.Length), 0xC0, (byte)(12 + q.Question.Length)], "TXT",
                TextOf(Forged))))),
        ["a name that points beyond"] = ("AUTHN-06", q => new(q.Answer(
            0, ZoneQuestion.Record([0xFF, 0xFF], "TXT", TextOf(Forged))))),
        ["a label of 64"] = ("AUTHN-06", q => new(q.Answer(
            0, ZoneQuestion.Record([64, .. new byte[64], 0], "TXT", TextOf(Forged))))),
        ["a question of another name"] = ("AUTHN-06", q => new(q.Answer(
            0, [.. ZoneQuestion.NameOf("evil.example"), 0, 16, 0, 1], [Text(Forged)]))),
        ["no question at all"] = ("AUTHN-06", q => new(
            (byte[])[.. q.Answer(0)[..4], 0, 0, 0, 1, 0, 0, 0, 0,
                .. ZoneQuestion.Record(q.Name, "TXT", Forged)])),
        ["records of another name"] = ("AUTHN-06", q => new(q.Answer(
            0, ZoneQuestion.Record("evil.example", "TXT", Forged)))),
        ["a wrong id"] = ("AUTHN-06", q => new(WithOtherId(q.Answer(0, Text(Forged))))),
        ["a wrong id before the right one"] = ("AUTHN-06", q => new(
            WithOtherId(q.Answer(0, Text(Forged))), q.Answer(0, Text(True)))),
        ["records that are not there"] = ("AUTHN-06", q => new(
            (byte[])[.. q.Answer(0)[..6], 0xFF, 0xFF, 0, 0, 0, 0, .. q.Question])),
        ["a record beyond the end"] = ("AUTHN-06", q => new(
            q.Answer(0, [0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 9, 0xFF, 0xFF, .. TextOf(Forged)]))),
        ["a text beyond the record"] = ("AUTHN-06", q => new(
            q.Answer(0, ZoneQuestion.Record([0xC0, 12], "TXT", [255, .. Encoding.ASCII.GetBytes(Forged)])))),
        ["half a header"] = ("AUTHN-06", q => new(q.Answer(0)[..7])),
        ["an empty datagram"] = ("AUTHN-06", _ => new((byte[])[])),
        ["our own question"] = ("AUTHN-06", q => new(q.Octets)),
    };

    public static TheoryData<string> LieNames => [.. Lies.Keys];

    [Theory]
    [MemberData(nameof(LieNames))]
    public async Task Lie_OfANameServer_PassesNothingAndHoldsUpNobody(string name)
    {
        SecurityCase.Get(Lies[name].Id);
        using var server = new ZoneServer
        {
            Say = question => question is { Type: "TXT", Name: "sender.example" }
                ? Lies[name].Say(question) : null,
        }
            .Add("_dmarc.sender.example", "TXT", "v=DMARC1; p=reject").Add("true.example", "TXT", Forged);
        await using var house = new CheckedHouse(ResolverOf(server, name), TimeProvider.System);
        Assert.Equal(250, (await house.SendAsync(Sender)).Code);
        Assert.NotEqual(AuthenticationResult.Pass, house.Checks.Spf!.Result);
        Assert.NotEqual(AuthenticationResult.Pass, house.Checks.Dmarc!.Result);
        Assert.DoesNotContain("spf=pass", house.Prefix, StringComparison.Ordinal);
        // Who answers rightly is heard.
        await house.SendAsync(Mailbox("ann@true.example"));
        Assert.Equal(AuthenticationResult.Pass, house.Checks.Spf!.Result);
    }

    /// <summary>A server that says nothing is waited for, the others are not.</summary>
    static DnsResolver ResolverOf(ZoneServer server, string name) => new(
        new LookupClient(new LookupClientOptions(server.Endpoint)
        {
            Timeout = name is "nothing" or "an empty datagram" ? TimeSpan.FromSeconds(1)
                : TimeSpan.FromSeconds(5),
            Retries = 1,
            UseCache = false,
            ThrowDnsErrors = false,
        }),
        TimeProvider.System, new Random(1));

    static byte[] Text(string text) => ZoneQuestion.Record([0xC0, 12], "TXT", TextOf(text));

    static byte[] TextOf(string text) => ZoneQuestion.TextOf(Encoding.ASCII.GetBytes(text));

    static byte[] Alias(string owner, string name) => ZoneQuestion.Record(owner, "CNAME", name);

    static byte[] WithOtherId(byte[] message) => [(byte)~message[0], .. message[1..]];
}
