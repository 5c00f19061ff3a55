using System.Text;

namespace Postern.Cli;

/// <summary>Text for a terminal: a peer's control characters never reach it.</summary>
static class Output
{
    public static void Error(string message, string? mend)
    {
        var line = mend is null ? message : $"{message}; {mend}";
        Console.Error.WriteLine("postern: " + Clean(line));
    }

    /// <summary>Control and format characters as <c>\u{...}</c>, so that no text moves the cursor or hides
    /// itself.</summary>
    public static string Clean(string text)
    {
        var cleaned = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsControl(rune)
                || Rune.GetUnicodeCategory(rune) == System.Globalization.UnicodeCategory.Format)
                cleaned.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
            else
                cleaned.Append(rune.ToString());
        }
        return cleaned.ToString();
    }
}
