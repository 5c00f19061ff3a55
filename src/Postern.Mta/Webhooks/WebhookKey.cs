using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Mta.Webhooks;

/// <summary>What webhooks are signed with: the key of the configuration, else one of the store, made when it
/// is first asked for.</summary>
public sealed class WebhookKey(
    MessageQueue queue, IMailStore store, Func<PosternOptions> current, TimeProvider clock)
{
    const string ObjectKind = "key";
    const string ObjectName = "webhook";
    const int HexDigits = 32;

    /// <exception cref="StoreException">One was made, and could not be stored.</exception>
    public async ValueTask<string> ReadAsync(CancellationToken cancel)
    {
        if (current().Webhooks.SigningKey is { Value: var given })
            return given;
        return await FindAsync(cancel) ?? await queue.ChangeObjectsAsync(
            async changes => await FindAsync(cancel) ?? Make(changes), cancel);
    }

    /// <summary>A signature of now.</summary>
    /// <exception cref="StoreException">As of <see cref="ReadAsync"/>.</exception>
    public async ValueTask<MailgunSignature> SignAsync(CancellationToken cancel) =>
        MailgunSignature.Make(await ReadAsync(cancel), clock.GetUtcNow());

    /// <summary>Makes another one; the old one counts no more.</summary>
    /// <returns>Null: it stands in the configuration, which is not ours to change.</returns>
    /// <exception cref="StoreException">It could not be stored; the old one stays.</exception>
    public async ValueTask<string?> RenewAsync(CancellationToken cancel) =>
        current().Webhooks.SigningKey is not null ? null : await queue.ChangeObjectsAsync(
            changes => ValueTask.FromResult(Make(changes)), cancel);

    async ValueTask<string?> FindAsync(CancellationToken cancel) =>
        await store.FindObjectAsync(ObjectKind, ObjectName, cancel) is { Json.Length: HexDigits } found
            ? Encoding.ASCII.GetString(found.Json.Span) : null;

    static string Make(ICollection<ObjectChange> changes)
    {
        var made = RandomNumberGenerator.GetHexString(HexDigits, lowercase: true);
        changes.Add(new ObjectChange(ObjectKind, ObjectName, Encoding.ASCII.GetBytes(made)));
        return made;
    }
}
