using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Accounts;

/// <summary>Who may sign in to the dashboard with a password or a link of ours; they live in the store.
/// </summary>
/// <remarks>
/// Law: one change at a time, and a change counts once it is stored. The last admin stays as long as there
/// is anybody else. A user's generation is never given twice, so that nothing that was granted to an earlier
/// one, or before a change of password or role, holds afterwards. Reading: any thread.
/// </remarks>
/// <param name="put">Stores changes of objects, all or none.</param>
public sealed class UserDirectory(
    IMailStore store, Func<IReadOnlyList<ObjectChange>, ValueTask> put, TimeProvider clock) : IDisposable
{
    /// <summary>The kind of the store's objects.</summary>
    public const string ObjectKind = "user";

    public const int UsersMax = 1000;
    public const int NameCharactersMax = 64;

    /// <summary>Nobody is called so: the one who comes by the link of the first start.</summary>
    public const string First = "first";

    readonly SemaphoreSlim changing = new(1, 1);
    Dictionary<string, User> users = new(StringComparer.Ordinal);

    ObjectTable<StoredUser> Table => new(store, ObjectKind, UserJson.Default.StoredUser);

    Dictionary<string, User> Users => Volatile.Read(ref users);

    /// <summary>In the order of their names.</summary>
    public IEnumerable<User> All => Users.Values.OrderBy(user => user.Name, StringComparer.Ordinal);

    public bool HasAdmin => Users.Values.Any(user => user.Role == OperatorRole.Admin);

    public bool TryFind(string name, [NotNullWhen(true)] out User? user) =>
        Users.TryGetValue(name, out user);

    /// <summary>A name as it is kept and compared: one form of what may be typed in several ways. Whoever is
    /// there keeps his, though nobody could be called so any more.</summary>
    public static string FormOf(string text) => UnicodeText.Normalize(text, NormalizationForm.FormC);

    /// <summary>The name of somebody new, in the form that names are kept in.</summary>
    /// <param name="mend">What is wrong with it; null when it is good.</param>
    public static bool TryReadName(string text, out string name, out string? mend)
    {
        name = "";
        mend = text.Length is 0 or > NameCharactersMax || text.Trim().Length != text.Length
            || text.Any(c => char.IsControl(c) || char.IsSurrogate(c)
                || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator)
            ? "a user's name has 1 to 64 characters, no controls, and no space at its ends"
            // It is a segment of the paths by which he is changed and removed.
            : text is "." or ".." || text.AsSpan().IndexOfAny('/', '\\', '#') >= 0
            ? "a user's name has no slash, backslash or #, and is not dots alone"
            : text == First ? $"\"{First}\" is who comes by the link of the first start" : null;
        if (mend is null)
            name = FormOf(text);
        return mend is null;
    }

    /// <exception cref="JsonException">An object of the store is damaged.</exception>
    public async ValueTask LoadAsync(CancellationToken cancel)
    {
        var loaded = new Dictionary<string, User>(StringComparer.Ordinal);
        foreach (var (name, value) in await Table.ReadAsync(cancel).ConfigureAwait(false))
            loaded[name] = Read(name, value);
        Volatile.Write(ref users, loaded);
    }

    /// <param name="name">Of <see cref="TryReadName"/>.</param>
    /// <param name="password">Null: he signs in by links alone.</param>
    public ValueTask<UserChange> AddAsync(
        string name, OperatorRole role, PasswordVerifier? password, CancellationToken cancel) =>
        ChangeAsync(name, known => known is not null ? new Decision(UserChange.IsThere)
            : Users.Count >= UsersMax ? new Decision(UserChange.TooMany)
            : new Decision(New(name, role, password)), cancel);

    /// <summary>Makes the first admin; while there is one this name is taken too.</summary>
    public ValueTask<UserChange> AddFirstAsync(
        string name, PasswordVerifier password, CancellationToken cancel) =>
        ChangeAsync(name, known => known is not null || HasAdmin ? new Decision(UserChange.IsThere)
            : new Decision(New(name, OperatorRole.Admin, password)), cancel);

    /// <summary>His sessions end.</summary>
    public ValueTask<UserChange> ChangePasswordAsync(
        string name, PasswordVerifier password, CancellationToken cancel) =>
        ChangeAsync(name, known => known is null ? new Decision(UserChange.Unknown)
            : new Decision(known with { Password = password, Generation = NextGeneration(known) }), cancel);

    /// <summary>His sessions end.</summary>
    public ValueTask<UserChange> ChangeRoleAsync(
        string name, OperatorRole role, CancellationToken cancel) =>
        ChangeAsync(name, known => known is null ? new Decision(UserChange.Unknown)
            : IsLastAdmin(known) && role != OperatorRole.Admin ? new Decision(UserChange.LastAdmin)
            : new Decision(known with { Role = role, Generation = NextGeneration(known) }), cancel);

    public ValueTask<UserChange> RemoveAsync(string name, CancellationToken cancel) =>
        ChangeAsync(name, known => known is null ? new Decision(UserChange.Unknown)
            : IsLastAdmin(known) && Users.Count > 1 ? new Decision(UserChange.LastAdmin)
            : new Decision(UserChange.Done), cancel);

    User New(string name, OperatorRole role, PasswordVerifier? password) =>
        new(name, role, password, clock.GetUtcNow(), NextGeneration(null));

    bool IsLastAdmin(User user) => user.Role == OperatorRole.Admin
        && Users.Values.Count(other => other.Role == OperatorRole.Admin) == 1;

    /// <summary>The moment, or one more: also a user who comes back under a name has a new one.</summary>
    long NextGeneration(User? known) =>
        Math.Max(clock.GetUtcNow().ToUnixTimeMilliseconds(), (known?.Generation ?? 0) + 1);

    /// <param name="decide">Asked with the user that is there, or null.</param>
    async ValueTask<UserChange> ChangeAsync(
        string name, Func<User?, Decision> decide, CancellationToken cancel)
    {
        await changing.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var (change, user) = decide(Users.GetValueOrDefault(name));
            if (change != UserChange.Done)
                return change;
            await put([user is null ? Table.Remove(name) : Table.Put(name, StoredUser.Of(user))])
                .ConfigureAwait(false);
            var changed = new Dictionary<string, User>(Users, StringComparer.Ordinal);
            changed.Remove(name);
            if (user is not null)
                changed.Add(name, user);
            Volatile.Write(ref users, changed);
            return change;
        }
        finally
        {
            changing.Release();
        }
    }

    /// <param name="User">As he shall be. Null: he goes, or nothing is done.</param>
    readonly record struct Decision(UserChange Change, User? User = null)
    {
        public Decision(User user) : this(UserChange.Done, user)
        {
        }
    }

    static User Read(string name, StoredUser stored)
    {
        try
        {
            return new User(
                name, stored.Role,
                stored.Salt is null || stored.Hash is null || stored.Rounds is null ? null
                    : new PasswordVerifier(
                        Convert.FromBase64String(stored.Salt), stored.Rounds.Value,
                        Convert.FromBase64String(stored.Hash)),
                stored.Since, stored.Generation);
        }
        catch (FormatException e)
        {
            throw new JsonException($"user {name} is damaged", e);
        }
    }

    public void Dispose() => changing.Dispose();
}

