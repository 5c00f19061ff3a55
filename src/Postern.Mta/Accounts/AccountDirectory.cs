using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Configuration;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp.Sasl;
using Postern.Smtp.Server;

namespace Postern.Mta.Accounts;

/// <summary>
/// The accounts of the file and of the store; a name in the file wins. Replaced whole at a reload or a
/// change.
/// </summary>
public sealed class AccountDirectory
{
    /// <summary>The kind of the store's objects.</summary>
    public const string ObjectKind = "account";

    /// <summary>
    /// PBKDF2 rounds of a new verifier; RFC 7677 §4 asks for 4096 and more where the hardware allows.
    /// </summary>
    public const int Iterations = 10_000;

    /// <summary>Of a name; a login by a longer one is counted as one of them.</summary>
    public const int NameCharactersMax = 256;

    const int SaltOctets = 16;

    readonly Dictionary<string, Account> accounts;

    /// <summary>Makes verifiers of accounts that do not exist. New in every process, never stored.</summary>
    readonly byte[] decoyKey = RandomNumberGenerator.GetBytes(32);

    AccountDirectory(Dictionary<string, Account> accounts) => this.accounts = accounts;

    /// <summary>In the order of their names.</summary>
    public IEnumerable<Account> All => accounts.Values.OrderBy(a => a.Name, StringComparer.Ordinal);

    /// <param name="stored">The store's objects of <see cref="ObjectKind"/>.</param>
    /// <param name="previous">The directory it replaces, so that verifiers of unchanged strangers stay the
    /// same. Null: none.</param>
    /// <exception cref="JsonException">An object of the store is damaged.</exception>
    public static AccountDirectory Load(
        PosternOptions options, IEnumerable<StoredObject> stored, AccountDirectory? previous = null)
    {
        var accounts = new Dictionary<string, Account>(StringComparer.Ordinal);
        foreach (var item in stored)
            accounts[item.Name] = Read(item);
        foreach (var (name, account) in options.Accounts)
            if (account.Password is { } password)
                accounts[name] =
                    new Account(name, CreateCredential(password.Value), account.Senders, AccountSource.File)
                    {
                        Rate = account.Rate,
                        Quota = account.Quota,
                    };
        var directory = new AccountDirectory(accounts);
        previous?.decoyKey.CopyTo(directory.decoyKey, 0);
        return directory;
    }

    public bool TryFind(string name, [NotNullWhen(true)] out Account? account) =>
        accounts.TryGetValue(name, out account);

    /// <summary>The verifier of an account, or one that looks like it and that no password fits.</summary>
    /// <remarks>
    /// The same stranger gets the same salt again, as an account would (RFC 5802 §9): an answer does not show
    /// who exists.
    /// </remarks>
    public Credential FindCredential(string name) =>
        accounts.TryGetValue(name, out var account) ? account.Credential : Decoy(name);

    /// <summary>A verifier with a new salt.</summary>
    public static Credential CreateCredential(string password) =>
        ScramSha256.CreateCredential(password, RandomNumberGenerator.GetBytes(SaltOctets), Iterations);

    /// <summary>The object of an account for the store: its verifier, never its password.</summary>
    /// <param name="rate">Null: no limit.</param>
    /// <param name="quota">Null: no limit.</param>
    /// <param name="createdAt">Null: nobody knows.</param>
    public static ObjectChange Put(
        string name, Credential credential, IReadOnlyList<AddressPattern> senders, Rate? rate = null,
        Rate? quota = null, DateTimeOffset? createdAt = null)
    {
        var json = new StoredAccount(
            Convert.ToBase64String(credential.Salt.Span), credential.Iterations,
            Convert.ToBase64String(credential.StoredKey.Span),
            Convert.ToBase64String(credential.ServerKey.Span),
            [.. senders.Select(s => s.Text)], rate?.ToString(), quota?.ToString(), createdAt);
        return new ObjectChange(
            ObjectKind, name, JsonSerializer.SerializeToUtf8Bytes(json, AccountJson.Default.StoredAccount));
    }

    public static ObjectChange Remove(string name) => new(ObjectKind, name, null);

    Credential Decoy(string name) =>
        new(Derive("salt", name).AsMemory(0, SaltOctets), Iterations,
            Derive("stored", name), Derive("server", name));

    byte[] Derive(string purpose, string name) =>
        HMACSHA256.HashData(decoyKey, Encoding.UTF8.GetBytes($"{purpose} {name}"));

    static Account Read(StoredObject item)
    {
        var json = JsonSerializer.Deserialize(item.Json.Span, AccountJson.Default.StoredAccount)
            ?? throw new JsonException($"account {item.Name} is empty");
        try
        {
            return new Account(
                item.Name,
                new Credential(
                    Convert.FromBase64String(json.Salt), json.Iterations,
                    Convert.FromBase64String(json.StoredKey), Convert.FromBase64String(json.ServerKey)),
                [.. json.Senders.Select(AddressPattern.Parse)],
                AccountSource.Store)
            {
                Rate = Limit(json.Rate),
                Quota = Limit(json.Quota),
                CreatedAt = json.CreatedAt,
            };
        }
        catch (FormatException e)
        {
            throw new JsonException($"account {item.Name} is damaged", e);
        }
    }

    static Rate? Limit(string? text) => text is null ? null
        : Rate.TryParse(text, out var limit) ? limit : throw new FormatException($"\"{text}\" is no rate");
}

/// <summary>An account as the store keeps it; the octets in base64.</summary>
sealed record StoredAccount(
    string Salt, int Iterations, string StoredKey, string ServerKey, IReadOnlyList<string> Senders,
    string? Rate = null, string? Quota = null, DateTimeOffset? CreatedAt = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower)]
[JsonSerializable(typeof(StoredAccount))]
sealed partial class AccountJson : JsonSerializerContext;

/// <summary>Where an account was made.</summary>
public enum AccountSource { File, Store }

/// <summary>Somebody who may log in. There is no password here, only what checks one.</summary>
public sealed record Account(
    string Name, Credential Credential, IReadOnlyList<AddressPattern> Senders, AccountSource Source)
{
    /// <summary>The most recipients in a time. Null: no limit.</summary>
    public Rate? Rate { get; init; }

    /// <summary>The most recipients on one day of UTC. Null: no limit.</summary>
    public Rate? Quota { get; init; }

    /// <summary>Null: nobody knows, as of every account of the file.</summary>
    public DateTimeOffset? CreatedAt { get; init; }
}
