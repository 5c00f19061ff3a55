using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Postern.Smtp.Server;

namespace Postern.Fuzz;

/// <summary>The server's session on the thread of the one who sends: when <see cref="Send"/> returns it has
/// done all it could.</summary>
sealed class InlineSession
{
    static readonly SmtpServerOptions Options = new()
    {
        Hostname = "mx.local.example",
        Auth = AuthOffer.Anywhere,
        ContentOctetsMax = 4096,
        // Larger than any input: where a session gives up on endless content depends on the pieces.
        DiscardedOctetsMax = 1 << 20,
        RecipientsMax = 20,
        ErrorDelay = TimeSpan.Zero,
    };

    readonly Pipe toServer = Pieces.NewPipe();
    readonly Pipe toClient = Pieces.NewPipe();
    readonly Task<SessionEnd> serving;

    public InlineSession(ListenerKind kind)
    {
        var facts = new SessionFacts
        {
            Listener = "fuzz",
            Kind = kind,
            Remote = new IPEndPoint(IPAddress.Loopback, 40000),
            Local = new IPEndPoint(IPAddress.Loopback, 25),
            StartedAt = DateTimeOffset.UnixEpoch,
        };
        serving = SmtpServer.ServeAsync(
            new Side(toServer.Reader, toClient.Writer), facts, Options, House, StillClock.Instance,
            CancellationToken.None).AsTask();
    }

    public House House { get; } = new();

    public bool HasEnded => serving.IsCompleted;

    public void Send(ReadOnlyMemory<byte> octets)
    {
        if (HasEnded || octets.IsEmpty)
            return;
        Pieces.Write(toServer.Writer, octets);
    }

    /// <summary>What the server said since the last time.</summary>
    public byte[] TakeOutput()
    {
        if (!toClient.Reader.TryRead(out var read))
            return [];
        var octets = read.Buffer.ToArray();
        toClient.Reader.AdvanceTo(read.Buffer.End);
        return octets;
    }

    /// <summary>The peer sends no more: the session ends well and leaves nothing open.</summary>
    public void Finish()
    {
        toServer.Writer.Complete();
        Finding.Unless(HasEnded, "a session ends with its peer");
        var end = serving.GetAwaiter().GetResult();
        Finding.Unless(
            end is SessionEnd.Quit or SessionEnd.PeerClosed or SessionEnd.TooManyErrors
            or SessionEnd.ProtocolError
                or SessionEnd.EarlyTalker or SessionEnd.Refused,
            "a session ends by what the peer did", end.ToString());
        Finding.Unless(House.Ends is [var told] && told == end, "the end of a session is told once");
        Finding.Unless(House.SinksOpen == 0, "a session closes its sinks");
    }

    sealed class Side(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;
        public PipeWriter Output => output;
    }
}
