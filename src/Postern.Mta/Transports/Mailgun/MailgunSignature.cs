using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Postern.Mta.Events;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>The signature of a webhook: of its moment and its token, not of what it says.</summary>
/// <param name="Timestamp">Seconds since 1970, in decimal.</param>
/// <param name="Token">Counts once.</param>
/// <param name="Hex">HMAC-SHA256 of both, one after the other.</param>
public sealed record MailgunSignature(string Timestamp, string Token, string Hex)
{
    const int TimestampDigitsMax = 12;
    const int TokenCharactersMax = 100;

    /// <summary>As Mailgun's; some consumers compare the length.</summary>
    const int TokenHexDigits = 50;

    /// <summary>Of now, with a new token: receivers take a moment that is minutes old, and a token
    /// once.</summary>
    public static MailgunSignature Make(string key, DateTimeOffset now)
    {
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var token = RandomNumberGenerator.GetHexString(TokenHexDigits, lowercase: true);
        return new MailgunSignature(timestamp, token, Sign(key, timestamp, token));
    }

    /// <summary>What Mailgun writes, in lower case.</summary>
    public static string Sign(string key, string timestamp, string token) => Convert.ToHexStringLower(
        HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(timestamp + token)));

    /// <summary>Finds the member <c>signature</c> of a webhook without building a tree of it.</summary>
    /// <returns>Null: there is none, or the body is no JSON object.</returns>
    public static MailgunSignature? Find(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isIt = reader.ValueTextEquals("signature"u8);
                if (!reader.Read())
                    return null;
                if (isIt)
                    return Read(ref reader);
                reader.Skip();
            }
            return null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    static MailgunSignature? Read(ref Utf8JsonReader reader)
    {
        JsonElement? element = JsonElement.ParseValue(ref reader);
        // The manual calls it a number; it comes as text.
        var timestamp = element.Find("timestamp") is { ValueKind: JsonValueKind.Number } number
            ? number.GetRawText() : element.TextOf("timestamp");
        return timestamp is { Length: > 0 and <= TimestampDigitsMax }
            && !timestamp.AsSpan().ContainsAnyExceptInRange('0', '9')
            && element.TextOf("token") is { Length: > 0 and <= TokenCharactersMax } token
            && !token.AsSpan().ContainsAnyExceptInRange('!', '~')
            && element.TextOf("signature") is { Length: 2 * HMACSHA256.HashSizeInBytes } hex
            ? new MailgunSignature(timestamp, token, hex) : null;
    }

    /// <summary>It is of this key, and neither too old nor of a time to come.</summary>
    public bool IsValid(string key, DateTimeOffset now)
    {
        var ours = Encoding.ASCII.GetBytes(Sign(key, Timestamp, Token));
        var isOurs = CryptographicOperations.FixedTimeEquals(
            ours, Encoding.ASCII.GetBytes(Hex.ToLowerInvariant()));
        var age = now - DateTimeOffset.UnixEpoch
            - TimeSpan.FromSeconds(long.Parse(Timestamp, CultureInfo.InvariantCulture));
        return isOurs && age <= TokenMemory.SignatureAgeMax && -age <= TokenMemory.ClockAheadMax;
    }
}
