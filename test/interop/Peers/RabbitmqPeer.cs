using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Postern.Interop.Peers;

/// <summary>rabbitmq-server with an epmd of its own; the user <c>postern</c> may write and no more.</summary>
sealed class RabbitmqPeer : BrokerDaemon
{
    const string Server = "/usr/lib/rabbitmq/bin/rabbitmq-server";

    /// <summary>A node stops its applications one after the other.</summary>
    const int StopSeconds = 40;

    readonly string epmd = Tool.Require("epmd", "rabbitmq-server");
    readonly int namesPort = PosternProcess.FreePort();
    readonly int nodesPort = PosternProcess.FreePort();
    readonly int pagePort = PosternProcess.FreePort();
    readonly HttpClient http = new();
    Daemon? names;

    RabbitmqPeer()
    {
        Tool.RequireFile(Server, "rabbitmq-server (Debian package rabbitmq-server)");
        http.BaseAddress = new Uri($"http://127.0.0.1:{pagePort}/api/");
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String("admin:admin"u8));
    }

    /// <summary>The one that is read.</summary>
    public string Queue { get; set; } = "";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<RabbitmqPeer> StartNewAsync()
    {
        var rabbitmq = new RabbitmqPeer();
        rabbitmq.names = new Daemon(
            rabbitmq.epmd, ["-port", Text(rabbitmq.namesPort), "-address", "127.0.0.1"]);
        await rabbitmq.StartAsync();
        await rabbitmq.PutAsync("users/postern", new JsonObject { ["password"] = "right", ["tags"] = "" });
        await rabbitmq.PutAsync("permissions/%2F/postern", new JsonObject
        {
            ["configure"] = "^$",
            ["write"] = ".*",
            ["read"] = "^$",
        });
        return rabbitmq;
    }

    public Task CreateQueueAsync(string queue) =>
        PutAsync($"queues/%2F/{queue}", new JsonObject { ["durable"] = true });

    public Task CreateExchangeAsync(string exchange) => PutAsync(
        $"exchanges/%2F/{exchange}", new JsonObject { ["type"] = "direct", ["durable"] = true });

    public async Task BindAsync(string exchange, string queue, string key)
    {
        using var answer = await http.PostAsJsonAsync(
            At($"bindings/%2F/e/{exchange}/q/{queue}"), new JsonObject { ["routing_key"] = key }, Cancel);
        answer.EnsureSuccessStatusCode();
    }

    public override Task StopAsync() => StopAsync(StopSeconds);

    public override async Task<IReadOnlyList<PulledMessage>> ReadAsync()
    {
        using var answer = await http.PostAsJsonAsync(At($"queues/%2F/{Queue}/get"), new JsonObject
        {
            ["count"] = 1000,
            ["ackmode"] = "ack_requeue_true",
            ["encoding"] = "base64",
        }, Cancel);
        answer.EnsureSuccessStatusCode();
        using var messages = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(Cancel));
        return [.. messages.RootElement.EnumerateArray().Select(message =>
        {
            var properties = message.GetProperty("properties");
            // The page shows digits as a number, whatever they came as.
            var headers = properties.GetProperty("headers").EnumerateObject()
                .ToDictionary(header => header.Name, header => header.Value.ToString());
            Assert.Equal(2, properties.GetProperty("delivery_mode").GetInt32());
            Assert.Equal(headers["ce-id"], properties.GetProperty("message_id").GetString());
            return new PulledMessage(message.GetProperty("payload").GetBytesFromBase64(), headers);
        })];
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (names is not null)
            await names.DisposeAsync();
        http.Dispose();
    }

    protected override Daemon Launch()
    {
        Directory.Write("rabbitmq.conf", string.Create(CultureInfo.InvariantCulture, $"""
            listeners.tcp.1 = 127.0.0.1:{Port}
            management.tcp.ip = 127.0.0.1
            management.tcp.port = {pagePort}
            default_user = admin
            default_pass = admin
            default_user_tags.administrator = true
            """));
        Directory.Write("plugins", "[rabbitmq_management].");
        return new Daemon(Server, [], new Dictionary<string, string>
        {
            ["HOME"] = Directory.FullPath,
            ["ERL_EPMD_PORT"] = Text(namesPort),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODENAME"] = $"postern{Port}@localhost",
            ["RABBITMQ_DIST_PORT"] = Text(nodesPort),
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
            ["RABBITMQ_CONF_ENV_FILE"] = Directory.PathOf("none"),
            ["RABBITMQ_CONFIG_FILE"] = Directory.PathOf("rabbitmq.conf"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Directory.PathOf("plugins"),
            ["RABBITMQ_MNESIA_BASE"] = Directory.PathOf("mnesia"),
            ["RABBITMQ_LOG_BASE"] = Directory.PathOf("log"),
            ["RABBITMQ_PID_FILE"] = Directory.PathOf("pid"),
            ["RABBITMQ_LOGS"] = "-",
        });
    }

    protected override async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await http.GetAsync(At("overview"), Cancel);
            return answer.IsSuccessStatusCode && await SmtpWire.IsOpenAsync(Port);
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    async Task PutAsync(string path, JsonObject what)
    {
        using var answer = await http.PutAsJsonAsync(At(path), what, Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode}");
    }

    static Uri At(string path) => new(path, UriKind.Relative);

    static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
