using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>The suppression list: what it keeps back, and what comes onto it.</summary>
/// <remarks>Mail from outside is kept from nobody and brings nobody onto the list, whatever sender it names;
/// but what a mailing list sends on is the mail of its domain.
/// What comes onto it because of an event is stored in the commit of that event.</remarks>
public sealed partial class MessageQueue
{
    /// <summary>The listener of mail that is handed in by a script.</summary>
    const string DeliverListener = "deliver";

    public SuppressionList Suppressions { get; }

    /// <summary>What keeps back a recipient of mail without tags. Null: nothing.</summary>
    /// <param name="sender">Its domain need not be one of ours.</param>
    internal ValueTask<FoundSuppression?> FindSuppressionAsync(
        ReversePath sender, Mailbox recipient, CancellationToken cancel)
    {
        if (Suppressions.IsEmpty || SendingDomains.Find(sender.Mailbox?.Domain) is not { } domain)
            return default;
        var address = SuppressionKey.AddressOf(recipient);
        return Suppressions.MayHold(domain, address)
            ? Suppressions.FindAsync(domain, address, [], cancel) : default;
    }

    /// <summary>Puts entries on a list, or in the place of those of the same address. An unsubscription from
    /// more tags adds to those that are known.</summary>
    /// <param name="domain">As in <see cref="SuppressionKey.Domain"/>.</param>
    /// <returns>False: one has too many tags then, and nothing is changed.</returns>
    public ValueTask<bool> SuppressAsync(
        string domain, SuppressionKind kind, IReadOnlyList<Named<Suppression>> entries,
        CancellationToken cancel) =>
        ChangeObjectsAsync(async changes =>
        {
            var known = new Dictionary<string, Suppression>(StringComparer.Ordinal);
            foreach (var (address, entry) in entries)
            {
                var name = new SuppressionKey(domain, kind, address).Name;
                var before = kind != SuppressionKind.Unsubscribe ? null : known.GetValueOrDefault(name)
                    ?? await Suppressions.Entries.FindAsync(name, cancel).ConfigureAwait(false);
                known[name] = before?.Tags is not { } tags ? entry : entry with
                {
                    Tags = [.. tags.Concat(entry.Tags ?? []).Distinct(StringComparer.OrdinalIgnoreCase)],
                };
            }
            if (known.Values.Any(entry => entry.Tags?.Count > Suppression.TagsMax))
                return false;
            foreach (var (name, entry) in known)
                changes.Add(Suppressions.Entries.Put(name, entry));
            return true;
        }, cancel);

    /// <summary>Puts onto a list what is not there: an entry stays as it is, but that an unsubscription from
    /// more tags adds them as far as there is room. What the allowlist names becomes no bounce.</summary>
    /// <param name="domain">As in <see cref="SuppressionKey.Domain"/>.</param>
    /// <returns>How many were put or got tags.</returns>
    public ValueTask<int> AddSuppressionsAsync(
        string domain, SuppressionKind kind, IReadOnlyList<Named<Suppression>> entries,
        CancellationToken cancel) =>
        ChangeObjectsAsync(async changes =>
        {
            foreach (var (address, entry) in entries.DistinctBy(entry => entry.Name, StringComparer.Ordinal))
            {
                if (kind == SuppressionKind.Bounce && Mailbox.TryParse(address, out var mailbox)
                    && await Suppressions.IsAllowedAsync(domain, mailbox, cancel).ConfigureAwait(false))
                    continue;
                var name = new SuppressionKey(domain, kind, address).Name;
                var before = await Suppressions.Entries.FindAsync(name, cancel).ConfigureAwait(false);
                if (before is null)
                    changes.Add(Suppressions.Entries.Put(name, entry));
                else if (before.Tags is { } tags)
                {
                    string[] all = [.. tags.Concat(entry.Tags ?? [])
                        .Distinct(StringComparer.OrdinalIgnoreCase).Take(Suppression.TagsMax)];
                    if (all.Length > tags.Count)
                        changes.Add(Suppressions.Entries.Put(name, before with { Tags = all }));
                }
            }
            return changes.Count;
        }, cancel);

