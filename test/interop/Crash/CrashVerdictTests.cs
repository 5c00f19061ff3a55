namespace Postern.Interop.Crash;

/// <summary>The judge of the kills is able to say no; the load and the sink agree when nothing
/// dies.</summary>
public sealed class CrashVerdictTests
{
    /// <summary>Two lives that ended, and a third.</summary>
    static readonly Kill[] Kills = [new(Proven: 90, Gone: 100), new(Proven: 190, Gone: 200)];

    static CrashVerdict Verdict(params string[] promised) => new(promised, Kills, connections: 2);

    static SinkDelivery Delivered(string id, long connected, long taken) =>
        new(id + "@sink.test", connected, taken);

    [Fact]
    public void Lost_PromisedAndNotDelivered_IsNamed()
    {
        var verdict = Verdict("1", "2");
        Assert.Equal(["2"], verdict.Lost([Delivered("1", 1, 2), Delivered("3", 1, 3)]));
        Assert.Empty(verdict.Lost([Delivered("1", 1, 2), Delivered("2", 101, 109)]));
    }

    [Fact]
    public void NeedlessRepeats_WithoutAKillBetween_AreNamed() =>
        Assert.Equal(
            ["1"],
            Verdict().NeedlessRepeats(
                [Delivered("1", 101, 195), Delivered("1", 102, 196), Delivered("2", 102, 199)]));

    [Fact]
    public void NeedlessRepeats_TakenAfterTheDiskWasProven_AreNone() =>
        Assert.Empty(Verdict().NeedlessRepeats(
        [
            Delivered("1", 1, 91), Delivered("1", 101, 150),
            Delivered("2", 1, 92), Delivered("2", 101, 151),
            Delivered("3", 1, 99), Delivered("3", 101, 152),
            Delivered("4", 2, 102), Delivered("4", 101, 191), Delivered("4", 201, 210),
        ]));

    [Fact]
    public void NeedlessRepeats_EarlierThanThatInMoreThanTheAttemptsBeingMade_AreNamed()
    {
        SinkDelivery[] asManyAsConnections =
        [
            Delivered("1", 1, 10), Delivered("1", 101, 150),
            Delivered("2", 1, 89), Delivered("2", 201, 210),
            Delivered("3", 101, 189), Delivered("3", 201, 211),
        ];
        Assert.Empty(Verdict().NeedlessRepeats(asManyAsConnections));
        Assert.Equal(
            ["1", "2", "4"],
            Verdict().NeedlessRepeats(
                [.. asManyAsConnections, Delivered("4", 1, 88), Delivered("4", 201, 212)]));
    }

    [Fact]
    public async Task Load_StraightIntoTheSink_LosesAndRepeatsNothing()
    {
        using var directory = new TemporaryDirectory();
        using var ledger = new Ledger(directory.PathOf("ledger"));
        await using var sink = new SmtpSink();
        var load = new LoadGenerator(ledger, sink.Moments, sessions: 4);
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(sink.Port, stop.Token);
        await Eventually.TrueAsync(() => load.Acknowledged >= 200, "200 acknowledged");
        await stop.CancelAsync();
        await running;
        var verdict = new CrashVerdict(ledger.Read(), [], connections: 4);
        Assert.True(ledger.Read().Count >= 200);
        Assert.True(load.Proven > 200, "a message that got its 250 proves nothing");
        Assert.Empty(verdict.Lost(sink.Deliveries));
        Assert.Empty(verdict.NeedlessRepeats(sink.Deliveries));
    }
}
