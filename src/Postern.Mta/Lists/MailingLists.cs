using System.Collections.Concurrent;
using System.Collections.Frozen;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Mta.Lists;

/// <summary>The mailing lists, all of them in memory; their members stay in the store.</summary>
/// <remarks>Any thread. What is in memory follows the commits.</remarks>
public sealed class MailingLists : IDisposable
{
    /// <summary>The kinds of the store's objects; names of lists are their addresses, those of members
    /// <see cref="MailingList.MembersPrefix"/> and the address.</summary>
    public const string ListKind = "list";

    public const string MemberKind = "list-member";

    /// <summary>Read at once.</summary>
    const int PageMax = 1000;

    readonly SemaphoreSlim gate = new(1, 1);
    readonly ConcurrentDictionary<string, MailingList> known = new(StringComparer.Ordinal);
    FrozenSet<string> domains = [];

    internal MailingLists(IMailStore store)
    {
        Table = new ObjectTable<StoredList>(store, ListKind, ListJson.Default.StoredList);
        Members = new ObjectTable<ListMember>(store, MemberKind, ListJson.Default.ListMember);
    }

    public ObjectTable<StoredList> Table { get; }
    public ObjectTable<ListMember> Members { get; }

    public int Count => known.Count;

    internal bool IsEmpty => known.IsEmpty;

    /// <summary>In the order of their addresses.</summary>
    public IReadOnlyList<MailingList> All =>
        [.. known.Values.OrderBy(list => list.Address, StringComparer.Ordinal)];

    /// <summary>Null: there is none of this address.</summary>
    internal MailingList? Find(Mailbox address) =>
        known.IsEmpty ? null : known.GetValueOrDefault(SuppressionKey.AddressOf(address));

    /// <summary>Some list is there.</summary>
    /// <param name="domain">As <see cref="SuppressionKey.DomainOf"/> gives it.</param>
    internal bool Serves(string domain) => Volatile.Read(ref domains).Contains(domain);

    /// <summary>Takes what earlier processes left.</summary>
    internal async ValueTask LoadAsync(CancellationToken cancel)
    {
        foreach (var (address, stored) in await Table.ReadAsync(cancel).ConfigureAwait(false))
            known[address] = new MailingList(address, stored);
        NoteDomains();
    }

    /// <summary>Takes over what the store has of these, after a change.</summary>
    internal async ValueTask ReloadAsync(IEnumerable<string> addresses, CancellationToken cancel)
    {
        // What was read earlier never takes the place of what was read later.
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            foreach (var address in addresses)
            {
                if (await Table.FindAsync(address, cancel).ConfigureAwait(false) is { } stored)
                    known[address] = new MailingList(address, stored);
                else
                    known.TryRemove(address, out _);
            }
            NoteDomains();
        }
        finally
        {
            gate.Release();
        }
    }

    void NoteDomains()
    {
        var now = known.Values.Select(list => list.Domain).ToFrozenSet(StringComparer.Ordinal);
        Volatile.Write(ref domains, now);
    }

    /// <summary>Whether a stranger may post, who says he is this sender.</summary>
    internal async ValueTask<bool> MayPostAsync(
        MailingList list, ReversePath sender, CancellationToken cancel)
    {
        // Reports and answers of machines come from the null sender; no list is for them.
        if (sender.Mailbox is not { } poster || list.Stored.Access == ListAccess.Readonly)
            return false;
        return list.Stored.Access == ListAccess.Everyone || await Members
            .FindAsync(list.MembersPrefix + SuppressionKey.AddressOf(poster), cancel).ConfigureAwait(false)
            is { IsSubscribed: true };
    }

    /// <summary>Page by page, in the order of their addresses.</summary>
    public async IAsyncEnumerable<Named<ListMember>> ReadMembersAsync(
        string list, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var prefix = MailingList.PrefixOf(list);
        IReadOnlyList<Named<ListMember>> page = [];
        do
        {
            var after = page is [.., var last] ? last.Name : null;
            page = await Members.ListAsync(prefix, PageMax, range => range with { After = after }, cancel)
                .ConfigureAwait(false);
            foreach (var (name, member) in page)
                yield return new Named<ListMember>(name[prefix.Length..], member);
        }
        while (page.Count == PageMax);
    }

    public void Dispose() => gate.Dispose();
}
