using System.IO.Pipelines;
using System.Net;
using System.Text;
using BenchmarkDotNet.Attributes;
using Postern.Smtp.Server;

namespace Postern.Bench;

/// <summary>The server's half of SMTP without a network and without a store.</summary>
/// <remarks>Client and server share one thread: a write returns when the server has done all it
/// could.</remarks>
[MemoryDiagnoser]
public class Session
{
    readonly byte[] envelope =
    [
        .. "MAIL FROM:<sender@example.org> SIZE=4096\r\n"u8,
        .. "RCPT TO:<recipient@example.net>\r\n"u8,
        .. "DATA\r\n"u8,
    ];

    readonly byte[] content = [.. Letter.Octets, .. ".\r\n"u8];
    readonly Pipe toServer = NewPipe();
    readonly Pipe toClient = NewPipe();
    Task<SessionEnd> serving = null!;

    [GlobalSetup]
    public async Task BeginAsync()
    {
        var facts = new SessionFacts
        {
            Listener = "bench",
            Kind = ListenerKind.Submission,
            Remote = new IPEndPoint(IPAddress.Loopback, 40000),
            Local = new IPEndPoint(IPAddress.Loopback, 587),
            StartedAt = TimeProvider.System.GetUtcNow(),
        };
        serving = SmtpServer.ServeAsync(
            new Side(toServer.Reader, toClient.Writer), facts,
            new SmtpServerOptions { Hostname = "mx.example.org" }, new WillingHouse(), TimeProvider.System,
            CancellationToken.None).AsTask();
        Expect("220"u8);
        await toServer.Writer.WriteAsync("EHLO client.example\r\n"u8.ToArray());
        Expect("250"u8);
    }

    /// <summary>MAIL, RCPT and DATA in one flight, then 4 KB and the dot.</summary>
    [Benchmark]
    public async ValueTask TransactionAsync()
    {
        await toServer.Writer.WriteAsync(envelope);
        Expect("354"u8);
        await toServer.Writer.WriteAsync(content);
        Expect("250"u8);
    }

    [GlobalCleanup]
    public async Task EndAsync()
    {
        await toServer.Writer.WriteAsync("QUIT\r\n"u8.ToArray());
        Expect("221"u8);
        if (await serving is not SessionEnd.Quit)
            throw new InvalidOperationException("the session did not end with QUIT");
    }

    /// <summary>Takes what the server said; its last line begins with this code.</summary>
    void Expect(ReadOnlySpan<byte> code)
    {
        if (!toClient.Reader.TryRead(out var read))
            throw new InvalidOperationException("the server says nothing");
        // What it says to one flight is far less than a segment.
        var said = read.Buffer.FirstSpan;
        var last = said[(said[..^2].LastIndexOf((byte)'\n') + 1)..];
        if (!last.StartsWith(code))
            throw new InvalidOperationException($"the server refuses: {Encoding.ASCII.GetString(last)}");
        toClient.Reader.AdvanceTo(read.Buffer.End);
    }

    static Pipe NewPipe() => new(new PipeOptions(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0,
        useSynchronizationContext: false));

    sealed class Side(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;
        public PipeWriter Output => output;
    }
}
