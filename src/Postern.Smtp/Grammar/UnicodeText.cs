using System.Text;

namespace Postern.Smtp;

/// <summary>Texts of anybody in one of Unicode's normal forms.</summary>
public static class UnicodeText
{
    /// <summary>What the framework refuses to normalise, half a surrogate pair and U+FFFE, is U+FFFD
    /// afterwards; nothing throws.</summary>
    public static string Normalize(string text, NormalizationForm form)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0)
            text = string.Concat(text.EnumerateRunes());
        return text.Replace('\uFFFE', '\uFFFD').Normalize(form);
    }
}
