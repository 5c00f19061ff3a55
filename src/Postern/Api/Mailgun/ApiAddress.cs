using System.Text;
using MimeKit;
using MimeKit.Utils;
using Mailbox = Postern.Smtp.Mailbox;

namespace Postern.Api.Mailgun;

/// <summary>An address of a form, with the name before it.</summary>
/// <param name="Name">Decoded. Empty: none.</param>
sealed record ApiAddress(string Name, Mailbox Mailbox)
{
    public MailboxAddress ToMime() => new(Encoding.UTF8, Name, Mailbox.ToString());

    /// <summary>Reads a list as Mailgun's clients write it: commas between addresses, names with commas of
    /// their own and without quotes, in single quotes, encoded, or empty.</summary>
    /// <returns>Null: one of them is no address.</returns>
    public static List<ApiAddress>? ParseList(string text)
    {
        var found = new List<ApiAddress>();
        var waiting = "";
        foreach (var piece in Pieces(text))
        {
            waiting = waiting.Length == 0 ? piece : $"{waiting},{piece}";
            if (string.IsNullOrWhiteSpace(waiting))
                waiting = "";
            // A piece without an address is the beginning of the next one's name.
            else if (waiting.Contains('@', StringComparison.Ordinal))
            {
                if (Parse(waiting.Trim()) is not { } address)
                    return null;
                found.Add(address);
                waiting = "";
            }
        }
        return waiting.Length > 0 ? null : found;
    }

    /// <summary>Between commas that stand outside of quotes and angle brackets.</summary>
    static IEnumerable<string> Pieces(string text)
    {
        var (start, isQuoted, isAngled) = (0, false, false);
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\\' when isQuoted:
                    i++;
                    break;
                case '"':
                    isQuoted = !isQuoted;
                    break;
                case '<' when !isQuoted:
                    isAngled = true;
                    break;
                case '>' when !isQuoted:
                    isAngled = false;
                    break;
                case ',' when !isQuoted && !isAngled:
                    yield return text[start..i];
                    start = i + 1;
                    break;
            }
        }
        yield return text[start..];
    }

    static ApiAddress? Parse(string text)
    {
        var name = "";
        if (text.EndsWith('>') && text.LastIndexOf('<') is var open && open >= 0)
        {
            name = NameOf(text[..open].Trim());
            text = text[(open + 1)..^1].Trim();
        }
        return Mailbox.TryParse(text, out var mailbox) && mailbox.Domain.Length > 0
            ? new ApiAddress(name, mailbox) : null;
    }

    static string NameOf(string text)
    {
        if (text is ['"', .., '"'] && text.Length > 1)
            return MimeUtils.Unquote(text);
        if (text is ['\'', .., '\''] && text.Length > 1)
            return text[1..^1];
        return text.Contains("=?", StringComparison.Ordinal)
            ? Rfc2047.DecodePhrase(Encoding.UTF8.GetBytes(text)) : text;
    }
}
