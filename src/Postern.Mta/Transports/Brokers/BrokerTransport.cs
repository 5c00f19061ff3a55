using System.Diagnostics;
using Google.Protobuf.Collections;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Transports.PubSub;
using Postern.Smtp;

namespace Postern.Mta.Transports.Brokers;

/// <summary>A message broker as the way out: one message for each recipient.</summary>
/// <remarks>
/// At least once: a lost answer repeats the message with the same <c>ce-id</c>, by which a consumer drops it.
/// Each message is the document <c>postern.inbound.v1</c> with the attributes that Pub/Sub's has. What is
/// over the limit, ours or the broker's, is put aside and referred to; only a message that
/// is too large even so fails, everything else holds the mail. Recipients of one attempt go one after the
/// other, so that its memory is that of one document, and trouble with the broker is met once.
/// </remarks>
sealed class BrokerTransport : ITransport
{
    /// <summary>Attempts under way at once; each holds content and document, 3 MiB at the most.</summary>
    internal const int AttemptsMax = 64;

    /// <summary>Of a whole attempt where the transport has no <c>timeout</c>; ten times what a broker that
    /// flushes to disk takes on a bad day.</summary>
    internal static readonly TimeSpan AttemptLimit = TimeSpan.FromMinutes(1);

    /// <summary>Of a look at the start.</summary>
    static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(30);

    static readonly EnhancedStatus SystemTrouble = new(4, 3, 0);

    readonly TransportOptions options;
    readonly InboundSource source;
    readonly BrokerLink link;
    readonly TimeProvider clock;
    readonly ClaimStore claims;
    readonly SemaphoreSlim attempts = new(AttemptsMax);

    /// <param name="link">Is this transport's from now on.</param>
    public BrokerTransport(
        string name, TransportOptions options, InboundSource source, BrokerLink link, TimeProvider clock)
    {
        Name = name;
        this.options = options;
        this.source = source;
        this.link = link;
        this.clock = clock;
        claims = ClaimStore.Open(options, source);
    }

    public string Name { get; }

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        var results = new List<AttemptResult>();
        var rest = await TryAttemptAsync(attempt, results, cancel).ConfigureAwait(false);
        while (results.Count < attempt.Recipients.Count)
            results.Add(rest ?? throw new UnreachableException());
        var took = clock.GetElapsedTime(started);
        return new AttemptReport(results, new AttemptFacts(Name, 0, TimeSpan.Zero, took, null))
        {
            Talk = recipient => Conversation.Of($"Publish to {link.Target}", results[recipient].Text, took),
        };
    }

    public async ValueTask<TransportFinding> CheckAsync(CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(CheckLimit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            return await link.CheckAsync(either.Token).ConfigureAwait(false) switch
            {
                null => new TransportFinding.Well([PublishOutcome.TopicAlarm, GoogleCredentials.Alarm]),
                PublishOutcome.Misconfigured wrong =>
                    new TransportFinding.Wrong(new AlarmNotice(wrong.Kind, wrong.Text, wrong.Mend)),
                _ => TransportFinding.Nothing,
            };
        }
        catch (OperationCanceledException)
        {
            return TransportFinding.Nothing;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await link.DisposeAsync().ConfigureAwait(false);
        claims.Dispose();
        attempts.Dispose();
    }

    /// <summary>Adds the results it reached; gives what holds for the recipients without one. Null: there are
    /// none.</summary>
    async ValueTask<AttemptResult?> TryAttemptAsync(
        Attempt attempt, List<AttemptResult> results, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(
            options.Timeout ?? AttemptLimit + claims.StoringMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            await attempts.WaitAsync(either.Token).ConfigureAwait(false);
            try
            {
                return await PublishAllAsync(attempt, results, either.Token).ConfigureAwait(false);
            }
            finally
            {
                attempts.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // Whether it was published is unknown, and a repeat is allowed: the id stays the same.
            return Down(cancel.IsCancellationRequested
                ? "The server stops" : "No answer within the transport's timeout");
        }
    }

    async ValueTask<AttemptResult?> PublishAllAsync(
        Attempt attempt, List<AttemptResult> results, CancellationToken cancel)
    {
        var described = await claims.DescribeAsync(
            attempt, Math.Min(options.InlineMax ?? link.InlineOctetsMax, link.InlineOctetsMax), cancel)
            .ConfigureAwait(false);
        if (described is not DescribedMail.Ready mail)
            return ((DescribedMail.Waits)described).Why;
        foreach (var recipient in attempt.Recipients)
        {
            var outcome = await link.PublishAsync(Compose(recipient), cancel).ConfigureAwait(false);
            if (outcome is PublishOutcome.Refused && mail.Content.Claim is null)
            {
                // The broker takes less than we thought: what is inside goes beside it.
                described = await claims.DescribeAsync(attempt, ClaimStore.NothingInline, cancel)
                    .ConfigureAwait(false);
                if (described is not DescribedMail.Ready beside)
                    return ((DescribedMail.Waits)described).Why;
                mail = beside;
                outcome = await link.PublishAsync(Compose(recipient), cancel).ConfigureAwait(false);
            }
            var result = Judge(outcome);
            if (result is AttemptResult.NextHopDown)
                return result;
            results.Add(result);
        }
        return null;

        BrokerMessage Compose(Recipient recipient)
        {
            var attributes = new MapField<string, string>();
            PubSubTransport.PutAttributes(
                attributes, PubSubFormat.Json, source, attempt, recipient, mail.Content, mail.Mail);
            return new BrokerMessage(
                InboundDocument.IdOf(recipient), recipient.Address.ToString().ToLowerInvariant(),
                mail.Document.Write(recipient), attributes.ToDictionary(StringComparer.Ordinal));
        }
    }

    AttemptResult Judge(PublishOutcome outcome) => outcome switch
    {
        PublishOutcome.Published { MessageId: var id } => new AttemptResult.Relayed(
            new EnhancedStatus(2, 0, 0), $"published to {link.Target} as {id}", id, HandOver.Final),
        PublishOutcome.Unavailable { Text: var text } => Down(text),
        PublishOutcome.Misconfigured wrong => new AttemptResult.NextHopDown(
            SystemTrouble, wrong.Text, NextHopTrouble.Refusing)
        {
            Alarm = new AlarmNotice(wrong.Kind, wrong.Text, wrong.Mend),
        },
        // RFC 3463 §3.4: message too big for system.
        PublishOutcome.Refused { Text: var text } =>
            new AttemptResult.Failed(new EnhancedStatus(5, 3, 4), text),
        _ => throw new UnreachableException(),
    };

    static AttemptResult.NextHopDown Down(string text) =>
        new(SystemTrouble, text, NextHopTrouble.Unreachable);
}
