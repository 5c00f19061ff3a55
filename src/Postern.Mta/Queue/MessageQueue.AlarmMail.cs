using Postern.Mta.Events;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Alarms by mail to the postmaster: each is told once when it is raised, and once when it is
/// over.</summary>
/// <remarks>
/// What was told stands in the store and is written in the commit that accepts the mail, so that neither a
/// crash nor a restart tells it twice. One mail has all there is to tell, and the next one waits: an alarm
/// that comes and goes cannot flood anybody. A mail about alarms is from the null sender and names itself as
/// what it reports on: nothing is ever sent about it, and a full disk takes it.
/// </remarks>
public sealed partial class MessageQueue
{
    /// <summary>The kind of object that says an alarm was told.</summary>
    const string AlarmToldKind = "alarm-told";

    /// <summary>What is over sooner is not told.</summary>
    static readonly TimeSpan AlarmSettles = TimeSpan.FromMinutes(1);

    static readonly TimeSpan AlarmMailEvery = TimeSpan.FromMinutes(10);

    /// <summary>By the names of their objects. Null: not read from the store yet.</summary>
    Dictionary<string, Alarm>? alarmsTold;

    /// <summary>When the last mail was made, as a timestamp. Null: not by this process.</summary>
    long? alarmMailAt;

    /// <summary>Tells the postmaster what is new, if there is one with a route, and it is time.</summary>
    internal async ValueTask TellAlarmsAsync(CancellationToken cancel)
    {
        if (Options.Inbound.Postmaster is not { } named || !Mailbox.TryParse(named, out var postmaster)
            || store.Health == StoreHealth.Failed
            || (alarmMailAt is { } last && clock.GetElapsedTime(last) < AlarmMailEvery))
            return;
        var told = alarmsTold ??= await ReadToldAsync(cancel).ConfigureAwait(false);
        var settled = clock.GetUtcNow() - AlarmSettles;
        var raised = new List<Alarm>();
        foreach (var alarm in alarms.Raised)
        {
            if (alarm.Since <= settled && !told.ContainsKey(AlarmBoard.NameOf(alarm))
                && !await IsAboutAlarmMailAsync(alarm, cancel).ConfigureAwait(false))
                raised.Add(alarm);
        }
        Alarm[] over = [.. told.Values.Where(alarm => !alarms.IsRaised(alarm.Kind, alarm.Subject))];
        if ((raised.Count > 0 || over.Length > 0) && DoorFor(postmaster) is { } door)
            await TellAlarmsAsync(told, postmaster, door, raised, over).ConfigureAwait(false);
    }

    async ValueTask TellAlarmsAsync(
        Dictionary<string, Alarm> told, Mailbox postmaster, MailDoors door, IReadOnlyList<Alarm> raised,
        IReadOnlyList<Alarm> over)
    {
        var id = ids.Next();
        var letter = AlarmLetter.Compose(
            id, postmaster, Options.Hostname, clock.GetUtcNow(), raised, over);
        var change = new StoreChange();
        foreach (var alarm in raised)
            change.Objects.Add(AlarmBoard.RowOf(AlarmToldKind, alarm));
        foreach (var alarm in over)
            change.Objects.Add(AlarmBoard.RowOf(AlarmToldKind, alarm) with { Json = null });
        var fresh = Prepare(MailOf(letter, id, reportOn: id, door), change);
        try
        {
            await store.CommitAsync(change).ConfigureAwait(false);
        }
        catch
        {
            Forget(fresh);
            throw;
        }
        foreach (var alarm in raised)
            told[AlarmBoard.NameOf(alarm)] = alarm;
        foreach (var alarm in over)
            told.Remove(AlarmBoard.NameOf(alarm));
        alarmMailAt = clock.GetTimestamp();
        DispatchWorks(fresh);
        NoteWaiting(change);
    }

    async ValueTask<Dictionary<string, Alarm>> ReadToldAsync(CancellationToken cancel)
    {
        var told = new Dictionary<string, Alarm>(StringComparer.Ordinal);
        foreach (var row in await store.ReadObjectsAsync(AlarmToldKind, cancel).ConfigureAwait(false))
        {
            if (AlarmBoard.Read(row) is { } alarm)
                told[row.Name] = alarm;
        }
        return told;
    }

    /// <summary>The door whose routes take it: those of our own mail, else those of inbound mail. Null: no
    /// route does.</summary>
    MailDoors? DoorFor(Mailbox postmaster)
    {
        foreach (var door in (MailDoors[])[MailDoors.Submission, MailDoors.Mx])
        {
            var question = new RoutingQuestion(default, postmaster, door, null, "");
            if (Router.Decide(Routes, question, health) is RoutingDecision.Via or RoutingDecision.Split)
                return door;
        }
        return null;
    }

    async ValueTask<bool> IsAboutAlarmMailAsync(Alarm alarm, CancellationToken cancel) =>
        alarm.Kind is UncertainAlarm or ContentAlarm && QueueId.TryParse(alarm.Subject, out var id)
        && await store.ReadMessageAsync(id, cancel).ConfigureAwait(false) is { } stored
        && stored.Message.ReportOn == id;
}
