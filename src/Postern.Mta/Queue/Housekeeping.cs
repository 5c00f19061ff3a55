using Microsoft.Extensions.Logging;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>What runs beside delivery: recovery at the start, the end of lifetimes, retention; all in small
/// steps.</summary>
/// <remarks>A step that fails is logged and tried again at the next round: nothing here is needed for a
/// 250.</remarks>
sealed partial class Housekeeping(
    MessageQueue queue, IMailStore store, Func<PosternOptions> current, TimeProvider clock, ILogger log)
{
    static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);
    static readonly TimeSpan CountEvery = TimeSpan.FromSeconds(10);
    static readonly TimeSpan ExpireEvery = TimeSpan.FromSeconds(30);

    IReadOnlyList<LaneTotal> waiting = [];

    /// <summary>Recipients that wait in the store, lane by lane; some seconds old.</summary>
    public IReadOnlyList<LaneTotal> Waiting => Volatile.Read(ref waiting);

    public async Task RunAsync(CancellationToken cancel)
    {
        var isRecovered = await AttemptAsync("recovery", queue.RecoverAsync, cancel).ConfigureAwait(false);
        await AttemptAsync("counting", CountAsync, cancel).ConfigureAwait(false);
        using var timer = new PeriodicTimer(SweepEvery, clock);
        var countedAt = clock.GetTimestamp();
        var expiredAt = countedAt;
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
            queue.WatchStore();
            if (!isRecovered)
                isRecovered = await AttemptAsync("recovery", queue.RecoverAsync, cancel)
                    .ConfigureAwait(false);
            await AttemptAsync("retention", SweepAsync, cancel).ConfigureAwait(false);
            if (clock.GetElapsedTime(countedAt) >= CountEvery)
            {
                countedAt = clock.GetTimestamp();
                await AttemptAsync("counting", CountAsync, cancel).ConfigureAwait(false);
            }
            if (clock.GetElapsedTime(expiredAt) < ExpireEvery)
                continue;
            expiredAt = clock.GetTimestamp();
            await AttemptAsync("expiry", ExpireAsync, cancel).ConfigureAwait(false);
        }
    }

    async ValueTask SweepAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        // Bounded, so that a large backlog of dead rows never keeps the writer to itself.
        for (var step = 0; step < 20; step++)
        {
            if (await store.SweepAsync(now, now - current().Log.Keep, cancel).ConfigureAwait(false) == 0)
                return;
        }
    }

    async ValueTask CountAsync(CancellationToken cancel) =>
        Volatile.Write(ref waiting, await store.ReadLanesAsync(cancel).ConfigureAwait(false));

    async ValueTask ExpireAsync(CancellationToken cancel)
    {
        QueueId? after = default(QueueId);
        while (after is { } key)
            after = await queue.ExpireOldAsync(key, cancel).ConfigureAwait(false);
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
        catch (StoreException failed)
        {
            LogStepFailed(failed, step);
        }
        return false;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The step {Step} failed and will be tried again")]
    partial void LogStepFailed(Exception failed, string step);
}
