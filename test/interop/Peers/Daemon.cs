using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Postern.Interop.Peers;

/// <summary>A program that runs until it is told to stop; keeps what it says for the failure's
/// text.</summary>
sealed class Daemon : IAsyncDisposable
{
    readonly Process process;
    readonly StringBuilder said = new();

    public Daemon(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string,
        string>? environment = null)
    {
        process = new Process { StartInfo = Command.StartInfo(program, arguments, environment) };
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => process.Id;
    public bool HasExited => process.HasExited;
    public int ExitCode => process.ExitCode;

    public string Said
    {
        get
        {
            lock (said)
                return said.ToString();
        }
    }

    /// <summary>SIGKILL, and gone when this returns.</summary>
    public async Task KillAsync()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>SIGTERM, and gone within the limit or the test fails.</summary>
    public async Task StopAsync(int seconds = 15)
    {
        if (process.HasExited)
            return;
        await SignalAsync("TERM");
        await Eventually
            .TrueAsync(() => process.HasExited, "the process ends after SIGTERM", seconds, () => Said);
    }

    public Task<Command> SignalAsync(string name) =>
        Command.RunAsync("/bin/kill", $"-{name}", process.Id.ToString(CultureInfo.InvariantCulture));

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        process.Dispose();
    }

    void Keep(string? line)
    {
        lock (said)
            said.AppendLine(line);
    }
}
