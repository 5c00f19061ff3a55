using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Simulation;

/// <summary>Some days of a mail server, drawn from one seed: mail comes, next hops have their moods,
/// operators command, disks fill and fail, and the process dies.</summary>
/// <remarks>Each step lets one thing happen, so that whatever may come in between does so at some seed.
/// At the end everything is well, and all mail must come to its end.</remarks>
sealed partial class Walk
{
    /// <summary>Steps until everything becomes well.</summary>
    const int StepsMax = 300;

    /// <summary>Wake-ups of the pump until everything must be done, at most 30 s apart.</summary>
    const int RoundsMax = 10_000;

    readonly Random chance;
    readonly List<string>? trace;
    readonly Func<IMailStore> open;
    readonly bool hasFiles;
    readonly Ledger ledger;
    readonly SimulatedWorld world;
    readonly Dictionary<string, SimulatedRelay> relays = [];
    SimulatedProcess process;

    /// <summary>Each process has its own, so that the timers of a dead one never go off.</summary>
    FakeTimeProvider clock = new(MailHall.Start);

    /// <param name="open">Opens the disk of the next process. Null: one in memory.</param>
    /// <param name="trace">Gets a line for all that happens. Null: nobody reads it.</param>
    public Walk(int seed, Func<IMailStore>? open = null, List<string>? trace = null)
    {
        var disk = new MemoryDisk();
        (hasFiles, this.open) = (open is null, open ?? (() => new MemoryStore(disk)));
        chance = new Random(seed);
        this.trace = trace;
        ledger = new Ledger { Clock = clock, Trace = trace };
        world = new SimulatedWorld(chance);
        process = Start();
    }

    /// <summary>Attempts and commits so far: the same for the same seed.</summary>
    public (int Attempts, int Commits, DateTimeOffset Now) Fingerprint =>
        (ledger.AttemptCount, ledger.CommitCount, clock.GetUtcNow());

    /// <returns>What may not be. Null: all went well.</returns>
    public string? Run()
    {
        for (var step = 0; step < StepsMax && ledger.Broken is null; step++)
        {
            Step();
            process.ReadAnswers();
        }
        if (ledger.Broken is null)
            Finish();
        if (ledger.Broken is null)
            ledger.CheckAllDone();
        process.Store.Crash(0);
        return ledger.Broken;
    }

    void Say(string what) => trace?.Add($"{clock.GetUtcNow():MM-dd HH:mm:ss.fff} {what}");

    SimulatedProcess Start()
    {
        ledger.Clock = clock = new FakeTimeProvider(clock.GetUtcNow());
        return new SimulatedProcess(world.First, open(), ledger, clock, chance, Build);
    }

    SimulatedRelay Build(string name, TransportOptions options)
    {
        if (!relays.TryGetValue(name, out var relay))
            relays.Add(name, relay = new SimulatedRelay(name, ledger, chance));
        return relay;
    }

    void Step()
    {
        switch (chance.Next(100))
        {
            case < 20:
                Write(chance.Next(3) == 0 ? 1 : int.MaxValue);
                break;
            case < 38:
                process.RunWorkers(chance.Next(2) == 0 ? 1 : int.MaxValue);
                break;
            case < 53:
                FinishSome();
                break;
            case < 65:
                process.TryBegin(() => process.Dispatcher.FillAllAsync().AsTask());
                break;
            case < 77:
                MailComes();
                break;
            case < 86:
                TimePasses();
                break;
            case < 90:
                Command();
                break;
            case < 93:
                if (chance.Next(3) == 0)
                    Forget(world.DrawPerson(), chance.Next(2) == 0);
                else
                    KeepHouse();
                break;
            case < 96:
                MoodsChange();
                break;
            case < 97:
                Say("reload");
                process.Reload(world.DrawReload());
                break;
            case < 98:
                process.Store.Room = (DiskRoom)chance.Next(3);
                Say($"the disk has room: {process.Store.Room}");
                process.Queue.WatchStore();
                break;
            default:
                if (chance.Next(2) == 0)
                    Crash();
                else if (chance.Next(2) == 0)
                    Stop();
                else
                    FailDisk();
                break;
        }
    }

