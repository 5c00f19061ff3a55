using System.Net;
using Postern.Mta.Inbound.Checks;
using Postern.Tests.Doubles;
using Postern.Tests.Reports;
using YamlDotNet.RepresentationModel;

namespace Postern.Tests.Inbound.Checks;

/// <summary>The suite that comes with RFC 7208: scenarios with zone data, and tests that name the results
/// they allow.</summary>
public sealed class SpfSuiteTests
{
    const int TestsOfTheSuite = 203;

    [Fact]
    public async Task Suite_OfRfc7208_PassesWhole()
    {
        var file = Path.Combine(BounceReaderTests.SamplesOf("spf-rfc7208"), "rfc7208-tests.yml");
        var yaml = new YamlStream();
        using (var text = File.OpenText(file))
            yaml.Load(text);
        var misses = new List<string>();
        var count = 0;
        foreach (var scenario in yaml.Documents.Select(document => (YamlMappingNode)document.RootNode))
        {
            foreach (var (name, test) in (YamlMappingNode)scenario["tests"])
            {
                count++;
                if (await MissOfAsync((YamlMappingNode)test, ZoneOf(scenario)) is { } miss)
                    misses.Add($"{name}: {miss}");
            }
        }
        Assert.True(misses.Count == 0, string.Join('\n', misses));
        Assert.Equal(TestsOfTheSuite, count);
    }

    /// <summary>Null: as expected.</summary>
    static async Task<string?> MissOfAsync(YamlMappingNode test, ZoneResolver zone)
    {
        var sender = (string)test["mailfrom"]!;
        var at = sender.LastIndexOf('@');
        var helo = (string)test["helo"]!;
        var client = IPAddress.Parse((string)test["host"]!);
        // Some of these senders are no mailbox: they are given as the parts of one.
        var question = at < 0
            ? SpfQuestion.Of(client, helo, null, "mx.example")
            : new SpfQuestion(
                client, helo, sender[..at], sender[(at + 1)..], SpfScope.MailFrom, "mx.example");
        var verdict = await new SpfCheck(zone, TimeProvider.System).CheckAsync(
            question, TestContext.Current.CancellationToken);
        string[] allowed = [.. ListOf(test["result"])];
        if (!allowed.Contains(verdict.Result.ToString(), StringComparer.OrdinalIgnoreCase))
            return $"{verdict} instead of {string.Join(" or ", allowed)}";
        if (!test.Children.TryGetValue("explanation", out var node))
            return null;
        // DEFAULT: whoever checks says something of its own.
        var explanation = (string?)node == "DEFAULT" ? null : (string?)node;
        return verdict.Explanation == explanation ? null : $"{verdict} instead of \"{explanation}\"";
    }

    static ZoneResolver ZoneOf(YamlMappingNode scenario)
    {
        var zone = new ZoneResolver();
        foreach (var (name, records) in (YamlMappingNode)scenario["zonedata"])
        {
            var list = ((YamlSequenceNode)records).ToArray();
            var hasText = list.OfType<YamlMappingNode>().Any(record => record.Children.ContainsKey("TXT"));
            foreach (var record in list)
                Add(zone, (string)name!, record, hasText);
        }
        return zone;
    }

    static void Add(ZoneResolver zone, string name, YamlNode record, bool hasText)
    {
        if (record is not YamlMappingNode typed)
        {
            Assert.Equal("TIMEOUT", (string?)record);
            zone.Silent(name);
            return;
        }
        var (key, value) = Assert.Single(typed);
        var type = (string)key!;
        // The old type 99 stands for a TXT too where none is given.
        if (type == "SPF" && hasText)
            return;
        var texts = ListOf(value);
        if (type is "SPF" or "TXT" && (value is YamlSequenceNode || (string?)value != "NONE"))
            zone.Add(name, "TXT", string.Concat(texts));
        else if (type == "MX")
            zone.Add(name, type, texts.Last());
        else if (type is not ("SPF" or "TXT"))
            zone.Add(name, type, texts.First().TrimEnd('.'));
    }

    static IEnumerable<string> ListOf(YamlNode node) =>
        node is YamlSequenceNode list ? list.Select(item => (string)item!) : [(string)node!];
}
