using System.Globalization;

namespace Postern.Smtp.Client;

/// <summary>What a relay offers.</summary>
/// <param name="Mechanisms">SASL mechanisms in the order offered, upper case.</param>
/// <param name="OctetsMax">SIZE (RFC 1870 §4). Null when the peer names no limit.</param>
public sealed record Capabilities(Extensions Extensions, IReadOnlyList<string> Mechanisms, long? OctetsMax)
{
    /// <summary>After HELO.</summary>
    public static readonly Capabilities None = new(Extensions.None, [], null);

    public bool Has(Extensions extension) => (Extensions & extension) == extension;

    /// <summary>Reads the lines after the first one; what is unknown is skipped.</summary>
    public static Capabilities Parse(Reply ehlo)
    {
        var found = Extensions.None;
        var mechanisms = new List<string>();
        long? octetsMax = null;
        for (var i = 1; i < ehlo.Lines.Count; i++)
        {
            var words = ehlo.Lines[i].ToUpperInvariant().Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
                continue;
            // Deviation: "AUTH=" is how servers from before RFC 2554 said it; some still send only that.
            if (words[0].StartsWith("AUTH=", StringComparison.Ordinal))
                words = ["AUTH", words[0]["AUTH=".Length..], .. words[1..]];
            found |= Named(words[0]);
            if (words[0] == "AUTH")
                mechanisms.AddRange(words[1..].Except(mechanisms));
            // RFC 1870 §4: zero means no fixed limit.
            if (words is ["SIZE", var size]
                && long.TryParse(
                    size, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 0)
                octetsMax = limit;
        }
        return new Capabilities(found, mechanisms, octetsMax);
    }

    static Extensions Named(string keyword) => keyword switch
    {
        "PIPELINING" => Extensions.Pipelining,
        "SIZE" => Extensions.Size,
        "8BITMIME" => Extensions.EightBitMime,
        "SMTPUTF8" => Extensions.SmtpUtf8,
        "CHUNKING" => Extensions.Chunking,
        "DSN" => Extensions.Dsn,
        "STARTTLS" => Extensions.StartTls,
        "AUTH" => Extensions.Auth,
        "ENHANCEDSTATUSCODES" => Extensions.EnhancedStatusCodes,
        _ => Extensions.None,
    };
}

/// <summary>Extensions of an EHLO reply that the client knows (RFC 5321 §4.1.1.1).</summary>
[Flags]
public enum Extensions
{
    None = 0,
    Pipelining = 1,
    Size = 2,
    EightBitMime = 4,
    SmtpUtf8 = 8,
    Chunking = 16,
    Dsn = 32,
    StartTls = 64,
    Auth = 128,
    EnhancedStatusCodes = 256,
}
