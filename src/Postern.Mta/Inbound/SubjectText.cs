using System.Globalization;
using System.Text;
using System.Text.Unicode;
using MimeKit.Utils;

namespace Postern.Mta.Inbound;

/// <summary>The Subject field in words, for whoever looks for a message; the octets are the truth.</summary>
static class SubjectText
{
    /// <summary>What is kept of it.</summary>
    public const int CharactersMax = 200;

    /// <summary>Octets of the field that are looked at: more than so many characters ever need in encoded
    /// words.</summary>
    const int OctetsMax = 4096;

    /// <summary>Decoded, on one line, without controls, at most <see cref="CharactersMax"/> long.</summary>
    /// <param name="head">The header section, which may say what the field's octets mean; what follows it is
    /// not read.</param>
    /// <param name="body">What stands behind the colon.</param>
    public static string Of(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        body = body[..Math.Min(body.Length, OctetsMax)].Trim(" \t\r\n"u8);
        if (!body.ContainsAnyExceptInRange((byte)' ', (byte)'~') && body.IndexOf("=?"u8) < 0)
            return Encoding.ASCII.GetString(body[..Math.Min(body.Length, CharactersMax)]);
        if (!Utf8.IsValid(body))
            // The charset of the body may name it, as for who reads the whole message.
            return Clean(MailHeader.Read(head[..Math.Min(head.Length, MailHeader.OctetsMax)])
                .TextOf("Subject") ?? "");
        MailCharsets.Register();
        var octets = EncodedWords.Mend(Unfold(body));
        return Clean(Rfc2047.DecodeText(MailHeader.Guess(octets), octets));
    }

    static byte[] Unfold(ReadOnlySpan<byte> body)
    {
        var unfolded = new byte[body.Length];
        var length = 0;
        foreach (var octet in body)
        {
            if (octet is not ((byte)'\r' or (byte)'\n' or 0))
                unfolded[length++] = octet;
        }
        return unfolded[..length];
    }

    static string Clean(string text)
    {
        var clean = new StringBuilder(Math.Min(text.Length, CharactersMax));
        foreach (var rune in text.AsSpan().Trim().EnumerateRunes())
        {
            if (clean.Length + rune.Utf16SequenceLength > CharactersMax)
                break;
            if (rune.Value == '\t')
                clean.Append(' ');
            else if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator))
                clean.Append(rune.ToString());
        }
        return clean.ToString();
    }
}
