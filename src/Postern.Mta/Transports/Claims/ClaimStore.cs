using Postern.Mta.Inbound;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Transports.Claims;

/// <summary>Where messages lie that are too large to stand in what is published, so that it refers to
/// them.</summary>
/// <remarks>
/// Law: the name comes from the queue id, so that a retry finds what an earlier try stored. A message is
/// stored whole, and flushed or checked against its sums, before anything that refers to it goes out.
/// Whatever is wrong with the place is the next hop's fault: the mail waits and never fails for it.
/// </remarks>
abstract class ClaimStore(InboundSource source, InboundParse parse) : IDisposable
{
    /// <summary>The alarm about it.</summary>
    public const string Alarm = "claims";

    /// <summary>For <see cref="DescribeAsync"/>: whatever its size, it is stored.</summary>
    public const long NothingInline = -1;

    static readonly EnhancedStatus SystemTrouble = new(4, 3, 0);

    /// <summary>How long storing a message may take. Zero: no time worth counting.</summary>
    public virtual TimeSpan StoringMax => TimeSpan.Zero;

    /// <summary>The one that the transport's settings name.</summary>
    /// <exception cref="ArgumentException">They do not pass the validator.</exception>
    public static ClaimStore Open(TransportOptions options, InboundSource source)
    {
        if (options.ClaimBucket is not { } text)
            return new ClaimDirectory(options, source);
        if (source.Claims is not { } parts
            || !BucketAddress.TryParse(text, out var bucket, out _))
            throw new ArgumentException($"claim-bucket \"{text}\" cannot be used", nameof(options));
        return bucket.IsGoogle
            ? new GcsClaims(bucket, options, source, parts)
            : new S3Claims(bucket, options, source, parts);
    }

    /// <summary>Reads what is to be published; stores it first where it is larger than that.</summary>
    /// <exception cref="ContentDamagedException">It is not what was taken from the peer.</exception>
    public async ValueTask<DescribedMail> DescribeAsync(
        Attempt attempt, long inlineOctetsMax, CancellationToken cancel)
    {
        try
        {
            var outcome = attempt.Content.Octets <= inlineOctetsMax
                ? new ClaimOutcome.Stored(
                    await PublishedContent.ReadAsync(attempt.Content, cancel).ConfigureAwait(false))
                : await StoreAsync(attempt, cancel).ConfigureAwait(false);
            if (outcome is not ClaimOutcome.Stored { Content: var content })
                return new DescribedMail.Waits(((ClaimOutcome.Waits)outcome).Why);
            var (document, mail) = await content.DescribeAsync(attempt, source, parse, cancel)
                .ConfigureAwait(false);
            return new DescribedMail.Ready(content, document, mail);
        }
        catch (Exception e) when (e is (IOException and not ContentDamagedException)
            or UnauthorizedAccessException)
        {
            return new DescribedMail.Waits(Wrong(
                $"A large message cannot be put aside: {e.Message}",
                "make room, or see owner and mode of claim-directory and of the data directory",
                NextHopTrouble.Unreachable));
        }
    }

    protected InboundSource Source => source;

    public virtual void Dispose()
    {
    }

    /// <summary>Stores the message of an attempt, or finds it there.</summary>
    protected abstract ValueTask<ClaimOutcome> StoreAsync(Attempt attempt, CancellationToken cancel);

    protected static AttemptResult.NextHopDown Down(string text, TimeSpan? retryAfter = null) =>
        new(SystemTrouble, text, NextHopTrouble.Unreachable) { RetryAfter = retryAfter };

    protected static AttemptResult.NextHopDown Wrong(
        string text, string mend, NextHopTrouble trouble = NextHopTrouble.Refusing) =>
        new(SystemTrouble, text, trouble) { Alarm = new AlarmNotice(Alarm, text, mend) };
}

/// <summary>What came of storing a message.</summary>
abstract record ClaimOutcome
{
    ClaimOutcome()
    {
    }

    public sealed record Stored(PublishedContent Content) : ClaimOutcome;

    public sealed record Waits(AttemptResult.NextHopDown Why) : ClaimOutcome;
}

/// <summary>A message as it can be published, or why it cannot now.</summary>
abstract record DescribedMail
{
    DescribedMail()
    {
    }

    public sealed record Ready(PublishedContent Content, InboundDocument Document, MailDescription Mail)
        : DescribedMail;

    public sealed record Waits(AttemptResult.NextHopDown Why) : DescribedMail;
}

/// <summary>What stores on other machines need of the world.</summary>
/// <param name="Links">Signs addresses of files.</param>
/// <param name="HandlerFor">Makes connections to an endpoint.</param>
sealed record ClaimParts(TimeProvider Clock, ClaimLinks Links, Func<Uri, HttpMessageHandler> HandlerFor);
