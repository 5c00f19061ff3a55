using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Tracking;

/// <summary>Tokens of links that only Postern can make: what they mean stands in them, and nothing is kept of
/// them.</summary>
/// <remarks>base64url of: version, kind, message (8 octets), recipient (4), second of issue (4), text; and
/// the first 16 octets of the HMAC-SHA256 of all that. They have no end: a link works as long as there is
/// the key.</remarks>
/// <param name="key">Kept in the store; whoever has it can make links that lead from us anywhere.</param>
public sealed class TrackingTokens(byte[] key)
{
    /// <summary>Of the text, in UTF-8.</summary>
    public const int TextOctetsMax = 2000;

    const string KeyName = "tracking";
    const int MacOctets = 16;
    const int HeadOctets = 18;
    const int OctetsMin = HeadOctets + MacOctets;
    const int OctetsMax = OctetsMin + TextOctetsMax;
    const int CharactersMax = (OctetsMax + 2) / 3 * 4;
    const byte Version = 1;

    /// <summary>The key of the store. Null: none was ever made.</summary>
    public static async ValueTask<TrackingTokens?> FindAsync(IMailStore store, CancellationToken cancel) =>
        await MacKey.FindAsync(store, KeyName, cancel).ConfigureAwait(false) is { } key
            ? new TrackingTokens(key) : null;

    /// <summary>The key of the store; the first time one is made and stored.</summary>
    /// <returns>Null: it could not be stored. Nothing is tracked then.</returns>
    public static async ValueTask<TrackingTokens?> OpenAsync(IMailStore store, CancellationToken cancel) =>
        await MacKey.OpenAsync(store, KeyName, cancel).ConfigureAwait(false) is { } key
            ? new TrackingTokens(key) : null;

    /// <exception cref="ArgumentException">Its text is too long.</exception>
    public string Make(TrackingToken token)
    {
        var length = HeadOctets + Encoding.UTF8.GetByteCount(token.Text);
        if (length > HeadOctets + TextOctetsMax)
            throw new ArgumentException("the text of a token is too long", nameof(token));
        var octets = new byte[length + MacOctets];
        octets[0] = Version;
        octets[1] = (byte)token.Kind;
        BinaryPrimitives.WriteInt64BigEndian(octets.AsSpan(2), token.Message.Value);
        BinaryPrimitives.WriteInt32BigEndian(octets.AsSpan(10), token.Recipient);
        BinaryPrimitives.WriteUInt32BigEndian(octets.AsSpan(14), (uint)token.IssuedAt.ToUnixTimeSeconds());
        Encoding.UTF8.GetBytes(token.Text, octets.AsSpan(HeadOctets));
        MacOf(octets.AsSpan(0, length)).CopyTo(octets.AsSpan(length));
        return Base64Url.EncodeToString(octets);
    }

    /// <summary>False: we did not make it.</summary>
    public bool TryRead(string text, [NotNullWhen(true)] out TrackingToken? token)
    {
        token = null;
        if (text.Length > CharactersMax
            || text.AsSpan().ContainsAnyExceptInRange('-', 'z') || !Base64Url.IsValid(text))
            return false;
        var octets = Base64Url.DecodeFromChars(text).AsSpan();
        if (octets.Length < OctetsMin)
            return false;
        var said = octets[..^MacOctets];
        if (!CryptographicOperations.FixedTimeEquals(MacOf(said), octets[^MacOctets..])
            || said[0] != Version || !Utf8.IsValid(said[HeadOctets..]))
            return false;
        token = new TrackingToken(
            (TrackingKind)said[1], new QueueId(BinaryPrimitives.ReadInt64BigEndian(said[2..])),
            BinaryPrimitives.ReadInt32BigEndian(said[10..]),
            DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadUInt32BigEndian(said[14..])),
            Encoding.UTF8.GetString(said[HeadOctets..]));
        return true;
    }

    byte[] MacOf(ReadOnlySpan<byte> octets) => HMACSHA256.HashData(key, octets)[..MacOctets];
}
