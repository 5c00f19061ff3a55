namespace Postern.Smtp.Server;

/// <summary>What was said so far since MAIL. RSET is <c>transaction = null</c>.</summary>
public sealed class MailTransaction(ReversePath reversePath, MailParameters parameters)
{
    readonly List<EnvelopeRecipient> recipients = [];

    public ReversePath ReversePath { get; } = reversePath;
    public MailParameters Parameters { get; } = parameters;
    public IReadOnlyList<EnvelopeRecipient> Recipients => recipients;

    /// <summary>The policy's own notes on this transaction, for example the routes found at RCPT.</summary>
    public object? Notes { get; set; }

    public void Add(EnvelopeRecipient recipient) => recipients.Add(recipient);

    public Envelope ToEnvelope() => new(ReversePath, Parameters, [.. recipients]);
}
