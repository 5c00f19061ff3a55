using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Tests.Doubles;

/// <summary>A store in whose reads of events something else may happen.</summary>
sealed class WatchedStore(IMailStore inner) : IMailStore
{
    /// <summary>After the next events were read, and before anybody has them. Null: nothing.</summary>
    public Func<Task>? Meanwhile { get; set; }

    public long Epoch => inner.Epoch;
    public QueueId LastId => inner.LastId;
    public StoreHealth Health => inner.Health;

    async ValueTask<T> WatchAsync<T>(ValueTask<T> read)
    {
        var events = await read;
        var meanwhile = Meanwhile;
        Meanwhile = null;
        if (meanwhile is not null)
            await meanwhile();
        return events;
    }

    public ValueTask<IReadOnlyList<StoredEvent>> ReadEventsAfterAsync(
        long seq, int limit, CancellationToken cancel) =>
        WatchAsync(inner.ReadEventsAfterAsync(seq, limit, cancel));

    public ValueTask<IReadOnlyList<StoredEvent>> ReadEventsOfAsync(
        QueueId message, CancellationToken cancel) => WatchAsync(inner.ReadEventsOfAsync(message, cancel));

    public ValueTask CommitAsync(StoreChange change) => inner.CommitAsync(change);

    public void Post(StoreChange change) => inner.Post(change);

    public IAsyncEnumerable<StoredEvent> ReadCommittedAsync(CancellationToken cancel) =>
        inner.ReadCommittedAsync(cancel);

    public ValueTask<DueWindow> FetchDueAsync(
        string lane, DateTimeOffset now, int limit, CancellationToken cancel) =>
        inner.FetchDueAsync(lane, now, limit, cancel);

    public ValueTask<DueWindow> SearchDueAsync(
        string lane, DateTimeOffset now, DueKey after, int limit, CancellationToken cancel) =>
        inner.SearchDueAsync(lane, now, after, limit, cancel);

    public ValueTask<IReadOnlyList<LaneTotal>> ReadLanesAsync(
        DateTimeOffset now, CancellationToken cancel) => inner.ReadLanesAsync(now, cancel);

    public ValueTask<IReadOnlyList<int>> CountHeldAsync(DateTimeOffset now, CancellationToken cancel) =>
        inner.CountHeldAsync(now, cancel);

    public ValueTask<IReadOnlyList<Recipient>> ReadAbandonedAsync(
        long epoch, RecipientKey after, int limit, CancellationToken cancel) =>
        inner.ReadAbandonedAsync(epoch, after, limit, cancel);

    public ValueTask<StoredMessage?> ReadMessageAsync(QueueId id, CancellationToken cancel) =>
        inner.ReadMessageAsync(id, cancel);

    public ValueTask<MessagePage> ListAsync(
        QueueFilter filter, QueueId after, int limit, CancellationToken cancel) =>
        inner.ListAsync(filter, after, limit, cancel);

    public ValueTask<MessagePage> ListBackAsync(
        QueueFilter filter, QueueId before, int limit, CancellationToken cancel) =>
        inner.ListBackAsync(filter, before, limit, cancel);

    public ValueTask<StoredContent?> OpenContentAsync(QueuedMessage message, CancellationToken cancel) =>
        inner.OpenContentAsync(message, cancel);

    public ContentFileWriter CreateContentFile(QueueId id) => inner.CreateContentFile(id);

    public ValueTask<StoredEvent?> ReadFirstEventOfAsync(QueueId message, CancellationToken cancel) =>
        inner.ReadFirstEventOfAsync(message, cancel);

    public ValueTask<IReadOnlyList<StoredEvent>> FindEventsAsync(
        string text, int limit, CancellationToken cancel) => inner.FindEventsAsync(text, limit, cancel);

    public ValueTask<IReadOnlyList<StoredObject>> ReadObjectsAsync(string kind, CancellationToken cancel) =>
        inner.ReadObjectsAsync(kind, cancel);

    public ValueTask<IReadOnlyList<StoredObject>> ListObjectsAsync(
        ObjectRange range, CancellationToken cancel) => inner.ListObjectsAsync(range, cancel);

    public ValueTask<StoredObject?> FindObjectAsync(string kind, string name, CancellationToken cancel) =>
        inner.FindObjectAsync(kind, name, cancel);

    public ValueTask<int> SweepAsync(
        DateTimeOffset now, DateTimeOffset eventsBefore, CancellationToken cancel) =>
        inner.SweepAsync(now, eventsBefore, cancel);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
