using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;

namespace Postern.Tests.Simulation;

/// <summary>How processes end, and how the walk does.</summary>
sealed partial class Walk
{
    /// <summary>The pump sleeps so long where it knows of nothing to come.</summary>
    static readonly TimeSpan Idle = TimeSpan.FromSeconds(30);

    bool isAwake;

    /// <summary>Killed between two steps; what the writer had not told anybody may be stored or
    /// not.</summary>
    void Crash()
    {
        Say("crash");
        process.Store.Crash(chance.Next(process.Store.WaitingCount + 1));
        Restart();
    }

    void Restart()
    {
        foreach (var relay in relays.Values)
            relay.Abandon();
        process = Start();
        ledger.Compare(process.Store
            .ListAsync(QueueFilter.All, default, int.MaxValue, CancellationToken.None)
            .AsTask().GetAwaiter().GetResult().Messages);
    }

    /// <summary>A flush fails: whoever waits is told so, and nothing is stored until a restart.</summary>
    void FailDisk()
    {
        var waiting = process.Store.WaitingCount;
        Say($"a flush fails, {waiting} wait");
        process.Store.Fail(waiting, chance.Next(waiting + 1));
        process.Queue.WatchStore();
        for (var count = chance.Next(10); count > 0 && ledger.Broken is null; count--)
        {
            switch (chance.Next(5))
            {
                case 0:
                    MailComes();
                    break;
                case 1:
                    process.RunWorkers(int.MaxValue);
                    break;
                case 2:
                    FinishSome();
                    break;
                case 3:
                    process.TryBegin(() => process.Dispatcher.FillAllAsync().AsTask());
                    break;
                default:
                    Command();
                    break;
            }
            process.ReadAnswers();
        }
        Crash();
    }

    /// <summary>Stopped as by systemd: 10 s for attempts, then the others are cut off.</summary>
    void Stop()
    {
        Say("stop");
        process.Store.Room = DiskRoom.Enough;
        // Whoever waits for room looks again.
        clock.Advance(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 100 && !process.Gated.IsCompleted; i++)
            Write(int.MaxValue);
        var stop = process.Dispatcher.StopAsync(TimeSpan.FromSeconds(10)).AsTask();
        for (var i = 0; i < 1000 && !stop.IsCompleted; i++)
        {
            Write(int.MaxValue);
            process.RunWorkers(int.MaxValue);
            foreach (var relay in relays.Values)
            {
                if (relay.Flights.Count > 0
                    && (chance.Next(8) == 0 || relay.Flights[0].Cancel.IsCancellationRequested))
                    relay.Finish(relay.Flights[0]);
            }
            clock.Advance(TimeSpan.FromMilliseconds(chance.Next(5, 1000)));
        }
        if (!stop.IsCompletedSuccessfully)
            ledger.Break($"the stop does not end: {stop.Exception}");
        if (ledger.BegunCount != 0)
            ledger.Break($"{ledger.BegunCount} attempts are left begun by the stop");
        Write(int.MaxValue);
        process.ReadAnswers();
        process.Store.Crash(int.MaxValue);
        Restart();
    }

    /// <summary>Everything is well from now on.</summary>
    void Finish()
    {
        Say("everything is well");
        process.Store.Room = DiskRoom.Enough;
        process.Queue.WatchStore();
        foreach (var relay in relays.Values)
            relay.Mood = RelayMood.Well;
        process.Reload(world.First);
        // What clients have just handed over is open only now.
        isAwake = true;
        RunUntilQuiet();
        for (var round = 0; round < RoundsMax && ledger.Open.Count > 0 && ledger.Broken is null; round++)
        {
            RunUntilQuiet();
            if (ledger.Open.Any(key => ledger.Fates[key].Row.State == RecipientState.Held))
            {
                Give(SimulatedCommand.Release, new QueueSelection.Matching(QueueFilter.All));
                RunUntilQuiet();
            }
            // The pump looks each half minute for what it does not know of; here it may be late.
            var wait = process.Dispatcher.UntilNext();
            if (wait >= Idle)
                CheckNoneIsForgotten();
            clock.Advance(wait < Idle ? wait : TimeSpan.FromMinutes(5));
            isAwake = true;
        }
        RunUntilQuiet();
        foreach (var lane in process.Dispatcher.Lanes())
            Say($"{lane}, {process.Health.ConditionOf(lane.Lane)}");
        Say(process.Gated.IsCompleted ? "the gate is free" : "the gate is taken");
        FinishForgetting();
        if (ledger.BegunCount != 0)
            ledger.Break($"{ledger.BegunCount} attempts that were begun are neither made nor given up");
        foreach (var alarm in process.Alarms)
        {
            if (alarm.Kind is "uncertain" or "no-route" or "disk" or "store")
                ledger.Break($"the alarm {alarm.Kind} about {alarm.Subject} stays: {alarm.Text}");
        }
    }

    /// <summary>The pump knows of nothing to come, so nothing may wait that could go on.</summary>
    void CheckNoneIsForgotten()
    {
        // A worker that waits for room on the disk keeps its place.
        if (process.Dispatcher.Lanes().Any(lane => lane.InFlight > 0))
            return;
        foreach (var key in ledger.Open)
        {
            var row = ledger.Fates[key].Row;
            if (row.State == RecipientState.Ready
                && process.Health.ConditionOf(row.Lane) == LaneCondition.Open)
                ledger.Break($"{key} waits in lane {row.Lane}, and the pump sleeps");
        }
    }

    bool HasWoken() => isAwake |= process.Dispatcher.TakeWake();

    /// <summary>The pump turns when it is woken, and not by itself.</summary>
    void RunUntilQuiet()
    {
        int before;
        do
        {
            before = ledger.CommitCount;
            if (HasWoken() && process.TryBegin(() => process.Dispatcher.FillAllAsync().AsTask()))
                isAwake = false;
            while (ledger.Broken is null && (process.Store.WaitingCount > 0 || process.WorkerCount > 0
                || relays.Values.Any(relay => relay.Flights.Count > 0)))
            {
                process.RunWorkers(int.MaxValue);
                foreach (var relay in relays.Values)
                {
                    while (relay.Flights.Count > 0)
                        relay.Finish(relay.Flights[0]);
                }
                process.Store.Settle(int.MaxValue);
                process.ReadAnswers();
            }
        }
        while ((ledger.CommitCount != before || HasWoken()) && ledger.Broken is null);
    }
}
