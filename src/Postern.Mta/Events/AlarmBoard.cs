using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>The alarms that stand, by kind and subject; each is raised once and cleared once (DESIGN
/// §9.2).</summary>
/// <remarks>Any thread. The table holds what was handed out for a commit; what a full disk did not take is
/// given back by <see cref="TakeBack"/>.</remarks>
public sealed class AlarmBoard(TimeProvider clock)
{
    /// <summary>The kind of object an alarm is in the store.</summary>
    public const string ObjectKind = "alarm";

    readonly Lock gate = new();
    readonly Dictionary<(string Kind, string Subject), Alarm> raised = [];

    /// <summary>How many stand; cheap enough to ask after every attempt.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return raised.Count;
        }
    }

    /// <summary>A snapshot, oldest first.</summary>
    public IReadOnlyList<Alarm> Raised
    {
        get
        {
            lock (gate)
                return [.. raised.Values.OrderBy(a => a.Since).ThenBy(a => a.Kind, StringComparer.Ordinal)
                    .ThenBy(a => a.Subject, StringComparer.Ordinal)];
        }
    }

    public bool IsRaised(string kind, string subject)
    {
        lock (gate)
            return raised.ContainsKey((kind, subject));
    }

    /// <summary>How many stand, per kind, for the metric.</summary>
    public IReadOnlyDictionary<string, int> Counts
    {
        get
        {
            lock (gate)
                return raised.Values.CountBy(a => a.Kind).ToDictionary();
        }
    }

    /// <summary>Takes back what an earlier process left, from <see cref="IMailStore.ReadObjectsAsync"/>;
    /// unreadable ones are skipped.</summary>
    public void Restore(IEnumerable<StoredObject> objects)
    {
        lock (gate)
        {
            foreach (var stored in objects)
            {
                if (stored.Kind == ObjectKind && Read(stored) is { } alarm)
                    raised[(alarm.Kind, alarm.Subject)] = alarm;
            }
        }
    }

    /// <summary>Null: it stands already; its first text stays.</summary>
    public AlarmChange? Raise(string kind, string subject, string text, string mend)
    {
        var alarm = new Alarm(kind, subject, clock.GetUtcNow(), text, mend);
        lock (gate)
        {
            if (!raised.TryAdd((kind, subject), alarm))
                return null;
        }
        return ChangeOf(EventKind.AlarmRaised, alarm, alarm.Since, RowOf(ObjectKind, alarm));
    }

    /// <summary>Null: it does not stand.</summary>
    public AlarmChange? Clear(string kind, string subject)
    {
        Alarm? alarm;
        lock (gate)
        {
            if (!raised.Remove((kind, subject), out alarm))
                return null;
        }
        return ChangeOf(
            EventKind.AlarmCleared, alarm, clock.GetUtcNow(), RowOf(ObjectKind, alarm) with { Json = null });
    }

    /// <summary>This change was not stored: what it would have raised does not stand, what it would have
    /// cleared does.</summary>
    public void TakeBack(StoreChange change)
    {
        foreach (var fact in change.Events)
        {
            if (fact.Alarm is not { } alarm)
                continue;
            lock (gate)
            {
                if (fact.Kind == EventKind.AlarmRaised)
                    raised.Remove((alarm.Kind, alarm.Subject));
                else
                    raised.TryAdd((alarm.Kind, alarm.Subject), alarm);
            }
        }
    }

    internal static string NameOf(Alarm alarm) => $"{alarm.Kind}/{alarm.Subject}";

    /// <summary>The alarm as an object of this kind.</summary>
    internal static ObjectChange RowOf(string kind, Alarm alarm) => new(
        kind, NameOf(alarm), JsonSerializer.SerializeToUtf8Bytes(alarm, AlarmJson.Default.Alarm));

    static AlarmChange ChangeOf(EventKind kind, Alarm alarm, DateTimeOffset at, ObjectChange row) => new(
        new MailEvent
        {
            Kind = kind,
            At = at,
            Alarm = alarm,
        },
        row);

    /// <summary>Null: it cannot be read.</summary>
    internal static Alarm? Read(StoredObject stored)
    {
        // A row of a later version must not keep the server from starting.
        try
        {
            var alarm = JsonSerializer.Deserialize(stored.Json.Span, AlarmJson.Default.Alarm);
            return alarm is { Kind: not null, Subject: not null, Text: not null, Mend: not null }
                ? alarm : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>What a raised or cleared alarm adds to a commit: one event and one object.</summary>
public sealed record AlarmChange(MailEvent Event, ObjectChange Row)
{
    public void AddTo(StoreChange change)
    {
        change.Events.Add(Event);
        change.Objects.Add(Row);
    }
}

[JsonSerializable(typeof(Alarm))]
sealed partial class AlarmJson : JsonSerializerContext;
