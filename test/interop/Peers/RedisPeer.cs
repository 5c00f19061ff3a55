using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Postern.Interop.Peers;

/// <summary>redis-server with a user <c>postern</c> who may do no more than a publisher needs.</summary>
sealed class RedisPeer : BrokerDaemon
{
    readonly string server = Tool.Require("redis-server");
    readonly string client = Tool.Require("redis-cli", "redis-tools");
    readonly string port;

    RedisPeer() => port = Port.ToString(CultureInfo.InvariantCulture);

    public static async Task<RedisPeer> StartNewAsync()
    {
        var redis = new RedisPeer();
        await redis.StartAsync();
        return redis;
    }

    public async Task CreateStreamAsync(string stream) =>
        Assert.Equal("OK", await AskAsync("XGROUP", "CREATE", stream, "readers", "$", "MKSTREAM"));

    public override async Task<IReadOnlyList<PulledMessage>> ReadAsync()
    {
        // A JSON array of [id, [field, value, ...]].
        using var entries = JsonDocument.Parse(await AskAsync("XRANGE", "mail", "-", "+"));
        return [.. entries.RootElement.EnumerateArray().Select(entry =>
        {
            var fields = entry[1].EnumerateArray().Select(value => value.GetString()!).Chunk(2)
                .ToDictionary(pair => pair[0], pair => pair[1]);
            return new PulledMessage(Encoding.UTF8.GetBytes(fields["data"]), fields);
        })];
    }

    protected override Daemon Launch() => new(
        server,
        [
            "--port", port, "--bind", "127.0.0.1", "--dir", Directory.FullPath, "--save", "",
            "--appendonly", "yes", "--appendfsync", "always",
            "--user", "postern", "on", ">right", "~mail", "+@connection", "+xadd", "+type",
        ]);

    protected override async Task<bool> IsReadyAsync() =>
        (await Command.RunAsync(client, "-p", port, "PING")).Output.Trim() == "PONG";

    async Task<string> AskAsync(params string[] words)
    {
        // RESP3 gives field and value as they are; --json quotes them.
        var run = await Command.RunAsync(client, ["-2", "--json", "-p", port, .. words]);
        return run.Succeeded().Output.Trim().Trim(words[0] == "XGROUP" ? '"' : ' ');
    }
}
