using Postern.Mta.Queue;

namespace Postern.Mta.Tracking;

/// <summary>What a link of ours in a message means.</summary>
/// <param name="Recipient">Number of the recipient whose copy it stands in.</param>
/// <param name="Text">Of a click the target; of the kinds that unsubscribe what
/// <see cref="Subscriber"/> says; else empty.</param>
public sealed record TrackingToken(
    TrackingKind Kind, QueueId Message, int Recipient, DateTimeOffset IssuedAt, string Text);

/// <summary>The letter of each stands in the token.</summary>
public enum TrackingKind : byte
{
    Click = (byte)'c',
    Open = (byte)'o',

    /// <summary>From the mail of the message's tags.</summary>
    UnsubscribeTags = (byte)'t',

    /// <summary>From all mail of the domain.</summary>
    Unsubscribe = (byte)'u',
}

/// <summary>Whose mail of which domain: the link works as long as anybody has the message, and its events may
/// be gone by then.</summary>
/// <param name="Domain">As the configuration spells it.</param>
public readonly record struct Subscriber(string Domain, string Address)
{
    /// <summary>No part of it has a line end.</summary>
    public override string ToString() => $"{Domain}\n{Address}";

    public static Subscriber Parse(string text)
    {
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        return end < 0 ? new Subscriber("", text) : new Subscriber(text[..end], text[(end + 1)..]);
    }
}
