using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Accounts;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>Links that sign in once, for a day: of the first start, and of users who have no password at
/// hand.</summary>
/// <remarks>In the store stands only the hash of a token. Whoever shows it first has it: one at a
/// time.</remarks>
sealed class LoginLinks(IMailStore store, ObjectWriter put, UserDirectory users, TimeProvider clock)
    : IDisposable
{
    /// <summary>The kind of the store's objects.</summary>
    public const string ObjectKind = "login-link";

    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    /// <summary>Beyond it the one that ends first goes.</summary>
    public const int LinksMax = 100;

    const int TokenOctets = 16;

    readonly SemaphoreSlim redeeming = new(1, 1);

    ObjectTable<StoredLink> Table => new(store, ObjectKind, SessionJson.Default.StoredLink);

    /// <summary>A link of the first start; the one before ends.</summary>
    public ValueTask<LoginLink> CreateFirstAsync(CancellationToken cancel) =>
        CreateAsync(new LinkTarget.First(), cancel);

    /// <summary>It ends with a change of his password or role.</summary>
    public ValueTask<LoginLink> CreateAsync(User user, CancellationToken cancel) =>
        CreateAsync(new LinkTarget.ForUser(user), cancel);

    /// <summary>Those of earlier starts hold no more.</summary>
    public async ValueTask EndFirstAsync(CancellationToken cancel)
    {
        var ended = (await Table.ReadAsync(cancel)).Where(link => link.Value.User is null).ToArray();
        if (ended.Length > 0)
            await put([.. ended.Select(link => Table.Remove(link.Name))]);
    }

    async ValueTask<LoginLink> CreateAsync(LinkTarget target, CancellationToken cancel)
    {
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenOctets));
        var now = clock.GetUtcNow();
        var user = (target as LinkTarget.ForUser)?.User;
        var link = new StoredLink(now + Lifetime, user?.Name, user?.Generation);
        await redeeming.WaitAsync(cancel);
        try
        {
            var known = await Table.ReadAsync(cancel);
            var ended = known.Where(one => one.Value.ExpiresAt <= now
                || (user is null && one.Value.User is null)).ToList();
            ended.AddRange(known.Except(ended).OrderBy(one => one.Value.ExpiresAt)
                .Take(Math.Max(0, known.Count - ended.Count + 1 - LinksMax)));
            await put([Table.Put(IdOf(token), link), .. ended.Select(one => Table.Remove(one.Name))]);
        }
        finally
        {
            redeeming.Release();
        }
        return new LoginLink(token, link.ExpiresAt);
    }

    /// <summary>Whom a token would sign in; it changes nothing. Null: nobody.</summary>
    public async ValueTask<LinkTarget?> FindAsync(string token, CancellationToken cancel) =>
        IsOne(token) && await Table.FindAsync(IdOf(token), cancel) is { } link ? TargetOf(link) : null;

    /// <summary>Uses it up.</summary>
    /// <returns>Null: it signs in nobody, or somebody was quicker.</returns>
    public async ValueTask<LinkTarget?> RedeemAsync(string token, CancellationToken cancel)
    {
        if (!IsOne(token))
            return null;
        await redeeming.WaitAsync(cancel);
        try
        {
            if (await Table.FindAsync(IdOf(token), cancel) is not { } link)
                return null;
            await put([Table.Remove(IdOf(token))]);
            return TargetOf(link);
        }
        finally
        {
            redeeming.Release();
        }
    }

    LinkTarget? TargetOf(StoredLink link)
    {
        if (link.ExpiresAt <= clock.GetUtcNow())
            return null;
        if (link.User is null)
            return users.HasAdmin ? null : new LinkTarget.First();
        return users.TryFind(link.User, out var user) && user.Generation == link.Generation
            ? new LinkTarget.ForUser(user) : null;
    }

    static bool IsOne(string token) =>
        token.Length == 2 * TokenOctets && token.All(char.IsAsciiHexDigitLower);

    static string IdOf(string token) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(token)));

    public void Dispose() => redeeming.Dispose();
}

/// <summary>Whom a link signs in.</summary>
abstract record LinkTarget
{
    LinkTarget()
    {
    }

    /// <summary>Who started Postern and has no users yet.</summary>
    public sealed record First : LinkTarget;

    public sealed record ForUser(User User) : LinkTarget;
}

/// <param name="Token">Stands nowhere else.</param>
sealed record LoginLink(string Token, DateTimeOffset ExpiresAt)
{
    /// <param name="origin">Where the dashboard is, without a slash at its end.</param>
    public string At(string origin) =>
        string.Create(CultureInfo.InvariantCulture, $"{origin}/login?token={Token}");
}

/// <summary>A link as the store keeps it.</summary>
/// <param name="User">Null: of the first start.</param>
sealed record StoredLink(DateTimeOffset ExpiresAt, string? User = null, long? Generation = null);
