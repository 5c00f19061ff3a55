using System.Globalization;
using System.Text;

namespace Postern.Smtp.Sasl;

/// <summary>The form in which user names and passwords are compared (RFC 5802 §2.2, after RFC
/// 4013).</summary>
/// <remarks>
/// Non-ASCII spaces become a space, characters that mean nothing are dropped, the rest is put into NFKC; so
/// the NFC and the NFD form of one password are the same. Deviation from RFC 4013: unassigned code points are
/// judged by the Unicode version of the class library, not 3.2, and the bidirectional rule of §2.4 is not
/// applied; people with right-to-left passwords that break it can still log in.
/// </remarks>
public static class SaslPrep
{
    /// <summary>The prepared form; null when a character is prohibited (controls, private use,
    /// surrogates...).</summary>
    public static string? Prepare(string text)
    {
        if (Ascii.IsValid(text))
            return text.AsSpan().ContainsAnyInRange('\0', '\u001f') || text.Contains('\u007f') ? null : text;
        var mapped = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length;)
        {
            // U+FFFE is of table C.4, and normalising would throw.
            if (!Rune.TryGetRuneAt(text, i, out var rune) || rune.Value == 0xFFFE)
                return null;
            i += rune.Utf16SequenceLength;
            if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator)
                mapped.Append(' ');
            else if (!IsMappedToNothing(rune.Value))
                mapped.Append(rune);
        }
        var prepared = mapped.ToString().Normalize(NormalizationForm.FormKC);
        foreach (var rune in prepared.EnumerateRunes())
        {
            if (IsProhibited(rune))
                return null;
        }
        return prepared;
    }

    // RFC 3454 table B.1.
    static bool IsMappedToNothing(int value) =>
        value is 0x00AD or 0x034F or 0x1806 or 0x2060 or 0xFEFF
            or (>= 0x180B and <= 0x180D) or (>= 0x200B and <= 0x200D) or (>= 0xFE00 and <= 0xFE0F);

    // RFC 4013 §2.3, by general category.
    static bool IsProhibited(Rune rune) =>
        rune.Value is 0xFFFC or 0xFFFD
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
