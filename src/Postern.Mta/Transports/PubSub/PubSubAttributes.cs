using System.Text;
using Google.Protobuf.Collections;
using Postern.Mta.Inbound;

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
        var kept = PlainText.Line(value, ValueOctetsMax);
        if (kept.Length > 0)
            attributes[key] = kept;
    }
}
