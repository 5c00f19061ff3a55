using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>The only way out: a relay, a topic, a script.</summary>
public interface ITransport : IAsyncDisposable
{
    /// <summary>Its name in the configuration.</summary>
    string Name { get; }

    /// <summary>Makes one attempt for recipients of one message and says what it proved for each of
    /// them.</summary>
    /// <remarks>Never throws for what a peer did. Cancelled means the process is stopping: the outcome is
    /// then unknown.</remarks>
    ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel);

    /// <summary>Looks, without handing anything over, whether the way out is as its settings say.</summary>
    /// <remarks>Asked soon after the start, so that an alarm does not wait for the first mail. Never throws
    /// for what a peer did.</remarks>
    ValueTask<TransportFinding> CheckAsync(CancellationToken cancel) => new(TransportFinding.Nothing);

    /// <summary>Asks the provider what became of mail, oldest first, one page after the other.</summary>
    /// <param name="place">What the page before it gave. Null: from <paramref name="since"/> on.</param>
    /// <remarks>Never throws for what a peer did.</remarks>
    ValueTask<TellingPage> ReadEventsAsync(
        DateTimeOffset since, string? place, CancellationToken cancel) => new(TellingPage.None);

    /// <summary>Asks the provider for a page of one of its lists.</summary>
    /// <param name="place">What the page before it gave. Null: the first page.</param>
    /// <remarks>Never throws for what a peer did.</remarks>
    ValueTask<SuppressionAnswer> ReadSuppressionsAsync(
        SuppressionKind kind, string? place, CancellationToken cancel) => new(SuppressionAnswer.None);

    /// <summary>Puts entries onto one of the provider's lists, or in the place of those it has.</summary>
    /// <remarks>Never throws for what a peer did.</remarks>
    ValueTask<SuppressionAnswer> WriteSuppressionsAsync(
        SuppressionKind kind, IReadOnlyList<Named<Suppression>> entries, CancellationToken cancel) =>
        new(SuppressionAnswer.None);
}

/// <summary>What a look at a way out found.</summary>
public abstract record TransportFinding
{
    TransportFinding()
    {
    }

    /// <summary>Nothing is proved: there is nothing to ask, or no answer.</summary>
    public static readonly TransportFinding Nothing = new Unproved();

    public sealed record Unproved : TransportFinding;

    /// <summary>It is as it should be.</summary>
    /// <param name="DisprovedKinds">Alarms of these kinds about it are over.</param>
    public sealed record Well(IReadOnlyList<string> DisprovedKinds) : TransportFinding;

    /// <summary>An operator has to mend it.</summary>
    public sealed record Wrong(AlarmNotice Alarm) : TransportFinding;
}

