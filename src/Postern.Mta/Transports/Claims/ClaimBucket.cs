using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Transports.Forward;

namespace Postern.Mta.Transports.Claims;

/// <summary>Messages over the limit as objects of a store that is asked over HTTPS.</summary>
/// <remarks>
/// One request makes the whole object or nothing, and only where there is none: who finds one there looks
/// whether it is the same. An answer that was lost is thus found at the next try. An object is never replaced
/// and never removed: that is the bucket's own rule for old objects.
/// </remarks>
abstract class ClaimBucket : ClaimStore
{
    /// <summary>Of all requests about one message; 50 MiB at 2 Mbit/s.</summary>
    static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    /// <summary>Messages whose object may be there already: they are looked for before they are sent again.
    /// Ours.</summary>
    const int TriedMax = 1024;

    readonly TimeProvider clock;
    readonly WebCall call;
    readonly Lock gate = new();
    readonly HashSet<QueueId> tried = [];
    readonly Queue<QueueId> triedInOrder = [];

    protected ClaimBucket(
        BucketAddress bucket, Uri endpoint, TransportOptions options, InboundSource source, ClaimParts parts)
        : base(source, options.Parse)
    {
        Bucket = bucket;
        Endpoint = endpoint;
        clock = parts.Clock;
        call = new WebCall(parts.HandlerFor(endpoint), clock);
    }

    public sealed override TimeSpan StoringMax => Limit;

    protected BucketAddress Bucket { get; }

    protected Uri Endpoint { get; }

    protected DateTimeOffset Now => clock.GetUtcNow();

    public override void Dispose()
    {
        base.Dispose();
        call.Dispose();
    }

    protected sealed override async ValueTask<ClaimOutcome> StoreAsync(
        Attempt attempt, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            var sums = await ClaimSums.OfAsync(attempt.Content, either.Token).ConfigureAwait(false);
            if (sums.Octets != attempt.Content.Octets)
                throw new InvalidDataException("The content is shorter than it says.");
            var key = Bucket.KeyOf(attempt.Message.Id);
            var found = await FindOrMakeAsync(attempt, key, sums, either.Token).ConfigureAwait(false);
            return found switch
            {
                ObjectFinding.Same { Generation: var generation } => new ClaimOutcome.Stored(
                    new PublishedContent(
                        [], sums.Sha256, new ClaimReference(Bucket.AddressOf(key), generation))),
                ObjectFinding.Trouble { Why: var why } => new ClaimOutcome.Waits(why),
                ObjectFinding.None => new ClaimOutcome.Waits(
                    Down($"{Bucket.AddressOf(key)} was there and is gone")),
                _ => throw new UnreachableException(),
            };
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new ClaimOutcome.Waits(Down($"storing in {Endpoint.IdnHost}: timed out"));
        }
    }

    /// <summary>Makes the object where there is none. <see cref="ObjectFinding.None"/>: there is
    /// one.</summary>
    protected abstract ValueTask<ObjectFinding> MakeAsync(
        Attempt attempt, string key, ClaimSums sums, CancellationToken cancel);

    /// <summary>Looks whether the object is there, and the same.</summary>
    protected abstract ValueTask<ObjectFinding> LookAsync(
        string key, ClaimSums sums, CancellationToken cancel);

    /// <summary>Makes a request, and tells what broke.</summary>
    /// <param name="sending">The request's body. Null: it has none.</param>
    protected async ValueTask<WebOutcome> AskAsync(
        HttpRequestMessage request, ClaimUpload? sending, CancellationToken cancel)
    {
        // The cancellation of both kinds is told apart by whoever set the limit.
        var outcome = await call.PostAsync(
            request, () => sending?.Idle ?? Task.CompletedTask, cancel, cancel).ConfigureAwait(false);
        if (sending?.SourceTrouble is { } trouble)
            ExceptionDispatchInfo.Throw(trouble);
        if (outcome is WebOutcome.Stopped)
            cancel.ThrowIfCancellationRequested();
        return outcome;
    }

    protected ObjectFinding.Trouble Broken(string reason) =>
        new(Down($"asking {Endpoint.IdnHost}: {reason}"));

    /// <summary>What every store means by a status that no request hoped for.</summary>
    /// <param name="mend">Of the store's own cases.</param>
    protected ObjectFinding.Trouble Judge(Mailgun.MailgunAnswer answer, string mend)
    {
        var text = $"host {Endpoint.IdnHost} said: {answer.Reply}";
        return new ObjectFinding.Trouble(answer.Status is >= 500 or 408 or 409 or 429
            ? Down(text, answer.RetryAfter)
            : Wrong(text, mend));
    }

    protected ObjectFinding.Trouble IsAnother(string key) => new(Wrong(
        $"{Bucket.AddressOf(key)} is another message",
        "give each server a prefix of its own in claim-bucket, and remove that object"));

    async ValueTask<ObjectFinding> FindOrMakeAsync(
        Attempt attempt, string key, ClaimSums sums, CancellationToken cancel)
    {
        // Who is not allowed to look is told when he has to.
        if (!IsFirstTry(attempt.Message.Id)
            && await LookAsync(key, sums, cancel).ConfigureAwait(false) is ObjectFinding.Same same)
            return same;
        var made = await MakeAsync(attempt, key, sums, cancel).ConfigureAwait(false);
        return made is ObjectFinding.None ? await LookAsync(key, sums, cancel).ConfigureAwait(false) : made;
    }

    bool IsFirstTry(QueueId id)
    {
        lock (gate)
        {
            if (!tried.Add(id))
                return false;
            triedInOrder.Enqueue(id);
            if (triedInOrder.Count > TriedMax)
                tried.Remove(triedInOrder.Dequeue());
            return true;
        }
    }
}

/// <summary>What is known of an object.</summary>
abstract record ObjectFinding
{
    ObjectFinding()
    {
    }

    /// <summary>It is there, with the message's own octets.</summary>
    /// <param name="Generation">Null: the store has none.</param>
    public sealed record Same(string? Generation) : ObjectFinding;

    /// <summary>It is not there; of one that was to be made: there is one already.</summary>
    public sealed record None : ObjectFinding;

    public sealed record Trouble(AttemptResult.NextHopDown Why) : ObjectFinding;
}
