using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Postern.Listeners;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp.Server;
using Postern.Tests.Api;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Server;

namespace Postern.Tests.Security;

/// <summary>Plays the catalogue's floods by their counts and limits: what one peer can make us hold, and that
/// others go on meanwhile.</summary>
/// <remarks>Those that need a process of their own are played in test/interop.</remarks>
public sealed class SecurityLoadTests
{
    static readonly string[] Ids =
        ["DOS-02", "DOS-04", "DOS-07", "DOS-08", "DOS-10", "DOS-11", "DOS-12", "DOS-13"];

    internal static IEnumerable<SecurityCase> Played =>
        SecurityCase.Of("DOS").Where(one => Ids.Contains(one.Id));

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("mx25")]
    [InlineData("sub465")]
    public async Task Line_OfOneOctetEveryTenSeconds_HasOneLimitForAll(string mode)
    {
        SecurityCase.Get("DOS-02");
        await using var peer = new CasePeer(mode, mode == "mx25" ? ListenerKind.Mx : ListenerKind.Submission);
        if (mode == "sub465")
            await peer.HandshakeAsync();
        await peer.ReplyAsync();
        var limit = CasePeer.OptionsOf(mode).CommandTimeout;
        await peer.Clock.TimerAsync(limit);
        var step = TimeSpan.FromSeconds(10);
        for (var passed = step; passed < limit; passed += step)
        {
            peer.Clock.Advance(step);
            await peer.SendAsync("N");
            Assert.False(peer.HasEnded);
        }
        peer.Clock.Advance(step);
        Assert.Equal(SessionEnd.TimedOut, await peer.EndAsync());
    }

    [Fact]
    public async Task Listener_ThatIsNearlyFull_GivesTenSecondsAndTellsOfItOnce()
    {
        SecurityCase.Get("DOS-02");
        await using var house = new ListenerHouse(connectionsMax: 10);
        for (var i = 0; i < 8; i++)
            Assert.True(house.Limits.TryEnterTotal());
        var early = house.Connect();
        Assert.StartsWith("220", await early.ReadAsync());
        var late = house.Connect();
        Assert.StartsWith("220", await late.ReadAsync());
        for (var i = 0; i < 30; i++)
        {
            var over = house.Connect();
            Assert.StartsWith("421 4.7.0", await over.ReadAsync());
            await over.Ended;
        }
        Assert.Single(house.Log.Lines);
        house.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(late.Ended.IsCompleted);
        house.Clock.Advance(TimeSpan.FromSeconds(2));
        await late.Ended;
        Assert.Contains("421", await late.ReadAsync());
        Assert.False(early.Ended.IsCompleted);
    }

    [Fact]
    public async Task Connection_OverTheLimitOfOneAddress_IsTurnedAway()
    {
        SecurityCase.Get("DOS-04");
        await using var server = new RunningServer();
        await server.InitializeAsync();
        var open = new List<TcpClient>();
        var max = new LimitsOptions().ConnectionsPerClient;
        for (var i = 0; i < max; i++)
            Assert.StartsWith("220", await ConnectAsync(server, open));
        Assert.StartsWith("421 4.7.0", await ConnectAsync(server, open));
        open.ForEach(client => client.Dispose());
    }

    [Theory]
    [InlineData(ListenFor.Mx, "known@local.example")]
    [InlineData(ListenFor.Submission, "b@far.example")]
    public async Task Disk_BelowItsReserve_RefusesAtMailAndDeliversOn(ListenFor kind, string recipient)
    {
        SecurityCase.Get("DOS-07");
        await using var house = new SecurityHouse(kind);
        var listener = kind == ListenFor.Mx ? ListenerKind.Mx : ListenerKind.Submission;
        await using var peer =
            await new TestPeer(TestPeer.Defaults, listener, door: house.Door).HelloAsync();
        Assert.StartsWith("250", await peer.AskAsync("MAIL FROM:<a@sender.example>\r\n"));
        Assert.StartsWith("250", await peer.AskAsync($"RCPT TO:<{recipient}>\r\n"));
        Assert.StartsWith("354", await peer.AskAsync("DATA\r\n"));
        Assert.StartsWith("250", await peer.AskAsync("x\r\n.\r\n"));
        house.Hall.Store.Health = StoreHealth.Full;
        Assert.StartsWith("452 4.3.1", await peer.AskAsync("MAIL FROM:<a@sender.example>\r\n"));
        await house.Hall.RunAsync();
        Assert.Single(house.Polite.Contents);
        house.Hall.Store.Health = StoreHealth.Accepting;
        Assert.StartsWith("250", await peer.AskAsync("MAIL FROM:<a@sender.example>\r\n"));
    }

    [Fact]
    public async Task Disk_BelowItsReserve_IsToldOverHttp()
    {
        SecurityCase.Get("DOS-07");
        await using var server = new RunningServer { Reserve = 1L << 60 };
        await server.InitializeAsync();
        using var http = server.Http("http", withToken: false);
        Assert.Equal(
            HttpStatusCode.ServiceUnavailable, (await http.GetAsync("health/ready", Cancel)).StatusCode);
        using var socket = server.Socket("deliver.sock");
        using var answer = await socket.PostAsync(
            "deliver?sender=a@b.example&recipient=me@in.example", new StringContent("x"), Cancel);
        Assert.Contains("\"code\":452", await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Theory] // A header section that never ends, and one that has ended.
    [InlineData("X: ", true)]
    [InlineData("Subject: x\r\n\r\n", false)]
    public async Task Contents_OfManyClients_HoldNoMoreThanTheBudget(string begin, bool isRefused)
    {
        SecurityCase.Get("DOS-08");
        const int clients = 200, budget = 1 << 20, segment = PooledContent.SegmentOctets;
        await using var hall = new MailHall();
        var memory = new MemoryBudget(budget);
        var sinks = new List<IntakeSink>();
        var line = Encoding.ASCII.GetBytes(new string('x', 1000) + "\r\n ");
        for (var i = 0; i < clients; i++)
        {
            sinks.Add(new IntakeSink(hall.Store, hall.Queue.NextId(), memory));
            await sinks[i].WriteAsync(new(Encoding.ASCII.GetBytes(begin)), Cancel);
        }
        for (var written = 0; written < 200; written++)
        {
            foreach (var sink in sinks.Where(sink => sink.Refusal is null))
                await sink.WriteAsync(new(line), Cancel);
            // Each may have two segments more, or no header section could be read at all.
            Assert.InRange(budget - memory.FreeOctets, 0, budget + (clients * 2 * segment));
        }
        var refused = sinks.Where(sink => sink.Refusal is not null).ToArray();
        Assert.All(refused, sink => Assert.Equal(452, sink.Refusal!.Code));
        Assert.Equal(isRefused, refused.Length > 0);
        foreach (var sink in sinks)
            await sink.DisposeAsync();
        Assert.Equal(budget, memory.FreeOctets);
    }

    [Fact]
    public async Task Refusals_OverTheCapOfAMinute_AreCountedInstead()
    {
        SecurityCase.Get("DOS-10");
        const int flood = 10_000;
        var clock = new FakeTimeProvider(MailHall.Start);
        using var written = new MemoryStream();
        await using (var log = new EventLog(
            new EventLogSettings { Hostname = "mx.example.org", Format = LogFormat.Json }, clock,
            () => written, Stream.Null))
        {
            var facts = SecurityHouse.Facts;
            for (var i = 0; i < flood; i++)
                log.Sessions.Refused(facts, null, "RCPT", "TO:<x@y.example>", Replies.MailFirst);
            clock.Advance(TimeSpan.FromMinutes(1));
            log.Sessions.Refused(facts, null, "RCPT", "TO:<x@y.example>", Replies.MailFirst);
        }
        var lines = Encoding.UTF8.GetString(written.ToArray()).Split('\n')[..^1];
        Assert.Equal(SessionLog.RefusalsPerMinuteMax + 2, lines.Length);
        Assert.Contains($"\"lines\":{flood - SessionLog.RefusalsPerMinuteMax}", lines[^2]);
    }

    /// <summary>It would not come back from 2^60 steps.</summary>
    [Fact]
    public void Pattern_OfManyStars_IsNoPuzzle()
    {
        SecurityCase.Get("DOS-11");
        var pattern = AddressPattern.Parse(string.Concat(Enumerable.Repeat("*a", 60)) + "*b@x.example");
        var local = new string('a', 64);
        Assert.False(pattern.Matches(MailHall.Mailbox($"{local}@x.example"), "+"));
    }

    [Fact]
    public void Expression_InTheProgram_NeverGoesBack()
    {
        SecurityCase.Get("DOS-11");
        var files = Directory.EnumerateFiles(Repository.PathOf("src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/"));
        Assert.All(files, file =>
        {
            var text = File.ReadAllText(file);
            Assert.Equal(
                text.Split("new Regex(").Length + text.Split("[GeneratedRegex(").Length,
                text.Split("RegexOptions.NonBacktracking").Length + 1);
        });
    }

    [Fact]
    public void Header_OfManyNames_CostsInProportion()
    {
        SecurityCase.Get("DOS-12");
        var few = AllocatedBy(Fields(10_000));
        var many = AllocatedBy(Fields(40_000));
        Assert.InRange(many, few, 5 * few);
    }

    [Theory]
    [InlineData(101, 10, HttpStatusCode.RequestHeaderFieldsTooLarge)]
    [InlineData(1, 9000, HttpStatusCode.RequestUriTooLong)]
    public async Task Request_OfManyFields_IsCutOff(int headers, int octets, HttpStatusCode expected)
    {
        SecurityCase.Get("DOS-12");
        await using var server = new RunningServer();
        await server.InitializeAsync();
        using var http = server.Http("http", withToken: true);
        for (var i = 0; i < headers; i++)
            http.DefaultRequestHeaders.Add($"X-{i}", "x");
        using var answer = await http.GetAsync($"admin/v1/queue?{new string('a', octets)}", Cancel);
        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task Lookups_ThatHang_HoldUpNobody()
    {
        SecurityCase.Get("DOS-13");
        var dns = new HangingResolver();
        await using var house = new SecurityHouse(ListenFor.Submission, new TransportOptions(), dns);
        await using var open = await new TestPeer(
            TestPeer.Defaults, ListenerKind.Submission, door: house.Door).HelloAsync();
        for (var i = 0; i < 1000; i++)
            await house.SubmitAsync("Subject: x\r\n\r\n", $"b@far{i}.example");
        await house.Hall.RunWorkersAsync();
        Assert.Equal(new TransportOptions().MaxConnections, dns.Asked);
        Assert.StartsWith("250", await open.AskAsync("NOOP\r\n"));
        await house.SubmitAsync("Subject: x\r\n\r\n", "b@another.example");
        dns.Answer();
        await house.Hall.RunWorkersAsync();
    }

    static byte[] Fields(int count)
    {
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"X-{i}: x\r\n");
        return Encoding.ASCII.GetBytes(text.Append("\r\n").ToString());
    }

    static long AllocatedBy(byte[] content)
    {
        HeaderScan.Of(new ReadOnlySequence<byte>(content));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(HeaderScan.Of(new ReadOnlySequence<byte>(content)).IsComplete);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    static async Task<string> ConnectAsync(RunningServer server, List<TcpClient> open)
    {
        var client = new TcpClient();
        open.Add(client);
        await client.ConnectAsync(server.AddressOf("mx"), Cancel);
        var line = new byte[512];
        return Encoding.ASCII.GetString(line, 0, await client.GetStream().ReadAsync(line, Cancel));
    }

    /// <summary>Answers nothing until it is told to, and then that there is nothing.</summary>
    sealed class HangingResolver : IResolver
    {
        readonly TaskCompletionSource answer = new();

        public int Asked { get; private set; }

        public void Answer() => answer.SetResult();

        public async ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
        {
            Asked++;
            await answer.Task;
            return new MxLookup(LookupOutcome.NoSuchName, []);
        }

        public async ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel)
        {
            Asked++;
            await answer.Task;
            return new AddressLookup(LookupOutcome.NoSuchName, []);
        }

        public ValueTask<AddressLookup> LookupAddressesAsync(
            string host, AddressFamily family, CancellationToken cancel) =>
            LookupAddressesAsync(host, cancel);

        public async ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel)
        {
            Asked++;
            await answer.Task;
            return new TextLookup(LookupOutcome.NoSuchName, []);
        }

        public async ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel)
        {
            Asked++;
            await answer.Task;
            return new NameLookup(LookupOutcome.NoSuchName, []);
        }
    }

    /// <summary>One mx listener over connections in memory.</summary>
    sealed class ListenerHouse : IAsyncDisposable
    {
        readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        readonly SmtpListener listener;
        readonly List<MemoryConnection> connections = [];

        public ListenerHouse(int connectionsMax)
        {
            Limits = new ConnectionLimits(connectionsMax, () => connectionsMax);
            var door = new SmtpDoorway(
                new ScriptedPolicy(), () => TestPeer.Defaults, [], ExemptOnLoopbackOnly: true,
                Replies.TooManyConnections("mx.local.example"));
            listener = new SmtpListener(
                new BoundListener(
                    new ListenOptions { For = ListenFor.Mx }, "mx", socket,
                    new IPEndPoint(IPAddress.Loopback, 25)),
                door, Limits, Clock, Log);
        }

        public ConnectionLimits Limits { get; }
        public FakeTimeProvider Clock { get; } = new();
        public LineLog Log { get; } = new();

        public MemoryConnection Connect()
        {
            var connection = new MemoryConnection(listener);
            connections.Add(connection);
            return connection;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var connection in connections)
                await connection.CloseAsync();
            socket.Dispose();
        }
    }

    sealed class MemoryConnection
    {
        readonly Pipe toServer = new();
        readonly Pipe toClient = new();

        public MemoryConnection(SmtpListener listener)
        {
            var ours = new Side(toServer.Reader, toClient.Writer);
            Ended = listener.OnConnectedAsync(new DefaultConnectionContext("1", ours, ours)
            {
                RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 40000),
                LocalEndPoint = new IPEndPoint(IPAddress.Loopback, 25),
            });
        }

        public Task Ended { get; }

        public async Task<string> ReadAsync()
        {
            var read = await toClient.Reader.ReadAsync(Cancel);
            var text = Encoding.ASCII.GetString(read.Buffer);
            toClient.Reader.AdvanceTo(read.Buffer.End);
            return text;
        }

        public Task CloseAsync()
        {
            toServer.Writer.Complete();
            return Ended;
        }

        sealed record Side(PipeReader Input, PipeWriter Output) : IDuplexPipe;
    }

    sealed class LineLog : ILogger<SmtpListener>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Lines.Add(formatter(state, exception));
        }
    }
}
