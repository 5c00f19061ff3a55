using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Postern.Tests.Configuration;

namespace Postern.Tests.Cli;

/// <summary>The real program: what it says and how it ends when it cannot start or finds no server.</summary>
public sealed class ProgramTests : IDisposable
{
    readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    async Task<(int Code, string Output, string Error)> RunAsync(string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "postern"), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("POSTERN_CONFIG");
        start.Environment.Remove("POSTERN_SERVER");
        start.Environment["XDG_STATE_HOME"] = directory.PathOf("state");
        start.Environment["LC_ALL"] = "C.UTF-8";
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var cancel = TestContext.Current.CancellationToken;
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var error = process.StandardError.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        return (process.ExitCode, await output, await error);
    }

    static void OneLine(string error)
    {
        Assert.StartsWith("postern: ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
    }

    string Configuration(string on, string data) => directory.Write("postern.toml", $"""
        data = "{data}"
        [[listen]]
        on = "{on}"
        for = "mx"
        """);

    [Fact]
    public async Task Serve_WithAFileThatIsNotThere_Exits78()
    {
        var (code, _, error) = await RunAsync("", "serve", "--config", directory.PathOf("none.toml"));
        Assert.Equal(78, code);
        OneLine(error);
    }

    [Fact]
    public async Task Serve_WithAnUnknownKey_NamesFileLineAndNearestKey()
    {
        var file = directory.Write("postern.toml", "hostnam = \"mx.example.org\"\n");
        var (code, _, error) = await RunAsync("", "serve", "--config", file);
        Assert.Equal(78, code);
        Assert.Contains($"{file}:1: hostnam", error, StringComparison.Ordinal);
        Assert.Contains("hostname", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_WithAPortInUse_SaysWhichAndTouchesNothing()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var data = directory.PathOf("data");
        var (code, _, error) = await RunAsync(
            "", "serve", "--config", Configuration(taken.LocalEndpoint.ToString()!, data));
        Assert.Equal(71, code);
        OneLine(error);
        Assert.Contains(taken.LocalEndpoint.ToString()!, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task Serve_WithADataDirectoryThatCannotBeMade_Exits73()
    {
        var (code, _, error) = await RunAsync(
            "", "serve", "--config", Configuration("127.0.0.1:0", "/proc/postern-test"));
        Assert.Equal(73, code);
        OneLine(error);
    }

    [Fact]
    public async Task Serve_WithADataDirectoryTooDeepForSockets_Exits78()
    {
        var (code, _, error) = await RunAsync(
            "", "serve", "--config", Configuration("127.0.0.1:0", directory.PathOf(new string('d', 120))));
        Assert.Equal(78, code);
        OneLine(error);
    }

    [Theory]
    [InlineData(69, "queue", "list")]
    [InlineData(69, "reload")]
    [InlineData(75, "deliver", "--recipient", "me@in.example")]
    [InlineData(64, "queue", "nonsense")]
    [InlineData(64, "deliver")]
    public async Task Command_ThatCannotDoItsWork_SaysSoInOneLine(int expected, params string[] arguments)
    {
        string[] server = expected == 64 ? [] : ["--server", directory.PathOf("no.sock")];
        var (code, _, error) = await RunAsync("", [.. arguments, .. server]);
        Assert.Equal(expected, code);
        OneLine(error);
    }

    [Theory]
    [InlineData("help.txt")]
    [InlineData("help-queue.txt", "queue")]
    [InlineData("help-deliver.txt", "deliver")]
    [InlineData("help-log.txt", "log")]
    public async Task Help_OfCommands_IsAsTheGoldenFile(string golden, params string[] command)
    {
        var (code, output, _) = await RunAsync("", [.. command, "--help"]);
        Assert.Equal(0, code);
        GoldenFile.Check(golden, output);
    }
}
