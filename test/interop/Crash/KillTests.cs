using System.Globalization;

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
        var load = new LoadGenerator(ledger, Sessions);
        var seed = Environment.ProcessId;
        var kills = await KillAsync(postern, load, new Random(seed));
        await postern.StartAsync();
        var promised = ledger.Read();
        Assert.True(promised.Count >= Kills * MessagesPerKill, $"only {promised.Count} acknowledged");
        var verdict = new CrashVerdict(promised, kills, Connections);
        await Eventually.TrueAsync(
            () => !verdict.Lost(sink.Deliveries).Any(), "everything acknowledged arrives", 120,
            () => $"seed {seed}, lost: {string.Join(' ', verdict.Lost(sink.Deliveries))}\n{postern.Said}");
        await Eventually.TrueAsync(
            async () => await QueuedAsync(postern) == 0, "the queue is empty", 60, () => postern.Said);
        var repeats = verdict.NeedlessRepeats([.. sink.Deliveries]);
        Assert
            .True(repeats.Count == 0, $"seed {seed}, needless repeats: {string.Join(' ', repeats.Take(20))}");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{kills.Count} kills, {promised.Count} acknowledged, {sink.Deliveries.Count} delivered");
    }

    static async Task<List<DateTimeOffset>> KillAsync(
        PosternProcess postern, LoadGenerator load, Random random)
    {
        var kills = new List<DateTimeOffset>();
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
            kills.Add(TimeProvider.System.GetUtcNow());
            await postern.KillAsync();
            await stop.CancelAsync();
            await running;
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
