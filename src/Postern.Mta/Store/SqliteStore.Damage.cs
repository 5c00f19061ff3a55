using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Store;

public sealed partial class SqliteStore
{
    /// <summary>
    /// Added to the state of a recipient that is set aside: no fetch sees it again, nothing is deleted.
    /// </summary>
    const int SetAsideState = 100;

    const int DamagedKnownMax = 10_000;

    readonly HashSet<(string Kind, long Id, long Number)> damaged = [];

    /// <summary>
    /// Writes down a damaged row once, takes its recipients out of the lanes, and tells it as an event.
    /// </summary>
    void SetAside(string kind, long id, long number, string why)
    {
        lock (damaged)
        {
            if (damaged.Count >= DamagedKnownMax || !damaged.Add((kind, id, number)))
                return;
        }
        LogDamaged(kind, kind == "event" ? $"seq {id}" : new QueueId(id).ToString(), number, why);
        var request = Rent();
        request.Post(() => WriteDamage(kind, id, number, why));
        Enqueue(request);
    }

    void WriteDamage(string kind, long id, long number, string why)
    {
        writer.Use("INSERT OR IGNORE INTO quarantine(kind, id, number, at, why) VALUES(?, ?, ?, ?, ?)")
            .BindText(1, kind).Bind(2, id).Bind(3, number).Bind(4, clock.GetUtcNow().UtcTicks)
            .BindText(5, why).Run();
        // Damaged content is the queue's to hold: it gets the exception.
        if (writer.Changes == 0 || kind is "event" or "content")
            return;
        writer.Use(
            $"""
            UPDATE recipient SET state = state + {SetAsideState}
            WHERE message = ? AND (number = ? OR ?) AND state < {SetAsideState}
            """)
            .Bind(1, id).Bind(2, number).Bind(3, kind == "message" ? 1L : 0L).Run();
        WriteDamageEvent(kind, id, number, why);
    }

    void WriteDamageEvent(string kind, long id, long number, string why)
    {
        var fact = new MailEvent
        {
            Kind = EventKind.Held,
            At = clock.GetUtcNow(),
            Message = new QueueId(id),
            Recipient = kind == "recipient" ? (int)number : null,
            Why = $"the stored {kind} is damaged: {why}",
        };
        var change = new StoreChange();
        change.Events.Add(fact);
        var request = Rent();
        request.Post(change);
        Enqueue(request);
    }
}
