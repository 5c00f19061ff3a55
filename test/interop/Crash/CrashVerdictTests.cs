namespace Postern.Interop.Crash;

/// <summary>The judge of the kills is able to say no; the load and the sink agree when nothing
/// dies.</summary>
public sealed class CrashVerdictTests
{
    static readonly DateTimeOffset Kill = new(2026, 1, 1, 0, 1, 0, TimeSpan.Zero);

    static SinkDelivery Delivered(string id, double secondsAfterKill) =>
        new(id + "@sink.test", Kill.AddSeconds(secondsAfterKill));

    [Fact]
    public void Lost_PromisedAndNotDelivered_IsNamed()
    {
        var verdict = new CrashVerdict(["1", "2"], [Kill], connections: 1);
        Assert.Equal(["2"], verdict.Lost([Delivered("1", 0), Delivered("3", 0)]));
        Assert.Empty(verdict.Lost([Delivered("1", 0), Delivered("2", 9)]));
    }

    [Fact]
    public void NeedlessRepeats_FarFromAnyKill_AreNamed()
    {
        var verdict = new CrashVerdict(["1", "2"], [Kill], connections: 1);
        Assert.Equal(
            ["1"],
            verdict.NeedlessRepeats(
                [Delivered("1", -30), Delivered("1", 2), Delivered("2", -0.1), Delivered("2", 2)]));
    }

    [Fact]
    public void NeedlessRepeats_MoreThanWereInFlight_AreNamed()
    {
        var verdict = new CrashVerdict(["1"], [Kill], connections: 1);
        Assert.Equal(
            ["1"],
            verdict.NeedlessRepeats(
                [Delivered("1", -0.1), Delivered("1", 5), Delivered("1", 6), Delivered("1", 7)]));
    }

    [Fact]
    public async Task Load_StraightIntoTheSink_LosesAndRepeatsNothing()
    {
        using var directory = new TemporaryDirectory();
        using var ledger = new Ledger(directory.PathOf("ledger"));
        await using var sink = new SmtpSink();
        var load = new LoadGenerator(ledger, sessions: 4);
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(sink.Port, stop.Token);
        await Eventually.TrueAsync(() => load.Acknowledged >= 200, "200 acknowledged");
        await stop.CancelAsync();
        await running;
        var verdict = new CrashVerdict(ledger.Read(), [], connections: 4);
        Assert.True(ledger.Read().Count >= 200);
        Assert.Empty(verdict.Lost(sink.Deliveries));
        Assert.Empty(verdict.NeedlessRepeats([.. sink.Deliveries]));
    }
}
