using System.Text;

namespace Postern.Smtp;

/// <summary>Three digits and text from a peer or to a peer (RFC 5321 §4.2).</summary>
/// <remarks>Immutable. <see cref="Lines"/> hold the text without code, enhanced status and line
/// end.</remarks>
public sealed class Reply
{
    byte[]? encoded;

    public Reply(int code, EnhancedStatus? status, params IReadOnlyList<string> lines)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(code, 200);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, 599);
        Code = code;
        Status = status;
        Lines = lines.Count == 0 ? [""] : lines;
    }

    /// <summary>200 to 599; the first digit decides (RFC 5321 §4.2.1).</summary>
    public int Code { get; }

    /// <summary>RFC 2034. Null where the peer gave none, or where none belongs (greeting, EHLO).</summary>
    public EnhancedStatus? Status { get; }

    /// <summary>At least one line. A peer's text is kept as it came: escape it wherever it is
    /// shown.</summary>
    public IReadOnlyList<string> Lines { get; }

    public bool IsPositive => Code is >= 200 and <= 299;
    public bool IsIntermediate => Code is >= 300 and <= 399;
    public bool IsTransient => Code is >= 400 and <= 499;
    public bool IsPermanent => Code >= 500;

    /// <summary>All lines in one, as logs and reports show a reply: <c>550 5.1.1 no such user
    /// here</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append(Code);
        if (Status is { } status)
            text.Append(' ').Append(status.ToString());
        foreach (var line in Lines)
            text.Append(' ').Append(line);
        return text.ToString();
    }

    /// <summary>The octets that go out, CRLF after each line; made once. Text must hold no CR or
    /// LF.</summary>
    /// <remarks>An array behind it, not a memory: replies are shared, and an array is published in one
    /// write.</remarks>
    public ReadOnlyMemory<byte> Encoded => encoded ??= Encode();

    byte[] Encode()
    {
        var text = new StringBuilder();
        for (var i = 0; i < Lines.Count; i++)
        {
            // One writer for every reply: a CR or LF inside a line would be a second reply.
            if (Lines[i].AsSpan().ContainsAny('\r', '\n', '\0'))
                throw new InvalidOperationException("A reply line holds CR, LF or NUL.");
            text.Append(Code).Append(i == Lines.Count - 1 ? ' ' : '-');
            if (Status is { } status)
                text.Append(status.ToString()).Append(' ');
            text.Append(Lines[i]).Append("\r\n");
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
