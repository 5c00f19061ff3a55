using System.Buffers;
using System.Text;
using Postern.Mta.Reports;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Tests.Doubles;

/// <summary>A way out that answers from a script, remembers every attempt and can keep them
/// waiting.</summary>
sealed class ScriptedTransport(string name) : ITransport
{
    readonly Lock gate = new();
    readonly Queue<AttemptResult[]> answers = new();
    readonly Queue<TaskCompletionSource> held = new();
    readonly List<string> contents = [];

    public string Name => name;

    /// <summary>What was tried, in order.</summary>
    public List<Attempt> Attempts { get; } = [];

    /// <summary>The content of each attempt as a next hop would get it, Latin-1.</summary>
    public IReadOnlyList<string> Contents
    {
        get
        {
            lock (gate)
                return [.. contents];
        }
    }

    /// <summary>The answer once the script is over.</summary>
    public AttemptResult Otherwise { get; set; } = Results.Relayed;

    /// <summary>The answer by the domain of the first recipient, once the script is over. Null: <see
    /// cref="Otherwise"/>.</summary>
    public Func<string, AttemptResult>? OfDomain { get; set; }

    /// <summary>Each attempt begins the next one before it ends, where there is one.</summary>
    public bool BeginsNext { get; set; }

    /// <summary>Attempts that were begun, and had been when they were made; those that were given up
    /// instead.</summary>
    public (int Begun, int Made, int GivenUp) Nexts { get; private set; }

    /// <summary>Attempts wait for <see cref="Release"/>.</summary>
    public bool Holds { get; set; }

    /// <summary>Attempts that wait.</summary>
    public int HeldCount => held.Count;

    /// <summary>What its reports tell of what was said.</summary>
    public Func<int, Conversation?>? Talk { get; set; }

    /// <summary>What a look at it finds.</summary>
    public TransportFinding Finding { get; set; } = TransportFinding.Nothing;

    /// <summary>Looks at it so far.</summary>
    public int Checks { get; private set; }

    /// <summary>Thrown by the next attempt: a bug.</summary>
    public Exception? Bug { get; set; }

    /// <summary>Whether it was closed.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>The answers of the next attempts, one for each, for all of its recipients.</summary>
    public void Answer(params AttemptResult[] results)
    {
        foreach (var result in results)
            answers.Enqueue([result]);
    }

    /// <summary>The answer of one attempt, recipient by recipient.</summary>
    public void AnswerEach(params AttemptResult[] results) => answers.Enqueue(results);

    /// <summary>Lets waiting attempts go on, on this thread.</summary>
    public void Release(int count = int.MaxValue)
    {
        for (; count > 0 && held.TryDequeue(out var waiting); count--)
            waiting.TrySetResult();
    }

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var content = await ReadAsync(attempt.Content);
        if (attempt.TakeBegun() is Beginning)
            Nexts = Nexts with { Made = Nexts.Made + 1 };
        var begun = BeginsNext ? await attempt.TakeNext!() : null;
        TaskCompletionSource? waiting = null;
        lock (gate)
        {
            Attempts.Add(attempt);
            contents.Add(content);
            if (Holds)
                held.Enqueue(waiting = new TaskCompletionSource());
        }
        if (waiting is not null)
        {
            using var registration = cancel.Register(() => waiting.TrySetCanceled(cancel));
            await waiting.Task;
        }
        if (begun is not null)
        {
            Nexts = Nexts with { Begun = Nexts.Begun + 1 };
            var beginning = new Beginning(this);
            if (!begun.TryKeepBegun(beginning))
                await beginning.DisposeAsync();
        }
        if (Bug is { } bug)
        {
            Bug = null;
            throw bug;
        }
        lock (gate)
        {
            var results = answers.TryDequeue(out var next) ? next
                : [OfDomain?.Invoke(attempt.Recipients[0].Address.Domain) ?? Otherwise];
            var report = results.Length == 1
                ? AttemptReport.ForAll(attempt, results[0], AttemptFacts.None)
                : new AttemptReport(results, AttemptFacts.None);
            return report with { Talk = Talk };
        }
    }

    public ValueTask<TransportFinding> CheckAsync(CancellationToken cancel)
    {
        Checks++;
        return new(Finding);
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }

    sealed class Beginning(ScriptedTransport way) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            way.Nexts = way.Nexts with { GivenUp = way.Nexts.GivenUp + 1 };
            return ValueTask.CompletedTask;
        }
    }

    static async ValueTask<string> ReadAsync(ContentSource content)
    {
        var reader = content.OpenReader();
        var text = new StringBuilder();
        while (true)
        {
            var read = await reader.ReadAsync(CancellationToken.None);
            text.Append(Encoding.Latin1.GetString(read.Buffer.ToArray()));
            reader.AdvanceTo(read.Buffer.End);
            if (!read.IsCompleted)
                continue;
            await reader.CompleteAsync();
            return text.ToString();
        }
    }
}

/// <summary>Results of attempts for scripts.</summary>
static class Results
{
    public static readonly AttemptResult Relayed = new AttemptResult.Relayed(
        new(2, 0, 0), "Ok", "remote-1", HandOver.ToHopWithDsn);

    public static readonly AttemptResult Failed = new AttemptResult.Failed(new(5, 1, 1), "no such user");

    public static readonly AttemptResult NotOffered =
        new AttemptResult.Unsupported(new(5, 6, 7), "SMTPUTF8 is required, but was not offered");

    public static readonly AttemptResult Greylisted =
        new AttemptResult.Deferred(new(4, 7, 1), "come back later", Blame.Recipient);

    public static readonly AttemptResult MessageDeferred =
        new AttemptResult.Deferred(new(4, 3, 0), "try again", Blame.Message);

    public static readonly AttemptResult SlowDown =
        new AttemptResult.Deferred(new(4, 7, 0), "slow down", Blame.Message) { SlowDown = true };

    public static readonly AttemptResult Uncertain =
        new AttemptResult.Uncertain(new(4, 4, 2), "connection lost after the final dot");

    public static readonly AttemptResult Unreachable = new AttemptResult.NextHopDown(
        new(4, 4, 1), "connection refused", NextHopTrouble.Unreachable);

    public static readonly AttemptResult LoginRefused = new AttemptResult.NextHopDown(
        new(4, 7, 8), "535 authentication failed", NextHopTrouble.Refusing)
    {
        Alarm = new AlarmNotice("login", "the login is refused", "mend the password"),
    };
}
