using Microsoft.Extensions.Logging;
using Postern.Mta.Intake;
using Postern.Mta.Store;
using Postern.Mta.Transports.Claims;

namespace Postern.Mta.Queue;

/// <summary>What runs beside delivery: recovery at the start, the end of lifetimes, delay warnings, alarm
/// mail, retention; all in small steps.</summary>
/// <param name="isSpent">Whether an account has used up its quota of the day.</param>
/// <remarks>A step that fails is logged and tried again at the next round: nothing here is needed for a
/// 250.</remarks>
sealed partial class Housekeeping(
    MessageQueue queue, IMailStore store, Func<PosternOptions> current, Func<string, bool> isSpent,
    TimeProvider clock, ILogger log)
{
    static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);
    static readonly TimeSpan CountEvery = TimeSpan.FromSeconds(10);

    /// <summary>Counting reads an entry for each recipient that waits: with a large backlog it comes less
    /// often, and never takes more than this part of the time.</summary>
    const int CountPart = 50;
    static readonly TimeSpan ForgetEvery = TimeSpan.FromMinutes(1);
    static readonly TimeSpan SweepClaimsEvery = TimeSpan.FromMinutes(5);
    static readonly TimeSpan LookAtOldEvery = TimeSpan.FromSeconds(30);

    /// <summary>Pages of old mail in one second: a million messages take minutes, and leave room for
    /// delivery.</summary>
    const int OldPagesMax = 5;

    /// <summary>Rows of the greylist in one second; the others have time.</summary>
    const int GreylistRowsMax = 500;

    IReadOnlyList<LaneTotal> waiting = [];
    IReadOnlyList<int> held = [];

    /// <summary>How far the look at old mail is. Null: it is through.</summary>
    QueueId? lookedTo;

    /// <summary>Null: nobody asks it.</summary>
    public Greylist? Greylist { get; init; }

    /// <summary>Recipients that wait in the store, lane by lane; some seconds old, with a large backlog
    /// a minute.</summary>
    public IReadOnlyList<LaneTotal> Waiting => Volatile.Read(ref waiting);

    /// <summary>Recipients that are Held, by age as in <see cref="LaneTotal.ByAge"/>; as old.</summary>
    public IReadOnlyList<int> Held => Volatile.Read(ref held);

    /// <summary>Removes messages that were put aside and that nobody fetched.</summary>
    public required ClaimSweep Claims { get; init; }

    public async Task RunAsync(CancellationToken cancel)
    {
        var isRecovered = await AttemptAsync("recovery", queue.RecoverAsync, cancel).ConfigureAwait(false);
        await AttemptAsync("counting", CountAsync, cancel).ConfigureAwait(false);
        using var timer = new PeriodicTimer(SweepEvery, clock);
        var countedAt = clock.GetTimestamp();
        var countAfter = CountEvery;
        var lookedAt = countedAt;
        var forgotAt = countedAt;
        var sweptAt = countedAt;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            queue.WatchClock();
            queue.WatchStore();
            queue.WatchQuotas(isSpent);
            queue.WatchTransports();
            queue.WatchFilters();
            queue.KeepSpent();
            if (Greylist is not null)
                queue.PostObjects(Greylist.TakeChanges(GreylistRowsMax));
            await AttemptAsync("alarm mail", queue.TellAlarmsAsync, cancel).ConfigureAwait(false);
            if (!isRecovered)
                isRecovered = await AttemptAsync("recovery", queue.RecoverAsync, cancel)
                    .ConfigureAwait(false);
            await AttemptAsync("retention", SweepAsync, cancel).ConfigureAwait(false);
            if (clock.GetElapsedTime(countedAt) >= countAfter)
            {
                var began = clock.GetTimestamp();
                await AttemptAsync("counting", CountAsync, cancel).ConfigureAwait(false);
                countedAt = clock.GetTimestamp();
                countAfter = Max(CountEvery, clock.GetElapsedTime(began) * CountPart);
            }
            if (clock.GetElapsedTime(forgotAt) >= ForgetEvery)
            {
                forgotAt = clock.GetTimestamp();
                Greylist?.Sweep(current().Inbound.Greylist);
                await AttemptAsync("old answers", stop => queue.Answers.SweepAsync(queue, stop), cancel)
                    .ConfigureAwait(false);
            }
            if (clock.GetElapsedTime(sweptAt) >= SweepClaimsEvery)
            {
                sweptAt = clock.GetTimestamp();
                await AttemptAsync("claims", SweepClaimsAsync, cancel).ConfigureAwait(false);
            }
            if (lookedTo is null && clock.GetElapsedTime(lookedAt) >= LookAtOldEvery)
            {
                lookedAt = clock.GetTimestamp();
                lookedTo = default(QueueId);
            }
            await AttemptAsync("old mail", LookAtOldAsync, cancel).ConfigureAwait(false);
        }
    }

    static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    async ValueTask SweepAsync(CancellationToken cancel)
    {
        var now = queue.Time.Now;
        // Events bear the wall clock's time; none goes too early when that is behind.
        var wall = clock.GetUtcNow();
        var eventsBefore = (wall < now ? wall : now) - current().Log.Keep;
        // Bounded, so that a large backlog of dead rows never keeps the writer to itself.
        for (var step = 0; step < 20; step++)
        {
            if (await store.SweepAsync(now, eventsBefore, cancel).ConfigureAwait(false) == 0)
                return;
        }
    }

    ValueTask SweepClaimsAsync(CancellationToken cancel)
    {
        // Files bear the wall clock's time; none goes too early when that is ahead.
        var (now, wall) = (queue.Time.Now, clock.GetUtcNow());
        return Claims.SweepAsync(wall < now ? wall : now, cancel);
    }

    async ValueTask CountAsync(CancellationToken cancel)
    {
        // Ids bear the wall clock's time.
        var now = clock.GetUtcNow();
        Volatile.Write(ref waiting, await store.ReadLanesAsync(now, cancel).ConfigureAwait(false));
        Volatile.Write(ref held, await store.CountHeldAsync(now, cancel).ConfigureAwait(false));
    }

    async ValueTask LookAtOldAsync(CancellationToken cancel)
    {
        for (var page = 0; page < OldPagesMax && lookedTo is { } key; page++)
            lookedTo = await queue.LookAtOldAsync(key, cancel).ConfigureAwait(false);
    }

    /// <returns>False: it failed, or was cut short.</returns>
    async ValueTask<bool> AttemptAsync(
        string step, Func<CancellationToken, ValueTask> run, CancellationToken cancel)
    {
        try
        {
            await run(cancel).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The agent is stopping.
        }
        catch (Exception failed) when (
            failed is StoreException or IOException or UnauthorizedAccessException)
        {
            LogStepFailed(failed, step);
        }
        return false;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The step {Step} failed and will be tried again")]
    partial void LogStepFailed(Exception failed, string step);
}
