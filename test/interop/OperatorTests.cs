using System.Text;

namespace Postern.Interop;

/// <summary>What an operator types, against the running program.</summary>
public sealed class OperatorTests : IAsyncLifetime
{
    const string Store = "keep-it-in-the-store";

    readonly SmtpSink sink = new();
    readonly PosternProcess postern = new("");

    public async ValueTask InitializeAsync()
    {
        postern.Settings = ClientTests.Settings(sink.Port, postern.Directory, trusted: "");
        postern.Environment["RUNTIME_DIRECTORY"] = postern.Directory.MakeDirectory("run");
        await postern.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await postern.DisposeAsync();
        await sink.DisposeAsync();
    }

    string Sockets => postern.Directory.PathOf("run");

    Task<Command> SendAsync(string listener, params string[] arguments) => Command.RunAsync(
        PosternProcess.Program,
        [
            "send", "--smtp", $"127.0.0.1:{postern.Port(listener)}", "--from", "shop@sender.test",
            "--to", "x@sink.test", "--subject", "S", "--body", "B", .. arguments,
        ],
        input: null);

    string[] LoginWith(string password) =>
        ["--user", ClientTests.User, "--password",
            "file:" + postern.Directory.WriteSecret("given", password)];

    string Ca => "file:" + postern.Directory.PathOf("peer.pem");

    [Theory]
    [InlineData("submission")]
    [InlineData("submission", "--tls", "starttls", "--ca", "CA")]
    [InlineData("submissions", "--tls", "immediate", "--ca", "CA")]
    public async Task Send_LoggedInUnderTls_Submits(string listener, params string[] tls)
    {
        var run = await SendAsync(
            listener,
            [.. tls.Select(word => word == "CA" ? Ca : word), .. LoginWith(ClientTests.Password)]);
        Assert.StartsWith("250 2.0.0 Ok: queued as ", run.Succeeded().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Send_WithAWrongPassword_Exits77WithTheReply()
    {
        var run = await SendAsync("submission", LoginWith("wrong"));
        Assert.Equal(77, run.ExitCode);
        Assert.Contains("535 5.7.8", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Send_ToACertificateThatNobodyVouchesFor_Exits69AndSendsNoPassword()
    {
        var run = await SendAsync(
            "submissions", ["--tls", "immediate", .. LoginWith(ClientTests.Password)]);
        Assert.Equal(69, run.ExitCode);
        Assert.Contains("self-signed", run.Error, StringComparison.Ordinal);
        Assert.Contains("--ca", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ConfigPrint_OfARunningServer_NamesWhereEachAccountLives()
    {
        (await Command.RunAsync(
            PosternProcess.Program,
            ["account", "add", "app", "--sender", "*@app.test", "--server", Sockets],
            Encoding.UTF8.GetBytes(Store + "\n"))).Succeeded();
        var run = (await postern.CommandAsync("config", "print", "--server", Sockets)).Succeeded();
        Assert.Contains($"[accounts.{ClientTests.User}]  # source: file\n", run.Output);
        Assert.Contains("# [accounts.app]  # source: store\n# senders = [\"*@app.test\"]\n", run.Output);
        Assert.DoesNotContain(Store, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reload_WithALogFileThatCannotBeWritten_ChangesNothingAndSaysWhy()
    {
        var good = File.ReadAllText(postern.ConfigurationFile);
        var missing = postern.Directory.PathOf("none/postern.log");
        postern.Directory.Write(
            "postern.toml", good.Replace(postern.LogFile, missing).Replace("postern.test", "other.test"));
        var run = await postern.CommandAsync("reload", "--server", Sockets);
        Assert.Equal(78, run.ExitCode);
        Assert.Contains(": log.file: " + missing, run.Error, StringComparison.Ordinal);
        var cancel = TestContext.Current.CancellationToken;
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), cancel);
        Assert.Contains("postern.test", await wire.CommandAsync("EHLO client.test", cancel));
    }

    [Theory]
    [InlineData(75, "--clear-groups")]
    [InlineData(77, "--groups", "0")]
    public async Task Deliver_OfAnotherUser_NeedsTheGroupOfTheSocket(int expected, params string[] groups)
    {
        var setpriv = Tool.Require("setpriv", "util-linux");
        Tool.RequireRoot("another user");
        var socket = Path.Combine(Sockets, "deliver.sock");
        // Whoever may open the socket is still asked who it is.
        (await Command.RunAsync("/bin/chmod", "0666", socket)).Succeeded();
        var run = await Command.RunAsync(
            setpriv,
            [
                "--reuid", "nobody", "--regid", "nogroup", .. groups, PosternProcess.Program, "deliver",
                "--server", socket, "--sender", "a@b.test", "--recipient", "x@in.test",
            ],
            "Subject: s\n\nb\n"u8.ToArray());
        Assert.Equal(expected, run.ExitCode);
        Assert.Equal(expected == 75, run.Error.Contains("may not deliver", StringComparison.Ordinal));
    }
}
