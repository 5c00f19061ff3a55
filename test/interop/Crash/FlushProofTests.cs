namespace Postern.Interop.Crash;

/// <summary>The system calls of the real program: before each 250 a flush that covers its message, and few
/// flushes for many messages.</summary>
/// <remarks>The search table of events has one of its own each second, hence a little more than one for each
/// message of a lone session.</remarks>
public sealed class FlushProofTests
{
    [Theory]
    [InlineData(1, 1, 1.5)]
    [InlineData(16, 100, 0.2)]
    [InlineData(64, 100, 0.1)]
    public async Task Reply_ComesAfterAFlushThatCoversIt(
        int sessions, int delayMs, double flushesPerMessageMax)
    {
        var strace = Tool.Require("strace");
        using var directory = new TemporaryDirectory();
        var file = directory.PathOf("trace");
        await using var postern = new PosternProcess(FlushErrorTests.Settings)
        {
            Wrapper = [strace, .. FlushTrace.ProofOptions(file, delayMs)],
        };
        await postern.StartAsync(60);
        using var ledger = new Ledger(directory.PathOf("ledger"));
        var load = new LoadGenerator(ledger, new Moments(), sessions);
        await LoadAsync(postern, load, CrashTable.IsAtLength ? 1000 : 50 + (5 * sessions));
        await postern.KillAsync();

        var trace = FlushTrace.Read(File.ReadLines(file));
        CrashTable.Add(new CrashRow(
            $"flush before 250, {sessions} sessions", 1, load.Acknowledged, trace.Unearned.Count, 0,
            load.Refusals.Count));
        Assert.True(trace.Acknowledged >= load.Acknowledged, "the trace misses replies");
        Assert.True(trace.Recorded >= load.Acknowledged, "the trace misses records in the log");
        Assert.True(trace.Unearned.Count == 0, string.Join('\n', trace.Unearned));
        var perMessage = trace.LogFlushes / (double)trace.Acknowledged;
        TestContext.Current.TestOutputHelper?.WriteLine($"{perMessage:0.000} flushes a message");
        Assert.InRange(perMessage, 0.001, flushesPerMessageMax);
    }

    static async Task LoadAsync(PosternProcess postern, LoadGenerator load, int messages)
    {
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(postern.Port("submission"), stop.Token);
        await Eventually.TrueAsync(
            () => load.Acknowledged >= messages || running.IsCompleted, $"{messages} acknowledged", 120, () =>
                postern.Said);
        await stop.CancelAsync();
        await running;
        Assert.True(load.Acknowledged >= messages, $"only {load.Acknowledged} acknowledged");
    }
}
