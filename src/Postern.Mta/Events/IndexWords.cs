using System.Globalization;
using System.Text;
using Postern.Smtp;

namespace Postern.Mta.Events;

/// <summary>Splits and folds texts into the words that the index of messages keeps, and those it is asked
/// for: both by the same rules.</summary>
/// <remarks>NFKC and small letters, so that a name is found however it was composed. No word holds a blank or
/// a control: the index splits at blanks alone.</remarks>
static class IndexWords
{
    /// <summary>The longest word that is told apart from others, in UTF-16 units.</summary>
    public const int CharactersMax = 128;

    /// <summary>The words of a text: letters, digits and marks that stand together.</summary>
    public static IEnumerable<string> OfText(string text)
    {
        var folded = Fold(text);
        var start = 0;
        for (var at = 0; at <= folded.Length;)
        {
            var length = 0;
            if (at < folded.Length && IsOfWord(folded, at, out length))
            {
                at += length;
                continue;
            }
            if (at > start)
                yield return Cut(folded[start..at]);
            at += Math.Max(1, length);
            start = at;
        }
    }

    /// <summary>An address is found by all of it, by its local part, with and without what follows a plus,
    /// by its domain, and by each label of that.</summary>
    public static IEnumerable<string> OfAddress(string address)
    {
        var whole = OfName(address);
        if (whole.Length == 0)
            yield break;
        yield return Cut(whole);
        var at = whole.LastIndexOf('@');
        if (at < 0)
            yield break;
        var local = whole[..at];
        yield return Cut(local);
        var plus = local.IndexOf('+', StringComparison.Ordinal);
        if (plus > 0)
            yield return Cut(local[..plus]);
        var domain = whole[(at + 1)..];
        yield return Cut(domain);
        foreach (var label in domain.Split('.', StringSplitOptions.RemoveEmptyEntries))
            yield return Cut(label);
    }

    /// <summary>One word whatever it holds, as for a tag or an id; empty for nothing.</summary>
    public static string OfName(string name)
    {
        var folded = Fold(name);
        if (!folded.Any(IsBlank))
            return folded;
        return string.Create(folded.Length, folded, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = IsBlank(from[i]) ? '_' : from[i];
        });
    }

    /// <summary>Not longer than the index keeps it.</summary>
    public static string Cut(string word)
    {
        if (word.Length <= CharactersMax)
            return word;
        return word[..(char.IsHighSurrogate(word[CharactersMax - 1]) ? CharactersMax - 1 : CharactersMax)];
    }

    public static string Fold(string text)
    {
        if (Ascii.IsValid(text))
            return text.ToLowerInvariant();
        return UnicodeText.Normalize(text, NormalizationForm.FormKC).ToLowerInvariant();
    }

    static bool IsBlank(char c) => char.IsWhiteSpace(c) || char.IsControl(c);

    static bool IsOfWord(string text, int at, out int length)
    {
        if (!Rune.TryGetRuneAt(text, at, out var rune))
        {
            length = 1;
            return false;
        }
        length = rune.Utf16SequenceLength;
        return Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark
            or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;
    }
}
