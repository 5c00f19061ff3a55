using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;

namespace Postern.Interop.Crash;

/// <summary>Load, an end of the program, a start, again and again; then everything that was promised must
/// arrive.</summary>
/// <param name="Fault">Its row in the table.</param>
/// <param name="Runs">How many ends.</param>
/// <param name="MessagesPerRun">Acknowledged ones, before the end comes; it comes a random number of them
/// later.</param>
/// <param name="Strike">Ends the program, which is gone when this returns.</param>
sealed record CrashRun(
    string Fault, int Runs, int MessagesPerRun, PosternProcess Postern, SmtpSink Sink, Func<Task> Strike)
{
    const int Sessions = 20;
    const int MessagesMoreMax = 50;
    const int StartSecondsMax = 120;
    const int Connections = 20;

    readonly int seed = Environment.ProcessId;

    /// <param name="connections">Outgoing ones, each with at most one message in flight.</param>
    public static string Settings(int port, int connections = Connections) => $"""
        [queue]
        uncertain-wait = "1s"
        reserve = "1MiB"

        [transports.relay]
        kind = "smtp"
        host = "[127.0.0.1]:{port}"
        tls = "none"
        max-connections = {connections}

        [[routes]]
        name = "everything"
        via = ["relay"]
        """;

    /// <summary>Does it all.</summary>
    public async Task<CrashOutcome> DoAsync()
    {
        using var directory = new TemporaryDirectory();
        using var ledger = new Ledger(directory.PathOf("ledger"));
        var load = new LoadGenerator(ledger, Sink.Moments, Sessions);
        var ends = await EndAsync(load);
        await Postern.StartAsync(StartSecondsMax);
        var promised = ledger.Read();
        var verdict = new CrashVerdict(promised, ends, Connections);
        try
        {
            Assert.True(promised.Count >= Runs * MessagesPerRun, $"only {promised.Count} acknowledged");
            await Eventually.TrueAsync(
                () => !verdict.Lost(Sink.Deliveries).Any(), "everything acknowledged arrives", 120,
                () =>
                    $"seed {seed}, lost: {string.Join(' ', verdict.Lost(Sink.Deliveries))}\n{Postern.Said}");
            await Eventually.TrueAsync(
                async () => await QueuedAsync() == 0, "the queue is empty", 60, () => Postern.Said);
        }
        finally
        {
            CrashTable.Add(new CrashRow(
                Fault, ends.Count, promised.Count, verdict.Lost(Sink.Deliveries).Count(),
                verdict.Repeats(Sink.Deliveries).Count, load.Refusals.Count));
        }
        var needless = verdict.NeedlessRepeats(Sink.Deliveries);
        Assert.True(
            needless.Count == 0, $"seed {seed}, needless repeats: {string.Join(' ', needless.Take(20))}");
        await AssertRelayedOnceAsync(promised);
        return new CrashOutcome(verdict.Repeats(Sink.Deliveries), [.. load.Refusals]);
    }

    async Task<List<Kill>> EndAsync(LoadGenerator load)
    {
        var random = new Random(seed);
        var ends = new List<Kill>();
        while (ends.Count < Runs)
        {
            await Postern.StartAsync(StartSecondsMax);
            using var stop = new CancellationTokenSource();
            var running = load.RunAsync(Postern.Port("submission"), stop.Token);
            // A random moment, told by the load's own progress and not by a clock.
            var goal = ((ends.Count + 1) * MessagesPerRun) + random.Next(MessagesMoreMax);
            await Eventually.TrueAsync(
                () => load.Acknowledged >= goal || running.IsCompleted, $"{goal} acknowledged", 60, () =>
                    Postern.Said);
            Assert.False(running.IsCompleted, "the server went away by itself\n" + Postern.Said);
            await Strike();
            var gone = Sink.Moments.Next();
            await stop.CancelAsync();
            await running;
            ends.Add(new Kill(load.Proven, gone));
        }
        return ends;
    }

    /// <summary>The result of an attempt and its event are one commit: the store has told of each message
    /// that was promised once, and what is Done on disk is not sent again, whenever the end came.</summary>
    async Task AssertRelayedOnceAsync(IReadOnlyList<string> promised)
    {
        var relayed = await RelayedAsync();
        var twice = relayed.GroupBy(id => id).Where(group => group.Count() > 1).Select(group => group.Key);
        Assert.Empty(twice);
        Assert.Empty(promised.Except(relayed));
    }

    /// <summary>From the store, page by page: the log file lacks the last events of each life.</summary>
    async Task<List<string>> RelayedAsync()
    {
        var relayed = new List<string>();
        var after = 0L;
        while (true)
        {
            var page = await Postern.CommandAsync(
                "log", "--json", "--limit", "1000", "--after", after.ToString(CultureInfo.InvariantCulture));
            var lines = page.Succeeded().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            if (lines.Length == 0)
                return relayed;
            foreach (var line in lines)
            {
                using var document = JsonDocument.Parse(line);
                var root = document.RootElement;
                after = PlaceOf(root.GetProperty("id").GetString()!);
                if (root.GetProperty("event").GetString() == "relayed")
                    relayed.Add(root.GetProperty("recipient").GetString()!.Split('@')[0]);
            }
        }
    }

    /// <summary>An event's id is the node's number and its place in the store.</summary>
    static long PlaceOf(string id) =>
        BinaryPrimitives.ReadInt64BigEndian(Base64Url.DecodeFromChars(id).AsSpan(sizeof(long)));

    /// <summary>One JSON object per line and message.</summary>
    async Task<int> QueuedAsync()
    {
        var list = (await Postern.CommandAsync("queue", "list", "--json")).Succeeded();
        return list.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
    }
}

/// <summary>What may differ from one kind of end to the other.</summary>
/// <param name="Repeats">Deliveries that came once more.</param>
/// <param name="Refusals">Replies in place of a 250.</param>
sealed record CrashOutcome(IReadOnlyList<Repeat> Repeats, IReadOnlyList<string> Refusals);