/// <summary>Somebody who may sign in. There is no password here, only what checks one.</summary>
/// <param name="Password">Null: he has none.</param>
/// <param name="Generation">Raised by a change of password or role.</param>
public sealed record User(
    string Name, OperatorRole Role, PasswordVerifier? Password, DateTimeOffset Since, long Generation);

/// <summary>What one may do: each more than the one before.</summary>
public enum OperatorRole
{
    /// <summary>Sees everything but the contents of mail.</summary>
    Reader,

    /// <summary>Sees contents too; acts on queue, inbound and suppressions.</summary>
    Operator,

    /// <summary>Users, accounts, domains, keys, reload too.</summary>
    Admin,
}

/// <summary>What became of a change of users.</summary>
public enum UserChange
{
    Done,

    /// <summary>There is no such user.</summary>
    Unknown,

    /// <summary>The name is taken.</summary>
    IsThere,

    /// <summary><see cref="UserDirectory.UsersMax"/> are there.</summary>
    TooMany,

    /// <summary>Nobody could change users afterwards.</summary>
    LastAdmin,
}

/// <summary>A user as the store keeps it; the octets in base64.</summary>
sealed record StoredUser(
    OperatorRole Role, DateTimeOffset Since, long Generation, string? Salt = null, int? Rounds = null,
    string? Hash = null)
{
    public static StoredUser Of(User user) => new(
        user.Role, user.Since, user.Generation,
        user.Password is { } salted ? Convert.ToBase64String(salted.Salt.Span) : null,
        user.Password?.Rounds,
        user.Password is { } hashed ? Convert.ToBase64String(hashed.Hash.Span) : null);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredUser))]
sealed partial class UserJson : JsonSerializerContext;
