using System.Buffers;
using System.Text;
using Postern.Mta.Reports;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;

namespace Postern.Tests.Simulation;

/// <summary>A next hop in some mood, and the attempts that lie with it.</summary>
/// <remarks>It outlives processes and reloads. An attempt ends when <see cref="Finish"/> is called, and
/// what it then proves is drawn from the mood.</remarks>
sealed class SimulatedRelay(string name, Ledger ledger, Random chance) : ITransport
{
    static readonly HandOver[] HandOvers = [HandOver.ToHopWithDsn, HandOver.ToHopWithoutDsn, HandOver.Final];

    readonly HandOver handOver = HandOvers[chance.Next(3)];

    public string Name => name;
    public RelayMood Mood { get; set; }

    /// <summary>Attempts under way, oldest first.</summary>
    public List<Flight> Flights { get; } = [];

    public ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var flight = new Flight(name, attempt, cancel);
        (attempt.TakeBegun() as Beginning)?.End();
        ledger.BeginAttempt(flight);
        CheckContent(attempt);
        Flights.Add(flight);
        return new ValueTask<AttemptReport>(flight.Report.Task);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The end of the content is on its way, and the beginning of the next attempt with it, where
    /// there is one.</summary>
    public void BeginNext(Flight flight)
    {
        if (flight.HasAsked)
            return;
        flight.HasAsked = true;
        // The store of the simulation answers at once.
        if (flight.Attempt.TakeNext!().AsTask() is not { IsCompletedSuccessfully: true } asked)
            ledger.Break($"the attempt after {flight.Attempt.Message.Id} is not given at once");
        else if (asked.Result is { } next)
        {
            if (next.Lane != flight.Attempt.Lane)
                ledger.Break($"{next.Message.Id} of lane {next.Lane} is begun in {flight.Attempt.Lane}");
            flight.Next = next;
        }
    }

    /// <summary>Ends an attempt; the dispatcher goes on inside this call.</summary>
    public void Finish(Flight flight)
    {
        Flights.Remove(flight);
        CheckContent(flight.Attempt);
        // As with a connection: it is kept once the reply is there, unless nobody waits for it any more.
        if (flight.Next is { } next && new Beginning(ledger) is var begun && !next.TryKeepBegun(begun))
            begun.End();
        if (flight.Cancel.IsCancellationRequested)
        {
            TakeSome(flight);
            ledger.EndAttempt(flight, unknown: true);
            flight.Report.SetCanceled(flight.Cancel);
            return;
        }
        if (Mood == RelayMood.Faulty && chance.Next(3) == 0)
        {
            ledger.EndAttempt(flight, unknown: false);
            flight.Report.SetException(new SimulatedBugException());
            return;
        }
        var results = Draw(flight);
        ledger.EndAttempt(flight, results);
        flight.Report.SetResult(new AttemptReport(results, AttemptFacts.None));
    }

    /// <summary>The process is gone: what lay here may have been taken.</summary>
    public void Abandon()
    {
        foreach (var flight in Flights)
            TakeSome(flight);
        Flights.Clear();
    }

    void TakeSome(Flight flight)
    {
        for (var i = 0; i < flight.Attempt.Recipients.Count; i++)
        {
            if (chance.Next(2) == 0)
                ledger.Take(flight, i);
        }
    }

    AttemptResult[] Draw(Flight flight)
    {
        var whole = Mood switch
        {
            RelayMood.Dead => Results.Unreachable,
            RelayMood.Refusing => Results.LoginRefused,
            RelayMood.Asleep => chance.Next(2) == 0 ? Results.Unreachable : Results.Uncertain,
            RelayMood.Throttling => chance.Next(3) == 0 ? Results.Relayed : Results.SlowDown,
            RelayMood.Busy => (AttemptResult.NextHopDown)Results.Unreachable with
            {
                RetryAfter = TimeSpan.FromSeconds(chance.Next(1, 200)),
            },
            RelayMood.Faulty => DrawWhole(),
            _ => null,
        };
        var results = new AttemptResult[flight.Attempt.Recipients.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = whole ?? DrawOne();
            if (results[i] is AttemptResult.Relayed relayed)
                results[i] = relayed with { HandedOver = handOver };
            if (results[i] is AttemptResult.Relayed
                || (results[i] is AttemptResult.Uncertain && chance.Next(2) == 0))
                ledger.Take(flight, i);
        }
        return results;
    }

