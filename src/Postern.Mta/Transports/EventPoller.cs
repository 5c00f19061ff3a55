using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Transports;

/// <summary>Asks providers what became of mail, and so fills the gaps that lost webhooks leave.</summary>
/// <remarks>
/// As Mailgun recommends it: events are read from the oldest on, those of the last half hour again and again,
/// since late ones may still come among them; what is known by its id is not told twice. How far a provider
/// was read is an object of the store. Nothing waits for it: an answer that does not come is asked for again
/// in the next round, with an alarm when none has come for half an hour.
/// </remarks>
sealed partial class EventPoller(
    TransportTable transports, MessageQueue queue, IMailStore store, Func<PosternOptions> current,
    TimeProvider clock, ILogger log)
{
    /// <summary>The kind of the store's objects; the name is the transport's.</summary>
    const string ObjectKind = "events-read";

    const string Alarm = "events";

    /// <summary>Pages of one round: the rest comes with the next.</summary>
    const int PagesMax = 100;

    const int KnownMax = 100_000;

    static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>The first events that are read where none were before, and the age at which a page is
    /// trusted.</summary>
    static readonly TimeSpan TrustedAge = TimeSpan.FromMinutes(30);

    static readonly TimeSpan SilenceMax = TimeSpan.FromMinutes(30);

    /// <summary>How far was read is written down when it has moved so far.</summary>
    static readonly TimeSpan CursorStep = TimeSpan.FromMinutes(1);

    readonly Dictionary<string, Source> sources = new(StringComparer.Ordinal);

    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(LookEvery, clock);
        try
        {
            do
                await RoundAsync(cancel).ConfigureAwait(false);
            while (await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The agent is stopping.
        }
    }

    /// <summary>Asks those whose time it is.</summary>
    internal async ValueTask RoundAsync(CancellationToken cancel)
    {
        foreach (var (name, options) in current().Transports)
        {
            if (options is { Kind: TransportKind.Mailgun, PollEvents: { } interval })
                await PollIfDueAsync(name, interval, cancel).ConfigureAwait(false);
        }
    }

    async ValueTask PollIfDueAsync(string name, TimeSpan interval, CancellationToken cancel)
    {
        if (!sources.TryGetValue(name, out var source))
            sources.Add(name, source = new Source { AnsweredAt = clock.GetUtcNow() });
        if (transports.Find(name) is not { } transport || source.NextAt > clock.GetUtcNow())
            return;
        source.NextAt = clock.GetUtcNow() + interval;
        try
        {
            await PollAsync(name, transport, source, cancel).ConfigureAwait(false);
        }
        catch (StoreException failed)
        {
            LogNotStored(failed, name);
        }
    }

    async ValueTask PollAsync(string name, ITransport transport, Source source, CancellationToken cancel)
    {
        source.WrittenTo ??= await ReadCursorAsync(name, cancel).ConfigureAwait(false);
        var since = source.ReadTo ??= source.WrittenTo ?? clock.GetUtcNow() - TrustedAge;
        var newest = since;
        string? place = null;
        for (var page = 0; page < PagesMax; page++)
        {
            var answer = await transport.ReadEventsAsync(since, place, cancel).ConfigureAwait(false);
            if (answer is not TellingPage.Found found)
            {
                await NoteTroubleAsync(name, answer, source).ConfigureAwait(false);
                return;
            }
            await Task.WhenAll(found.Tellings.Where(telling => source.Known.TryAdd(
                telling.Facts.EventId, telling.Facts.At)).Select(telling => TellAsync(telling, source)))
                .ConfigureAwait(false);
            newest = found.Tellings.Aggregate(
                newest, (moment, telling) => telling.Facts.At > moment ? telling.Facts.At : moment);
            place = found.Next;
            if (place is null)
                break;
        }
        source.AnsweredAt = clock.GetUtcNow();
        await queue.ClearAlarmAsync(Alarm, SubjectOf(name)).ConfigureAwait(false);
        var trusted = clock.GetUtcNow() - TrustedAge;
        await MoveOnAsync(name, source, place is null || newest > trusted ? trusted : newest)
            .ConfigureAwait(false);
    }

    /// <summary>One that could not be stored is told again in the next round.</summary>
    async Task TellAsync(Telling telling, Source source)
    {
        try
        {
            await queue.TellAsync(telling).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            source.Known.TryRemove(telling.Facts.EventId, out _);
            throw;
        }
    }

    async ValueTask<DateTimeOffset?> ReadCursorAsync(string name, CancellationToken cancel) =>
        await store.FindObjectAsync(ObjectKind, name, cancel).ConfigureAwait(false) is { } stored
            ? StoredMoment.Read(stored) : null;

    async ValueTask MoveOnAsync(string name, Source source, DateTimeOffset to)
    {
        foreach (var (id, at) in source.Known)
        {
            if (at < to || source.Known.Count > KnownMax)
                source.Known.TryRemove(id, out _);
        }
        source.ReadTo = to;
        if (to - source.WrittenTo < CursorStep)
            return;
        await queue.PutObjectAsync(new ObjectChange(ObjectKind, name, StoredMoment.Write(to)))
            .ConfigureAwait(false);
        source.WrittenTo = to;
    }

    async ValueTask NoteTroubleAsync(string name, TellingPage answer, Source source)
    {
        switch (answer)
        {
            case TellingPage.Refused { Alarm: var alarm }:
                await queue.RaiseAlarmAsync(Alarm, SubjectOf(name), alarm.Text, alarm.Mend)
                    .ConfigureAwait(false);
                break;
            case TellingPage.Unanswered { Text: var text, RetryAfter: var wish }:
                if (wish is { } wait)
                    source.NextAt = clock.GetUtcNow() + wait;
                LogUnanswered(name, text);
                if (clock.GetUtcNow() - source.AnsweredAt >= SilenceMax)
                    await queue.RaiseAlarmAsync(Alarm, SubjectOf(name), text,
                        "see whether the provider is down; events that are kept there come when it answers")
                        .ConfigureAwait(false);
                break;
        }
    }

    /// <summary>An attempt that succeeds clears the alarms that bear the transport's own name.</summary>
    static string SubjectOf(string name) => $"events of {name}";

    [LoggerMessage(Level = LogLevel.Warning, Message = "Events of {Transport} were not read: {Text}")]
    partial void LogUnanswered(string transport, string text);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Events of {Transport} could not be stored")]
    partial void LogNotStored(Exception failed, string transport);

    /// <summary>What is known of one provider's events.</summary>
    sealed class Source
    {
        public DateTimeOffset NextAt { get; set; }

        /// <summary>All events before it have been read. Null: not looked up yet.</summary>
        public DateTimeOffset? ReadTo { get; set; }

        /// <summary>What the store says of it. Null: nothing.</summary>
        public DateTimeOffset? WrittenTo { get; set; }

        public DateTimeOffset AnsweredAt { get; set; }

        /// <summary>Ids of what was told behind <see cref="ReadTo"/>.</summary>
        public ConcurrentDictionary<string, DateTimeOffset> Known { get; } = new(StringComparer.Ordinal);
    }
}

/// <summary>What a provider answered to a question for events.</summary>
public abstract record TellingPage
{
    TellingPage()
    {
    }

    /// <param name="Next">Where to go on. Null: this is the end for now.</param>
    public sealed record Found(IReadOnlyList<Telling> Tellings, string? Next) : TellingPage;

    /// <summary>An operator has to mend it.</summary>
    public sealed record Refused(AlarmNotice Alarm) : TellingPage;

    /// <param name="RetryAfter">The provider's own wish. Null: none.</param>
    public sealed record Unanswered(string Text, TimeSpan? RetryAfter) : TellingPage;

    /// <summary>There is nobody to ask.</summary>
    public static readonly TellingPage None = new Found([], null);
}
