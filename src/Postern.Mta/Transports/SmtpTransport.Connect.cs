using System.Net;
using System.Net.Sockets;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Mta.Transports;

/// <summary>TCP and the session over it, and what one attempt finds out on its way.</summary>
partial class SmtpTransport
{
    /// <summary>Postfix's smtp_connect_timeout.</summary>
    static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(30);

    /// <summary>Null: no TCP connection; the run has the reason.</summary>
    async ValueTask<OpenResult?> OpenAsync(
        Run run, NextHop hop, RelayTarget target, TlsMode tls, CancellationToken setUp)
    {
        if (await ConnectAsync(run, target, setUp) is not { } stream)
            return null;
        var own = session with
        {
            RelayName = NameToVerify(hop, target),
            Tls = tls,
            // The configuration allows a login without TLS on loopback only; so does the wire.
            AllowLoginInClear = IPAddress.IsLoopback(target.Address),
        };
        return await SmtpClientConnection.OpenAsync(stream, own, clock, run.Talk.Connected(target), setUp);
    }

    async ValueTask<Stream?> ConnectAsync(Run run, RelayTarget target, CancellationToken setUp)
    {
        using var limit = new CancellationTokenSource(ConnectMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, setUp);
        try
        {
            return await dial(target.Address, target.Port, either.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            run.WasStopped |= setUp.IsCancellationRequested;
            var reason = e is SocketException s ? s.Message : "Connection timed out";
            run.Take(SmtpBlame.OfConnect(target, reason));
            run.Talk.Note($"connecting to {target}", reason, clock.GetTimestamp());
            return null;
        }
    }

    static async ValueTask<Stream> DialTcpAsync(IPAddress address, int port, CancellationToken cancel)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.NoDelay = true;
        try
        {
            await socket.ConnectAsync(address, port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The name a certificate must hold. A host that only an unsigned MX record names counts when it lies in
    /// the configured domain, as with Postfix's level secure (nexthop, dot-nexthop); otherwise the domain
    /// itself must be in it.
    /// </summary>
    static string NameToVerify(NextHop hop, RelayTarget target) =>
        hop.Lookup == NextHopLookup.Mx && !target.Host.EndsWith("." + hop.Host, StringComparison.Ordinal)
            ? hop.Host
            : target.Host;

    /// <summary>One attempt under way: envelope, what is known so far, and times for the log.</summary>
    sealed class Run(Attempt attempt)
    {
        long readyAt;
        string? tls;

        /// <summary>Timestamp.</summary>
        public long StartedAt { get; private set; }

        public SmtpTalk Talk { get; } = new();

        public Attempt Attempt { get; } = attempt;

        public OutgoingMessage Message { get; } = new(
            new Envelope(
                attempt.Sender,
                attempt.Message.Parameters,
                [
                    .. attempt.Recipients.Select(
                        r => new EnvelopeRecipient(new ForwardPath(r.Address), r.Dsn)),
                ]),
            attempt.Content)
        {
            NeedsTls = attempt.Message.Options is { RequiresTls: true },
        };

        /// <summary>The run after this one, where it was asked for. Null: it was not, or there is
        /// none.</summary>
        public Run? Next { get; private set; }

        /// <summary>The best known result; one per recipient.</summary>
        public AttemptResult[] Results { get; set; } = [];

        /// <summary>Null: no host was found.</summary>
        public RelayTarget? Target { get; set; }

        public int ConnectionUse { get; set; }

        /// <summary>The attempt was cancelled, or its time limit ran out.</summary>
        public bool WasStopped { get; set; }

        public void Start(long now) => StartedAt = now;

        /// <summary>The message of the next run.</summary>
        public async ValueTask<OutgoingMessage?> TakeNextAsync()
        {
            Next = await Attempt.TakeNext!() is { } next ? new Run(next) : null;
            return Next?.Message;
        }

        /// <summary>
        /// A result for all recipients; trouble with an account is not covered by later trouble.
        /// </summary>
        public void Take(AttemptResult result)
        {
            if (Results is not [AttemptResult.NextHopDown { Alarm: not null }, ..])
                Results = [.. Enumerable.Repeat(result, Attempt.Recipients.Count)];
        }

        public void SessionReady(SmtpClientConnection session, long now)
        {
            readyAt = now;
            ConnectionUse = session.TransactionsBegun + 1;
            tls = session.Tls is { } facts ? $"{facts.ProtocolName} with cipher {facts.Cipher}" : null;
        }

        public AttemptFacts ToFacts(TimeProvider clock)
        {
            var now = clock.GetTimestamp();
            var setUpEnd = readyAt == 0 ? now : readyAt;
            return new AttemptFacts(
                Target?.ToString() ?? "none",
                readyAt == 0 ? 0 : ConnectionUse,
                clock.GetElapsedTime(StartedAt, setUpEnd),
                clock.GetElapsedTime(setUpEnd, now),
                tls);
        }
    }

    /// <summary>A run whose commands went out with the end of the one before it.</summary>
    sealed record BegunRun(SmtpTransport Transport, Run Run, NextHop Hop, RelayConnection Connection)
        : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Connection.Session.DisposeAsync();
    }
}

/// <summary>A connected stream to an address; throws <see cref="SocketException"/> where there is
/// none.</summary>
delegate ValueTask<Stream> Dial(IPAddress address, int port, CancellationToken cancel);

/// <summary>
/// Greylisting is each recipient's matter until it is everybody's: then it is about our pace (DESIGN §5).
/// </summary>
sealed class GreylistWatch
{
    /// <summary>Recipients looked back on.</summary>
    const int RecentMax = 60;

    /// <summary>Fewer say nothing about a share.</summary>
    const int RecentMin = 12;

    readonly Lock gate = new();
    readonly Queue<bool> recent = new();
    int greylisted;

    /// <summary>
    /// Counts the RCPT replies, and marks the greylisted results when more than a third are such.
    /// </summary>
    public void Look(TransactionResult result, AttemptResult[] results)
    {
        var replies = result switch
        {
            TransactionResult.Completed done => done.Recipients,
            TransactionResult.NoRecipientAccepted none => none.Recipients,
            _ => [],
        };
        lock (gate)
        {
            foreach (var reply in replies)
                Add(IsGreylisted(reply.Reply));
            if (recent.Count < RecentMin || greylisted * 3 <= recent.Count)
                return;
        }
        for (var i = 0; i < replies.Count; i++)
        {
            if (IsGreylisted(replies[i].Reply) && results[i] is AttemptResult.Deferred deferred)
                results[i] = deferred with { SlowDown = true };
        }
    }

    static bool IsGreylisted(Reply reply) =>
        reply.Code == 450 && reply.Status is { Class: 4, Subject: 7, Detail: 1 };

    void Add(bool isGreylisted)
    {
        recent.Enqueue(isGreylisted);
        greylisted += isGreylisted ? 1 : 0;
        if (recent.Count > RecentMax && recent.Dequeue())
            greylisted--;
    }
}
