using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

/// <summary>Texts of peers as they stand in spans: printable and short, and without addresses where those are
/// not wanted.</summary>
static class SpanText
{
    /// <summary>More of a reply than anybody reads in a trace.</summary>
    const int CharactersMax = 256;

    /// <summary>Addresses of one span.</summary>
    const int AddressesMax = 50;

    /// <summary>Addresses whose names are looked for in a reply.</summary>
    const int NamesMax = 100;

    /// <summary>A shorter name hides a word only where it is the whole of it.</summary>
    const int NameCharactersMin = 3;

    const string Hidden = "[address]";

    public static string Of(string text) => Replies.Clean(text, CharactersMax);

    public static string[] Of(IEnumerable<Mailbox> mailboxes) =>
        Of(mailboxes.Take(AddressesMax).Select(mailbox => mailbox.ToString()));

    public static string[] Of(IEnumerable<string> addresses) =>
        [.. addresses.Take(AddressesMax).Select(Of)];

    /// <summary>Without words that are addresses, or name one of these by the part before its @.</summary>
    public static string Without(string text, IEnumerable<string?> addresses)
    {
        var names = addresses.Take(NamesMax).OfType<string>()
            .Select(address => address.LastIndexOf('@') is > 0 and var at ? address[..at] : address)
            .Where(name => name.Length > 0).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        // Cut first: half an address at the end would not be known for one.
        var words = text[..Math.Min(text.Length, 2 * CharactersMax)].Split([' ', '\t', '\r', '\n']);
        for (var i = 0; i < words.Length; i++)
        {
            if (IsAddress(words[i], names) || (i == words.Length - 1 && text.Length > 2 * CharactersMax))
                words[i] = Hidden;
        }
        return Of(string.Join(' ', words));
    }

    static bool IsAddress(string word, List<string> names) => word.Contains('@', StringComparison.Ordinal)
        || names.Exists(name => name.Length >= NameCharactersMin
            ? word.Contains(name, StringComparison.OrdinalIgnoreCase)
            : word.Trim('<', '>', '"', '\'', '(', ')', ',', ';', ':', '.', '[', ']')
                .Equals(name, StringComparison.OrdinalIgnoreCase));
}
