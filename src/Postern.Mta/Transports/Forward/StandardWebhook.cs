using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Postern.Mta.Transports.Forward;

/// <summary>Signs what is posted as Standard Webhooks 1.0 has it: id, moment and body, by
/// HMAC-SHA256.</summary>
static class StandardWebhook
{
    public const string IdHeader = "webhook-id";
    public const string TimestampHeader = "webhook-timestamp";
    public const string SignatureHeader = "webhook-signature";

    /// <summary>Before a key in base64, as the libraries write it.</summary>
    const string KeyPrefix = "whsec_";

    /// <summary>Reads <c>whsec_</c> and base64, or takes the octets as they are.</summary>
    public static bool TryReadKey(string text, [NotNullWhen(true)] out byte[]? key)
    {
        if (!text.StartsWith(KeyPrefix, StringComparison.Ordinal))
        {
            key = Encoding.UTF8.GetBytes(text);
            return true;
        }
        var base64 = text[KeyPrefix.Length..];
        var octets = new byte[base64.Length];
        key = Convert.TryFromBase64String(base64, octets, out var length) && length > 0
            ? octets[..length]
            : null;
        return key is not null;
    }

    /// <param name="timestamp">Seconds since 1970, in decimal.</param>
    public static string Sign(byte[] key, string id, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hash.AppendData(Encoding.UTF8.GetBytes($"{id}.{timestamp}."));
        hash.AppendData(body);
        return $"v1,{Convert.ToBase64String(hash.GetHashAndReset())}";
    }
}
