using System.Security.Cryptography.X509Certificates;
using Postern.Mta.Reports;
using Postern.Smtp.Client;

namespace Postern.Mta.Transports;

/// <summary>
/// The way out over SMTP: to the relays that the configuration names, or to the recipient's MX.
/// </summary>
/// <remarks>
/// An attempt goes through its next hops in order: a kept connection first, then each address on a fresh one,
/// until a session is ready and the transaction has an answer. A login that is refused ends the attempt:
/// other addresses of the same provider would refuse it too.
/// </remarks>
public sealed partial class SmtpTransport : ITransport
{
    /// <summary>
    /// Finding, connecting and setting up at one next hop, all its hosts together (DESIGN §9.1 bounds how
    /// many).
    /// </summary>
    static readonly TimeSpan SetUpMax = TimeSpan.FromMinutes(10);

    readonly TransportOptions options;
    readonly TimeProvider clock;
    readonly TargetFinder finder;
    readonly ConnectionPool pool;
    readonly SmtpClientOptions session;
    readonly IReadOnlyList<int> ports;
    readonly IReadOnlyList<NextHop>? hops;
    readonly GreylistWatch greylist = new();

    /// <summary>Where each domain has a lane of its own, they share the connections. Null: there is one
    /// lane.</summary>
    readonly SemaphoreSlim? slots;
    readonly Dial dial;

    /// <summary>False: the next hop did not hear what came with the end of a content. Until a reload it is
    /// not tried again.</summary>
    volatile bool followsEnds = true;

    /// <param name="options">Validated: host and login are well formed.</param>
    /// <param name="heloName">Our own name.</param>
    public SmtpTransport(
        string name, TransportOptions options, string heloName, IResolver resolver, AddressPolicy policy,
        TimeProvider clock)
        : this(name, options, heloName, resolver, policy, clock, DialTcpAsync)
    {
    }

    /// <param name="dial">How an address becomes a connected stream.</param>
    internal SmtpTransport(
        string name, TransportOptions options, string heloName, IResolver resolver, AddressPolicy policy,
        TimeProvider clock, Dial dial)
    {
        Name = name;
        this.dial = dial;
        this.options = options;
        this.clock = clock;
        finder = new TargetFinder(resolver, policy);
        if (options.Host is null)
            slots = new SemaphoreSlim(options.MaxConnections);
        pool = new ConnectionPool(
            clock, options.MessagesPerConnection ?? int.MaxValue,
            slots is null ? int.MaxValue : options.MaxConnections / 4);
        session = new SmtpClientOptions
        {
            HeloName = heloName,
            RelayName = heloName,
            Protocol = options.Kind == TransportKind.Lmtp ? ClientProtocol.Lmtp : ClientProtocol.Smtp,
            Login = LoginOf(options),
            Tls = TlsOf(options),
            Authorities = AuthoritiesOf(options),
        };
        ports = options.Ports
            ?? [session.Tls == TlsMode.Immediate ? NextHop.SubmissionsPort : NextHop.SmtpPort];
        if (options.Host is null)
            return;
        hops = options.Kind == TransportKind.Lmtp && LmtpHost.TryParse(options.Host, out var mailboxes, out _)
            ? [mailboxes.Hop]
            : NextHop.TryParseList(options.Host, ports, out var parsed)
                ? parsed
                : throw new ArgumentException(
                    $"transport {name}: \"{options.Host}\" is no next hop", nameof(options));
    }

