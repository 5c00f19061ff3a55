using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Inbound.Filters;

/// <summary>What clamd is told, and what its answer becomes.</summary>
public sealed class ClamavScannerTests
{
    static readonly FilterAddress Address =
        FilterAddress.TryParse("127.0.0.1:3310", out var address, out _) ? address : null!;

    static readonly ClamavOptions Options = new() { SizeMax = 64 << 20 };

    readonly ScriptedClamd clamd = new();
    readonly List<string?> notes = [];

    ClamavScanner Scanner(FilterConnect? connect = null, TimeProvider? clock = null) => new(
        connect ?? clamd.ConnectAsync, (_, trouble) => notes.Add(trouble), clock ?? new FakeTimeProvider());

    static PooledContent ContentOf(ReadOnlySpan<byte> octets)
    {
        var content = new PooledContent();
        content.Append(octets);
        return content;
    }

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task CleanMail_IsClean_AndTheEngineIsAskedOnce()
    {
        var scanner = Scanner();
        using var content = ContentOf("Subject: x\r\n\r\nbody\r\n"u8);
        var verdict = await scanner.ScanAsync(Address, Options, content, Cancel);
        Assert.Equal(new VirusVerdict(VirusResult.Clean, "clamav 1.4.3", null), verdict);
        Assert.Equal("Subject: x\r\n\r\nbody\r\n"u8.ToArray(), clamd.Received.ToArray());
        Assert.Equal(verdict, await scanner.ScanAsync(Address, Options, content, Cancel));
        Assert.Equal(["zINSTREAM", "zVERSION", "zINSTREAM"], clamd.Commands);
        Assert.Equal([null, null], notes);
    }

    [Theory]
    [InlineData("stream: OK\0", VirusResult.Clean, null, null)]
    [InlineData("stream: Eicar-Test-Signature FOUND\0", VirusResult.Infected, "Eicar-Test-Signature", null)]
    [InlineData("stream: A\r\n\u001bB\u00e9 FOUND\0", VirusResult.Infected, "A???B?", null)]
    [InlineData("INSTREAM size limit exceeded. ERROR\0", VirusResult.Skipped, null, null)]
    [InlineData("stream: Can't allocate memory ERROR\0", VirusResult.Error, null,
        "it says: stream: Can't allocate memory")]
    [InlineData("stream:  FOUND\0", VirusResult.Error, null, "it does not talk as clamd does")]
    [InlineData("stream: FOUND\0", VirusResult.Error, null, "it does not talk as clamd does")]
    [InlineData(" ERROR\0", VirusResult.Error, null, "it does not talk as clamd does")]
    [InlineData("220 mx.example ESMTP\0", VirusResult.Error, null, "it does not talk as clamd does")]
    [InlineData("\0", VirusResult.Error, null, "it hung up")]
    [InlineData("", VirusResult.Error, null, "it hung up")]
    [InlineData("stream: OK", VirusResult.Error, null, "it hung up")]
    [InlineData("stream: OK\n", VirusResult.Error, null, "it hung up")]
    public async Task Reply_BecomesAVerdict(
        string reply, VirusResult expected, string? signature, string? trouble)
    {
        clamd.Reply = reply;
        using var content = ContentOf("Subject: x\r\n\r\n"u8);
        var verdict = await Scanner().ScanAsync(Address, Options, content, Cancel);
        Assert.Equal((expected, signature), (verdict.Result, verdict.Signature));
        Assert.Equal(trouble, Assert.Single(notes));
    }

    [Fact]
    public async Task Signature_OfAnyLength_IsBounded()
    {
        clamd.Reply = $"stream: {new string('A', 900)} FOUND\0";
        using var content = ContentOf("x"u8);
        var verdict = await Scanner().ScanAsync(Address, Options, content, Cancel);
        Assert.Equal(new string('A', 128), verdict.Signature);
    }

    [Fact]
    public async Task Reply_OverItsLimit_IsAnError()
    {
        clamd.Reply = $"stream: {new string('A', 1_000_000)} FOUND\0";
        using var content = ContentOf("x"u8);
        var verdict = await Scanner().ScanAsync(Address, Options, content, Cancel);
        Assert.Equal(VirusResult.Error, verdict.Result);
    }

    [Theory]
    [InlineData(null, "clamav")]
    [InlineData("what\0", "clamav")]
    [InlineData("ClamAV 1.0\0", "clamav 1.0")]
    public async Task Version_ThatIsNotTold_LeavesTheVerdict(string? version, string engine)
    {
        clamd.Version = version;
        using var content = ContentOf("x"u8);
        var verdict = await Scanner().ScanAsync(Address, Options, content, Cancel);
        Assert.Equal(new VirusVerdict(VirusResult.Clean, engine, null), verdict);
        Assert.Null(Assert.Single(notes));
    }

    [Fact]
    public async Task Message_Of30MiB_ArrivesInChunks_AsItIs()
    {
        using var content = new PooledContent();
        var piece = new byte[1 << 20];
        for (var i = 0; i < 30; i++)
        {
            Array.Fill(piece, (byte)i);
            content.Append(piece);
        }
        var sent = Sum(content);
        Assert.Equal(
            VirusResult.Clean, (await Scanner().ScanAsync(Address, Options, content, Cancel)).Result);
        Assert.Equal(30 << 20, clamd.Received.Length);
        Assert.Equal(sent, SHA256.HashData(clamd.Received.ToArray()));
        Assert.InRange(clamd.ChunkOctetsMax, 1 << 10, 64 << 10);
    }

