using System.Globalization;
using System.Net.Security;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;

namespace Postern.Tests.Smtp.Server;

/// <summary>Plays the catalogue of attacks as data: every case about the wire, on each listener it
/// names.</summary>
/// <remarks>
/// The catalogue lies beside the repository, or where POSTERN_CASES says. Steps: <c>C</c> octets to send,
/// <c>S</c> the reply's pattern, <c>R</c> generated octets, <c>X rst</c> a broken connection. Cases that are
/// one line of description get their octets from <see cref="Supplied"/>; <c>X tls-handshake</c> is one. On
/// sub465 everything is said inside TLS.
/// </remarks>
public sealed class SecurityCatalogueTests
{
    const string Hello = "S ^220|C EHLO c.example.net\\r\\n|S ^250";
    const string Mail = Hello + "|C MAIL FROM:<a@sender.example>\\r\\n|S ^250";
    const string Rcpt = Mail + "|C RCPT TO:<known@local.example>\\r\\n|S ^250";
    const string Data = Rcpt + "|C DATA\\r\\n|S ^354";
    const string Ok = "|S ^250 2.0.0 Ok: queued";

    static readonly string Login =
        Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{ScriptedPolicy.User}\0{ScriptedPolicy.Password}"));

    /// <summary>The areas that are about the wire, its client and the way between.</summary>
    static readonly string[] Areas = ["SMI", "SMO", "TLS", "CMD", "AUT", "DAT", "BDA", "REL", "CLI"];

    /// <summary>What is not an exchange of a line and a reply: tests that bear the case's number.</summary>
    static readonly string[] Elsewhere =
    [
        "AUT-11", "AUT-14", "BDA-10", "DAT-20", "DAT-23", "DAT-24", "TLS-11", "TLS-12", "TLS-14", "TLS-15",
        "TLS-16", "TLS-19", "TLS-21", "TLS-22", "TLS-23",
    ];

    /// <summary>What there is no code for yet: reading MIME, signing, composing from an API. And TLS-20: no
    /// client of the platform can ask for a renegotiation.</summary>
    static readonly string[] Waiting =
    [
        "DAT-04", "DAT-07", "DAT-08", "DAT-09", "DAT-10", "DAT-11", "DAT-12", "DAT-14", "DAT-17", "DAT-22",
        "SMO-12", "SMO-13", "TLS-20",
    ];

    static string Catalogue => Environment.GetEnvironmentVariable("POSTERN_CASES")
        ?? Repository.PathOf("../shared/cases/security.jsonl");

