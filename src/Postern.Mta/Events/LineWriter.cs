using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Postern.Mta.Events;

/// <summary>Writes the pieces of one log line as UTF-8. What a peer said goes through <see cref="Text"/>
/// alone.</summary>
/// <remarks>No text can throw, end the line, or reach a terminal as a control sequence.</remarks>
readonly struct LineWriter(IBufferWriter<byte> output, UnsafeCharacters unsafeCharacters)
{
    /// <summary>Longer texts are cut, in every format: a line stays readable and within what syslog relays
    /// take.</summary>
    public const int TextCharactersMax = 1024;

    /// <summary>Our own words, as they are.</summary>
    public LineWriter Write(ReadOnlySpan<byte> utf8)
    {
        output.Write(utf8);
        return this;
    }

    /// <summary>Our own words.</summary>
    public LineWriter Write(string text)
    {
        Encoding.UTF8.GetBytes(text, output);
        return this;
    }

    public LineWriter Number(long value)
    {
        var span = output.GetSpan(20);
        Utf8Formatter.TryFormat(value, span, out var written);
        output.Advance(written);
        return this;
    }

    /// <summary>Text of unknown origin; null counts as empty.</summary>
    public LineWriter Text(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return this;
        var shown = text.AsSpan(0, Math.Min(text.Length, TextCharactersMax));
        if (shown.IndexOfAnyExceptInRange(' ', '~') < 0)
            Encoding.UTF8.GetBytes(shown, output);
        else
            WriteRunes(shown);
        if (shown.Length < text.Length)
            output.Write("..."u8);
        return this;
    }

    public LineWriter EndLine() => Write("\n"u8);

    void WriteRunes(ReadOnlySpan<char> text)
    {
        Span<byte> octets = stackalloc byte[4];
        // A lone surrogate is enumerated as U+FFFD.
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsSafe(rune))
                output.Write(octets[..rune.EncodeToUtf8(octets)]);
            else if (unsafeCharacters == UnsafeCharacters.AsQuestionMark)
                output.Write("?"u8);
            else
                Write(string.Create(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:X}}}"));
        }
    }

    /// <summary>Format characters are not: bidirectional controls reorder what a reader sees.</summary>
    static bool IsSafe(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or
        UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or
        UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}

/// <summary>How a log line shows a character that could steer a terminal or forge a line.</summary>
enum UnsafeCharacters
{
    /// <summary>As a question mark, like Postfix.</summary>
    AsQuestionMark,

    /// <summary>As <c>\u{1B}</c>.</summary>
    AsEscape,
}
