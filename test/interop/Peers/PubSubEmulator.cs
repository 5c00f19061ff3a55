using System.Text.Json;

namespace Postern.Interop.Peers;

/// <summary>Pub/Sub on this machine: Google's emulator where there is one, else pstest; read with Google's
/// client.</summary>
sealed class PubSubEmulator : IAsyncDisposable
{
    const string Jars = "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib";

    readonly Daemon daemon;

    PubSubEmulator(int port, Daemon daemon)
    {
        Host = $"127.0.0.1:{port}";
        this.daemon = daemon;
    }

    /// <summary>For PUBSUB_EMULATOR_HOST.</summary>
    public string Host { get; }

    /// <param name="port">Null: a free one.</param>
    public static async Task<PubSubEmulator> GoogleAsync(int? port = null)
    {
        var jar = Directory.Exists(Jars) ? Directory.EnumerateFiles(Jars, "*-all.jar").FirstOrDefault()
            : null;
        Assert
            .SkipWhen(jar is null, "Google's Pub/Sub emulator is missing (google-cloud-cli-pubsub-emulator)");
        var java = Tool.Require("java", "default-jre-headless");
        var own = port ?? PosternProcess.FreePort();
        return await StartAsync(
            own, java, "-Xmx1g", "-XX:+UseSerialGC", "-jar", jar!, "--host=127.0.0.1", $"--port={own}");
    }

    /// <param name="failPercent">Calls refused with UNAVAILABLE before anything is published.</param>
    /// <param name="lostPercent">Calls that publish, but whose answer says UNAVAILABLE.</param>
    public static async Task<PubSubEmulator> PstestAsync(int failPercent, int lostPercent)
    {
        var pstest = Tool.RequireFile(Path.Combine(Tool.PeersDirectory, "pstest"), "pstest, built");
        var port = PosternProcess.FreePort();
        return await StartAsync(
            port, pstest, "-addr", $"127.0.0.1:{port}", "-fail-pct", $"{failPercent}", "-lost-pct",
                $"{lostPercent}");
    }

    public async Task CreateAsync(string topic, string subscription) =>
        (await NodeAsync("create", topic, subscription)).Succeeded();

    /// <summary>By the HTTP form, which Google's emulator has; without a client of Google's.</summary>
    public async Task CreateTopicAsync(string topic)
    {
        using var http = new HttpClient();
        using var body = new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
        using var answer = await http.PutAsync(
            new Uri($"http://{Host}/v1/{topic}"), body, TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}\n{daemon.Said}");
    }

    /// <summary>Reads until that many messages with different contents have been seen, or time is
    /// up.</summary>
    public async Task<IReadOnlyList<PulledMessage>> PullAsync(
        string subscription, int distinct, int seconds = 60)
    {
        var run = (await NodeAsync("pull", subscription, $"{distinct}", $"{seconds}")).Succeeded();
        return [.. run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse)];
    }

    public ValueTask DisposeAsync() => daemon.DisposeAsync();

    static async Task<PubSubEmulator> StartAsync(int port, string program, params string[] arguments)
    {
        var daemon = new Daemon(program, arguments);
        await Eventually
            .TrueAsync(() => SmtpWire.IsOpenAsync(port), "Pub/Sub listens", 60, () => daemon.Said);
        return new PubSubEmulator(port, daemon);
    }

    Task<Command> NodeAsync(params string[] arguments) => Command.RunAsync(
        Tool.Require("node", "nodejs"), [Tool.RequireNode("pubsub.js"), .. arguments], input: null,
        new Dictionary<string, string>
        {
            ["PUBSUB_EMULATOR_HOST"] = Host,
            ["PUBSUB_PROJECT_ID"] = "postern",
            ["METADATA_SERVER_DETECTION"] = "none",
        },
        seconds: 120);

    static PulledMessage Parse(string line)
    {
        using var json = JsonDocument.Parse(line);
        var attributes = json.RootElement.GetProperty("attributes").EnumerateObject()
            .ToDictionary(property => property.Name, property => property.Value.GetString()!);
        return new PulledMessage(json.RootElement.GetProperty("data").GetBytesFromBase64(), attributes)
        {
            OrderingKey = json.RootElement.GetProperty("orderingKey").GetString() ?? "",
        };
    }
}

/// <summary>One message as Google's own Node client read it.</summary>
sealed record PulledMessage(byte[] Data, IReadOnlyDictionary<string, string> Attributes)
{
    /// <summary>Empty: it has none.</summary>
    public string OrderingKey { get; init; } = "";
}
