using System.Security.Cryptography;
using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Mta.Tracking;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>What readers did with mail that had left, told by our own links in it.</summary>
public sealed partial class MessageQueue
{
    const string TrackingSource = "tracking";
    const int EventIdOctets = 16;

    readonly ReactionThrottle reactions;

    /// <summary>Appends that a message was opened, or a link of it followed.</summary>
    /// <param name="details">A JSON object, as in <see cref="RemoteFacts"/>.</param>
    /// <returns>False: there were enough of them in this hour, or nothing is known of the message any
    /// more.</returns>
    /// <exception cref="StoreException">It is not stored.</exception>
    public async ValueTask<bool> TellReactionAsync(
        TrackingToken token, EventKind kind, string details, CancellationToken cancel)
    {
        if (!reactions.TryTake(token.Message, token.Recipient, kind)
            || FindReader(await store.ReadEventsOfAsync(token.Message, cancel).ConfigureAwait(false), token)
                is not { } reader)
            return false;
        await TellAsync(TellingOf(kind, reader, details)).ConfigureAwait(false);
        return true;
    }

    /// <summary>Puts the reader on the list of unsubscriptions, and appends that he unsubscribed: one commit.
    /// </summary>
    /// <returns>False: he was there before, and nothing is changed.</returns>
    /// <exception cref="StoreException">It is not stored.</exception>
    public async ValueTask<bool> UnsubscribeAsync(
        TrackingToken token, string details, CancellationToken cancel)
    {
        var history = await store.ReadEventsOfAsync(token.Message, cancel).ConfigureAwait(false);
        var reader = FindReader(history, token);
        await objectGate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var change = new StoreChange();
            var tags = TagsOf(token, reader);
            foreach (var name in NamesOf(token, history))
            {
                var known = await Suppressions.Entries.FindAsync(name, cancel).ConfigureAwait(false);
                if (known is null || !tags.All(tag => known.IsAbout([tag])))
                    change.Objects.Add(Suppressions.Entries.Put(name, EntryOf(token, tags, known)));
            }
            if (change.Objects.Count == 0)
                return false;
            if (reader is not null
                && reactions.TryTake(token.Message, token.Recipient, EventKind.Unsubscribed))
                change.Events.Add(EventOf(
                    TellingOf(EventKind.Unsubscribed, reader, details), reader, history));
            await store.CommitAsync(change).ConfigureAwait(false);
            Traces?.Told(change.Events, clock.GetUtcNow());
            await Suppressions.NoteAsync(change.Objects).ConfigureAwait(false);
            return true;
        }
        finally
        {
            objectGate.Release();
        }
    }

    /// <summary>The event that tells most of the recipient whose copy it was. Null: the events are
    /// gone.</summary>
    static MailEvent? FindReader(IReadOnlyList<StoredEvent> history, TrackingToken token) => history
        .Select(known => known.Event).Where(known => known.Recipient == token.Recipient)
        .MaxBy(known => known.Transport is not null);

    /// <summary>His address, and the one that it stood for. Several share their link, so that none of them
    /// speaks for the others.</summary>
    static IEnumerable<string> NamesOf(TrackingToken token, IReadOnlyList<StoredEvent> history)
    {
        var (domain, address) = Subscriber.Parse(token.Text);
        string[] targets = [.. history.Select(known => known.Event)
            .Where(known => known.OriginalAddress is { } original
                && original.Equals(address, StringComparison.OrdinalIgnoreCase))
            .Select(known => known.RecipientAddress ?? "").Distinct(StringComparer.OrdinalIgnoreCase)];
        foreach (var one in targets is [var only] ? [address, only] : (string[])[address])
        {
            if (Mailbox.TryParse(one, out var mailbox) && mailbox.Domain.Length > 0)
                yield return new SuppressionKey(
                    SuppressionKey.DomainOf(domain), SuppressionKind.Unsubscribe,
                    SuppressionKey.AddressOf(mailbox)).Name;
        }
    }

    /// <summary>A message without tags, or of which nothing is known any more, is of all mail.</summary>
    static IReadOnlyList<string> TagsOf(TrackingToken token, MailEvent? reader) =>
        token.Kind == TrackingKind.UnsubscribeTags && reader?.Options?.Tags is { Count: > 0 } tags
            ? tags : [Suppression.AllTags];

    Suppression EntryOf(TrackingToken token, IReadOnlyList<string> tags, Suppression? known)
    {
        string[] all = [.. (known?.Tags ?? []).Concat(tags).Distinct(StringComparer.OrdinalIgnoreCase)];
        return new Suppression
        {
            Since = clock.GetUtcNow(),
            Message = token.Message.ToString(),
            Tags = all.Length > Suppression.TagsMax || all.Contains(Suppression.AllTags)
                ? [Suppression.AllTags] : all,
        };
    }

    Telling TellingOf(EventKind kind, MailEvent reader, string details) => new()
    {
        Kind = kind,
        Transport = reader.Transport,
        Recipient = reader.RecipientAddress ?? "",
        Mark = reader.Message,
        // Each time is one of its own.
        Facts = new RemoteFacts(
            TrackingSource, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(EventIdOctets)),
            clock.GetUtcNow(), Reason: null, details),
    };
}
