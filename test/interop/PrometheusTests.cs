using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Postern.Interop;

/// <summary>What operators load into Prometheus and Grafana speaks of metrics that there are.</summary>
public sealed partial class PrometheusTests
{
    const string Dashboard = "docs/operate/grafana/postern.json";
    const int RuleCount = 21;

    /// <summary>What the traffic leaves behind; each has one sample.</summary>
    static readonly string[] Facts =
    [
        """postern_lanes{transport="topic",state="closed"} == 1""",
        """postern_lanes{transport="relay",state="closed"} == 0""",
        """postern_queue_recipients{transport="broken",state="waiting"} == 1""",
        """postern_queue_oldest_seconds{transport="topic"} > 0 < 120""",
        """postern_alarms{kind="pipe"} == 1""",
        """sum(postern_recipients_total{outcome="failed"}) == 1""",
        """postern_pubsub_calls_total{code="Unavailable"} > 0""",
        """postern_certificate_end_seconds - time() > 29 * 86400 < 31 * 86400""",
        """time() - process_start_time_seconds > 0 < 120""",
        """postern_build_info{version=~"[0-9.]+"} == 1""",
        """target_info{service_name="postern"}""",
        """ALERTS{alertname="PosternTransportBroken",kind="pipe",severity="critical"}""",
        """count(ALERTS{alertname="PosternLaneClosed"}) == 2""",
        """absent(ALERTS{alertname!~"PosternTransportBroken|PosternLaneClosed|PosternPubSubFails"})""",
    ];

    [Fact]
    public async Task Promtool_OfTheRules_FindsNothingAndTheirTestsPass()
    {
        var promtool = Tool.Require("promtool", "prometheus");
        var rules = Path.Combine(Tool.Root, PrometheusPeer.Rules);
        var check = (await Command.RunAsync(promtool, "check", "rules", "--lint-fatal", rules)).Succeeded();
        Assert.Contains($"{RuleCount} rules found", check.Output);
        (await Command.RunAsync(promtool, "test", "rules", Path.ChangeExtension(rules, "test.yml")))
            .Succeeded();
    }

    [Fact]
    public async Task Prometheus_OfAServerWithMail_AnswersWhatRulesAndDashboardAsk()
    {
        Tool.Require("prometheus");
        await using var sink = new SmtpSink();
        await using var postern = new PosternProcess("");
        postern.Settings = Settings(postern.Directory, sink.Port);
        // Nobody listens there.
        postern.Environment["PUBSUB_EMULATOR_HOST"] = $"127.0.0.1:{PosternProcess.FreePort()}";
        await postern.StartAsync();
        await using var prometheus = await PrometheusPeer.StartAsync(postern.Port("http"));
        await EvaluatesAsync(prometheus);
        await HasDataAsync(
            ["up == 1", "process_open_fds", "absent(ALERTS)"], "an idle server is silent", prometheus,
            postern);
        await SendAsync(postern);
        await LintAsync(postern);
        await HasDataAsync(Expressions(), "every expression of the dashboard has data", prometheus, postern);
        await HasDataAsync(Facts, "traffic shows", prometheus, postern);
        await KnowsNamesAsync(prometheus);
    }

    [Fact]
    public void Dashboard_OfGrafana10_AsksTheChosenSource()
    {
        using var dashboard = Read();
        var root = dashboard.RootElement;
        Assert.InRange(root.GetProperty("schemaVersion").GetInt32(), 38, 100);
        Assert.False(root.TryGetProperty("id", out _));
        var panels = root.GetProperty("panels").EnumerateArray().ToArray();
        Assert.Distinct(panels.Select(panel => panel.GetProperty("id").GetInt32()));
        var asking = panels.Where(panel => panel.TryGetProperty("targets", out _)).ToArray();
        Assert.All(asking.SelectMany(panel => panel.GetProperty("targets").EnumerateArray()).Concat(asking),
            asks => Assert.Equal(
                "${datasource}", asks.GetProperty("datasource").GetProperty("uid").GetString()));
        Assert.All(asking, panel => Assert.NotEmpty(panel.GetProperty("description").GetString()!));
    }

    /// <summary>Mail that goes, mail that fails and is reported, mail that waits for a topic, and mail that
    /// stands under an alarm.</summary>
    static string Settings(TemporaryDirectory directory, int sink)
    {
        var fails = directory.WriteScript("fails", "#!/bin/sh\nexit 67");
        var broken = directory.WriteScript("broken", "#!/no/such/program");
        var runAs = InboundTests.RunAs(directory);
        return ClientTests.Settings(sink, directory, trusted: "\"127.0.0.0/8\"") + $$"""

            to = ["*@sink.test", "*@sender.test"]

            [transports.fails]
            kind = "pipe"
            argv = ["{{fails}}"]
            {{runAs}}

            [transports.broken]
            kind = "pipe"
            argv = ["{{broken}}"]
            {{runAs}}

            [transports.topic]
            kind = "pubsub"
            topic = "projects/postern/topics/mail"
            format = "raw"

            [[routes]]
            name = "fails"
            to = ["*@fails.test"]
            via = ["fails"]

            [[routes]]
            name = "broken"
            to = ["*@broken.test"]
            accepts = "mx"
            via = ["broken"]

            [[routes]]
            name = "topic"
            to = ["*@in.test"]
            accepts = "mx"
            via = ["topic"]
            """;
    }