    [Fact]
    public async Task Message_IsReadNoFasterThanClamdTakesIt()
    {
        using var content = new EndlessContent();
        var (ours, theirs) = DuplexStream.CreatePair();
        var scan = Scanner((_, _) => ValueTask.FromResult<Stream>(ours))
            .ScanAsync(Address, Options, content, Cancel).AsTask();
        Assert.False(scan.IsCompleted);
        Assert.InRange(content.Given, 1, 512 << 10);
        await theirs.DisposeAsync();
        Assert.Equal(VirusResult.Error, (await scan).Result);
    }

    [Fact]
    public async Task Message_OverSizeMax_IsSkipped_AndNobodyIsAsked()
    {
        using var content = ContentOf(new byte[1001]);
        var verdict = await Scanner()
            .ScanAsync(Address, Options with { SizeMax = 1000 }, content, Cancel);
        Assert.Equal(new VirusVerdict(VirusResult.Skipped, "clamav", null), verdict);
        Assert.Empty(clamd.Commands);
        Assert.Empty(notes);
    }

    [Fact]
    public async Task Clamd_ThatHangsUpInTheMiddle_IsHeardOut()
    {
        var strict = new ScriptedClamd
        {
            OctetsMax = 100_000,
            Reply = "INSTREAM size limit exceeded. ERROR\0",
        };
        using var content = ContentOf(new byte[1_000_000]);
        var verdict = await Scanner(strict.ConnectAsync).ScanAsync(Address, Options, content, Cancel);
        Assert.Equal(VirusResult.Skipped, verdict.Result);
        Assert.InRange(strict.Received.Length, 1, 100_000);
    }

    [Fact]
    public async Task Clamd_ThatIsDown_IsAnError()
    {
        clamd.IsDown = true;
        using var content = ContentOf("x"u8);
        var verdict = await Scanner().ScanAsync(Address, Options, content, Cancel);
        Assert.Equal(new VirusVerdict(VirusResult.Error, "clamav", null), verdict);
        Assert.Equal("Connection refused", Assert.Single(notes));
    }

    [Fact]
    public async Task Clamd_ThatIsTooSlow_IsAnErrorAtItsTimeout()
    {
        clamd.Reply = null;
        var clock = new FakeTimeProvider();
        using var content = ContentOf("x"u8);
        var scan = Scanner(clock: clock).ScanAsync(Address, Options, content, Cancel).AsTask();
        clock.Advance(Options.Timeout - TimeSpan.FromMilliseconds(1));
        Assert.False(scan.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(VirusResult.Error, (await scan).Result);
        Assert.Equal("it is too slow", Assert.Single(notes));
    }

    [Fact]
    public async Task Session_ThatEnds_EndsTheScan()
    {
        clamd.Reply = null;
        using var content = ContentOf("x"u8);
        using var over = new CancellationTokenSource();
        var scan = Scanner().ScanAsync(Address, Options, content, over.Token).AsTask();
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => scan);
        Assert.Empty(notes);
    }

    [Fact]
    public async Task Tcp_AndUnixSockets_AreConnectedTo()
    {
        var directory = Directory.CreateTempSubdirectory("postern-clamd-");
        try
        {
            using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            using var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            unix.Bind(new UnixDomainSocketEndPoint(Path.Combine(directory.FullName, "clamd.ctl")));
            await ScanOverAsync(tcp, $"127.0.0.1:{((IPEndPoint)tcp.LocalEndPoint!).Port}");
            await ScanOverAsync(tcp, $"localhost:{((IPEndPoint)tcp.LocalEndPoint).Port}");
            await ScanOverAsync(unix, $"unix:{directory.FullName}/clamd.ctl");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    async Task ScanOverAsync(Socket listener, string text)
    {
        Assert.True(FilterAddress.TryParse(text, out var address, out _));
        clamd.Reply = "stream: Eicar FOUND\0";
        listener.Listen();
        var served = ServeAsync(listener);
        using var content = ContentOf(new byte[200_000]);
        var verdict = await Scanner((to, inTime) => to.ConnectAsync(inTime), TimeProvider.System)
            .ScanAsync(address, Options, content, Cancel);
        Assert.Equal(new VirusVerdict(VirusResult.Infected, "clamav 1.4.3", "Eicar"), verdict);
        await served;
        Assert.Equal(200_000, clamd.Received.Length);
    }

    async Task ServeAsync(Socket listener)
    {
        for (var connections = 0; connections < 2; connections++)
            await clamd.ServeAsync(
                new NetworkStream(await listener.AcceptAsync(Cancel), ownsSocket: true));
    }

    static byte[] Sum(PooledContent content)
    {
        Assert.True(content.TryGetMemory(out var octets));
        return SHA256.HashData(octets.ToArray());
    }

    /// <summary>Content that is made as it is read.</summary>
    sealed class EndlessContent : StoredContent
    {
        readonly Source source = new();

        public long Given => source.Given;
        public override long Octets => 30 << 20;

        public override PipeReader OpenReader() => PipeReader.Create(source);

        public override bool TryGetMemory(out ReadOnlySequence<byte> octets)
        {
            octets = default;
            return false;
        }

        public override void Dispose()
        {
        }

        sealed class Source : MemoryStream
        {
            public long Given { get; private set; }

            public override ValueTask<int> ReadAsync(
                Memory<byte> buffer, CancellationToken cancellationToken = default)
            {
                Given += buffer.Length;
                return ValueTask.FromResult(buffer.Length);
            }
        }
    }
}
