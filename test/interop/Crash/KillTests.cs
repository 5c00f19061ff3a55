namespace Postern.Interop.Crash;

/// <summary>kill -9 under load, again and again: nothing that got a 250 is lost.</summary>
public sealed class KillTests
{
    const int MessagesPerKill = 420;

    [Fact]
    public async Task Kill_UnderLoad_LosesNothingAndRepeatsOnlyWhatWasInFlight()
    {
        await using var sink = new SmtpSink();
        await using var postern = new PosternProcess(CrashRun.Settings(sink.Port));
        var run = new CrashRun(
            "kill -9 under load", CrashTable.Kills, MessagesPerKill, postern, sink, postern.KillAsync);
        await run.DoAsync();
    }
}
