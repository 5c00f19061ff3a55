using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Postern.Mta.Store;
using Postern.Tests.Configuration;
using Postern.Tests.Doubles;

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
    public async Task Word_ThatIsNoneOfThose_IsAnsweredByWhichThereAre_OnOneLine()
    {
        var (code, _, error) = await RunAsync("", "user", "add", "bob", "--role", "king");
        Assert.Equal(64, code);
        OneLine(error);
        Assert.Contains("one of: 'reader' 'operator' 'admin'; see", error, StringComparison.Ordinal);
    }

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
    [InlineData(64, "doctor")]
    [InlineData(64, "doctor", "--durability", "/", "--write", "--verify", "1")]
    [InlineData(73, "doctor", "--durability", "/nonexistent")]
    [InlineData(74, "doctor", "--durability", "/proc/self", "--verify", "1")]
    [InlineData(64, "deliver")]
    [InlineData(69, "send", "--from", "<>", "--to", "c@d.example", "--body", "x", "--smtp", "127.0.0.1:1")]
    [InlineData(64, "send", "--from", "a@b.example", "--to", "c@d.example", "--smtp", "127.0.0.1")]
    [InlineData(64, "send", "--from", "a@b.example", "--to", "c")]
    [InlineData(64, "send", "--from", "a@b.example", "--to", "c@d.example", "--tls", "maybe")]
    [InlineData(64, "send", "--from", "a@b.example", "--to", "c@d.example", "--user", "shop")]
    [InlineData(64, "send", "--from", "a@b.example", "--to", "c@d.example", "--message", "-", "--body", "x")]
    public async Task Command_ThatCannotDoItsWork_SaysSoInOneLine(int expected, params string[] arguments)
    {
        string[] server = expected == 64 ? [] : ["--server", directory.PathOf("no.sock")];
        var (code, _, error) = await RunAsync("", [.. arguments, .. server]);
        Assert.Equal(expected, code);
        OneLine(error);
    }

    [Fact]
    public async Task Serve_WithALogFileThatCannotBeWritten_Exits73WithFileLineAndMend()
    {
        var file = directory.Write(
            "postern.toml", $"""
            data = "{directory.PathOf("data")}"
            [log]
            format = "json"
            file = "{directory.PathOf("none/postern.log")}"
            [[listen]]
            on = "127.0.0.1:0"
            for = "mx"
            """);
        var (code, _, error) = await RunAsync("", "serve", "--config", file);
        Assert.Equal(73, code);
        OneLine(error);
        Assert.StartsWith(
            $"postern: {file}:4: log.file: {directory.PathOf("none/postern.log")} cannot be made", error,
            StringComparison.Ordinal);
        Assert.Contains("; make its directory", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ConfigCheck_WithoutAListener_Exits78()
    {
        var file = directory.Write("postern.toml", "hostname = \"mx.example.org\"\n");
        var (code, _, error) = await RunAsync("", "config", "check", file);
        Assert.Equal(78, code);
        OneLine(error);
        Assert.Contains($"{file}:1: listen: ", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, "hunter2")]
    [InlineData(78, "env:POSTERN_TEST_UNSET")]
    public async Task Send_WithAPasswordThatIsNoGoodReference_NeverShowsIt(int expected, string password)
    {
        var (code, _, error) = await RunAsync(
            "", "send", "--from", "a@b.example", "--to", "c@d.example", "--user", "shop", "--password",
            password);
        Assert.Equal(expected, code);
        OneLine(error);
        Assert.DoesNotContain("hunter2", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Send_AWholeMessageFromStandardInput_ArrivesWithLineEndsOfTheWire()
    {
        var script = new PoliteRelay();
        await using var relay = ScriptedRelay.Start(script.PlayAsync);
        var (code, output, _) = await RunAsync(
            "From: <a@b.example>\nSubject: given\n\n.dot\n", "send", "--from", "<>", "--to", "c@d.example",
            "--message", "-", "--smtp", $"127.0.0.1:{relay.Port}");
        Assert.Equal((0, "250 2.0.0 Ok: queued as Q1\n"), (code, output));
        // As it stands on the wire: a leading dot is doubled.
        Assert.Equal(
            "From: <a@b.example>\r\nSubject: given\r\n\r\n..dot\r\n", Assert.Single(script.Contents));
        Assert.Contains(script.Commands, line => line.StartsWith("MAIL FROM:<>", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Send_WithOneOfTwoRecipientsRefused_SaysWhichAndThatTheOtherHasIt()
    {
        var script = new PoliteRelay
        {
            Says = line => line.StartsWith("RCPT TO:<no@", StringComparison.Ordinal)
                ? "550 5.1.1 no such user"
                : null,
        };
        await using var relay = ScriptedRelay.Start(script.PlayAsync);
        var (code, output, error) = await RunAsync(
            "", "send", "--from", "a@b.example", "--to", "no@d.example", "--to", "c@d.example", "--body", "x",
            "--smtp", $"127.0.0.1:{relay.Port}");
        Assert.Equal(65, code);
        Assert.StartsWith("250 2.0.0 Ok", output, StringComparison.Ordinal);
        Assert.Equal("postern: <no@d.example>: 550 5.1.1 no such user; the others have the mail\n", error);
    }

    [Fact]
    public async Task Doctor_OfADirectory_KillsAWriterFindsAllItSaidAndLeavesNothing()
    {
        var place = Path.GetDirectoryName(directory.PathOf("x"))!;
        var (_, output, error) = await RunAsync("", "doctor", "--durability", place, "--json");
        Assert.Equal("", error);
        using var report = JsonDocument.Parse(output);
        var verdicts = report.RootElement.GetProperty("findings").EnumerateArray().ToDictionary(
            finding => finding.GetProperty("check").GetString()!,
            finding => finding.GetProperty("verdict").GetString());
        Assert.Equal(
            ["file system", "flush calls", "flush rate", "free space", "kill -9", "power cut"],
            verdicts.Keys.Order());
        Assert.Equal("good", verdicts["flush calls"]);
        Assert.Equal("good", verdicts["kill -9"]);
        Assert.Equal("unknown", verdicts["power cut"]);
        Assert.Empty(Directory.GetFileSystemEntries(place));
    }

    [Fact]
    public async Task Doctor_Verify_OfLostRecordsIsBadAndOfWholeOnesRemovesThem()
    {
        var place = Path.GetDirectoryName(directory.PathOf("x"))!;
        using (var log = DurabilityLog.Create(place))
        {
            log.Append();
            log.Append();
        }
        var (code, output, _) = await RunAsync("", "doctor", "--durability", place, "--verify", "3");
        Assert.Equal(74, code);
        Assert.StartsWith("bad ", output, StringComparison.Ordinal);
        (code, output, _) = await RunAsync("", "doctor", "--durability", place, "--verify", "2");
        Assert.Equal(0, code);
        Assert.StartsWith("good ", output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(place));
    }

    [Theory]
    [InlineData("help.txt")]
    [InlineData("help-send.txt", "send")]
    [InlineData("help-queue.txt", "queue")]
    [InlineData("help-deliver.txt", "deliver")]
    [InlineData("help-log.txt", "log")]
    [InlineData("help-doctor.txt", "doctor")]
    [InlineData("help-suppression.txt", "suppression")]
    [InlineData("help-user.txt", "user")]
    public async Task Help_OfCommands_IsAsTheGoldenFile(string golden, params string[] command)
    {
        var (code, output, _) = await RunAsync("", [.. command, "--help"]);
        Assert.Equal(0, code);
        GoldenFile.Check(golden, output);
    }
}
