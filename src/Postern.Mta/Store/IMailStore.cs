using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Store;

/// <summary>The memory of Postern: messages, recipients, events and objects, behind one durable
/// commit.</summary>
/// <remarks>
/// State and event go in one <see cref="StoreChange"/>, whole or not at all. Changes are applied in the order
/// of the calls. After a failed flush nothing is ever acknowledged again (DESIGN §3).
/// </remarks>
public interface IMailStore : IAsyncDisposable
{
    /// <summary>Number of this process's life; greater than of any before it. Written durably at
    /// opening.</summary>
    long Epoch { get; }

    /// <summary>The greatest message id ever stored.</summary>
    QueueId LastId { get; }

    /// <summary>What it can take now.</summary>
    StoreHealth Health { get; }

    /// <summary>Applies a change; completes once it is on stable storage.</summary>
    /// <exception cref="StoreException">It is not stored, and never will be.</exception>
    ValueTask CommitAsync(StoreChange change);

    /// <summary>Applies a change with the next commit, at most 100 ms later; nobody waits for it.</summary>
    void Post(StoreChange change);

    /// <summary>Events in the order of their commits, handed over after each commit. One reader for the life
    /// of the store.</summary>
    IAsyncEnumerable<StoredEvent> ReadCommittedAsync(CancellationToken cancel);

    /// <summary>The next recipients of a lane, with their messages: Ready ones in turn, and Deferred ones due
    /// by <paramref name="now"/>, oldest first. When there are too many, each kind has half of the
    /// window.</summary>
    ValueTask<DueWindow> FetchDueAsync(string lane, DateTimeOffset now, int limit, CancellationToken cancel);

    /// <summary>The same one after the other, all Ready ones first, behind <paramref name="after"/>; the
    /// default is the beginning.</summary>
    ValueTask<DueWindow> SearchDueAsync(
        string lane, DateTimeOffset now, DueKey after, int limit, CancellationToken cancel);

    /// <summary>Lanes that have Ready or Deferred recipients, with how many, and of which age at
    /// <paramref name="now"/>: one look at an index, no row is read.</summary>
    ValueTask<IReadOnlyList<LaneTotal>> ReadLanesAsync(DateTimeOffset now, CancellationToken cancel);

    /// <summary>How many recipients are Held, by age: a column for each of
    /// <see cref="QueueTotals.AgesMinutes"/>, and one for what is older.</summary>
    ValueTask<IReadOnlyList<int>> CountHeldAsync(DateTimeOffset now, CancellationToken cancel);

    /// <summary>Active recipients leased before <paramref name="epoch"/>, by key after
    /// <paramref name="after"/>.</summary>
    ValueTask<IReadOnlyList<Recipient>> ReadAbandonedAsync(
        long epoch, RecipientKey after, int limit, CancellationToken cancel);

    /// <summary>A message with all its recipients. Null: not in the queue (any more).</summary>
    ValueTask<StoredMessage?> ReadMessageAsync(QueueId id, CancellationToken cancel);

    /// <summary>Messages behind a key, newest last, that fit the filter. Only so many rows are looked at: a
    /// page may be empty and not be the last.</summary>
    ValueTask<MessagePage> ListAsync(
        QueueFilter filter, QueueId after, int limit, CancellationToken cancel);

    /// <summary>The same before a key, newest first; <see cref="QueueId.End"/> is behind all.</summary>
    ValueTask<MessagePage> ListBackAsync(
        QueueFilter filter, QueueId before, int limit, CancellationToken cancel);

    /// <summary>The stored octets, without edits. Null: already dropped. The caller disposes.</summary>
    /// <exception cref="ContentDamagedException">They are not what was stored. A content in a file may show
    /// this only at the end of its reader.
    /// </exception>
    ValueTask<StoredContent?> OpenContentAsync(QueuedMessage message, CancellationToken cancel);

    /// <summary>A writer for content over the size kept in the store: a file under its final name, not yet
    /// flushed.</summary>
    ContentFileWriter CreateContentFile(QueueId id);

    ValueTask<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(long seq, int limit, CancellationToken cancel);

    ValueTask<IReadOnlyList<StoredEvent>> ReadEventsOfAsync(QueueId message, CancellationToken cancel);

    /// <summary>The first event of a message, however many there are. Null: there is none.</summary>
    ValueTask<StoredEvent?> ReadFirstEventOfAsync(QueueId message, CancellationToken cancel);

    /// <summary>The <c>accepted</c> events with this Message-ID or this recipient, and those without a
    /// message that were told under this id; newest first, without regard to case.</summary>
    /// <param name="text">A Message-ID, an address, or <see cref="RemoteFacts.EventId"/>.</param>
    ValueTask<IReadOnlyList<StoredEvent>> FindEventsAsync(
        string text, int limit, CancellationToken cancel);

    /// <summary>All objects of a kind made by command or API: accounts, alarms, ...</summary>
    ValueTask<IReadOnlyList<StoredObject>> ReadObjectsAsync(string kind, CancellationToken cancel);

    /// <summary>Some of them, in the order of their names.</summary>
    ValueTask<IReadOnlyList<StoredObject>> ListObjectsAsync(ObjectRange range, CancellationToken cancel);

    /// <summary>Null: there is none.</summary>
    ValueTask<StoredObject?> FindObjectAsync(string kind, string name, CancellationToken cancel);

    /// <summary>One small step of retention: drops messages whose recipients are all done and may go, and
    /// events before <paramref name="eventsBefore"/>.</summary>
    /// <returns>How many rows went; 0 means nothing is left to do now.</returns>
    ValueTask<int> SweepAsync(DateTimeOffset now, DateTimeOffset eventsBefore, CancellationToken cancel);
}

