using System.Net.Sockets;
using System.Text;
using Postern.Listeners;
using Postern.Mta;
using Postern.Tests.Configuration;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Listeners;

/// <summary>Strangers at the mx listener of the whole program, over sockets.</summary>
public sealed class SmtpListenerTests : IAsyncLifetime
{
    readonly TemporaryDirectory directory = new();
    readonly CancellationTokenSource patience = new(TimeSpan.FromSeconds(60), TimeProvider.System);
    PosternServer? server;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
        patience.Dispose();
        directory.Dispose();
    }

    async Task StartAsync(InboundOptions inbound, LimitsOptions limits)
    {
        var options = OptionsOf(Route("in", to: ["*@in.example"]) with { Accepts = MailDoors.Mx }) with
        {
            Data = directory.PathOf("data"),
            Log = new LogOptions { File = directory.PathOf("log") },
            Listen = [new ListenOptions { Name = "mx", On = "127.0.0.1:0", For = ListenFor.Mx }],
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = new() { Kind = TransportKind.Smtp, Host = "[127.0.0.1]:1" },
            },
            Inbound = inbound,
            Limits = limits,
        };
        server = await PosternServer.StartAsync(
            options, () => options, null, TimeProvider.System, patience.Token);
    }

    async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(server!.Bound.Single().Address, patience.Token);
        return client;
    }

    /// <summary>One line, without what comes behind its code.</summary>
    async Task<string> ReadCodeAsync(TcpClient client)
    {
        var line = new List<byte>();
        var octet = new byte[1];
        while (await client.GetStream().ReadAsync(octet, patience.Token) > 0 && octet[0] != (byte)'\n')
            line.Add(octet[0]);
        return Encoding.ASCII.GetString([.. line.Take(3)]);
    }

    async Task<string> AskAsync(TcpClient client, string command)
    {
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), patience.Token);
        return await ReadCodeAsync(client);
    }

    [Fact]
    public async Task Network_WithItsPlacesTaken_IsTurnedAwayUntilOneLeaves()
    {
        await StartAsync(
            new InboundOptions { Unchecked = [], Checks = [] },
            new LimitsOptions { ConnectionsPerNetwork = 1 });
        using (var first = await ConnectAsync())
        {
            Assert.Equal("220", await ReadCodeAsync(first));
            using var second = await ConnectAsync();
            Assert.Equal("421", await ReadCodeAsync(second));
        }
        string code;
        do
        {
            using var third = await ConnectAsync();
            code = await ReadCodeAsync(third);
        }
        while (code == "421");
        Assert.Equal("220", code);
    }

    [Fact]
    public async Task UncheckedNetwork_HasNoLimitOfItsOwn()
    {
        await StartAsync(new InboundOptions(), new LimitsOptions { ConnectionsPerNetwork = 1 });
        using var first = await ConnectAsync();
        using var second = await ConnectAsync();
        Assert.Equal("220", await ReadCodeAsync(first));
        Assert.Equal("220", await ReadCodeAsync(second));
    }

    [Fact]
    public async Task Stranger_WhoWaitsForTheGreeting_IsGreylisted_AndTakenWhenItComesAgain()
    {
        await StartAsync(
            new InboundOptions
            {
                Unchecked = [],
                Checks = [],
                GreetWait = TimeSpan.FromMilliseconds(50),
                Greylist = new GreylistOptions { Wait = TimeSpan.FromMilliseconds(300) },
            },
            new LimitsOptions());
        var codes = new List<string>();
        do
        {
            using var client = await ConnectAsync();
            Assert.Equal("220", await ReadCodeAsync(client));
            Assert.Equal("250", await AskAsync(client, "HELO c.example"));
            Assert.Equal("250", await AskAsync(client, "MAIL FROM:<a@sender.example>"));
            codes.Add(await AskAsync(client, "RCPT TO:<b@in.example>"));
        }
        while (codes[^1] == "451");
        Assert.Equal(("451", "250"), (codes[0], codes[^1]));
    }

    [Fact]
    public async Task ClientThatSpeaksBeforeTheGreeting_IsRefused()
    {
        await StartAsync(
            new InboundOptions { Unchecked = [], Checks = [], GreetWait = TimeSpan.FromSeconds(30) },
            new LimitsOptions());
        using var client = await ConnectAsync();
        Assert.Equal("554", await AskAsync(client, "HELO c.example"));
    }
}