    /// <summary>Null: each recipient for itself.</summary>
    AttemptResult? DrawWhole() => chance.Next(12) switch
    {
        0 => Results.Uncertain,
        1 => Results.MessageDeferred,
        2 => Results.SlowDown,
        3 => Results.NotOffered,
        4 => Results.Failed,
        5 => Results.Unreachable,
        6 => Results.LoginRefused,
        7 => Results.Relayed,
        _ => null,
    };

    AttemptResult DrawOne() => Mood switch
    {
        RelayMood.Well => Results.Relayed,
        RelayMood.Greylisting => chance.Next(3) == 0 ? Results.Relayed : Results.Greylisted,
        _ => chance.Next(8) switch
        {
            0 => Results.Failed,
            1 or 2 => Results.Greylisted,
            3 => Results.Unreachable,
            4 => Results.Uncertain,
            _ => Results.Relayed,
        },
    };

    /// <summary>The octets are those of this message, from the first attempt to the last.</summary>
    void CheckContent(Attempt attempt)
    {
        if (attempt.Message.ReportOn is not null)
            return;
        var reader = attempt.Content.OpenReader();
        var isThere = reader.TryRead(out var read);
        while (isThere && !read.IsCompleted)
        {
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            isThere = reader.TryRead(out read);
        }
        var mark = Encoding.ASCII.GetBytes(MarkOf(attempt.Message.Id));
        if (!isThere || read.Buffer.Length != attempt.Content.Octets
            || !read.Buffer.Slice(read.Buffer.Length - mark.Length).ToArray().AsSpan().SequenceEqual(mark))
            ledger.Break($"the content of {attempt.Message.Id} is not what was accepted");
        reader.Complete();
    }

    /// <summary>What the content of a message ends with.</summary>
    public static string MarkOf(Postern.Mta.Queue.QueueId id) => $"this is {id}\r\n";
}

/// <summary>How a next hop treats what it is given.</summary>
enum RelayMood
{
    Well,

    /// <summary>No connection.</summary>
    Dead,

    /// <summary>The login is refused.</summary>
    Refusing,

    /// <summary>It answers nothing for long, and then the connection is lost, before or after the
    /// dot.</summary>
    Asleep,

    /// <summary>4xx about the pace.</summary>
    Throttling,

    /// <summary>It says when to come back.</summary>
    Busy,

    Greylisting,

    /// <summary>Everything, also refusals for good and exceptions.</summary>
    Faulty,
}

/// <summary>An attempt under way.</summary>
sealed record Flight(string Transport, Attempt Attempt, CancellationToken Cancel)
{
    public TaskCompletionSource<AttemptReport> Report { get; } = new();
    public DateTimeOffset BeganAt { get; set; }

    /// <summary>For the attempt after this one.</summary>
    public bool HasAsked { get; set; }

    /// <summary>It was begun with the end of this one. Null: nothing was.</summary>
    public Attempt? Next { get; set; }
}

/// <summary>What was begun of an attempt: made or given up, once.</summary>
sealed class Beginning : IAsyncDisposable
{
    readonly Ledger ledger;
    bool hasEnded;

    public Beginning(Ledger ledger)
    {
        this.ledger = ledger;
        ledger.BegunCount++;
    }

    public void End()
    {
        if (hasEnded)
            ledger.Break("an attempt that was begun is made or given up twice");
        hasEnded = true;
        ledger.BegunCount--;
    }

    public ValueTask DisposeAsync()
    {
        End();
        return ValueTask.CompletedTask;
    }
}

/// <summary>A bug in a transport, on purpose.</summary>
sealed class SimulatedBugException() : Exception("a bug, on purpose");
