using System.Globalization;

namespace Postern.Mta.Events;

/// <summary>The peer's own words inside a result text.</summary>
/// <remarks>
/// A text is the bare reply (<c>250 2.0.0 Ok</c>), or Postfix's sentence around it (<c>host mx[192.0.2.1]
/// said: 550 5.1.1 no (in reply to RCPT TO command)</c>), or words of our own.
/// </remarks>
/// <param name="Code">The three digits. Null: no peer said anything.</param>
/// <param name="Text">The reply with its digits, or the whole text.</param>
readonly record struct PeerReply(int? Code, string Text)
{
    const string Said = " said: ";
    const string InReplyTo = " (in reply to ";

    public static PeerReply Find(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return new PeerReply(null, "");
        var said = text.IndexOf(Said, StringComparison.Ordinal);
        var reply = said < 0 ? text : text[(said + Said.Length)..];
        if (!TryReadCode(reply, out var code))
            return new PeerReply(null, text);
        var tail = reply.LastIndexOf(InReplyTo, StringComparison.Ordinal);
        return new PeerReply(code, said >= 0 && tail > 0 && reply.EndsWith(')') ? reply[..tail] : reply);
    }

    /// <summary>The reply without its digits.</summary>
    public string Words => Code is null ? Text : Text[Math.Min(4, Text.Length)..];

    static bool TryReadCode(string reply, out int code)
    {
        code = 0;
        return reply.Length >= 3 && (reply.Length == 3 || reply[3] is ' ' or '-')
            && int.TryParse(reply.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out code)
            && code is >= 200 and <= 599;
    }
}