    public string Name { get; }

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        if (slots is null)
            return await MakeAsync(attempt, cancel);
        await slots.WaitAsync(cancel);
        try
        {
            return await MakeAsync(attempt, cancel);
        }
        finally
        {
            slots.Release();
        }
    }

    async ValueTask<AttemptReport> MakeAsync(Attempt attempt, CancellationToken cancel)
    {
        var begun = await TakeBegunAsync(attempt);
        var run = begun?.Run ?? new Run(attempt);
        run.Start(clock.GetTimestamp());
        using var limit = new CancellationTokenSource(options.Timeout ?? Timeout.InfiniteTimeSpan, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        if (begun is null || !await TryKeptAsync(run, begun.Hop, begun.Connection, either.Token))
        {
            foreach (var hop in HopsFor(attempt.Recipients[0].Address.Domain))
            {
                if (await TryKeptAsync(run, hop, either.Token) || await TryFreshAsync(run, hop, either.Token))
                    break;
            }
        }
        if (run.WasStopped)
        {
            // Ours to stop is no result; the time limit of the attempt is one like any other time-out.
            cancel.ThrowIfCancellationRequested();
        }
        return new AttemptReport(run.Results, run.ToFacts(clock))
        {
            Talk = recipient => run.Talk.Describe(recipient, run.StartedAt, session.Login, clock),
        };
    }

    public ValueTask DisposeAsync() => pool.DisposeAsync();

    /// <summary>The configured ones, else the domain's own.</summary>
    internal IReadOnlyList<NextHop> HopsFor(string domain) => hops ?? [NextHop.ForDomain(domain, ports)];

    /// <summary>What this transport has begun of it; what an earlier one of its name has begun ends
    /// here.</summary>
    async ValueTask<BegunRun?> TakeBegunAsync(Attempt attempt)
    {
        var begun = attempt.TakeBegun();
        if (begun is BegunRun mine && mine.Transport == this)
            return mine;
        if (begun is not null)
            await begun.DisposeAsync();
        return null;
    }

    /// <summary>True when the attempt has its answer.</summary>
    async ValueTask<bool> TryKeptAsync(Run run, NextHop hop, CancellationToken cancel) =>
        pool.TryTake(hop, out var kept) && await TryKeptAsync(run, hop, kept, cancel);

    // RFC 5321 does not say how long a session may lie idle: one found closed is no attempt, the next
    // step is a fresh one.
    async ValueTask<bool> TryKeptAsync(
        Run run, NextHop hop, RelayConnection connection, CancellationToken cancel)
    {
        run.Talk.Kept(connection);
        return await SendAsync(run, hop, connection, cancel)
            is not (TransactionResult.ClosedWhileIdle or TransactionResult.NotOffered);
    }

    async ValueTask<bool> TryFreshAsync(Run run, NextHop hop, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(SetUpMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        switch (await FindAsync(hop, either.Token))
        {
            case TargetSearch.Nowhere nowhere:
                run.Take(nowhere.Result);
                run.Talk.Note($"looking for {hop.Text}", nowhere.Result.Text, clock.GetTimestamp());
                return false;
            case TargetSearch.Found found:
                foreach (var target in found.Targets)
                {
                    if (await TryTargetAsync(run, hop, target, either.Token, cancel))
                        return true;
                }
                return false;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    async ValueTask<TargetSearch> FindAsync(NextHop hop, CancellationToken cancel)
    {
        try
        {
            return await finder.FindAsync(hop, cancel);
        }
        catch (OperationCanceledException)
        {
            return new TargetSearch.Nowhere(SmtpBlame.OfName(hop, LookupOutcome.Unknown, hop.Host, "MX"));
        }
    }

    /// <summary>
    /// True when there is nothing left to try for this message: an answer, or a refusal that others would
    /// repeat.
    /// </summary>
    async ValueTask<bool> TryTargetAsync(
        Run run, NextHop hop, RelayTarget target, CancellationToken setUp, CancellationToken cancel)
    {
        run.Target = target;
        var opened = await OpenAsync(run, hop, target, session.Tls, setUp);
        // RFC 7435 §3: opportunistic TLS that fails is no reason to fail where clear text would have done.
        if (session.Tls == TlsMode.Opportunistic && session.Login is null
            && opened is OpenResult.TlsFailed
                or OpenResult.Lost { Stage: SmtpStage.TlsHandshake, Cause: not LossCause.Stopped })
            opened = await OpenAsync(run, hop, target, TlsMode.None, setUp);
        switch (opened)
        {
            case null:
                return false;
            case OpenResult.Ready ready:
                var sent = await SendAsync(run, hop, new RelayConnection(
                    ready.Connection, target, clock.GetUtcNow()), cancel);
                // Another host of the same domain may offer what this one lacks (RFC 6531 §3.2).
                return sent is not TransactionResult.NotOffered;
            default:
                run.Take(SmtpBlame.OfOpen(
                    opened, target, hop.Origin, session.Login is null
                        ? LoginNeed.None
                        : LoginNeed.Configured));
                run.WasStopped |= opened is OpenResult.Lost { Cause: LossCause.Stopped };
                return opened is OpenResult.LoginRefused or OpenResult.PeerNotProven || run.WasStopped;
        }
    }

    async ValueTask<TransactionResult> SendAsync(
        Run run, NextHop hop, RelayConnection connection, CancellationToken cancel)
    {
        run.Target = connection.Target;
        run.SessionReady(connection.Session, clock.GetTimestamp());
        TransactionResult result;
        try
        {
            result = await connection.Session.SendAsync(
                run.Message, MayFollow(run, connection) ? run.TakeNextAsync : null, cancel);
            run.ConnectionUse = Math.Max(connection.Session.TransactionsBegun, 1);
            NoteTalk(run, connection.Session.TakeTalk(), result);
        }
        finally
        {
            if (connection.Session.Begun is null)
                pool.Return(hop, connection);
            else if (!run.Next!.Attempt.TryKeepBegun(new BegunRun(this, run.Next, hop, connection)))
                await connection.Session.DisposeAsync();
        }
        if (result is TransactionResult.ClosedWhileIdle { WasDeaf: true })
            followsEnds = false;
        run.WasStopped |= result is TransactionResult.Lost { Cause: LossCause.Stopped };
        run.Results = SmtpBlame.OfTransaction(
            result, connection.Target, OriginOf(hop), run.Attempt.Recipients.Count,
            HandOverTo(connection.Session));
        greylist.Look(result, run.Results);
        return result;
    }

    /// <summary>Where nothing was said there is a reason for it.</summary>
    void NoteTalk(Run run, TransactionTalk? talk, TransactionResult result)
    {
        if (talk is not null)
            run.Talk.Sent(talk);
        else
            run.Talk.Note("MAIL FROM was not sent", result switch
            {
                TransactionResult.ClosedWhileIdle idle => idle.Detail,
                TransactionResult.Lost lost => lost.Detail,
                TransactionResult.PeerClosing closing => $"the relay said {closing.Reply}",
                TransactionResult.NotOffered missing => $"{NameOf(missing.Extension)} is not offered",
                TransactionResult.TooLarge large =>
                    $"{large.Octets} octets are more than the relay's SIZE of {large.OctetsMax}",
                _ => null,
            }, clock.GetTimestamp());
    }

    static string NameOf(NeededExtension extension) => extension switch
    {
        NeededExtension.EightBitMime => "8BITMIME",
        NeededExtension.SmtpUtf8 => "SMTPUTF8",
        NeededExtension.StartTls => "STARTTLS",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>One more message may be begun on this connection. Lanes that share connections take turns
    /// instead.</summary>
    bool MayFollow(Run run, RelayConnection connection) =>
        followsEnds && slots is null && run.Attempt.TakeNext is not null
        && pool.MayCarryMore(connection.Session, 1);

    /// <summary>Who keeps mailboxes knows no account of ours: words about a quota are about the
    /// recipient's.</summary>
    NextHopOrigin OriginOf(NextHop hop) =>
        session.Protocol == ClientProtocol.Lmtp ? NextHopOrigin.RecipientDomain : hop.Origin;

    HandOver HandOverTo(SmtpClientConnection connection) =>
        session.Protocol == ClientProtocol.Lmtp ? HandOver.Final
        : connection.Capabilities.Has(Extensions.Dsn) ? HandOver.ToHopWithDsn : HandOver.ToHopWithoutDsn;

    static ClientLogin? LoginOf(TransportOptions options)
    {
        if (options.Login is not { Value: var login })
            return null;
        // DESIGN §9.6: at the first colon; further ones are the password's.
        var colon = login.IndexOf(':', StringComparison.Ordinal);
        return new ClientLogin(login[..colon], login[(colon + 1)..]);
    }

    static TlsMode TlsOf(TransportOptions options) => options.Tls switch
    {
        _ when options.Kind == TransportKind.Lmtp => TlsMode.None,
        null => options.Login is null ? TlsMode.Opportunistic : TlsMode.Required,
        TransportTls.None => TlsMode.None,
        TransportTls.Opportunistic => TlsMode.Opportunistic,
        TransportTls.Required => TlsMode.Required,
        TransportTls.Immediate => TlsMode.Immediate,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    static X509Certificate2Collection? AuthoritiesOf(TransportOptions options)
    {
        if (options.Ca is not { Value: var pem })
            return null;
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(pem);
        return authorities;
    }
}
