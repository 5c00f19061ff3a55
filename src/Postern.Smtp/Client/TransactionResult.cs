namespace Postern.Smtp.Client;

/// <summary>How one mail transaction ended.</summary>
public abstract record TransactionResult
{
    TransactionResult()
    {
    }

    /// <summary>
    /// All content was sent and answered; the reply (2xx, 4xx or 5xx) holds for each accepted recipient.
    /// </summary>
    /// <param name="Recipients">One for each recipient of the envelope, in its order.</param>
    public sealed record Completed(IReadOnlyList<RecipientReply> Recipients, Reply FinalReply)
        : TransactionResult;

    /// <summary>Over LMTP: all content was sent, and each accepted recipient has a reply of its own
    /// (RFC 2033 §4.2).</summary>
    /// <param name="Recipients">One for each recipient of the envelope, in its order.</param>
    /// <param name="FinalReplies">In the same order. Null: its RCPT was refused, or the reply is
    /// missing.</param>
    /// <param name="Missing">Why replies are missing: those recipients may have been delivered. Null: none
    /// are.</param>
    public sealed record Delivered(
        IReadOnlyList<RecipientReply> Recipients, IReadOnlyList<Reply?> FinalReplies,
        MissingReplies? Missing)
        : TransactionResult
    {
        /// <summary>The connection is over.</summary>
        public bool IsOver => Missing is not null || FinalReplies.Any(reply => reply is { Code: 421 });
    }

    /// <summary>MAIL was answered 4xx or 5xx.</summary>
    public sealed record MailRefused(Reply Reply) : TransactionResult;

    /// <summary>Every RCPT was answered 4xx or 5xx; no content was sent.</summary>
    public sealed record NoRecipientAccepted(IReadOnlyList<RecipientReply> Recipients) : TransactionResult;

    /// <summary>DATA, or a chunk before the last one, was answered 4xx or 5xx.</summary>
    public sealed record DataRefused(SmtpStage Stage, Reply Reply, IReadOnlyList<RecipientReply> Recipients)
        : TransactionResult;

    /// <summary>421: the service is closing this connection (RFC 5321 §3.8). Nothing was accepted.</summary>
    /// <param name="Recipients">Those answered before, in the order of the envelope.</param>
    public sealed record PeerClosing(
        SmtpStage Stage, Reply Reply, IReadOnlyList<RecipientReply> Recipients)
        : TransactionResult;

    /// <summary>
    /// The content needs an extension that is not offered. MAIL was not sent; the connection is fine.
    /// </summary>
    public sealed record NotOffered(NeededExtension Extension) : TransactionResult;

    /// <summary>
    /// The content is larger than the peer's SIZE (RFC 1870 §4). MAIL was not sent; the connection is fine.
    /// </summary>
    public sealed record TooLarge(long Octets, long OctetsMax) : TransactionResult;

    /// <summary>
    /// A kept connection had been closed by the peer before MAIL. Nothing was sent: try a fresh connection.
    /// </summary>
    public sealed record ClosedWhileIdle(string Detail) : TransactionResult
    {
        /// <summary>MAIL went out with the end of the content before it, and was not answered.</summary>
        public bool WasDeaf { get; init; }
    }

    /// <summary>No answer, and the end of the content was not sent: nothing was accepted.</summary>
    /// <param name="Recipients">Those answered before, in the order of the envelope.</param>
    /// <param name="Detail">What happened, in words; never empty.</param>
    public sealed record Lost(
        SmtpStage Stage, LossCause Cause, string Detail, IReadOnlyList<RecipientReply> Recipients)
        : TransactionResult;

    /// <summary>
    /// No answer after the end of the content was sent: the peer may have accepted it (RFC 5321 §6.1).
    /// </summary>
    /// <param name="Recipients">Those whose RCPT was answered, in the order of the envelope.</param>
    public sealed record Uncertain(LossCause Cause, string Detail, IReadOnlyList<RecipientReply> Recipients)
        : TransactionResult;
}

/// <summary>The connection ended before all replies had come.</summary>
public sealed record MissingReplies(LossCause Cause, string Detail);

/// <summary>What the peer said to RCPT of one recipient.</summary>
public readonly record struct RecipientReply(EnvelopeRecipient Recipient, Reply Reply)
{
    public bool IsAccepted => Reply.IsPositive;
}

/// <summary>What a message may need of its next hop.</summary>
public enum NeededExtension
{
    /// <summary>RFC 6152: an octet over 127 in the content.</summary>
    EightBitMime,

    /// <summary>RFC 6531: an octet over 127 in an address or the header section.</summary>
    SmtpUtf8,

    /// <summary>RFC 3207: it is not to go over a session in the clear.</summary>
    StartTls,
}