    /// <summary>Takes an address off a list.</summary>
    /// <param name="tag">Only the unsubscription from this tag. Null: the whole entry.</param>
    /// <returns>False: it was not there.</returns>
    public ValueTask<bool> UnsuppressAsync(SuppressionKey key, string? tag, CancellationToken cancel) =>
        ChangeObjectsAsync(async changes =>
        {
            var found = await Suppressions.Entries.FindAsync(key.Name, cancel).ConfigureAwait(false);
            if (found is null)
                return false;
            if (tag is null || found.Tags is not { } tags)
            {
                changes.Add(Suppressions.Entries.Remove(key.Name));
                return true;
            }
            string[] left = [.. tags.Where(one => !one.Equals(tag, StringComparison.OrdinalIgnoreCase))];
            if (left.Length == tags.Count)
                return false;
            changes.Add(left.Length == 0 ? Suppressions.Entries.Remove(key.Name)
                : Suppressions.Entries.Put(key.Name, found with { Tags = left }));
            return true;
        }, cancel);

    /// <summary>Empties a list of a domain, a page at a time.</summary>
    public async ValueTask UnsuppressAllAsync(string domain, SuppressionKind kind, CancellationToken cancel)
    {
        const int pageMax = 1000;
        var prefix = SuppressionKey.PrefixOf(domain, kind);
        int removed;
        do
        {
            removed = await ChangeObjectsAsync(async changes =>
            {
                var page = await store.ListObjectsAsync(
                    new ObjectRange(SuppressionList.ObjectKind, prefix, pageMax), cancel)
                    .ConfigureAwait(false);
                foreach (var stored in page)
                    changes.Add(Suppressions.Entries.Remove(stored.Name));
                return page.Count;
            }, cancel).ConfigureAwait(false);
        }
        while (removed == pageMax);
    }

    /// <summary>What an event of a recipient puts on the list; of an address that the allowlist names
    /// nothing.</summary>
    /// <returns>Null: nothing.</returns>
    async ValueTask<ObjectChange?> FeedOfAsync(MailEvent fact)
    {
        if (SuppressionFeed.KindOf(fact) is not { } kind || fact.Recipient is null
            || SendingDomains.Find(fact) is not { } domain
            || !Mailbox.TryParse(fact.RecipientAddress ?? "", out var mailbox) || mailbox.Domain.Length == 0)
            return null;
        if (kind == SuppressionKind.Bounce && await Suppressions
            .IsAllowedAsync(domain, mailbox, CancellationToken.None).ConfigureAwait(false))
            return null;
        var key = new SuppressionKey(domain, kind, SuppressionKey.AddressOf(mailbox));
        return Suppressions.Entries.Put(key.Name, SuppressionFeed.EntryOf(fact, kind));
    }

    /// <summary>The same of what an attempt proved.</summary>
    async ValueTask<bool> FeedAsync(
        Work work, AttemptReport report, MailEvent what, int at, StoreChange change)
    {
        // A refusal that several recipients share is about the message, whatever its status says.
        if ((work.Message.Door == MailDoors.Mx && what.Options?.List is null)
            || report.Results[at] is not AttemptResult.Failed failed
            || report.Results.Count(other => ReferenceEquals(other, failed)) > 1)
            return false;
        var fact = what with { Kind = EventKind.Failed, Severity = EventSeverity.Permanent };
        if (await FeedOfAsync(fact).ConfigureAwait(false) is not { } feed)
            return false;
        change.Objects.Add(feed);
        return true;
    }

    /// <summary>The same of what is told of a message later.</summary>
    async ValueTask<ObjectChange?> FeedOfAsync(MailEvent fact, IReadOnlyList<StoredEvent> history) =>
        fact.Options?.List is null && CameFromOutside(history) ? null
            : await FeedOfAsync(fact).ConfigureAwait(false);