/// <summary>One try: what is handed over, to whom.</summary>
/// <param name="Sender">The reverse-path to use, which may differ from the message's (return-path).</param>
/// <param name="Content">The stored content with its header edits applied.</param>
/// <param name="Lane">The lane; for smtp without host it ends with the recipients' domain.</param>
public sealed record Attempt(
    QueuedMessage Message,
    IReadOnlyList<Recipient> Recipients,
    ReversePath Sender,
    ContentSource Content,
    string Lane)
{
    IAsyncDisposable? begun;

    /// <summary>Asked for the attempt that the same worker makes after this one; null where none is
    /// ready.</summary>
    /// <remarks>A transport that can begin it while this one ends asks at most once, and has it keep what was
    /// begun. It does not throw. Null: there is no saying.</remarks>
    public Func<ValueTask<Attempt?>>? TakeNext { get; init; }

    /// <summary>Keeps what a transport has begun of this attempt before it is made.</summary>
    /// <returns>False: it is not going to be made; what was begun is the transport's to end.</returns>
    public bool TryKeepBegun(IAsyncDisposable what) =>
        Interlocked.CompareExchange(ref begun, what, null) is null;

    /// <summary>For who makes the attempt: what was begun of it. Null: nothing.</summary>
    public IAsyncDisposable? TakeBegun() => Interlocked.Exchange(ref begun, null);

    /// <summary>It is not going to be made by whom it was begun for.</summary>
    public ValueTask GiveUpAsync() =>
        Interlocked.Exchange(ref begun, GivenUp.Mark)?.DisposeAsync() ?? ValueTask.CompletedTask;

    sealed class GivenUp : IAsyncDisposable
    {
        public static readonly GivenUp Mark = new();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

/// <summary>One result per recipient, in the attempt's order, and facts for log and event.</summary>
public sealed record AttemptReport(IReadOnlyList<AttemptResult> Results, AttemptFacts Facts)
{
    /// <summary>What was said, for a recipient by its place in the attempt; put into words only when it is
    /// asked for. Null: there is nothing to tell.</summary>
    public Func<int, Conversation?>? Talk { get; init; }

    /// <summary>The same result for every recipient.</summary>
    public static AttemptReport ForAll(Attempt attempt, AttemptResult result, AttemptFacts facts) =>
        new([.. Enumerable.Repeat(result, attempt.Recipients.Count)], facts);
}

/// <summary>How the attempt went, as Postfix's log line shows it.</summary>
/// <param name="Relay"><c>host[ip]:port</c>, a service name, or <c>none</c>.</param>
/// <param name="ConnectionUse">1 for a new connection, 2 and more when it was reused, 0 without one.</param>
/// <param name="SetUp">Delay c: DNS, TCP, EHLO, TLS, AUTH.</param>
/// <param name="Transmission">Delay d.</param>
/// <param name="Tls">As in <c>TLSv1.3 with cipher ...</c>. Null: plain.</param>
public sealed record AttemptFacts(
    string Relay, int ConnectionUse, TimeSpan SetUp, TimeSpan Transmission, string? Tls)
{
    public static readonly AttemptFacts None = new("none", 0, TimeSpan.Zero, TimeSpan.Zero, null);

    /// <summary>What was said, of an event's recipient. Null: not kept (<c>log.conversation</c>).</summary>
    public Conversation? Conversation { get; init; }
}

/// <summary>Whom a deferral is blamed on; it decides what happens next (DESIGN §1.1 law 5).</summary>
public enum Blame { Recipient, Message, NextHop }

/// <summary>Why a next hop is to blame; it decides how its lane is probed (DESIGN §9.2).</summary>
public enum NextHopTrouble
{
    /// <summary>Connect, DNS, TLS, time-out, script or topic out of order: probes after 1, 2, 4, 8 s, then 10
    /// s, then 30 s.</summary>
    Unreachable,

    /// <summary>Refused login or account, or 421: probes after 30 s, doubling to 5 min.</summary>
    Refusing,
}

/// <summary>An alarm the transport wants raised: its kind, for example <c>login</c>, and the mend in
/// words.</summary>
/// <param name="Kind">login, account, tls, pipe, topic, ...</param>
public sealed record AlarmNotice(string Kind, string Text, string Mend);

/// <summary>What one attempt proved for one recipient.</summary>
public abstract record AttemptResult(EnhancedStatus Status, string Text)
{
    /// <summary>Accepted by the next hop.</summary>
    /// <param name="Status">2.x.x.</param>
    /// <param name="Text">The peer's reply.</param>
    /// <param name="RemoteId">The id the next hop gave it. Null: none.</param>
    /// <param name="HandedOver">Who tells a sender that asked for a report of success.</param>
    public sealed record Relayed(
        EnhancedStatus Status, string Text, string? RemoteId, HandOver HandedOver)
        : AttemptResult(Status, Text);

    /// <summary>This next hop lacks what the message needs; another transport of the route may have
    /// it.</summary>
    /// <param name="Status">5.x.x: what it fails with when there is none.</param>
    public sealed record Unsupported(EnhancedStatus Status, string Text) : AttemptResult(Status, Text);

    /// <summary>Refused for good.</summary>
    public sealed record Failed(EnhancedStatus Status, string Text) : AttemptResult(Status, Text);

    /// <summary>Nothing is proved: this recipient or this message must wait for its retry time.</summary>
    public sealed record Deferred(EnhancedStatus Status, string Text, Blame Blame)
        : AttemptResult(Status, Text)
    {
        /// <summary>The peer asked for a lower pace.</summary>
        public bool SlowDown { get; init; }
    }

    /// <summary>Nothing is proved and the next hop is to blame.</summary>
    public sealed record NextHopDown(EnhancedStatus Status, string Text, NextHopTrouble Trouble)
        : AttemptResult(Status, Text)
    {
        /// <summary>Null: an outage, not a case for an operator.</summary>
        public AlarmNotice? Alarm { get; init; }

        /// <summary>The peer asked for a lower pace: while it takes mail the lane stays open.</summary>
        public bool SlowDown { get; init; }

        /// <summary>The peer's own wish (Retry-After). Null: none.</summary>
        public TimeSpan? RetryAfter { get; init; }
    }

    /// <summary>The content was sent whole and the answer is lost: it may have been accepted.</summary>
    public sealed record Uncertain(EnhancedStatus Status, string Text) : AttemptResult(Status, Text);
}
