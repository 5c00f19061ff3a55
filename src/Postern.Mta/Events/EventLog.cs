using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>The log: every committed event and every fact of a session, in one of three formats.</summary>
/// <remarks>
/// It is a view: the store has every event, and a log that is slow, broken or full never holds up mail.
/// Levels are Mailgun's (<see cref="EventLevel"/>): error is a recipient lost or an alarm, warn a delay or
/// a refusal, info the rest.
/// </remarks>
public sealed class EventLog : IAsyncDisposable
{
    readonly LineFormat format;
    readonly LogOutput output;
    readonly OpenRecipients open = new();

    public EventLog(EventLogSettings settings, TimeProvider clock)
        : this(settings, clock, () => LogTarget.Open(settings.File), Console.OpenStandardError())
    {
    }

    /// <param name="openTarget">Opens the file; called again at <see cref="Reopen"/>.</param>
    internal EventLog(EventLogSettings settings, TimeProvider clock, Func<Stream> openTarget,
        Stream standardError)
    {
        var lineFormat = LineFormat.Of(settings, clock.LocalTimeZone);
        format = lineFormat;
        output = new LogOutput(openTarget, standardError,
            (lines, lost) => lineFormat.Lost(lines, lost, clock.GetUtcNow()));
        Sessions = new SessionLog(format, output, clock);
    }

    /// <summary>It sees every committed event: attempts themselves pay nothing for what is kept
    /// here.</summary>
    public LastReplies Replies { get; } = new();

    /// <summary>Fed by the SMTP doors.</summary>
    public SessionLog Sessions { get; }

    /// <summary>Writes the store's events until <paramref name="cancel"/> or the store's end.</summary>
    public Task RunAsync(IMailStore store, CancellationToken cancel) =>
        RunAsync(store.ReadCommittedAsync(cancel), store.ReadEventsOfAsync, cancel);

    /// <param name="eventsOf">Events of one message, for those accepted before this process.</param>
    internal async Task RunAsync(IAsyncEnumerable<StoredEvent> events,
        Func<QueueId, CancellationToken, ValueTask<IReadOnlyList<StoredEvent>>> eventsOf,
        CancellationToken cancel)
    {
        await foreach (var stored in events.WithCancellation(cancel))
        {
            Replies.Note(stored.Event);
            var progress = default(RecipientProgress);
            if (format.NeedsProgress && !open.TryApply(stored.Event, out progress))
            {
                var id = stored.Event.Message.GetValueOrDefault();
                open.Restore(id, await eventsOf(id, cancel), stored.Seq);
                open.TryApply(stored.Event, out progress);
            }
            output.Append((format, stored, progress),
                static (lines, entry) => entry.format.Event(lines, entry.stored, entry.progress));
        }
    }

    /// <summary>Opens the file anew, after SIGHUP: logrotate has renamed it.</summary>
    public void Reopen() => output.Reopen();

    /// <summary>Writes what is left and closes the file.</summary>
    public ValueTask DisposeAsync() => output.DisposeAsync();
}

/// <summary>How the log is written.</summary>
public sealed record EventLogSettings
{
    public LogFormat Format { get; init; }

    /// <summary>Null: standard output.</summary>
    public string? File { get; init; }

    public ShownAddresses Addresses { get; init; }

    public required string Hostname { get; init; }

    /// <summary>This node's number, part of every event's id.</summary>
    public int Node { get; init; }

    public int ProcessId { get; init; } = Environment.ProcessId;

    /// <summary>Console format alone: the output is a terminal that wants it.</summary>
    public bool UseColour { get; init; }
}
