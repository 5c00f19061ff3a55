using System.Globalization;
using System.Text.Json;

namespace Postern.Interop.Peers;

/// <summary>A Prometheus of the test's own on loopback: scrapes one server each second, with the rules of
/// this checkout.</summary>
sealed class PrometheusPeer : IAsyncDisposable
{
    public const string Rules = "docs/operate/prometheus/postern.rules.yml";

    readonly TemporaryDirectory directory = new();
    readonly int port = PosternProcess.FreePort();
    readonly HttpClient http = new();
    readonly Daemon daemon;

    PrometheusPeer(int target)
    {
        var settings = string.Create(CultureInfo.InvariantCulture, $$"""
            global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 500ms }
            rule_files: ["{{Path.Combine(Tool.Root, Rules)}}"]
            scrape_configs:
              - job_name: postern
                static_configs: [{ targets: ["127.0.0.1:{{target}}"] }]
            """);
        var configuration = directory.Write("prometheus.yml", settings);
        daemon = new Daemon(Tool.Require("prometheus"),
        [
            $"--config.file={configuration}", $"--storage.tsdb.path={directory.PathOf("data")}",
            $"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
        ]);
    }

    public string Said => daemon.Said;

    /// <param name="target">Port of an http listener of Postern.</param>
    public static async Task<PrometheusPeer> StartAsync(int target)
    {
        var prometheus = new PrometheusPeer(target);
        await Eventually.TrueAsync(
            async () => prometheus.daemon.HasExited || await prometheus.IsReadyAsync(),
            "Prometheus is ready", evidence: () => prometheus.Said);
        Assert.False(prometheus.daemon.HasExited, prometheus.Said);
        return prometheus;
    }

    /// <summary>It listens before it answers questions.</summary>
    async Task<bool> IsReadyAsync()
    {
        if (!await SmtpWire.IsOpenAsync(port))
            return false;
        using var answer = await http.GetAsync(
            new Uri($"http://127.0.0.1:{port}/-/ready"), TestContext.Current.CancellationToken);
        return answer.IsSuccessStatusCode;
    }

    /// <summary>The data of an answer.</summary>
    public async Task<JsonElement> GetAsync(string path)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/api/v1/{path}"), cancel);
        var text = await answer.Content.ReadAsStringAsync(cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {text}\n{Said}");
        using var json = JsonDocument.Parse(text);
        return json.RootElement.GetProperty("data").Clone();
    }

    /// <summary>How many series an expression has now.</summary>
    public async Task<int> CountAsync(string expression) =>
        (await GetAsync("query?query=" + Uri.EscapeDataString(expression)))
            .GetProperty("result").GetArrayLength();

    public async ValueTask DisposeAsync()
    {
        await daemon.DisposeAsync();
        http.Dispose();
        directory.Dispose();
    }
}
