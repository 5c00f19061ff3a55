using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Inbound.Checks;
using Postern.Tests.Doubles;
using Postern.Tests.Reports;

namespace Postern.Tests.Inbound.Checks;

/// <summary>Messages and keys of others: what chasquid, MimeKit, Gmail and RFC 8463 signed.</summary>
public sealed class DkimSuiteTests
{
    /// <summary>chasquid looks at five signatures, we at more: its case of too many is run with its own
    /// limit.</summary>
    const int ChasquidSignaturesMax = 5;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> ChasquidCases =>
    [
        "01-rfc8463", "02-too_many_headers", "03-bad_message", "04-bad_dkim_signature_header",
        "05-dns_temp_error", "06-dns_perm_error", "07-algo_mismatch", "08-our_signature", "09-limited_body",
        "10-strict_domain_check_pass", "11-strict_domain_check_fail",
    ];

    [Theory]
    [MemberData(nameof(ChasquidCases))]
    public async Task Chasquid_Case_IsJudgedTheSameWay(string name)
    {
        var folder = BounceReaderTests.SamplesOf("dkim-chasquid");
        var text = await File.ReadAllTextAsync(Path.Combine(folder, name + ".msg"), Encoding.Latin1, Cancel);
        using var content = new SignedContent { SignaturesMax = ChasquidSignaturesMax };
        content.Append(Encoding.Latin1.GetBytes(SampleMail.Canonical(text)));
        content.Complete();
        var verdicts = await CheckAsync(content, ReadDns(Path.Combine(folder, name + ".dns")));
        Assert.Equal(
            Expected(Path.Combine(folder, name + ".result")),
            verdicts.Select(verdict => $"{verdict.Domain} {verdict.Selector} {StateOf(verdict.Result)}"));
    }

    [Fact]
    public async Task Chasquid_SignatureOfALimitedBody_SaysSo()
    {
        var folder = BounceReaderTests.SamplesOf("dkim-chasquid");
        using var content = SampleMail.ReadFile(Path.Combine(folder, "09-limited_body.msg"));
        var verdicts = await CheckAsync(content, ReadDns(Path.Combine(folder, "09-limited_body.dns")));
        Assert.Equal("only the first 17 of 54 octets are signed", verdicts[0].Why);
        Assert.Null(verdicts[1].Why);
    }

    [Theory]
    [InlineData("gmail")]
    [InlineData("related")]
    [InlineData("multipart-no-end-boundary")]
    public async Task MimeKit_MessageOfGmail_Passes(string name)
    {
        var folder = BounceReaderTests.SamplesOf("dkim-mimekit");
        using var content = SampleMail.ReadFile(Path.Combine(folder, name + ".msg"));
        var key = await File.ReadAllLinesAsync(Path.Combine(folder, "gmail.pub"), Cancel);
        var resolver = new FakeResolver().Text(
            "20120113._domainkey.gmail.com",
            $"v=DKIM1; k=rsa; p={string.Concat(key.Where(line => !line.StartsWith('-')))}");
        var verdict = Assert.Single(await CheckAsync(content, resolver));
        Assert.Equal(
            (AuthenticationResult.Pass, "gmail.com", "20120113", "rsa-sha256", null),
            (verdict.Result, verdict.Domain, verdict.Selector, verdict.Algorithm, verdict.Why));
    }

    [Fact]
    public async Task MimeKit_ExampleOfRfc8463_PassesWithBothKeys()
    {
        using var content = SampleMail.ReadFile(
            Path.Combine(BounceReaderTests.SamplesOf("dkim-mimekit"), "rfc8463-example.msg"));
        var resolver = ReadDns(
            Path.Combine(BounceReaderTests.SamplesOf("dkim-chasquid"), "01-rfc8463.dns"));
        var verdicts = await CheckAsync(content, resolver);
        Assert.Equal(
            [(AuthenticationResult.Pass, "ed25519-sha256"), (AuthenticationResult.Pass, "rsa-sha256")],
            verdicts.Select(verdict => (verdict.Result, verdict.Algorithm)));
    }

    static async ValueTask<IReadOnlyList<DkimVerdict>> CheckAsync(
        SignedContent content, FakeResolver resolver) =>
        await new DkimCheck(resolver, new FakeTimeProvider(SampleMail.Now)).CheckAsync(content, Cancel);

    static string StateOf(AuthenticationResult result) => result switch
    {
        AuthenticationResult.Pass => "SUCCESS",
        AuthenticationResult.Temperror => "TEMPFAIL",
        _ => "PERMFAIL",
    };

    /// <summary>A message that chasquid does not read at all has no results. Of a header it does not read it
    /// keeps no domain.</summary>
    static IEnumerable<string> Expected(string path)
    {
        if (!File.Exists(path))
            return [];
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. document.RootElement.GetProperty("Results").EnumerateArray().Select(static one =>
        {
            var field = one.GetProperty("SignatureHeader").GetString()!;
            return string.Create(CultureInfo.InvariantCulture,
                $"{TagOf(field, "d")} {TagOf(field, "s")} {one.GetProperty("State").GetString()}");
        })];
    }

    static string TagOf(string field, string name) =>
        field.Split(';').Select(static tag => tag.Trim())
            .First(tag => tag.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..];

    /// <summary>A line is a name, a colon and a record; a backslash goes on in the next line.</summary>
    static FakeResolver ReadDns(string path)
    {
        var resolver = new FakeResolver();
        if (!File.Exists(path))
            return resolver;
        var lines = File.ReadAllText(path).Replace("\\\n", "", StringComparison.Ordinal).Split('\n')
            .Where(static line => line.Length > 0)
            .Select(static line => line.Split(':', 2, StringSplitOptions.TrimEntries));
        foreach (var records in lines.GroupBy(static line => line[0], static line => line[1]))
        {
            if (records.Contains("TEMPERROR"))
                resolver.Unknown(records.Key);
            else if (!records.Contains("PERMERROR"))
                resolver.Text(records.Key, [.. records]);
        }
        return resolver;
    }
}
