using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Postern.Dashboard;

/// <summary>What somebody else wrote, as a page shows it: bounded, and with nothing in it that moves,
/// turns or hides text.</summary>
static class PeerText
{
    public const int CharactersMax = 1024;

    /// <summary>Joins letters and pictures in honest texts, and moves nothing.</summary>
    const int ZeroWidthNonJoiner = 0x200C;

    const int ZeroWidthJoiner = 0x200D;

    /// <summary>Controls and format characters as <c>\u{...}</c>. Razor escapes what is markup.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Shown(string? text)
    {
        if (text is null || (text.Length <= CharactersMax && !text.EnumerateRunes().Any(IsHidden)))
            return text;
        var shown = new StringBuilder(Math.Min(text.Length, CharactersMax) + 1);
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length >= CharactersMax)
                return shown.Append('…').ToString();
            if (IsHidden(rune))
                shown.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
            else
                shown.Append(rune.ToString());
        }
        return shown.ToString();
    }

    /// <summary>The same of a text of several lines, which stay lines.</summary>
    public static string ShownLines(string text) =>
        string.Join('\n', text.ReplaceLineEndings("\n").Split('\n').Select(Shown));

    static bool IsHidden(Rune rune) => Rune.IsControl(rune)
        || (Rune.GetUnicodeCategory(rune) == UnicodeCategory.Format
            && rune.Value is not (ZeroWidthJoiner or ZeroWidthNonJoiner));
}
