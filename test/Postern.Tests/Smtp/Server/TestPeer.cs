using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Text;
using Postern.Smtp.Server;

namespace Postern.Tests.Smtp.Server;

/// <summary>A client at the other end of an in-memory pipe pair, and the session that serves it.</summary>
sealed class TestPeer : IAsyncDisposable
{
    /// <summary>How long missing evidence is waited for. Never reached by a test that passes.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    readonly Pipe toServer = new();
    readonly Pipe toClient = new();
    readonly CancellationTokenSource stop = new();
    readonly WatchedReader watched;
    readonly ISessionPolicy? door;
    PipeReader input;
    PipeWriter output;
    SslStream? tls;
    Task<SessionEnd>? serving;

    public TestPeer(
        SmtpServerOptions? options = null, ListenerKind kind = ListenerKind.Mx, ScriptedPolicy? policy = null,
        ISessionPolicy? door = null)
    {
        this.door = door;
        watched = new WatchedReader(toServer.Reader);
        (input, output) = (toClient.Reader, toServer.Writer);
        Options = options ?? Defaults;
        Policy = policy ?? new ScriptedPolicy();
        Facts = new SessionFacts
        {
            Listener = "test",
            Kind = kind,
            Remote = new IPEndPoint(IPAddress.Loopback, 40000),
            Local = new IPEndPoint(IPAddress.Loopback, 25),
            StartedAt = DateTimeOffset.UnixEpoch,
        };
    }

    public static SmtpServerOptions Defaults { get; } =
        new() { Hostname = "mx.local.example", ContentOctetsMax = 1 << 20, ErrorDelay = TimeSpan.Zero };

    public SmtpServerOptions Options { get; }
    public ScriptedPolicy Policy { get; }
    public SessionFacts Facts { get; }
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The last octets of a client so quick that they are there before the flush of the next reply
    /// returns.</summary>
    public byte[]? AtNextFlush { get; set; }

    public IDuplexPipe ClientSide => new Side(toClient.Reader, toServer.Writer);

    public TestPeer Start()
    {
        serving = SmtpServer
            .ServeAsync(
                new Side(watched, new QuickWriter(this)), Facts, Options, door ?? Policy, Clock, stop.Token)
            .AsTask();
        serving.ContinueWith(_ => toClient.Writer.Complete(), TaskScheduler.Default);
        return this;
    }

    /// <summary>A handshake as the client; what follows goes through it.</summary>
    public async Task HandshakeAsync()
    {
        tls = new SslStream(new DuplexPipeStream(ClientSide), leaveInnerStreamOpen: true);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = Options.Hostname,
            // What is tested is the server.
            RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is not null,
        });
        input = PipeReader.Create(tls, new StreamPipeReaderOptions(leaveOpen: true));
        output = PipeWriter.Create(tls, new StreamPipeWriterOptions(leaveOpen: true));
    }

    /// <summary>Greeting and EHLO.</summary>
    public async Task<TestPeer> HelloAsync()
    {
        Start();
        Assert.StartsWith("220 ", await ReplyAsync());
        Assert.StartsWith("250", await AskAsync("EHLO c.example.net\r\n"));
        return this;
    }

    public async Task<TestPeer> EnvelopeAsync()
    {
        await HelloAsync();
        Assert.StartsWith("250", await AskAsync("MAIL FROM:<a@sender.example>\r\n"));
        Assert.StartsWith("250", await AskAsync("RCPT TO:<known@local.example>\r\n"));
        return this;
    }

    /// <summary>Completes when the server has read all that was sent by <see cref="SendToIdleAsync"/> and
    /// waits for more, or has ended.</summary>
    public Task IdleAsync() =>
        Task.WhenAny(watched.Idle.Task, serving!).WaitAsync(Patience, TimeProvider.System);

    /// <summary>Waits for the server to wait, then sends; so the next <see cref="IdleAsync"/> is about these
    /// octets.</summary>
    public async Task SendToIdleAsync(string octets)
    {
        await IdleAsync();
        watched.Reset();
        await SendAsync(octets);
    }

    /// <summary>Each character is one octet.</summary>
    public async Task SendAsync(string octets) =>
        await output.WriteAsync(Encoding.Latin1.GetBytes(octets));

    public async Task SendAsync(ReadOnlyMemory<byte> octets) => await output.WriteAsync(octets);

    public async Task<string> AskAsync(string octets)
    {
        await SendAsync(octets);
        return await ReplyAsync();
    }

    /// <summary>The next whole reply, lines joined by LF; <c>&lt;closed&gt;</c> at the end.</summary>
    public async Task<string> ReplyAsync()
    {
        var lines = new List<string>();
        do
        {
            lines.Add(await LineAsync());
        }
        while (lines[^1].Length > 3 && lines[^1][3] == '-' && lines[^1] != "<closed>");
        return string.Join('\n', lines);
    }

    public async Task<string> LineAsync()
    {
        while (true)
        {
            var result = await input.ReadAsync().AsTask().WaitAsync(Patience, TimeProvider.System);
            if (result.Buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = Encoding.UTF8.GetString(result.Buffer.Slice(0, end));
                input.AdvanceTo(result.Buffer.GetPosition(1, end));
                return line.TrimEnd('\r');
            }
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (result.IsCompleted)
                return "<closed>";
        }
    }

    public void Close() => toServer.Writer.Complete();
    public void Break() => toServer.Writer.Complete(new IOException("reset"));
    public void Stop() => stop.Cancel();

    public Task<SessionEnd> EndAsync() => serving!.WaitAsync(Patience, TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        toServer.Writer.Complete();
        if (serving is not null)
        {
            stop.Cancel();
            await Task.WhenAny(serving);
        }
        if (tls is not null)
            await tls.DisposeAsync();
        stop.Dispose();
    }

    /// <summary>Tells when a read has to wait.</summary>
    sealed class WatchedReader(PipeReader inner) : PipeReader
    {
        public TaskCompletionSource Idle { get; private set; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Reset() => Idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var read = inner.ReadAsync(cancellationToken);
            if (!read.IsCompleted)
                Idle.TrySetResult();
            return read;
        }

        public override bool TryRead(out ReadResult result) => inner.TryRead(out result);
        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);
        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) =>
            inner.AdvanceTo(consumed, examined);
        public override void CancelPendingRead() => inner.CancelPendingRead();
        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }

    /// <summary>The way to the client, who may answer before the server knows that its reply is
    /// out.</summary>
    sealed class QuickWriter(TestPeer peer) : PipeWriter
    {
        readonly PipeWriter inner = peer.toClient.Writer;

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            var flushed = await inner.FlushAsync(cancellationToken);
            if (peer.AtNextFlush is { } octets)
            {
                peer.AtNextFlush = null;
                await peer.SendAsync(octets);
                peer.Close();
            }
            return flushed;
        }

        public override void Advance(int bytes) => inner.Advance(bytes);
        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);
        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);
        public override void CancelPendingFlush() => inner.CancelPendingFlush();
        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }

    sealed record Side(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
