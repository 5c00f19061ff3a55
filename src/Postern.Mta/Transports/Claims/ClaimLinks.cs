using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Transports.Claims;

/// <summary>Links to messages that were put aside, each good for one message until one moment.</summary>
/// <remarks>Nothing is kept of them: who has a link may fetch, and a changed key ends them all. Before
/// <see cref="OpenAsync"/> none is made and none is good.</remarks>
public sealed class ClaimLinks(TimeProvider clock)
{
    /// <summary>The part of the path in front of the name.</summary>
    public const string Root = "/claims";

    const string KeyName = "claims";

    /// <summary>Of a number of seconds, so that nobody makes us read more.</summary>
    const int ExpiresCharactersMax = 12;

    byte[]? key;

    public bool IsOpen => Volatile.Read(ref key) is not null;

    /// <summary>Takes the key of the store; the first time one is made and stored. Without one nothing is
    /// signed, and mail that needs a link waits.</summary>
    public async ValueTask OpenAsync(IMailStore store, CancellationToken cancel) => Volatile.Write(
        ref key, await MacKey.OpenAsync(store, KeyName, cancel).ConfigureAwait(false));

    /// <param name="root">What links begin with (<c>claim-url</c>).</param>
    /// <returns>Null: there is no key.</returns>
    internal ClaimReference? Make(string root, QueueId id, TimeSpan life)
    {
        if (Volatile.Read(ref key) is not { } secret)
            return null;
        var expires = (clock.GetUtcNow() + life).ToUnixTimeSeconds();
        var text = expires.ToString(CultureInfo.InvariantCulture);
        return new ClaimReference(
            $"{root.TrimEnd('/')}/{ClaimDirectory.NameOf(id)}?expires={text}"
            + $"&signature={SignatureOf(secret, id, text)}",
            ExpiresAt: DateTimeOffset.FromUnixTimeSeconds(expires));
    }

    /// <summary>Whether who shows this may fetch the message now.</summary>
    /// <param name="expires">As it stands in the link.</param>
    /// <param name="signature">As it stands in the link.</param>
    public ClaimRight Judge(QueueId id, string expires, string signature)
    {
        if (Volatile.Read(ref key) is not { } secret || expires.Length is 0 or > ExpiresCharactersMax
            || !long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || !CryptographicOperations.FixedTimeEquals(
                Encoding.UTF8.GetBytes(SignatureOf(secret, id, expires)), Encoding.UTF8.GetBytes(signature)))
            return ClaimRight.None;
        return seconds > clock.GetUtcNow().ToUnixTimeSeconds() ? ClaimRight.Good : ClaimRight.Expired;
    }

    static string SignatureOf(byte[] secret, QueueId id, string expires) => Base64Url.EncodeToString(
        HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes($"{Root}/{id}?{expires}")));
}

/// <summary>What a link gives.</summary>
public enum ClaimRight
{
    /// <summary>We did not make it.</summary>
    None,

    /// <summary>It was good once.</summary>
    Expired,

    Good,
}
