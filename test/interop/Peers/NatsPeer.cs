using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Postern.Interop.Peers;

/// <summary>nats-server with JetStream; the user <c>postern</c> may do no more than a publisher needs, and
/// <c>reader</c> may not publish.</summary>
sealed class NatsPeer : BrokerDaemon
{
    public const string Subject = "mail.in";

    readonly string server = Tool.Require("nats-server");

    public static async Task<NatsPeer> StartNewAsync()
    {
        var nats = new NatsPeer();
        await nats.StartAsync();
        return nats;
    }

    public async Task CreateStreamAsync()
    {
        using var client = await NatsClient.ConnectAsync(Port);
        using var answer = JsonDocument.Parse(await client.AskAsync(
            "$JS.API.STREAM.CREATE.mail", $$"""{"name": "mail", "subjects": ["{{Subject}}"]}"""));
        Assert.False(answer.RootElement.TryGetProperty("error", out _), answer.RootElement.ToString());
    }

    public override async Task<IReadOnlyList<PulledMessage>> ReadAsync()
    {
        using var client = await NatsClient.ConnectAsync(Port);
        using var info = JsonDocument.Parse(await client.AskAsync("$JS.API.STREAM.INFO.mail", ""));
        var last = info.RootElement.GetProperty("state").GetProperty("last_seq").GetInt32();
        var got = new List<PulledMessage>();
        for (var i = 1; i <= last; i++)
        {
            using var answer = JsonDocument.Parse(
                await client.AskAsync("$JS.API.STREAM.MSG.GET.mail", $$"""{"seq": {{i}}}"""));
            var message = answer.RootElement.GetProperty("message");
            // The version's line, then a line for each.
            var headers = Encoding.UTF8.GetString(message.GetProperty("hdrs").GetBytesFromBase64())
                .Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Skip(1)
                .Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1].Trim());
            Assert.Equal(headers["ce-id"], headers["Nats-Msg-Id"]);
            got.Add(new PulledMessage(message.GetProperty("data").GetBytesFromBase64(), headers));
        }
        return got;
    }

    protected override Daemon Launch() => new(
        server,
        ["--config", Directory.Write("nats.conf", string.Create(CultureInfo.InvariantCulture, $$"""
            listen: "127.0.0.1:{{Port}}"
            jetstream { store_dir: "{{Directory.PathOf("jetstream")}}" }
            authorization {
              users = [
                { user: "admin", password: "admin" }
                { user: "postern", password: "right", permissions: {
                    publish: ["{{Subject}}", "$JS.API.STREAM.NAMES"], subscribe: "_INBOX.>" } }
                { user: "reader", password: "right", permissions: {
                    publish: "$JS.API.STREAM.NAMES", subscribe: "_INBOX.>" } }
              ]
            }
            """))]);

    /// <summary>The text protocol, one question at a time.</summary>
    sealed class NatsClient : IDisposable
    {
        const string Inbox = "_INBOX.test";

        readonly TcpClient socket = new();
        NetworkStream Stream => socket.GetStream();
        static CancellationToken Cancel => TestContext.Current.CancellationToken;

        public static async Task<NatsClient> ConnectAsync(int port)
        {
            var client = new NatsClient();
            await client.socket.ConnectAsync("127.0.0.1", port, Cancel);
            await client.WriteAsync(
                """CONNECT {"verbose": false, "user": "admin", "pass": "admin"}"""
                + $"\r\nSUB {Inbox} 1\r\n");
            return client;
        }

        public async Task<string> AskAsync(string subject, string question)
        {
            await WriteAsync($"PUB {subject} {Inbox} {question.Length}\r\n{question}\r\n");
            while (true)
            {
                var line = await ReadLineAsync();
                Assert.False(line.StartsWith("-ERR", StringComparison.Ordinal), line);
                if (line == "PING")
                    await WriteAsync("PONG\r\n");
                if (!line.StartsWith("MSG ", StringComparison.Ordinal))
                    continue;
                // MSG subject sid octets
                var answer = new byte[int.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture) + 2];
                await Stream.ReadExactlyAsync(answer, Cancel);
                return Encoding.UTF8.GetString(answer.AsSpan()[..^2]);
            }
        }

        public void Dispose() => socket.Dispose();

        Task WriteAsync(string text) => Stream.WriteAsync(Encoding.UTF8.GetBytes(text), Cancel).AsTask();

        async Task<string> ReadLineAsync()
        {
            var line = new List<byte>();
            var one = new byte[1];
            while (line is not [.., (byte)'\r', (byte)'\n'])
            {
                await Stream.ReadExactlyAsync(one, Cancel);
                line.Add(one[0]);
            }
            return Encoding.UTF8.GetString([.. line[..^2]]);
        }
    }
}