    void Write(int count)
    {
        if (process.Store.WaitingCount == 0)
            return;
        Say($"the writer commits {Math.Min(count, process.Store.WaitingCount)}");
        process.Store.Settle(count);
    }

    void FinishSome()
    {
        foreach (var relay in relays.Values)
        {
            // Asleep: for long nothing happens.
            if (relay.Flights.Count == 0 || (relay.Mood == RelayMood.Asleep && chance.Next(5) > 0))
                continue;
            for (var count = chance.Next(1, 4); count > 0 && relay.Flights.Count > 0; count--)
            {
                var flight = relay.Flights[chance.Next(relay.Flights.Count)];
                if (chance.Next(3) == 0)
                    relay.BeginNext(flight);
                else
                    relay.Finish(flight);
            }
        }
    }

    void MailComes()
    {
        for (var count = chance.Next(1, 3); count > 0; count--)
        {
            var envelope = world.DrawEnvelope();
            Say($"mail for {string.Join(", ", envelope.Select(one => one.Path.ToString()))}");
            process.Submit(
                world.DrawDoor(), world.DrawSender(), envelope, hasFiles && chance.Next(200) == 0);
        }
    }

    void TimePasses()
    {
        var time = chance.Next(10) switch
        {
            < 3 => TimeSpan.FromMilliseconds(chance.Next(1, 1000)),
            < 6 => TimeSpan.FromSeconds(chance.Next(1, 60)),
            < 9 => TimeSpan.FromMinutes(chance.Next(1, 90)),
            _ => TimeSpan.FromHours(chance.Next(1, 40)),
        };
        Say($"{time} passes");
        clock.Advance(time);
    }

    void Command()
    {
        var which = ledger.Open.Count > 0 && chance.Next(3) > 0
            ? new QueueSelection.One(ledger.Open.ElementAt(chance.Next(ledger.Open.Count)).Message)
            : (QueueSelection)new QueueSelection.Matching(chance.Next(3) switch
            {
                0 => new QueueFilter { State = RecipientState.Deferred },
                1 => new QueueFilter { Transport = "one" },
                _ => QueueFilter.All,
            });
        var command = (SimulatedCommand)(1 << chance.Next(5));
        Give(command, which);
    }

    void Give(SimulatedCommand command, QueueSelection which)
    {
        const string actor = "kim";
        var queue = process.Queue;
        process.TryBegin(async () =>
        {
            Say($"command {command} for {which}");
            ledger.Command(command, (which as QueueSelection.One)?.Id);
            if (command == SimulatedCommand.Retry)
                ledger.ProbeNow();
            Task given = command switch
            {
                SimulatedCommand.Hold => queue.HoldAsync(which, actor, CancellationToken.None).AsTask(),
                SimulatedCommand.Release => queue.ReleaseAsync(which, actor, CancellationToken.None).AsTask(),
                SimulatedCommand.Retry => queue.RetryAsync(which, actor, CancellationToken.None).AsTask(),
                SimulatedCommand.Cancel => queue.CancelAsync(which, actor, CancellationToken.None).AsTask(),
                _ => queue.ExpireAsync(which, actor, CancellationToken.None).AsTask(),
            };
            await given;
        });
    }

    void KeepHouse()
    {
        process.Queue.WatchStore();
        process.TryBegin(async () =>
        {
            Say("lifetimes end, what is over is swept");
            await process.Queue.LookAtOldAsync(default, CancellationToken.None);
            var now = clock.GetUtcNow();
            await process.Store.SweepAsync(now, now - TimeSpan.FromDays(1), CancellationToken.None);
        });
    }

    void MoodsChange()
    {
        foreach (var relay in relays.Values)
        {
            if (chance.Next(2) == 0)
                continue;
            relay.Mood = chance.Next(3) == 0 ? RelayMood.Well : (RelayMood)chance.Next(8);
            Say($"{relay.Name} is {relay.Mood}");
        }
    }
}
