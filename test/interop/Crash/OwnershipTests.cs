namespace Postern.Interop.Crash;

/// <summary>One process on one data directory, and no lock that outlives its process.</summary>
public sealed class OwnershipTests
{
    const int Messages = FlushErrorTests.MessagesMax;

    static string LockOf(PosternProcess postern) => Path.Combine(postern.Data, "lock");

    [Fact]
    public async Task Second_OnTheSameData_IsRefusedAndTheFirstGoesOn()
    {
        await using var postern = await PosternProcess.StartAsync(FlushErrorTests.Settings);
        var owner = (await Command.RunAsync("/bin/cat", LockOf(postern))).Output.Trim();
        var second = await Command.RunAsync(
            PosternProcess.Program, "serve", "--config", postern.ConfigurationFile);
        Assert.Equal(75, second.ExitCode);
        var line = Assert.Single(second.Error.TrimEnd('\n').Split('\n'));
        Assert.Contains($"another running Postern (pid {owner})", line, StringComparison.Ordinal);
        Assert.Equal(Messages, await SubmitAsync(postern));
    }

    [Fact]
    public async Task Lock_LeftByAKilledProcessWhoseNumberLivesAgain_IsTaken()
    {
        await using var postern = await PosternProcess.StartAsync(FlushErrorTests.Settings);
        await SubmitAsync(postern);
        await postern.KillAsync();
        // As if the number had been given to another program meanwhile: ours lives.
        await File.WriteAllLinesAsync(
            LockOf(postern), [Environment.ProcessId.ToString(provider: null)],
            TestContext.Current.CancellationToken);
        await postern.StartAsync();
        Assert.Equal(Messages, await SubmitAsync(postern));
    }

    static async Task<int> SubmitAsync(PosternProcess postern) =>
        (await FlushErrorTests.SubmitAsync(
            postern.Port("submission"), TestContext.Current.CancellationToken)).Acknowledged.Count;
}
