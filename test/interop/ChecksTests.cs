using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Postern.Tests.Doubles;

namespace Postern.Interop;

/// <summary>What the program finds out about mail of others is what OpenDKIM and rspamd find out, each asking
/// the same name server.</summary>
public sealed partial class ChecksTests
{
    const int Seed = 20_261;
    const int Mails = 200;

    /// <summary>Where they differ, of which mails, and why.</summary>
    static readonly (string Difference, Func<CheckCase, bool> IsOf, string Why)[] Known =
    [
        ("OpenDKIM: permerror here, fail there", mail => Has(mail, SignatureFlaw.RevokedKey),
            "RFC 6376 §6.1.2 calls a revoked key PERMFAIL, which RFC 8601 §2.7.1 writes as permerror"),
        ("OpenDKIM: permerror here, fail there", mail => Has(mail, SignatureFlaw.NoKey),
            "RFC 6376 §6.1.2 calls a key that is not there PERMFAIL, as above"),
        ("OpenDKIM: fail here, permerror there", mail => Has(mail, SignatureFlaw.Expired),
            "RFC 6376 §6.1.1 leaves the word open: a signature that can be read is no error"),
        ("OpenDKIM: fail here, permerror there", mail => mail.Signatures.Any(one => one is
            { Flaw: SignatureFlaw.WrongKey, Algorithm: "ed25519-sha256" }),
            "the body has changed, and the key is none of ed25519: we look at the body first"),
        ("rspamd: dkim", mail => string.IsNullOrWhiteSpace(mail.Body) && HasRelaxedBody(mail),
            "RFC 6376 §3.4.4 makes nothing of a body of white space; rspamd hashes a line end"),
        ("rspamd: ", mail => mail.Body.Contains(" \r\n", StringComparison.Ordinal) && HasRelaxedBody(mail)
            && mail.Signatures.Any(one => one.IsShort),
            "RFC 6376 §3.4.5 counts l= in what is relaxed; rspamd loses count at the end of lines of blanks, "
            + "OpenDKIM and we do not; what DMARC says follows"),
    ];

    [Fact]
    public async Task OpenDkim_OfTwoHundredMails_FindsTheSame()
    {
        Tool.Require("opendkim");
        using var zone = new ZoneServer();
        var mails = MakeMails(zone);
        var ours = await CheckAsync(zone, mails);
        var theirs = await OpenDkim.VerifyAsync(zone.Endpoint, [.. mails.Select(mail => mail.Content)]);
        var differences = new List<Difference>();
        foreach (var (mail, found) in mails.Zip(theirs))
        {
            var signatures = ours[mail.Number].Where(one => one.Method == "dkim" && one.Result != "none")
                .ToDictionary(one => one.Properties["header.b"], one => one.Result);
            Assert.Equal(mail.Signatures.Count, signatures.Count);
            differences.AddRange(signatures
                .Select(one => (Ours: one.Value, Theirs: found.GetValueOrDefault(one.Key, "missing")))
                .Where(one => one.Ours != one.Theirs)
                .Select(one => new Difference($"OpenDKIM: {one.Ours} here, {one.Theirs} there", mail)));
        }
        Judge("OpenDKIM", differences);
    }

    [Fact]
    public async Task Rspamd_OfTwoHundredMails_FindsTheSame()
    {
        Tool.Require("rspamd");
        using var zone = new ZoneServer();
        var mails = MakeMails(zone);
        await using var rspamd = await RspamdChecks.StartAsync(zone.Endpoint, "example", "test");
        var ours = await CheckAsync(zone, mails);
        var differences = new ConcurrentQueue<Difference>();
        await Parallel.ForEachAsync(
            mails, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (mail, _) =>
            {
                var symbols = await rspamd.CheckAsync(mail);
                foreach (var (here, there) in WordsOf(ours[mail.Number]).Zip(WordsOf(symbols)))
                {
                    if (here != there)
                        differences.Enqueue(new Difference($"rspamd: {here} here, {there} there", mail));
                }
            });
        Judge("rspamd", differences);
    }

