using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Postern.Mta.Store;

namespace Postern.Mta.Accounts;

/// <summary>The keys of the API, of file and store, by their hash: no key stands here.</summary>
/// <remarks>A key is 128 bits of chance or more, so one round of SHA-256 hides it. What is looked for is a
/// part of the hash of what a caller sent, which tells him nothing; the whole is compared in constant
/// time.</remarks>
public sealed class ApiKeys
{
    /// <summary>The kind of the store's objects; their names are the ids of keys.</summary>
    public const string ObjectKind = "api-key";

    /// <summary>Of the store.</summary>
    public const int KeysMax = 10_000;

    const int SecretOctets = 16;
    const int IdPartOctets = 4;

    readonly ILookup<long, ApiKey> keys;

    ApiKeys(IEnumerable<ApiKey> keys) => this.keys = keys.ToLookup(key => PlaceOf(key.Hash.Span));

    public static ObjectTable<StoredKey> TableOf(IMailStore store) =>
        new(store, ObjectKind, DomainJson.Default.StoredKey);

    /// <exception cref="JsonException">An object of the store is damaged.</exception>
    public static async ValueTask<ApiKeys> LoadAsync(
        PosternOptions options, IMailStore store, CancellationToken cancel)
    {
        var keys = new List<ApiKey>();
        foreach (var secret in options.Api.Keys)
            keys.Add(new ApiKey(HashOf(secret.Value), new KeyReach.Account(), null));
        foreach (var (name, domain) in options.Domains)
        {
            foreach (var secret in domain.ApiKeys)
                if (DomainDirectory.TryReadName(name, out var key))
                    keys.Add(new ApiKey(HashOf(secret.Value), new KeyReach.Domain(key), null));
        }
        foreach (var (name, stored) in await TableOf(store).ReadAsync(cancel).ConfigureAwait(false))
            keys.Add(Read(name, stored));
        return new ApiKeys(keys);
    }

    /// <summary>What a key opens now; it may stand in several places. Empty: nothing.</summary>
    public IReadOnlyList<KeyReach> Find(ReadOnlySpan<byte> key, DateTimeOffset now)
    {
        if (key.IsEmpty)
            return [];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, hash);
        var found = new List<KeyReach>();
        foreach (var known in keys[PlaceOf(hash)])
        {
            if (CryptographicOperations.FixedTimeEquals(known.Hash.Span, hash)
                && (known.ExpiresAt is not { } end || now < end))
                found.Add(known.Reach);
        }
        return found;
    }

    /// <summary>A key nobody has had before, and its id, which is a part of it.</summary>
    public static (string Id, string Secret) Create()
    {
        var id = $"{Hex(IdPartOctets)}-{Hex(IdPartOctets)}";
        return (id, $"{Hex(SecretOctets)}-{id}");

        static string Hex(int octets) => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(octets));
    }

    public static byte[] HashOf(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    static long PlaceOf(ReadOnlySpan<byte> hash) => BinaryPrimitives.ReadInt64BigEndian(hash);

    static ApiKey Read(string name, StoredKey stored)
    {
        var hash = new byte[SHA256.HashSizeInBytes];
        return Convert.TryFromBase64String(stored.Hash, hash, out var octets) && octets == hash.Length
            ? new ApiKey(hash, ReachOf(stored), stored.ExpiresAt)
            : throw new JsonException($"api-key {name} is damaged");
    }

    static KeyReach ReachOf(StoredKey stored) => (stored.Role, stored.Domain) switch
    {
        // One of a domain opens no more than this, whatever its role.
        (_, { } domain) => new KeyReach.Sending(domain),
        (KeyRole.Admin or KeyRole.Developer, null) => new KeyReach.Account(),
        (KeyRole.Basic, null) => new KeyReach.Reading(),
        _ => throw new JsonException("an api-key for sending names no domain"),
    };

    sealed record ApiKey(ReadOnlyMemory<byte> Hash, KeyReach Reach, DateTimeOffset? ExpiresAt);
}

/// <summary>What somebody wants to do with a key.</summary>
public enum KeyUse { Read, Change, Send }

/// <summary>What a key opens.</summary>
public abstract record KeyReach
{
    KeyReach()
    {
    }

    /// <summary>What belongs to no domain.</summary>
    public virtual bool OpensAccount(KeyUse use) => false;

    /// <param name="domain">As in <see cref="SendingDomain.Key"/>.</param>
    public virtual bool Opens(string domain, KeyUse use) => OpensAccount(use);

    /// <summary>Everything.</summary>
    public sealed record Account : KeyReach
    {
        public override bool OpensAccount(KeyUse use) => true;
    }

    /// <summary>Everything, to be read.</summary>
    public sealed record Reading : KeyReach
    {
        public override bool OpensAccount(KeyUse use) => use == KeyUse.Read;
    }

    /// <summary>One domain.</summary>
    public sealed record Domain(string Name) : KeyReach
    {
        public override bool Opens(string domain, KeyUse use) => domain == Name;
    }

    /// <summary>Sending as one domain.</summary>
    public sealed record Sending(string Name) : KeyReach
    {
        public override bool Opens(string domain, KeyUse use) => domain == Name && use == KeyUse.Send;
    }
}

public enum KeyRole { Admin, Basic, Developer, Sending }

/// <summary>For whom a key was made; Mailgun's words.</summary>
public enum KeyKind { User, Domain, Web }

/// <summary>A key as the store keeps it.</summary>
/// <param name="Hash">SHA-256 of the key, base64.</param>
/// <param name="Domain">As in <see cref="SendingDomain.Key"/>. Null: it is of no domain.</param>
/// <param name="ExpiresAt">Null: it does not.</param>
public sealed record StoredKey(
    string Hash, KeyRole Role, KeyKind Kind, string? Domain, string Description, DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt);
