using System.Security.Cryptography;

namespace Postern.Mta.Store;

/// <summary>Keys that macs of ours are made with, by name: each is made once, kept among the store's
/// objects, the same after a restart.</summary>
static class MacKey
{
    const string ObjectKind = "key";

    /// <summary>Of HMAC-SHA256.</summary>
    const int Octets = 32;

    /// <returns>Null: none was ever made.</returns>
    public static async ValueTask<byte[]?> FindAsync(
        IMailStore store, string name, CancellationToken cancel) =>
        await store.FindObjectAsync(ObjectKind, name, cancel).ConfigureAwait(false)
            is { Json.Length: Octets } stored ? stored.Json.ToArray() : null;

    /// <summary>Takes the key of the store; the first time one is made and stored.</summary>
    /// <returns>Null: it could not be stored, and the store's health says so.</returns>
    public static async ValueTask<byte[]?> OpenAsync(IMailStore store, string name, CancellationToken cancel)
    {
        if (await FindAsync(store, name, cancel).ConfigureAwait(false) is { } found)
            return found;
        var made = RandomNumberGenerator.GetBytes(Octets);
        var change = new StoreChange();
        change.Objects.Add(new ObjectChange(ObjectKind, name, made));
        try
        {
            await store.CommitAsync(change).ConfigureAwait(false);
            return made;
        }
        catch (StoreException)
        {
            return null;
        }
    }
}
