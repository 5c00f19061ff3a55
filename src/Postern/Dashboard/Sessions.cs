using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Dashboard;

/// <summary>Who is signed in. Kept in the store by the hash of the token in the cookie, and in memory: a
/// request reads no disk.</summary>
/// <remarks>
/// Law: a session holds until its end, and only as long as what it stands on: the user with the generation
/// he had, the lists of the provider's addresses, or that nobody else is there to let people in. One that
/// does not hold is nobody's at once; its row goes with the next sweep. Any thread.
/// </remarks>
/// <param name="post">Stores changes of objects; nobody waits for it.</param>
sealed class Sessions(
    IMailStore store, ObjectWriter put, Action<IReadOnlyCollection<ObjectChange>> post, UserDirectory users,
    Func<DashboardOptions> options, TimeProvider clock)
{
    /// <summary>The kind of the store's objects.</summary>
    public const string ObjectKind = "session";

    /// <summary>Beyond it the oldest ends.</summary>
    public const int SessionsMax = 1000;

    /// <summary>Rows that one sweep removes.</summary>
    public const int SweepMax = 100;

    const int TokenOctets = 32;

    /// <summary>Of 32 octets in base64url.</summary>
    const int TokenCharacters = 43;

    readonly Lock gate = new();
    readonly Dictionary<string, Session> sessions = new(StringComparer.Ordinal);

    ObjectTable<StoredSession> Table => new(store, ObjectKind, SessionJson.Default.StoredSession);

    public int Count
    {
        get
        {
            lock (gate)
                return sessions.Count;
        }
    }

    /// <exception cref="JsonException">An object of the store is damaged.</exception>
    public async ValueTask LoadAsync(CancellationToken cancel)
    {
        foreach (var (id, stored) in await Table.ReadAsync(cancel))
        {
            lock (gate)
                sessions[id] = stored.As(id);
        }
    }

    /// <summary>Signs somebody in.</summary>
    /// <param name="address">Where he came from.</param>
    /// <param name="earlier">The session his browser had before, which ends. Null: none.</param>
    /// <returns>The token for his cookie, which nobody has had before.</returns>
    public async ValueTask<string> StartAsync(SessionOwner owner, string address, Session? earlier)
    {
        var token = Base64Url(RandomNumberGenerator.GetBytes(TokenOctets));
        var now = clock.GetUtcNow();
        var session = new Session(IdOf(token), owner, now, now + options().Session, address);
        var ended = new List<string>();
        lock (gate)
        {
            if (earlier is not null)
                ended.Add(earlier.Id);
            ended.AddRange(sessions.Values.Where(one => one != earlier).OrderBy(one => one.StartedAt)
                .Take(Math.Max(0, sessions.Count - ended.Count + 1 - SessionsMax)).Select(one => one.Id));
        }
        await put([Table.Put(session.Id, StoredSession.Of(session)), .. ended.Select(Table.Remove)]);
        lock (gate)
        {
            sessions[session.Id] = session;
            foreach (var id in ended)
                sessions.Remove(id);
        }
        return token;
    }

    /// <summary>The session of a token, and what it allows now. Null: there is none, or none any
    /// more.</summary>
    public Access? Find(string token)
    {
        if (token.Length != TokenCharacters || !Ascii.IsValid(token))
            return null;
        Session? session;
        lock (gate)
            sessions.TryGetValue(IdOf(token), out session);
        return session is not null && RoleOf(session) is { } role
            ? new Access(session.Owner.Name, role, session, CsrfOf(token)) : null;
    }

    public async ValueTask EndAsync(Session session)
    {
        lock (gate)
            sessions.Remove(session.Id);
        await put([Table.Remove(session.Id)]);
    }

    /// <summary>One small step: rows of sessions that do not hold any more go.</summary>
    public void Sweep()
    {
        Session[] ended;
        lock (gate)
        {
            ended = [.. sessions.Values.Where(one => RoleOf(one) is null).Take(SweepMax)];
            foreach (var one in ended)
                sessions.Remove(one.Id);
        }
        post([.. ended.Select(one => Table.Remove(one.Id))]);
    }

    /// <summary>Null: it does not hold any more.</summary>
    OperatorRole? RoleOf(Session session)
    {
        if (session.ExpiresAt <= clock.GetUtcNow())
            return null;
        return session.Owner switch
        {
            SessionOwner.OfUser owner => users.TryFind(owner.Name, out var user)
                && user.Generation == owner.Generation ? user.Role : null,
            SessionOwner.OfProvider owner => RoleOf(options().Oidc, owner.Name),
            SessionOwner.First => IsOpen(users, options()) ? OperatorRole.Admin : null,
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    /// <summary>Nobody could let people in: the link of the start does.</summary>
    public static bool IsOpen(UserDirectory users, DashboardOptions options) =>
        !users.HasAdmin && (options.Oidc.Issuer is null || options.Oidc.Admins.Count == 0);

    /// <summary>What an address of the provider may do. Null: nothing.</summary>
    public static OperatorRole? RoleOf(OidcOptions oidc, string address)
    {
        if (oidc.Issuer is null || !Mailbox.TryParse(address, out var mailbox))
            return null;
        return Holds(oidc.Admins) ? OperatorRole.Admin
            : Holds(oidc.Operators) ? OperatorRole.Operator
            : Holds(oidc.Readers) ? OperatorRole.Reader : null;

        // Somebody else may have been given an address with an extension.
        bool Holds(IReadOnlyList<Mta.Routing.AddressPattern> patterns) =>
            patterns.Any(pattern => pattern.Matches(mailbox, delimiter: ""));
    }

    /// <summary>32 hexadecimal digits that only who has the token can make.</summary>
    static string CsrfOf(string token) => Convert.ToHexStringLower(
        HMACSHA256.HashData(Encoding.ASCII.GetBytes(token), "csrf"u8).AsSpan(0, 16));

    static string IdOf(string token) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(token)));

    static string Base64Url(byte[] octets) => System.Buffers.Text.Base64Url.EncodeToString(octets);
}