    static async Task SendAsync(PosternProcess postern)
    {
        var cancel = TestContext.Current.CancellationToken;
        var content = Encoding.ASCII.GetBytes("From: <a@sender.test>\r\nSubject: x\r\n\r\nhello\r\n");
        await using (var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel))
        {
            foreach (var to in (string[])["r@sink.test", "r@fails.test"])
                Assert.StartsWith("250", await wire.SendAsync(
                    new Letter("a@sender.test", to, content), cancel));
            Assert.StartsWith("221", await wire.CommandAsync("QUIT", cancel));
        }
        await using (var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), cancel))
        {
            foreach (var to in (string[])["r@broken.test", "r@in.test"])
                Assert.StartsWith("250", await wire.SendAsync(
                    new Letter("a@sender.test", to, content), cancel));
            Assert.StartsWith("550", await wire.SendAsync(
                new Letter("a@sender.test", "r@elsewhere.test", content), cancel));
            Assert.StartsWith("221", await wire.CommandAsync("QUIT", cancel));
        }
        await postern.AlarmAsync("pipe");
    }

    static async Task LintAsync(PosternProcess postern)
    {
        using var http = new HttpClient();
        var shown = await http.GetByteArrayAsync(
            new Uri($"http://127.0.0.1:{postern.Port("http")}/metrics"),
            TestContext.Current.CancellationToken);
        var lint = await Command.RunAsync(
            Tool.Require("promtool", "prometheus"), ["check", "metrics"], shown);
        Assert.Equal("", lint.Succeeded().Error);
    }

    /// <summary>All at once; what waits is counted every ten seconds.</summary>
    static async Task HasDataAsync(
        IReadOnlyList<string> expressions, string what, PrometheusPeer prometheus, PosternProcess postern)
    {
        var empty = new List<string>();
        await Eventually.TrueAsync(
            async () =>
            {
                empty.Clear();
                foreach (var expression in expressions)
                {
                    if (await prometheus.CountAsync(expression) == 0)
                        empty.Add(expression);
                }
                return empty.Count == 0;
            },
            what, evidence: () => string.Join('\n', empty) + "\n" + postern.Said + prometheus.Said);
    }

    static async Task EvaluatesAsync(PrometheusPeer prometheus)
    {
        JsonElement[] rules = [];
        await Eventually.TrueAsync(
            async () =>
            {
                var groups = (await prometheus.GetAsync("rules")).GetProperty("groups");
                rules = [.. groups.EnumerateArray()
                    .SelectMany(group => group.GetProperty("rules").EnumerateArray())];
                return rules.Length > 0
                    && rules.All(rule => rule.GetProperty("health").GetString() != "unknown");
            },
            "every rule was evaluated", evidence: () => string.Join('\n', rules));
        Assert.Equal(RuleCount, rules.Length);
        Assert.All(rules, rule => Assert.True(
            rule.GetProperty("health").GetString() == "ok"
                && rule.GetProperty("duration").GetDouble() > 0
                && rule.GetProperty("annotations").GetProperty("mend").GetString() is not ""
                && rule.GetProperty("labels").GetProperty("severity").GetString() is "critical" or "warning",
            rule.ToString()));
    }

    /// <summary>Every metric of a rule is one that the server has shown.</summary>
    static async Task KnowsNamesAsync(PrometheusPeer prometheus)
    {
        var names = (await prometheus.GetAsync("label/__name__/values")).EnumerateArray()
            .Select(name => name.GetString()!).ToHashSet();
        var rules = File.ReadAllText(Path.Combine(Tool.Root, PrometheusPeer.Rules));
        var asked = MetricName().Matches(rules).Select(name => name.Value).ToHashSet();
        Assert.InRange(asked.Count, 12, 100);
        Assert.Subset(names, asked);
    }

    static JsonDocument Read() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Tool.Root, Dashboard)));

    /// <summary>As Grafana asks them, with its variables set.</summary>
    static string[] Expressions()
    {
        using var dashboard = Read();
        return
        [
            .. from panel in dashboard.RootElement.GetProperty("panels").EnumerateArray()
               where panel.TryGetProperty("targets", out _)
               from target in panel.GetProperty("targets").EnumerateArray()
               select target.GetProperty("expr").GetString()!
                   .Replace("$job", "postern", StringComparison.Ordinal)
                   .Replace("$instance", ".*", StringComparison.Ordinal)
                   .Replace("$__rate_interval", "30s", StringComparison.Ordinal),
        ];
    }

    /// <summary>Files of the rules are called <c>postern.</c>, alerts <c>Postern</c>.</summary>
    [GeneratedRegex(@"\b(?:postern|process)_\w+")]
    private static partial Regex MetricName();
}
