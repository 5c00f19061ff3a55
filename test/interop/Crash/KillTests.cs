using System.Globalization;
using System.Text.Json;

namespace Postern.Interop.Crash;

/// <summary>kill -9 under load, again and again: nothing that got a 250 is lost.</summary>
public sealed class KillTests
{
    const int Sessions = 20;
    const int MessagesPerKill = 420;

    /// <summary>Outgoing connections, each with at most one message in flight.</summary>
    const int Connections = 20;

    static int Kills => int.Parse(
        Environment.GetEnvironmentVariable("POSTERN_CRASH_KILLS") ?? "25", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Kill_UnderLoad_LosesNothingAndRepeatsOnlyWhatWasInFlight()
    {
        using var directory = new TemporaryDirectory();
        using var ledger = new Ledger(directory.PathOf("ledger"));
        await using var sink = new SmtpSink();
        await using var postern = new PosternProcess(Settings(sink.Port));
        var load = new LoadGenerator(ledger, sink.Moments, Sessions);
        var seed = Environment.ProcessId;
        var kills = await KillAsync(postern, load, sink.Moments, new Random(seed));
        await postern.StartAsync();
        var promised = ledger.Read();
        Assert.True(promised.Count >= Kills * MessagesPerKill, $"only {promised.Count} acknowledged");
        var verdict = new CrashVerdict(promised, kills, Connections);
        await Eventually.TrueAsync(
            () => !verdict.Lost(sink.Deliveries).Any(), "everything acknowledged arrives", 120,
            () => $"seed {seed}, lost: {string.Join(' ', verdict.Lost(sink.Deliveries))}\n{postern.Said}");
        await Eventually.TrueAsync(
            async () => await QueuedAsync(postern) == 0, "the queue is empty", 60, () => postern.Said);
        var repeats = verdict.NeedlessRepeats(sink.Deliveries);
        Assert
            .True(repeats.Count == 0, $"seed {seed}, needless repeats: {string.Join(' ', repeats.Take(20))}");
        AssertRelayedOnce(postern.LogFile);
        Report(kills.Count, promised.Count, sink.Deliveries.Count, verdict.Repeats(sink.Deliveries));
    }

    /// <summary>An event is logged after its commit: what is Done on disk is not sent again, whenever the
    /// kill came.</summary>
    static void AssertRelayedOnce(string logFile)
    {
        var relayed = File.ReadLines(logFile).Select(RelayedRecipient).OfType<string>().ToArray();
        Assert.True(relayed.Length >= Kills * MessagesPerKill, $"only {relayed.Length} relayed in the log");
        var twice = relayed.GroupBy(recipient => recipient).Where(group => group.Count() > 1);
        Assert.Empty(twice.Select(group => group.Key));
    }

    static string? RelayedRecipient(string line)
    {
        if (!line.Contains("\"relayed\"", StringComparison.Ordinal))
            return null;
        using var document = JsonDocument.Parse(line);
        var root = document.RootElement;
        return root.TryGetProperty("event", out var name) && name.GetString() == "relayed"
            ? root.GetProperty("recipient").GetString()
            : null;
    }

    static void Report(int kills, int acknowledged, int delivered, IReadOnlyList<Repeat> repeats)
    {
        var unfinished = repeats.Where(repeat => repeat.Cause == RepeatCause.Unfinished)
            .GroupBy(repeat => repeat.Life).Select(life => life.Count()).DefaultIfEmpty().Max();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{kills} kills, {acknowledged} acknowledged, {delivered} delivered, {repeats.Count} repeats; "
            + $"of attempts being made {unfinished} after one kill at most, {Connections} are possible");
    }

    static async Task<List<Kill>> KillAsync(
        PosternProcess postern, LoadGenerator load, Moments moments, Random random)
    {
        var kills = new List<Kill>();
        while (kills.Count < Kills)
        {
            await postern.StartAsync();
            using var stop = new CancellationTokenSource();
            var running = load.RunAsync(postern.Port("submission"), stop.Token);
            // A random moment, told by the load's own progress and not by a clock.
            var goal = ((kills.Count + 1) * MessagesPerKill) + random.Next(50);
            await Eventually.TrueAsync(
                () => load.Acknowledged >= goal || running.IsCompleted, $"{goal} acknowledged", 60, () =>
                    postern.Said);
            Assert.False(running.IsCompleted, "the server went away by itself\n" + postern.Said);
            await postern.KillAsync();
            var gone = moments.Next();
            await stop.CancelAsync();
            await running;
            kills.Add(new Kill(load.Proven, gone));
        }
        return kills;
    }

    /// <summary>One JSON object per line and message.</summary>
    static async Task<int> QueuedAsync(PosternProcess postern)
    {
        var list = (await postern.CommandAsync("queue", "list", "--json")).Succeeded();
        return list.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
    }

    static string Settings(int port) => $"""
        [queue]
        uncertain-wait = "1s"

        [transports.relay]
        kind = "smtp"
        host = "[127.0.0.1]:{port}"
        tls = "none"
        max-connections = {Connections}

        [[routes]]
        name = "everything"
        via = ["relay"]
        """;
}
