using System.Globalization;
using System.Security.Cryptography;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Mta.Events;

/// <summary>The key that signs what Postern posts to others, as Mailgun's webhooks are signed.</summary>
/// <remarks>An object of the store: its octets are the key's letters. Made when it is first asked
/// for.</remarks>
public sealed class SigningKey(MessageQueue queue, IMailStore store, TimeProvider clock)
{
    public const string ObjectKind = "signing-key";
    public const string ObjectName = "http";

    /// <summary>Mailgun's keys have 32 letters of hex.</summary>
    const int KeyHexLength = 32;

    /// <summary>Some consumers compare the length.</summary>
    const int TokenHexLength = 50;

    /// <exception cref="StoreException">It is new and could not be stored.</exception>
    public async ValueTask<string> ReadAsync(CancellationToken cancel)
    {
        if (await FindAsync(cancel).ConfigureAwait(false) is { } known)
            return known;
        return await queue.ChangeObjectsAsync(async changes =>
        {
            if (await FindAsync(cancel).ConfigureAwait(false) is { } meanwhile)
                return meanwhile;
            var made = RandomNumberGenerator.GetHexString(KeyHexLength, lowercase: true);
            changes.Add(new ObjectChange(
                ObjectKind, ObjectName, System.Text.Encoding.ASCII.GetBytes(made)));
            return made;
        }, cancel).ConfigureAwait(false);
    }

    /// <summary>Of now, with a token that counts once: for each attempt another one.</summary>
    public async ValueTask<MailgunSignature> SignAsync(CancellationToken cancel)
    {
        var key = await ReadAsync(cancel).ConfigureAwait(false);
        var timestamp = clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var token = RandomNumberGenerator.GetHexString(TokenHexLength, lowercase: true);
        return new MailgunSignature(timestamp, token, MailgunSignature.Sign(key, timestamp, token));
    }

    async ValueTask<string?> FindAsync(CancellationToken cancel) =>
        await store.FindObjectAsync(ObjectKind, ObjectName, cancel).ConfigureAwait(false)
            is { Json.Length: > 0 } found ? System.Text.Encoding.ASCII.GetString(found.Json.Span) : null;
}
