using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Simulation;

/// <summary>Random days of a queue on one thread; after each step nothing may be lost, repeated or
/// forgotten.</summary>
public sealed class QueueWalkTests
{
    const int Seeds = 200;
    const int Steps = 60;

    [Fact]
    public async Task RandomWalks_LoseNobody()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            await using var walk = new QueueWalk(seed);
            try
            {
                await walk.RunAsync(Steps);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException(
                    $"seed {seed}, step {walk.Step}: {walk.Doing}: {failure.Message}", failure);
            }
        }
    }
}

/// <summary>One walk: mail comes, attempts end somehow, operators command, the process dies.</summary>
sealed class QueueWalk(int seed) : IAsyncDisposable
{
    static readonly CancellationToken None = CancellationToken.None;

    static readonly AttemptResult[] Fates =
    [
        Results.Relayed, Results.Relayed, Results.Relayed, Results.Failed, Results.Greylisted,
        Results.MessageDeferred, Results.SlowDown, Results.Uncertain, Results.Unreachable,
        Results.LoginRefused, Results.NotOffered,
    ];

    static readonly PosternOptions Options = OptionsOf(
        Route("both", to: ["*@both.net"], via: ["one", "two"]) with { All = true },
        Route("short", to: ["*@short.net"], via: ["two"]) with { GiveUp = TimeSpan.FromHours(2) },
        Route("in", to: ["*@in.example.org"], via: ["script"]) with { Accepts = MailDoors.Mx },
        Route("all", via: ["one", "two"]) with { DelayWarning = TimeSpan.FromHours(1) });

    readonly Random chance = new(seed);

    /// <summary>Envelope recipients that were answered with 250.</summary>
    readonly HashSet<RecipientKey> accepted = [];
    MailHall hall = new(Options);

    public int Step { get; private set; }
    public string Doing { get; private set; } = "start";

    public async Task RunAsync(int steps)
    {
        for (; Step < steps; Step++)
        {
            await MoveAsync();
            Check();
        }
        await FinishAsync();
    }

    public ValueTask DisposeAsync() => hall.DisposeAsync();

    async ValueTask MoveAsync()
    {
        foreach (var way in hall.Ways.Values)
        {
            way.Otherwise = Fates[chance.Next(Fates.Length)];
            way.Holds = chance.Next(3) == 0;
        }
        hall.Store.Holds = chance.Next(4) == 0 ? HeldChanges.Posted : HeldChanges.None;
        switch (chance.Next(10))
        {
            case < 3:
                await AcceptAsync();
                break;
            case 3:
                Doing = "some attempts end";
                foreach (var way in hall.Ways.Values)
                    way.Release(chance.Next(4));
                await hall.RunWorkersAsync();
                break;
            case < 7:
                Doing = "time passes";
                await hall.PassAsync(TimeSpan.FromSeconds(chance.Next(1, 2000)));
                break;
            case 7:
                await CommandAsync();
                break;
            case 8:
                Doing = "lifetimes end";
                hall.Clock.Advance(TimeSpan.FromHours(chance.Next(60)));
                await hall.Queue.LookAtOldAsync(default, None);
                break;
            default:
                Doing = "crash";
                hall = await hall.CrashAsync();
                break;
        }
    }

    async ValueTask AcceptAsync()
    {
        Doing = "mail comes";
        string[] domains = ["both.net", "short.net", "one.net", "two.net", "list.net"];
        string[] to =
            [.. Enumerable.Range(0, chance.Next(1, 4)).Select(i => AddressOf(i, domains[chance.Next(5)]))];
        var letter = hall.Letter(chance.Next(4) == 0 ? "" : "sender@example.org");
        if (chance.Next(8) == 0)
        {
            hall.Store.Settle();
            hall.Store.FailNext(StoreHealth.Full);
            await Assert.ThrowsAsync<StoreException>(async () => await hall.AcceptAsync(letter, to));
        }
        else
        {
            await hall.AcceptAsync(letter, to);
            foreach (
                var row in hall.Store.Recipients.Where(row => row.Message == letter.Id && row.Parent is null))
                accepted.Add(new RecipientKey(row.Message, row.Number));
            Assert.Equal(to.Length, accepted.Count(key => key.Message == letter.Id));
        }
        await hall.RunWorkersAsync();
    }