public enum StoreHealth
{
    /// <summary>Takes mail.</summary>
    Accepting,

    /// <summary>The reserve is reached: no new mail; all else goes on, reports too. Ends by itself.</summary>
    Full,

    /// <summary>A flush or write failed: nothing is acknowledged any more.</summary>
    Failed,
}

/// <summary>A change was not stored.</summary>
public sealed class StoreException : Exception
{
    public StoreException(StoreHealth health, string message, Exception? inner = null)
        : base(message, inner) => Health = health;

    public StoreHealth Health { get; }
}

/// <summary>Stored content is not what was stored: octets are missing or their sum does not fit.</summary>
public sealed class ContentDamagedException : IOException
{
    public ContentDamagedException(string content, string why)
        : base($"The content {content} is damaged: {why}.")
    {
    }
}

/// <summary>What one commit does, whole or not at all. Made by the message queue alone.</summary>
public sealed class StoreChange
{
    public List<NewMessage> Messages { get; } = [];

    /// <summary>New rows and new snapshots of known rows.</summary>
    public List<Recipient> Recipients { get; } = [];

    public List<MailEvent> Events { get; } = [];

    /// <summary>Events in the place of those with their seq; one that is gone by then stays gone. Moment,
    /// kind and message are what they were.</summary>
    public List<StoredEvent> Rewritten { get; } = [];

    public List<ObjectChange> Objects { get; } = [];

    /// <summary>A new message is in it that is no report of ours: what a full store does not take.</summary>
    public bool BringsMail => Messages.Exists(added => added.Message.ReportOn is null);
}

/// <summary>A message to be stored; its recipients stand in the same change.</summary>
/// <param name="Content">The octets when they go into the store, in memory; the caller keeps them until the
/// commit has completed and disposes of them. Null: they are in <see cref="QueuedMessage.ContentFile"/>,
/// flushed.
/// </param>
public sealed record NewMessage(QueuedMessage Message, StoredContent? Content);

/// <summary>Puts an object, or removes it when <paramref name="Json"/> is null.</summary>
public sealed record ObjectChange(string Kind, string Name, ReadOnlyMemory<byte>? Json);

public sealed record StoredObject(string Kind, string Name, ReadOnlyMemory<byte> Json);

/// <summary>Objects of a kind whose names begin with a prefix: a page of them.</summary>
/// <param name="Prefix">Empty: any name.</param>
public sealed record ObjectRange(string Kind, string Prefix, int Limit)
{
    /// <summary>Only names behind this one. Null: from the first.</summary>
    public string? After { get; init; }

    /// <summary>The last ones of those in front of this name, in their order; <see cref="After"/> is not
    /// looked at. Null: forward.</summary>
    public string? Before { get; init; }

    /// <summary>No name reaches it.</summary>
    public const string End = "\U0010FFFF";
}

public readonly record struct RecipientKey(QueueId Message, int Number);

public sealed record StoredMessage(QueuedMessage Message, IReadOnlyList<Recipient> Recipients);

/// <param name="Next">The key to go on from. Null: all has been looked at.</param>
public sealed record MessagePage(IReadOnlyList<StoredMessage> Messages, QueueId? Next);

public sealed record DueRecipient(QueuedMessage Message, Recipient Recipient);

/// <summary>A place in the order of a lane.</summary>
public readonly record struct DueKey(
    RecipientState State, DateTimeOffset DueAt, QueueId Message, int Number)
{
    public static DueKey Of(Recipient row) => new(row.State, row.DueAt, row.Message, row.Number);

    /// <summary>The order of a search.</summary>
    public int CompareTo(DueKey other) => (State, DueAt, Message.Value, Number).CompareTo(
        (other.State, other.DueAt, other.Message.Value, other.Number));
}

/// <param name="NextDueAt">When the next Deferred one beyond this window falls due. Null: there is
/// none.</param>
public sealed record DueWindow(IReadOnlyList<DueRecipient> Recipients, DateTimeOffset? NextDueAt);

/// <param name="FirstTurn">Of its Ready recipients. Null: it has none.</param>
/// <param name="LastDue">Of its Deferred recipients. Null: it has none.</param>
public sealed record LaneTotal(
    string Lane, int Recipients, DateTimeOffset? FirstTurn, DateTimeOffset? LastDue)
{
    /// <summary>Recipients by the age of their message, which its id tells: a column for each of
    /// <see cref="QueueTotals.AgesMinutes"/>, and one for what is older.</summary>
    public IReadOnlyList<int> ByAge { get; init; } = [];

    /// <summary>Empty: none was chosen yet.</summary>
    public string Transport => Queue.Lane.TransportOf(Lane);

    /// <summary>The message that has waited longest: ids grow with time.</summary>
    public required QueueId Oldest { get; init; }
}

/// <summary>Which messages a list or a bulk command means; null keys mean any.</summary>
public sealed record QueueFilter
{
    public static readonly QueueFilter All = new();

    public RecipientState? State { get; init; }

    /// <summary>What failed for good and is kept; <see cref="State"/> is Done.</summary>
    public bool DeadLetters { get; init; }

    public string? Route { get; init; }
    public string? Transport { get; init; }

    /// <summary>An address pattern (DESIGN §9.1).</summary>
    public string? Sender { get; init; }

    public string? Recipient { get; init; }

    /// <summary>A sending domain: what was handed in for it, or submitted by a sender of it.</summary>
    public string? Domain { get; init; }

    public DateTimeOffset? ArrivedBefore { get; init; }
    public DateTimeOffset? ArrivedAfter { get; init; }
}
