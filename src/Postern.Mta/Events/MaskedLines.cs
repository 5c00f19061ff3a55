using System.Buffers;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

/// <summary>Another format, in which nobody is named: addresses are masked before they get there.</summary>
/// <remarks>Ids of mail stay whole: what is looked for in the log is a message.</remarks>
sealed class MaskedLines(LineFormat inner) : LineFormat
{
    static readonly EventTexts texts = new(MaskedText.Of, static id => id);

    public override bool NeedsProgress => inner.NeedsProgress;

    public override void Event(IBufferWriter<byte> output, StoredEvent stored, RecipientProgress progress) =>
        inner.Event(output, stored with { Event = texts.Rewrite(stored.Event) }, progress);

    public override void Connected(IBufferWriter<byte> output, SessionFacts session, DateTimeOffset at) =>
        inner.Connected(output, Masked(session), at);

    public override void Refused(IBufferWriter<byte> output, SessionRefusal refusal) =>
        inner.Refused(output, refusal with
        {
            Session = Masked(refusal.Session),
            Argument = MaskedText.Of(refusal.Argument),
            Reply = new Reply(
                refusal.Reply.Code, refusal.Reply.Status, [.. refusal.Reply.Lines.Select(MaskedText.Of)]),
            Sender = MaskedOrNull(refusal.Sender),
            Recipient = MaskedOrNull(refusal.Recipient),
        });

    public override void Ended(IBufferWriter<byte> output, SessionFacts session, SessionEnd end,
        DateTimeOffset at) => inner.Ended(output, Masked(session), end, at);

    public override void Lost(IBufferWriter<byte> output, long lines, DateTimeOffset at) =>
        inner.Lost(output, lines, at);

    /// <summary>What a log shows of it.</summary>
    static SessionFacts Masked(SessionFacts session) => new()
    {
        Listener = session.Listener,
        Kind = session.Kind,
        Remote = session.Remote,
        Local = session.Local,
        StartedAt = session.StartedAt,
        Helo = MaskedOrNull(session.Helo),
        IsExtended = session.IsExtended,
        Tls = session.Tls,
        UserName = MaskedOrNull(session.UserName),
        Mechanism = session.Mechanism,
        Counts = session.Counts,
    };

    static string? MaskedOrNull(string? text) => text is null ? null : MaskedText.Of(text);
}