    bool CameFromOutside(IReadOnlyList<StoredEvent> history)
    {
        var accepted = history.FirstOrDefault(known => known.Event.Client is not null);
        return accepted?.Event.Client?.Listener is not { } listener || listener == DeliverListener
            || Options.Listen.Any(one => one.For == ListenFor.Mx && (one.Name is { } name
                ? name == listener : listener.StartsWith("mx-", StringComparison.Ordinal)));
    }

    /// <summary>By message, and in it by recipient: what is kept back.</summary>
    async ValueTask<Dictionary<SuppressedRecipient, FoundSuppression>?[]> FindSuppressedAsync(
        IReadOnlyList<NewMail> mails)
    {
        try
        {
            var all = new Dictionary<SuppressedRecipient, FoundSuppression>?[mails.Count];
            for (var i = 0; i < all.Length; i++)
                all[i] = await FindSuppressedAsync(mails[i]).ConfigureAwait(false);
            return all;
        }
        catch
        {
            foreach (var mail in mails)
                mail.Content?.Dispose();
            throw;
        }
    }

    async ValueTask<Dictionary<SuppressedRecipient, FoundSuppression>?> FindSuppressedAsync(NewMail mail)
    {
        var message = mail.Message;
        Dictionary<SuppressedRecipient, FoundSuppression>? all = null;
        foreach (var (domain, recipient) in SuppressibleOf(mail))
        {
            if (Suppressions.MayHold(domain, recipient.Address) && await Suppressions.FindAsync(
                domain, recipient.Address, message.Options?.Tags ?? [], CancellationToken.None)
                .ConfigureAwait(false) is { } found)
                (all ??= [])[recipient] = found;
        }
        return all;
    }

    /// <summary>Who may be kept back, with the domain whose lists count: that of the message, and for members
    /// of a mailing list that of the list, whoever posts there.</summary>
    IEnumerable<(string Domain, SuppressedRecipient Recipient)> SuppressibleOf(NewMail mail)
    {
        if (mail.Message.Door != MailDoors.Mx && SendingDomains.Find(mail.Message) is { } domain)
        {
            foreach (var address in AddressesOf(mail))
                yield return (domain, new SuppressedRecipient(null, address));
        }
        foreach (var turn in mail.Lists?.Lists.Values ?? [])
        {
            foreach (var member in turn.Members)
                yield return (turn.List.Domain, new SuppressedRecipient(
                    turn.Number, SuppressionKey.AddressOf(member)));
        }
    }

    static IEnumerable<string> AddressesOf(NewMail mail) => mail.Recipients.SelectMany(
        recipient => recipient.Aliases.Count > 0 ? recipient.Aliases
            : [recipient.Recipient.Path.Mailbox]).Select(SuppressionKey.AddressOf);

    /// <summary>It fails without an attempt, and nobody is sent a report.</summary>
    static void AddFailedRow(
        Placing placing, Recipient row, EnhancedStatus status, string text, string? why)
    {
        placing.Change.Recipients.Add(row with
        {
            State = RecipientState.Done,
            Outcome = RecipientOutcome.Failed,
            LastText = $"{status} {text}",
        });
        placing.Change.Events.Add(EventOf(EventKind.Failed, placing.Message, row, placing.Now) with
        {
            Severity = EventSeverity.Permanent,
            Status = status.ToString(),
            Reply = text,
            Why = why,
        });
    }
}

/// <summary>A recipient of a message that is being taken.</summary>
/// <param name="List">As in <see cref="Recipient.List"/>.</param>
/// <param name="Address">As <see cref="SuppressionKey.AddressOf"/> gives it.</param>
readonly record struct SuppressedRecipient(int? List, string Address)
{
    public static SuppressedRecipient Of(Recipient row) =>
        new(row.List, SuppressionKey.AddressOf(row.Address));
}
