using System.Text;
using Google.Protobuf.Collections;

namespace Postern.Mta.Transports.PubSub;

/// <summary>Attributes of one Pub/Sub message, kept within the service's limits: emulators do not check
/// them.</summary>
static class PubSubAttributes
{
    public const int CountMax = 100;
    public const int KeyOctetsMax = 256;
    public const int ValueOctetsMax = 1024;

    /// <summary>Adds a value without control characters, cut at the limit; nothing for null and empty
    /// ones.</summary>
    public static void Put(this MapField<string, string> attributes, string key, string? value)
    {
        if (key.Length == 0 || Encoding.UTF8.GetByteCount(key) > KeyOctetsMax
            || key.StartsWith("goog", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"\"{key}\" is no name of an attribute", nameof(key));
        if (string.IsNullOrEmpty(value) || (attributes.Count == CountMax && !attributes.ContainsKey(key)))
            return;
        var kept = Cut(value);
        if (kept.Length > 0)
            attributes[key] = kept;
    }

    static string Cut(string value)
    {
        var kept = new StringBuilder();
        var octets = 0;
        // Runes, so that neither a character of several octets nor a surrogate pair is split.
        foreach (var rune in value.EnumerateRunes())
        {
            if (Rune.IsControl(rune))
                continue;
            octets += rune.Utf8SequenceLength;
            if (octets > ValueOctetsMax)
                break;
            kept.Append(rune.ToString());
        }
        return kept.ToString();
    }
}