    static string AddressOf(int number, string domain) =>
        domain == "list.net" ? $"r{number}@list.net=a{number}@one.net,b{number}@both.net"
            : $"r{number}@{domain}";

    async ValueTask CommandAsync()
    {
        QueueSelection which = new QueueSelection.Matching(QueueFilter.All);
        if (accepted.Count > 0 && chance.Next(3) > 0)
            which = new QueueSelection.One(accepted.ElementAt(chance.Next(accepted.Count)).Message);
        var command = chance.Next(6);
        Doing = $"command {command} on {which}";
        await (command switch
        {
            0 => hall.Queue.HoldAsync(which, "kim", None),
            1 => hall.Queue.CancelAsync(which, "kim", None),
            2 => hall.Queue.ExpireAsync(which, "kim", None),
            3 => hall.Queue.RetryAsync(which, "kim", None),
            _ => hall.Queue.ReleaseAsync(which, "kim", None),
        });
        await hall.RunWorkersAsync();
        foreach (var key in accepted.Take(3))
            Assert.NotEmpty(await hall.Queue.WhyAsync(key.Message, None));
    }

    void Check()
    {
        var rows = hall.Store.Recipients;
        foreach (var key in accepted)
            Assert.Contains(rows, row => row.Message == key.Message && row.Number == key.Number);
        var warnings = hall.Events(EventKind.Delayed)
            .CountBy(fact => (fact.Message!.Value, fact.Recipient!.Value)).ToDictionary();
        foreach (var row in rows)
        {
            var name = $"recipient {row.Number} of {row.Message}, {row.State} {row.Outcome}";
            Assert.True((row.State == RecipientState.Done) == (row.Outcome != RecipientOutcome.None), name);
            Assert.True(
                row.State != RecipientState.Active || row.Lease == hall.Store.Epoch, $"{name}: no lease");
            Assert.True(
                row.State != RecipientState.Active || row.DueAt != default, $"{name}: no end of its lease");
            Assert.True(
                Ends(row) == (row.State == RecipientState.Done ? 1 : 0), $"{name}: ended {Ends(row)} times");
            var told = warnings.GetValueOrDefault((row.Message, row.Number));
            Assert.True(told == (row.DelayTold ? 1 : 0), $"{name}: warned {told} times");
        }
        foreach (var lane in hall.Dispatcher.Lanes())
            Assert.InRange(hall.Ways[lane.Transport].HeldCount, 0, 200);
    }

    /// <summary>Events that say it is done; a failure at the end of its time has two of them.</summary>
    int Ends(Recipient row) => hall.Store.Events.Count(fact =>
        fact.Message == row.Message && fact.Recipient == row.Number && fact.Kind is EventKind.Relayed
            or EventKind.Failed or EventKind.Expanded or EventKind.Cancelled);

    /// <summary>Everything works again: all mail that nobody holds must come to its end.</summary>
    async ValueTask FinishAsync()
    {
        Doing = "the end";
        hall.Store.Holds = HeldChanges.None;
        hall.Store.Settle();
        foreach (var way in hall.Ways.Values)
        {
            way.Otherwise = Results.Relayed;
            way.Holds = false;
            way.Release();
        }
        await hall.Queue.ReleaseAsync(new QueueSelection.Matching(QueueFilter.All), "kim", None);
        await hall.PassAsync(TimeSpan.FromHours(3));
        // A wish for what was under way may have held it only now.
        await hall.Queue.ReleaseAsync(new QueueSelection.Matching(QueueFilter.All), "kim", None);
        await hall.PassAsync(TimeSpan.FromHours(3));
        Check();
        Assert.All(hall.Store.Recipients, row => Assert.True(
            row.State == RecipientState.Done,
                $"recipient {row.Number} of {row.Message} is {row.State} in \"{row.Lane}\""));
        Assert.DoesNotContain(hall.Alarms.Raised, alarm => alarm.Kind == "uncertain");
    }
}