/// <summary>Stores changes of objects, all of them or none.</summary>
delegate ValueTask ObjectWriter(IReadOnlyList<ObjectChange> changes);

/// <summary>One login.</summary>
/// <param name="Id">SHA-256 of the token, hexadecimal.</param>
/// <param name="Address">Where it came from.</param>
sealed record Session(
    string Id, SessionOwner Owner, DateTimeOffset StartedAt, DateTimeOffset ExpiresAt, string Address);

/// <summary>Who signed in, and how.</summary>
abstract record SessionOwner(string Name)
{
    /// <param name="Generation">As it was then.</param>
    public sealed record OfUser(string Name, long Generation) : SessionOwner(Name);

    /// <summary>By an address that the provider has verified.</summary>
    public sealed record OfProvider(string Name) : SessionOwner(Name);

    /// <summary>By the link of the start, and as nobody in particular.</summary>
    public sealed record First() : SessionOwner(UserDirectory.First);
}

/// <summary>A session as the store keeps it.</summary>
/// <param name="Generation">Null: it is of no user of ours.</param>
sealed record StoredSession(
    string User, StoredOwner By, DateTimeOffset StartedAt, DateTimeOffset ExpiresAt, string Address,
    long? Generation = null)
{
    public static StoredSession Of(Session session) => new(
        session.Owner.Name,
        session.Owner switch
        {
            SessionOwner.OfUser => StoredOwner.User,
            SessionOwner.OfProvider => StoredOwner.Provider,
            _ => StoredOwner.First,
        },
        session.StartedAt, session.ExpiresAt, session.Address,
        (session.Owner as SessionOwner.OfUser)?.Generation);

    public Session As(string id) => new(
        id,
        By switch
        {
            StoredOwner.User => new SessionOwner.OfUser(User, Generation ?? 0),
            StoredOwner.Provider => new SessionOwner.OfProvider(User),
            _ => new SessionOwner.First(),
        },
        StartedAt, ExpiresAt, Address);
}

enum StoredOwner { User, Provider, First }

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredSession))]
[JsonSerializable(typeof(StoredLink))]
sealed partial class SessionJson : JsonSerializerContext;
