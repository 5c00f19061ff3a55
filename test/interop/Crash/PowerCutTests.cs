namespace Postern.Interop.Crash;

/// <summary>The power goes under load: of the file system there is what a flush brought to its device, and
/// nothing that got a 250 is lost.</summary>
public sealed class PowerCutTests
{
    const int MessagesPerCut = 100;
    const int CutsOfTheSmoke = 2;

    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public async Task Cut_UnderLoad_LosesNothing(string fileSystem)
    {
        await using var disk = await LoopDisk.MakeAsync(fileSystem);
        await using var sink = new SmtpSink();
        await using var postern =
            new PosternProcess(CrashRun.Settings(sink.Port), Path.Combine(disk.FullPath, "data"));
        var run = new CrashRun(
            $"power cut, {fileSystem}", CrashTable.IsAtLength ? CrashTable.Kills / 2 : CutsOfTheSmoke,
            MessagesPerCut, postern, sink, CutAsync);
        await run.DoAsync();
        await postern.StopAsync();

        async Task CutAsync()
        {
            // A processor without power runs nothing. Without this, both file systems may end a flush
            // that runs at the cut with success over lost pages, and the program would go on to say 250.
            await postern.FreezeAsync();
            disk.CutPower();
            await postern.KillAsync();
            await disk.RemountAsync();
        }
    }

    /// <summary>The judge is able to say no: what no flush covered is gone after the cut.</summary>
    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public async Task Cut_LosesWhatWasNotFlushed(string fileSystem)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var disk = await LoopDisk.MakeAsync(fileSystem);
        var file = Path.Combine(disk.FullPath, "unflushed");
        await File.WriteAllLinesAsync(file, ["gone"], cancel);
        disk.CutPower();
        await disk.RemountAsync();
        Assert.False(File.Exists(file) && (await File.ReadAllLinesAsync(file, cancel)).Length > 0);
    }
}
