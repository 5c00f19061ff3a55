using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Suppressions;

/// <summary>The one suppression list: who gets no mail of which sending domain, since when and
/// why.</summary>
/// <remarks>
/// Any thread. Entries are objects of the store; in memory there is a hash of the name of each, so that mail
/// to everybody else asks the store nothing. The hashes follow the commits: a name is added after the commit
/// that put it, and taken out after the one that removed it unless the store has it again by then.
/// </remarks>
public sealed class SuppressionList
{
    /// <summary>The kind of the store's objects.</summary>
    public const string ObjectKind = "suppression";

    const int PageMax = 1000;

    static readonly SuppressionKind[] Blocking =
        [SuppressionKind.Bounce, SuppressionKind.Unsubscribe, SuppressionKind.Complaint];

    readonly HashedNames names = new();

    internal SuppressionList(IMailStore store) =>
        Entries = new ObjectTable<Suppression>(store, ObjectKind, SuppressionJson.Default.Suppression);

    /// <summary>By <see cref="SuppressionKey.Name"/>.</summary>
    public ObjectTable<Suppression> Entries { get; }

    /// <summary>Nothing is kept back from anybody.</summary>
    internal bool IsEmpty => names.Count == 0;

    /// <summary>Takes what earlier processes left.</summary>
    internal async ValueTask LoadAsync(IMailStore store, CancellationToken cancel)
    {
        IReadOnlyList<StoredObject> page = [];
        do
        {
            page = await store.ListObjectsAsync(
                new ObjectRange(ObjectKind, "", PageMax)
                {
                    After = page is [.., var last] ? last.Name : null,
                },
                cancel).ConfigureAwait(false);
            foreach (var stored in page)
                names.Add(HashOf(SuppressionKey.Parse(stored.Name)));
        }
        while (page.Count == PageMax);
    }

    /// <summary>False: the address is on no list that keeps mail of this domain back, whatever its
    /// tags.</summary>
    /// <param name="domain">As <see cref="SuppressionKey.DomainOf"/> gives it.</param>
    internal bool MayHold(string domain, string address)
    {
        if (IsEmpty)
            return false;
        var hash = names.HashOf(0, address);
        foreach (var scope in (ReadOnlySpan<string>)[domain, SuppressionKey.EveryDomain])
        {
            var scoped = names.HashOf(hash, scope);
            foreach (var kind in Blocking)
            {
                if (names.Contains(names.HashOf(scoped, SuppressionKey.ListOf(kind))))
                    return true;
            }
        }
        return false;
    }

    /// <summary>What keeps mail with these tags back. Null: nothing.</summary>
    internal async ValueTask<FoundSuppression?> FindAsync(
        string domain, string address, IReadOnlyList<string> tags, CancellationToken cancel)
    {
        foreach (var key in KeysOf(domain, address))
        {
            if (names.Contains(HashOf(key))
                && await Entries.FindAsync(key.Name, cancel).ConfigureAwait(false) is { } found
                && found.IsAbout(tags))
                return new FoundSuppression(key, found);
        }
        return null;
    }

    /// <summary>The allowlist names the address or its domain.</summary>
    internal async ValueTask<bool> IsAllowedAsync(
        string domain, Mailbox mailbox, CancellationToken cancel)
    {
        var address = SuppressionKey.AddressOf(mailbox);
        var host = SuppressionKey.DomainOf(mailbox.Domain);
        foreach (var allowed in (string[])[address, host])
        {
            foreach (var scope in (string[])[domain, SuppressionKey.EveryDomain])
            {
                var key = new SuppressionKey(scope, SuppressionKind.Allow, allowed);
                if (names.Contains(HashOf(key))
                    && await Entries.FindAsync(key.Name, cancel).ConfigureAwait(false) is not null)
                    return true;
            }
        }
        return false;
    }

    /// <summary>A commit has been made.</summary>
    internal async ValueTask NoteAsync(IReadOnlyCollection<ObjectChange> committed)
    {
        foreach (var change in committed)
        {
            if (change.Kind != ObjectKind)
                continue;
            var hash = HashOf(SuppressionKey.Parse(change.Name));
            if (change.Json is null)
            {
                names.Remove(hash);
                // Somebody else's commit may have put it again meanwhile.
                if (await Entries.FindAsync(change.Name, CancellationToken.None).ConfigureAwait(false)
                    is null)
                    continue;
            }
            names.Add(hash);
        }
    }

    ulong HashOf(SuppressionKey key) => names.HashOf(
        names.HashOf(names.HashOf(0, key.Address), key.Domain), SuppressionKey.ListOf(key.Kind));

    static IEnumerable<SuppressionKey> KeysOf(string domain, string address)
    {
        foreach (var kind in Blocking)
        {
            yield return new SuppressionKey(domain, kind, address);
            yield return new SuppressionKey(SuppressionKey.EveryDomain, kind, address);
        }
    }
}