    public static TheoryData<string, string> Cases()
    {
        var rows = new TheoryData<string, string>();
        if (!File.Exists(Catalogue))
            rows.Add("none", "mx25");
        foreach (var one in Read())
        {
            foreach (var mode in one.Mode.Split(' ')[0].Split('+').Where(m => m != "api"))
                rows.Add(one.Id, mode);
        }
        return rows;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case_Played_HoldsWhatItMust(string id, string mode)
    {
        Assert.SkipWhen(id == "none", $"The catalogue is not here: {Catalogue}");
        var one = Read().Single(c => c.Id == id);
        var steps = Supplied(id) is { } supplied ? Steps(supplied) : one.Steps;
        if (!steps[0].StartsWith("S ", StringComparison.Ordinal))
            steps = [.. Steps(Hello), .. steps];
        await using var peer = new TestPeer(
            OptionsFor(one.Area, mode), mode == "mx25" ? ListenerKind.Mx : ListenerKind.Submission);
        peer.Facts.IsTrusted = true;
        peer.Start();
        if (mode == "sub465")
            await peer.HandshakeAsync();
        foreach (var step in steps)
            await PlayAsync(peer, id, step);
        if (!peer.EndAsync().IsCompleted)
            peer.Close();
        await peer.EndAsync();
        Assert.NotEqual([SessionEnd.Failed], peer.Policy.Ends);
        Assert.Equal(0, peer.Policy.SinksOpen);
        CheckStored(id, peer.Policy);
    }

    /// <summary>As a listener of this mode is; but that 587 takes logins in clear where TLS is not the
    /// matter.</summary>
    static SmtpServerOptions OptionsFor(string area, string mode)
    {
        var tls = TestPeer.Defaults with
        {
            Auth = mode == "mx25" ? TestPeer.Defaults.Auth : AuthOffer.UnderTls,
            TlsOptions = () => new SslServerAuthenticationOptions
            {
                ServerCertificate = TestCertificates.Shared.Good,
            },
        };
        if (mode == "sub465")
            return tls with { Tls = TlsMode.Immediate };
        if (area == "TLS")
            return tls with { Tls = TlsMode.StartTls };
        return mode == "mx25" ? TestPeer.Defaults : TestPeer.Defaults with { Auth = AuthOffer.Anywhere };
    }

    [Fact]
    public void Catalogue_EachCaseIsPlayed_OrBorneByATest_OrWaits()
    {
        Assert.SkipWhen(!File.Exists(Catalogue), $"The catalogue is not here: {Catalogue}");
        var borne = Directory.EnumerateFiles(Repository.PathOf("test"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(nameof(SecurityCatalogueTests) + ".cs", StringComparison.Ordinal))
            .SelectMany(file => Regex.Matches(File.ReadAllText(file), @"\b[A-Z]{3}-\d\d\b"))
            .Select(match => match.Value).ToHashSet(StringComparer.Ordinal);
        var missing = ReadAll().Where(one => !IsPlayed(one) && !Waiting.Contains(one.Id)
            && one.Area != "SMO" && !borne.Contains(one.Id)).Select(one => one.Id);
        Assert.Empty(missing);
    }

    static async Task PlayAsync(TestPeer peer, string id, string step)
    {
        var text = step[2..];
        switch (step[0])
        {
            case 'C':
                await peer.SendAsync(TranscriptTests.Unescape(text));
                break;
            case 'S':
                var reply = await peer.ReplyAsync();
                Assert.True(Regex.IsMatch(reply, text), $"{id}: expected {text}, got {reply}");
                break;
            case 'R':
                await peer.SendAsync(Lines(text.StartsWith("1100 KiB", StringComparison.Ordinal)
                    ? 1100 * 1024
                    : int.Parse(text, CultureInfo.InvariantCulture)));
                break;
            case 'X' when text == "tls-handshake":
                await peer.HandshakeAsync();
                break;
            case 'X' when text == "rst":
                peer.Break();
                break;
            default:
                Assert.Fail($"{id}: no such step: {step}");
                break;
        }
    }

    static void CheckStored(string id, ScriptedPolicy policy)
    {
        Assert.All(policy.Stored, m => Assert.DoesNotContain("victim", m.Envelope.ReversePath.ToString()));
        if (id.StartsWith("REL", StringComparison.Ordinal))
            Assert.DoesNotContain(
                policy.Stored, m => m.Envelope.Recipients.Any(r => r.ToString().Contains("evil")));
        if (id.StartsWith("SMI", StringComparison.Ordinal) && id != "SMI-23")
            Assert.InRange(policy.Stored.Count, 0, 1);
        switch (id)
        {
            case "SMI-21":
                Assert.EndsWith("\r\n\r\n.\r\n..\r\nx\r\n.y\r\n", policy.TextOf(0));
                break;
            case "SMI-22" or "DAT-03":
                Assert.Empty(policy.Stored);
                break;
            case "SMI-23":
                Assert.Equal(2, policy.Stored.Count);
                break;
            case "BDA-07":
                Assert.Equal("a\r\n.\r\nb\r\n..", policy.TextOf(0));
                break;
            case "CMD-11":
                Assert.Equal(1000, policy.Stored[0].Envelope.Recipients.Count);
                break;
            case "DAT-02":
                Assert.Equal(1 << 20, Assert.Single(policy.Stored).Content.Length);
                break;
            case "DAT-18" or "DAT-21":
                Assert.Contains(id == "DAT-18" ? "a\0b" : "\u00ec\u009a", policy.TextOf(0));
                break;
            case "AUT-05" or "AUT-02" or "AUT-16" or "TLS-02" or "TLS-08":
                Assert.Empty(policy.Lookups);
                break;
            case "REL-08" or "REL-12" or "REL-14":
                Assert.Empty(policy.Refusals);
                break;
        }
    }

    /// <summary>Octets for the cases that are descriptions, and for those whose own are cut short.</summary>
    static string? Supplied(string id) => SuppliedCommand(id) ?? SuppliedContent(id);

    static string? SuppliedCommand(string id) => id switch
    {
        "CMD-01" => Hello + Ask("NOOP " + new string('A', 505), "250"),
        "CMD-02" => Hello + Ask("NOOP " + new string('A', 506), "500") + Ask(new string('B', 12_289), "500")
            + Ask("NOOP", "250"),
        "CMD-06" => "S ^220" + Ask("MAIL FROM:<a@b.example>", "503") + Ask("EHLO a", "250")
            + Ask("RCPT TO:<known@local.example>", "503") + Ask("DATA", "503")
            + Ask("MAIL FROM:<a@b.example>", "250") + Ask("MAIL FROM:<b@b.example>", "503")
                + Ask("DATA", "503"),
        "CMD-07" => Mail + Ask("RCPT TO:<nobody@local.example>", "550 5.1.1") + Ask("DATA", "(503|554)"),
        "CMD-08" => Hello
            + string.Concat(new[] { "abc", "-1", "99999999999999999999", "1 SIZE=2", "999999999999999999999" }
            .Select(s => Ask($"MAIL FROM:<a@b.example> SIZE={s}", "(501|552)"))),
        "CMD-09" => Hello + Ask("MAIL FROM:<a@b.example> FOO=1", "555 5.5.4")
            + Ask("MAIL FROM:<a@b.example> BODY=FOO", "555 5.5.4")
            + Ask("HELO a", "250") + Ask("MAIL FROM:<a@b.example> SMTPUTF8", "555 5.5.4"),
        "CMD-11" => Mail + string
            .Concat(Enumerable.Range(0, 1000).Select(i => Ask($"RCPT TO:<r{i}@local.example>", "250")))
            + Ask("RCPT TO:<r1000@local.example>", "452 4.5.3") + Ask("DATA", "354") + Ask("x\\r\\n.", "250"),
        "CMD-12" => Mail + string.Concat(Enumerable.Range(0, 20).Select(
            _ => Ask("RCPT TO:<nobody@local.example>", "550 5.1.1 <nobody@local.example>: Recipient")))
            + "|S ^421 4.7.0|S <closed>",
        "CMD-13" => Mail + Ask($"RCPT TO:<{new string('a', 65)}@local.example>", "501")
            + Ask($"RCPT TO:<a@{string.Concat(Enumerable.Repeat("abcdefg.", 32))}>", "501")
            + Ask($"RCPT TO:<a@{string.Concat(Enumerable.Repeat("abcdefg.", 31))}abcde>", "501"),
        "CMD-14" => "S ^220" + string
            .Concat(new[] { "<script>", "[999.1.1.1]", "a b", "", new string('a', 300), "\\xff", "my_host" }
            .Select(n => Ask($"EHLO {n}", n == "my_host" ? "250" : "(250|501|550)"))),
        "CMD-15" => Hello + string.Concat(Enumerable.Range(0, 25)
            .Select(_ => Ask("NOOP", "250") + Ask("RSET", "250") + Ask("VRFY a", "252")))
            + string.Concat(Enumerable.Range(0, 24).Select(_ => Ask("HELP", "214"))) + Ask("NOOP", "421")
                + "|S <closed>",
        "CMD-18" => Rcpt + Ask("RSET", "250") + Ask("DATA", "503") + Ask("MAIL FROM:<>", "250"),
        "CMD-23" => Hello + Ask("MAIL FROM:<a@b.example>"
            + string.Concat(Enumerable.Range(0, 1000).Select(i => $" P{i}=1")), "501"),
        _ => null,
    };

    static string? SuppliedContent(string id) => id switch
    {
        "AUT-05" => Hello + Ask("AUTH PLAIN", "334") + Ask(new string('A', 12_289), "(500|501) 5.5.6"),
        "AUT-06" => Hello + Ask($"AUTH PLAIN {Login}", "235") + Ask($"AUTH PLAIN {Login}", "503")
            + Ask("MAIL FROM:<a@b.example>", "250") + Ask($"AUTH PLAIN {Login}", "503"),
        "AUT-02" => Hello + string.Concat(
            new[] { "%%%", "====", "AAA", "AHUA AHA=" }.Select(b => Ask($"AUTH PLAIN {b}", "501 5.5.2"))),
        "AUT-12" => Hello + string.Concat(new[] { "a\r\nb", "../../x", "${jndi:ldap://x}", "a%00" }
            .Select(n => Ask(
                "AUTH PLAIN " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{n}\0p")), "(501|535)"))),
        "AUT-16" => Hello + Ask("AUTH LOGIN", "334") + Ask("", "501") + Ask("AUTH LOGIN", "334")
            + Ask("dXNlcg==", "334") + Ask("", "501"),
        "AUT-19" => Hello + Ask($"AUTH PLAIN {Login}", "235")
            + Ask("MAIL FROM:<user@local.example> AUTH=admin@local.example", "250"),
        "BDA-01" => Rcpt + Ask("BDAT 18446744073709551616 LAST", "501") + "|S <closed>",
        "BDA-03" => Hello + Raw("BDAT 28\\r\\nMAIL FROM:<a@evil.example>\\r\\n") + "|S ^503"
            + Ask("RCPT TO:<known@local.example>", "503"),
        // The catalogue's own count is one too many for its octets.
        "BDA-07" => Rcpt + Raw("BDAT 11 LAST\\r\\na\\r\\n.\\r\\nb\\r\\n..") + Ok,
        "REL-27" => Hello + Ask("MAIL FROM:<>", "250") + Ask("RCPT TO:<x@evil.example>", "(550|554)"),
        "DAT-02" => Data + "|R 1048576" + Raw(".\\r\\n") + Ok + Again + "|R 1048578" + Raw(".\\r\\n")
            + "|S ^552 5.3.4"
            + Again + "|R 10485760" + Raw(".\\r\\n") + "|S ^552 5.3.4",
        "DAT-03" => Hello + Ask("MAIL FROM:<a@b.example> SIZE=1048577", "552 5.3.4")
            + Ask("MAIL FROM:<a@b.example> SIZE=10", "250")
            + Ask("RCPT TO:<known@local.example>", "250") + Ask("DATA", "354") + "|R 5000000" + Raw(".\\r\\n")
                + "|S ^552",
        "DAT-18" => Data + Raw("Subject: a\\x00b\\r\\n\\r\\n\\x00\\r\\n.\\r\\n") + Ok,
        "DAT-21" => Data + Raw("Subject: \\xec\\x9a\\x94\\r\\n\\r\\n\\xec\\x9a\\x94\\r\\n.\\r\\n") + Ok,
        _ => null,
    };

    static string Again => Ask("MAIL FROM:<a@b.example>", "250") + Ask("RCPT TO:<known@local.example>", "250")
        + Ask("DATA", "354");

    static string Ask(string line, string reply) =>
        Raw(line + "\\r\\n") + "|S ^" + reply.Replace('|', '\u00a6');

    static string Raw(string octets) => "|C " + octets;

    static string[] Steps(string text) => [.. text.Split('|').Select(s => s.Replace('\u00a6', '|'))];

    /// <summary>Lines of 900 octets, ended so that the sum is <paramref name="octets"/>.</summary>
    static byte[] Lines(int octets)
    {
        var lines = new byte[octets];
        Array.Fill(lines, (byte)'a');
        for (var end = 900; end < octets - 2; end += 900)
            "\r\n"u8.CopyTo(lines.AsSpan(end - 2));
        "\r\n"u8.CopyTo(lines.AsSpan(octets - 2));
        return lines;
    }

    /// <summary>The cases that are played here.</summary>
    static IEnumerable<CaseOf> Read() => ReadAll().Where(IsPlayed);

    // CLI is about our client: played by its own tests. SMO goes through the whole program.
    static bool IsPlayed(CaseOf one) =>
        one.Area is not ("CLI" or "SMO") && !Elsewhere.Contains(one.Id) && !Waiting.Contains(one.Id);

    static IEnumerable<CaseOf> ReadAll()
    {
        if (!File.Exists(Catalogue))
            yield break;
        foreach (var line in File.ReadLines(Catalogue))
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            var area = root.GetProperty("area").GetString()!;
            if (Areas.Contains(area))
            {
                yield return new CaseOf(
                    root.GetProperty("id").GetString()!, area, root.GetProperty("mode").GetString()!,
                    [.. root.GetProperty("steps").EnumerateArray().Select(s => s.GetString()!)]);
            }
        }
    }

    sealed record CaseOf(string Id, string Area, string Mode, string[] Steps);
}
