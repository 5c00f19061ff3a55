namespace Postern.Smtp.Client;

/// <summary>What one transaction carries. It is known again by its identity.</summary>
public sealed class OutgoingMessage(Envelope envelope, ContentSource content)
{
    public Envelope Envelope => envelope;
    public ContentSource Content => content;

    /// <summary>It goes over an encrypted session or not at all.</summary>
    public bool NeedsTls { get; init; }

    public void Deconstruct(out Envelope itsEnvelope, out ContentSource itsContent) =>
        (itsEnvelope, itsContent) = (envelope, content);
}
