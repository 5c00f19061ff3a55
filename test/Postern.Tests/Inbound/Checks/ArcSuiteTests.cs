using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Inbound.Checks;
using Postern.Tests.Doubles;
using Postern.Tests.Reports;
using YamlDotNet.RepresentationModel;

namespace Postern.Tests.Inbound.Checks;

/// <summary>ValiMail's suite for ARC: chains that hold and chains that do not, and the sets that a handler
/// must add, signature by signature.</summary>
public sealed class ArcSuiteTests
{
    const string Validation = "arc-draft-validation-tests.yml";
    const string Signing = "arc-draft-sign-tests.yml";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Validation_EveryCase_IsJudgedAsTheSuiteSays()
    {
        var cases = CasesOf(Validation);
        Assert.Equal(175, cases.Count);
        var wrong = new List<string>();
        foreach (var one in cases)
        {
            using var content = SampleMail.Read(Encoding.UTF8.GetBytes(SampleMail.Canonical(one["message"])));
            var verdict = await CheckAsync(content, one.Resolver);
            // Nothing is expected where a seal says itself that the chain is broken: RFC 8617 calls it that.
            var expected = one["cv"].Trim() is { Length: > 0 } state ? state : "Fail";
            if (verdict.Result.ToString() != expected)
                wrong.Add($"{one.Name}: {expected}, not {verdict.Result} ({verdict.Why})");
        }
        Assert.True(wrong.Count == 0, "\n" + string.Join('\n', wrong));
    }

    [Fact]
    public async Task Signing_EveryCase_GivesTheSetOfTheSuite()
    {
        var cases = CasesOf(Signing);
        Assert.Equal(17, cases.Count);
        var wrong = new List<string>();
        foreach (var one in cases)
        {
            var made = await SealAsync(one);
            var expected = one["AS"].Trim().Length == 0 ? [] : new[] { one["AS"], one["AMS"], one["AAR"] };
            var isSame = made.Length == expected.Length
                && made.Zip(expected).All(static pair => Bare(pair.First) == Bare(pair.Second));
            if (!isSame)
                wrong.Add($"{one.Name}:\n{string.Join('\n', made.Select(Bare))}\nnot\n"
                    + string.Join('\n', expected.Select(Bare)));
        }
        Assert.True(wrong.Count == 0, "\n" + string.Join('\n', wrong));
    }

    [Fact]
    public async Task Signing_EveryChain_IsOneForTheValidator()
    {
        foreach (var one in CasesOf(Signing))
        {
            var made = await SealAsync(one);
            if (made.Length == 0)
                continue;
            string[] names = ["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"];
            var fields = string.Concat(
                names.Zip(made).Select(static pair => $"{pair.First}:{pair.Second}\r\n"));
            using var content = SampleMail.Read(
                Encoding.UTF8.GetBytes(fields + SampleMail.Canonical(one["message"])));
            var verdict = await CheckAsync(content, one.Resolver);
            var expected = one.Name.EndsWith("_fail", StringComparison.Ordinal)
                ? AuthenticationResult.Fail : AuthenticationResult.Pass;
            Assert.True(expected == verdict.Result, $"{one.Name}: {verdict.Result} {verdict.Why}");
        }
    }

    static async ValueTask<ArcVerdict> CheckAsync(SignedContent content, FakeResolver resolver) =>
        await new ArcCheck(resolver, new FakeTimeProvider(SampleMail.Now)).CheckAsync(content, Cancel);

    /// <summary>Values of the three fields that are added. Empty: none are.</summary>
    static async ValueTask<string[]> SealAsync(Case one)
    {
        using var content = new SignedContent { IsToBeSealed = true };
        content.Append(Encoding.UTF8.GetBytes(SampleMail.Canonical(one["message"])));
        content.Complete();
        var verdict = await CheckAsync(content, one.Resolver);
        using var key = RSA.Create();
        key.ImportFromPem(one["privatekey"]);
        var made = ArcSeal.TryMake(
            content, verdict, Merge(content.Header, one["srv-id"]),
            new ArcSealer(one["domain"], one["sel"], key),
            DateTimeOffset.FromUnixTimeSeconds(long.Parse(one["t"], CultureInfo.InvariantCulture)),
            one["sig-headers"].Split(':'));
        if (made is null)
            return [];
        var block = HeaderBlock.Read(made);
        return [.. Enumerable.Range(0, 3)
            .Select(field => Encoding.UTF8.GetString(block.ValueOf(field)).TrimEnd())];
    }

    /// <summary>The results of all fields of one server, as the suite wants them put together.</summary>
    static string Merge(HeaderBlock header, string server) => string.Join(";\r\n  ", header
        .Named("Authentication-Results").Reverse()
        .Select(field => Encoding.UTF8.GetString(header.ValueOf(field)).Trim().Split(';', 2))
        .Where(parts => parts[0].Trim() == server)
        .SelectMany(static parts => parts[1].Split(';')).Select(static part => part.Trim())
        .Prepend(server));

    /// <summary>Tags in the order of their names, without white space, which stands for nothing
    /// here.</summary>
    static string Bare(string value) => string.Join(';', string
        .Concat(value.Where(static c => !char.IsWhiteSpace(c))).TrimEnd(';').Split(';')
        .Order(StringComparer.Ordinal));

    static List<Case> CasesOf(string file)
    {
        var folder = BounceReaderTests.SamplesOf("arc-valimail");
        var yaml = new YamlStream();
        yaml.Load(new StringReader(ReadYaml(Path.Combine(folder, "tests", file))));
        return [.. yaml.Documents.Select(static document => document.RootNode).OfType<YamlMappingNode>()
            .SelectMany(static scenario => ((YamlMappingNode)scenario["tests"]).Children
                .Select(test => new Case(test.Key.ToString(), (YamlMappingNode)test.Value, scenario)))];
    }

    /// <summary>What is no YAML for some readers is mended: a first line of nothing but more spaces than the
    /// block has, and a second test of the same name.</summary>
    static string ReadYaml(string path)
    {
        var lines = File.ReadAllLines(path);
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 1; i < lines.Length; i++)
        {
            var isName = lines[i].StartsWith("  ", StringComparison.Ordinal) && lines[i][2] != ' '
                && lines[i].TrimEnd().EndsWith(':');
            if (isName && !names.Add(lines[i].Trim()))
                lines[i] = $"  second_{lines[i].Trim()}";
            if (lines[i].Trim().Length == 0
                && (lines[i - 1].Length == 0 || lines[i - 1].TrimEnd().EndsWith('|')))
                lines[i] = "";
        }
        return string.Join('\n', lines);
    }

    sealed class Case
    {
        readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

        public Case(string name, YamlMappingNode test, YamlMappingNode scenario)
        {
            Name = name;
            foreach (var (key, value) in scenario.Children.Concat(test.Children))
            {
                if (value is YamlScalarNode scalar)
                    values[key.ToString()] = scalar.Value ?? "";
            }
            foreach (var (domain, text) in ((YamlMappingNode)scenario["txt-records"]).Children)
                Resolver.Text(domain.ToString(), ((YamlScalarNode)text).Value ?? "");
        }

        public string Name { get; }
        public FakeResolver Resolver { get; } = new();

        public string this[string key] => values.GetValueOrDefault(key, "");
    }
}
