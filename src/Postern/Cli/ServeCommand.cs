using System.Runtime.InteropServices;
using Postern.Listeners;
using Postern.Mta;
using Postern.Mta.Configuration;

namespace Postern.Cli;

/// <summary><c>postern serve</c>: until SIGTERM or SIGINT; SIGHUP reads the configuration again.</summary>
sealed class ServeCommand(CommandContext context, string? readyFile)
{
    static readonly TimeProvider Clock = TimeProvider.System;

    SandboxMail? sandbox;
    string? file;

    public async Task<int> RunAsync(CancellationToken cancel)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var term = PosixSignalRegistration
            .Create(PosixSignal.SIGTERM, signal => Stop(signal, stopping));
        using var interrupt = PosixSignalRegistration
            .Create(PosixSignal.SIGINT, signal => Stop(signal, stopping));
        var options = ReadFirst();
        var notifier = SystemdNotifier.FromEnvironment();
        await using (var server = await StartAsync(options, stopping.Token))
        {
            using var hangUp = PosixSignalRegistration
                .Create(PosixSignal.SIGHUP, signal => Reload(signal, server, notifier));
            Announce(server);
            if (readyFile is not null)
                ReadyOf(server).Write(readyFile);
            notifier.Ready("taking mail");
            await WaitAsync(stopping.Token);
            notifier.Stopping();
        }
        if (readyFile is not null)
            ReadyFile.Remove(readyFile);
        return ExitCode.Ok;
    }

    async Task<PosternServer> StartAsync(PosternOptions options, CancellationToken stopping)
    {
        try
        {
            return await PosternServer.StartAsync(options, Reread, sandbox, Clock, stopping);
        }
        catch (CommandException e) when (file is not null)
        {
            throw ConfigCommand.Place(e, file);
        }
    }

    static void Stop(PosixSignalContext signal, CancellationTokenSource stopping)
    {
        signal.Cancel = true;
        stopping.Cancel();
    }

    static async Task WaitAsync(CancellationToken stopping)
    {
        var stopped = new TaskCompletionSource();
        await using (stopping.Register(stopped.SetResult))
            await stopped.Task;
    }

    PosternOptions ReadFirst()
    {
        switch (ConfigurationLocation.Find(context.Config, Environment.GetEnvironmentVariable, File.Exists))
        {
            case ConfigurationLocation.Missing missing:
                throw new CommandException(ExitCode.Configuration, missing.Text, "name a file that is there");
            case ConfigurationLocation.InFile found:
                file = found.Path;
                return ConfigCommand.Read(file);
            default:
                return StartSandbox();
        }
    }

    /// <summary>The options of the file as it is now; the sandbox has none and stays as it is.</summary>
    PosternOptions Reread()
    {
        if (file is null)
            throw new CommandException(
                ExitCode.Configuration, "the sandbox has no configuration file to read again");
        var options = ConfigCommand.Read(file);
        try
        {
            PosternServer.CheckLog(options.Log);
            return options;
        }
        catch (CommandException e)
        {
            throw ConfigCommand.Place(e, file);
        }
    }

    PosternOptions StartSandbox()
    {
        var data = SandboxOptions.DataDirectory(Environment.GetEnvironmentVariable);
        Directory
            .CreateDirectory(data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        sandbox = new SandboxMail(data, Clock);
        var script = Path.Combine(data, "on-mail");
        if (!File.Exists(script))
        {
            PrivateFile.Write(script, SandboxScript);
            File.SetUnixFileMode(
                script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        return SandboxOptions.Create(data, sandbox.Relay, script);
    }

    const string SandboxScript = """
        #!/bin/sh
        # The sandbox pipes mail for in.localhost to this script. $1 is the sender, $2 the recipient.
        { echo "from $1 to $2"; cat; echo; } >> "$(dirname "$0")/inbound.txt"

        """;

    async void Reload(PosixSignalContext signal, PosternServer server, SystemdNotifier notifier)
    {
        signal.Cancel = true;
        try
        {
            notifier.Reloading(Clock.GetTimestamp() * 1_000_000 / Clock.TimestampFrequency);
            var needRestart = await server.Agent.ReloadAsync(Reread(), CancellationToken.None);
            if (needRestart.Count > 0)
                Output.Error($"{string.Join(", ", needRestart)}: a change needs a restart", null);
        }
        catch (CommandException e)
        {
            Output.Error($"nothing was changed: {e.Message}", e.Mend);
        }
        finally
        {
            notifier.Ready("taking mail");
        }
    }

    /// <summary>STARTTLS is of SMTP; an http listener without TLS has none.</summary>
    static string TlsOf(ListenOptions listener) =>
        listener is { For: ListenFor.Http, Tls: not ListenTls.Immediate }
            ? "none"
            : listener.Tls.ToString().ToLowerInvariant();

    static ReadyFile ReadyOf(PosternServer server) => new(
        Environment.ProcessId,
        [
            .. server.Bound.Select(bound => new ReadyListener(
                bound.Name, bound.Options.For.ToString().ToLowerInvariant(), TlsOf(bound.Options),
                bound.Address.Address.ToString(), bound.Address.Port)),
        ],
        PosternServer.AdminSocketOf(server.Agent.Options), Path.GetFullPath(server.Agent.Options.Data),
        server.SignIn.FirstLink);

    void Announce(PosternServer server)
    {
        foreach (var bound in server.Bound)
        {
            var kind = bound.Options.For.ToString().ToLowerInvariant();
            Console.Error.WriteLine($"postern: {kind,-10} on {bound.Address} ({bound.Name})");
        }
        if (server.SignIn.FirstLink is { } link)
            Console.Error.WriteLine($"dashboard: {link}");
        if (sandbox is null)
            return;
        Console.Error.WriteLine($"""

            This is the sandbox: nothing leaves this machine. Data: {server.Agent.Options.Data}
            Try, in another terminal:
              ./do postern send --from app@sandbox.localhost --to you@example.org --subject Hello --body Hi
              ./do postern log
              ./do postern send --smtp 127.0.0.1:2526 --from a@example.org --to me@in.localhost --body Hi
            The last one goes through the MX listener to a script: see inbound.txt in the data directory.
            """);
    }
}