    [Fact]
    public async Task Verdicts_OverDnsOfItsOwn_TakeHoldAndRefuse()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var zone = new ZoneServer()
            .Add("good.example", "TXT", "v=spf1 ip4:127.0.0.1 -all")
            .Add("_dmarc.good.example", "TXT", "v=DMARC1; p=reject")
            .Add("soft.example", "TXT", "v=spf1 ~all")
            .Add("1.0.0.127.in-addr.arpa", "PTR", "out.good.example")
            .Add("out.good.example", "A", "127.0.0.1");
        await using var postern = new PosternProcess("");
        postern.Settings = Settings(postern, zone, """
            [[inbound.verdicts]]
            name = "forged"
            action = "reject"
            dmarc = ["fail"]
            dmarc-policy = ["reject"]

            [[inbound.verdicts]]
            name = "soft"
            action = "quarantine"
            spf = ["softfail"]
            """);
        await postern.StartAsync();
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), cancel);

        Assert.StartsWith("250", await SendAsync(1, "good.example"));
        Assert.Equal("550 5.7.26 Message rejected: DMARC fail for good.example",
            await SendAsync(2, "soft.example", from: "good.example"));
        Assert.StartsWith("250", await SendAsync(3, "soft.example"));

        var results = AuthenticationField.ResultsOf(await GotAsync(postern, 1)).ToDictionary(
            one => one.Method, one => one.Result);
        Assert.Equal(("pass", "none", "pass", "none"),
            (results["spf"], results["dkim"], results["dmarc"], results["arc"]));
        var listed = (await postern.CommandAsync("queue", "list", "--json")).Succeeded();
        Assert.Contains("3@in.test", listed.Output);
        Assert.Contains("held", listed.Output, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("2@in.test", listed.Output);
        Assert.False(File.Exists(postern.Directory.PathOf("got-2@in.test")));
        Assert.False(File.Exists(postern.Directory.PathOf("got-3@in.test")));

        Task<string> SendAsync(int number, string sender, string? from = null) => wire.SendAsync(
            new Letter($"ann@{sender}", $"{number}@in.test", Encoding.ASCII.GetBytes(
                $"From: ann@{from ?? sender}\r\nSubject: {number}\r\n\r\nbody\r\n")), cancel);
    }

    static List<CheckCase> MakeMails(ZoneServer zone)
    {
        using var cases = new CheckCases(Seed, TimeProvider.System.GetUtcNow());
        cases.Publish(zone);
        return [.. Enumerable.Range(0, Mails).Select(cases.Next)];
    }

    static bool HasRelaxedBody(CheckCase mail) =>
        mail.Signatures.Any(one => one.Form.EndsWith("/relaxed", StringComparison.Ordinal));

    static bool Has(CheckCase mail, SignatureFlaw flaw) => mail.Signatures.Any(one => one.Flaw == flaw);

    /// <summary>Each difference has its reason in the table, and each reason its mails.</summary>
    static void Judge(string peer, IReadOnlyCollection<Difference> differences)
    {
        var known = Known.Where(one => one.Difference.StartsWith(peer, StringComparison.Ordinal)).ToArray();
        var unknown = differences.Where(one => !known.Any(row => IsOf(row, one))).ToList();
        Assert.True(unknown.Count == 0, $"{unknown.Count} of {differences.Count}:\n"
            + string.Join('\n', unknown.Select(one => $"{one.Words}; {one.Mail}").Order()));
        Assert.All(known, row => Assert.Contains(differences, one => IsOf(row, one)));

        static bool IsOf((string Words, Func<CheckCase, bool> IsOf, string) row, Difference one) =>
            one.Words.StartsWith(row.Words, StringComparison.Ordinal) && row.IsOf(one.Mail);
    }

    static string[] WordsOf(AuthenticationField[] results)
    {
        var dmarc = results.Single(one => one.Method == "dmarc");
        return
        [
            "spf=" + results.Single(one => one.Method == "spf").Result,
            "dkim=" + string.Join(',', results.Where(one => one is { Method: "dkim", Result: "pass" })
                .Select(one => one.Properties["header.d"]).Distinct().Order(StringComparer.Ordinal)),
            "dmarc=" + dmarc.Result
                + (dmarc.Result == "fail" ? " " + dmarc.Properties["policy.dmarc"] : ""),
        ];
    }

    static string[] WordsOf(IReadOnlyDictionary<string, string[]> symbols) =>
    [
        "spf=" + Symbol(symbols, ("R_SPF_ALLOW", "pass"), ("R_SPF_FAIL", "fail"),
            ("R_SPF_SOFTFAIL", "softfail"), ("R_SPF_NEUTRAL", "neutral"), ("R_SPF_NA", "none"),
            ("R_SPF_DNSFAIL", "temperror"), ("R_SPF_PERMFAIL", "permerror")),
        "dkim=" + string.Join(',', symbols.GetValueOrDefault("R_DKIM_ALLOW", [])
            .Select(option => option.Split(':')[0]).Distinct().Order(StringComparer.Ordinal)),
        "dmarc=" + Symbol(symbols, ("DMARC_POLICY_ALLOW", "pass"), ("DMARC_POLICY_REJECT", "fail reject"),
            ("DMARC_POLICY_QUARANTINE", "fail quarantine"), ("DMARC_POLICY_SOFTFAIL", "fail none"),
            ("DMARC_NA", "none"), ("DMARC_DNSFAIL", "temperror"), ("DMARC_BAD_POLICY", "permerror")),
    ];

    static string Symbol(
        IReadOnlyDictionary<string, string[]> symbols, params (string Symbol, string Word)[] words) =>
        string.Join('+', words.Where(word => symbols.ContainsKey(word.Symbol)).Select(word => word.Word));

    /// <summary>The results of each mail by its number, as the program wrote them for who gets it.</summary>
    static async Task<IReadOnlyDictionary<int, AuthenticationField[]>> CheckAsync(
        ZoneServer zone, List<CheckCase> mails)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var postern = new PosternProcess("");
        postern.Settings = Settings(postern, zone);
        await postern.StartAsync();
        foreach (var group in mails.GroupBy(mail => mail.Client))
        {
            await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), group.Key, cancel);
            foreach (var mail in group)
            {
                var letter = new Letter(mail.Sender, $"{mail.Number}@in.test", mail.Content);
                Assert.StartsWith("250", await wire.SendAsync(letter, cancel));
            }
        }
        var results = new Dictionary<int, AuthenticationField[]>();
        foreach (var mail in mails)
        {
            var field = await GotAsync(postern, mail.Number);
            results.Add(mail.Number, [.. AuthenticationField.ResultsOf(field)]);
        }
        return results;
    }

    /// <summary>Our field of a mail that a script was given.</summary>
    static async Task<string> GotAsync(PosternProcess postern, int number)
    {
        var path = postern.Directory.PathOf($"got-{number}@in.test");
        await Eventually.TrueAsync(
            () => File.Exists(path), $"the script gets {number}", evidence: () => postern.Said);
        var text = await File.ReadAllTextAsync(path, Encoding.Latin1, TestContext.Current.CancellationToken);
        return OurField().Match(text.Replace("\r\n", "\n", StringComparison.Ordinal)).Groups["value"].Value;
    }

    static string Settings(PosternProcess postern, ZoneServer zone, string more = "") =>
        string.Create(CultureInfo.InvariantCulture, $$"""
            [dns]
            servers = ["{{zone.Endpoint}}"]

            [inbound]
            unchecked = []

            {{more}}
            [transports.script]
            kind = "pipe"
            argv = ["{{postern.Directory.WriteScript("on-mail", $"""
            #!/bin/sh
            got={postern.Directory.FullPath}/got
            /bin/cat > "$got.$1" && /bin/mv "$got.$1" "$got-$1"
            """)}}", "${recipient}"]
            {{InboundTests.RunAs(postern.Directory)}}

            [[routes]]
            name = "inbound"
            to = ["*@in.test"]
            accepts = "mx"
            via = ["script"]
            """);

    sealed record Difference(string Words, CheckCase Mail);

    [GeneratedRegex(@"^Authentication-Results:(?<value>[^\n]*(?:\n[ \t][^\n]*)*)", RegexOptions.Multiline)]
    private static partial Regex OurField();
}
