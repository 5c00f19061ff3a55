using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Postern.Smtp.Client;

/// <summary>The one writer of command lines: a line that holds CR, LF or NUL never leaves.</summary>
sealed class CommandWriter(OutputBuffer output)
{
    static readonly SearchValues<byte> LineBreakers = SearchValues.Create("\r\n\0"u8);

    int lineStart;

    /// <summary>Begins a line with its verb.</summary>
    public CommandWriter Begin(ReadOnlySpan<byte> verb)
    {
        lineStart = output.Count;
        output.Append(verb);
        return this;
    }

    public CommandWriter Add(ReadOnlySpan<byte> octets)
    {
        output.Append(octets);
        return this;
    }

    public CommandWriter Add(string text)
    {
        var span = output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
        output.Advance(Encoding.UTF8.GetBytes(text, span));
        return this;
    }

    public CommandWriter Add(long number)
    {
        Utf8Formatter.TryFormat(number, output.GetSpan(20), out var written);
        output.Advance(written);
        return this;
    }

    /// <summary>A path in angle brackets; null is <c>&lt;&gt;</c>.</summary>
    public CommandWriter AddPath(Mailbox? mailbox)
    {
        output.Append("<"u8);
        if (mailbox is not null)
            Add(mailbox.ToString());
        output.Append(">"u8);
        return this;
    }

    /// <summary>
    /// xtext (RFC 3461 §4): printable ASCII as it is, save "+" and "=", everything else as +HH.
    /// </summary>
    public CommandWriter AddXtext(string text)
    {
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            if (octet is > (byte)' ' and < 127 and not (byte)'+' and not (byte)'=')
            {
                output.Append([octet]);
                continue;
            }
            output.Append("+"u8);
            Utf8Formatter.TryFormat(octet, output.GetSpan(2), out var written, new StandardFormat('X', 2));
            output.Advance(written);
        }
        return this;
    }

    /// <summary>
    /// base64 of a SASL response; "=" alone for an empty initial response is the caller's (RFC 4954 §4).
    /// </summary>
    public CommandWriter AddBase64(ReadOnlySpan<byte> octets)
    {
        var span = output.GetSpan(Base64.GetMaxEncodedToUtf8Length(octets.Length));
        Base64.EncodeToUtf8(octets, span, out _, out var written);
        output.Advance(written);
        return this;
    }

    /// <summary>
    /// Ends the line with CRLF, or takes it back and throws when it would be more than one line.
    /// </summary>
    public void End()
    {
        if (output.From(lineStart).ContainsAny(LineBreakers))
        {
            output.CutTo(lineStart);
            throw new InvalidOperationException("A command line holds CR, LF or NUL.");
        }
        output.Append("\r\n"u8);
    }
}
