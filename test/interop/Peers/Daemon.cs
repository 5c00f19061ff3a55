using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Postern.Interop.Peers;

/// <summary>A program that runs until it is told to stop; keeps what it says for the failure's
/// text.</summary>
sealed partial class Daemon : IAsyncDisposable
{
    const int Terminate = 15;
    const int Stop = 19;

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
        // A process that ended just now cannot be signalled, and has ended.
        _ = Signal(process.Id, Terminate);
        await Eventually
            .TrueAsync(() => process.HasExited, "the process ends after SIGTERM", seconds, () => Said);
    }

    /// <summary>SIGSTOP: when this returns no thread runs its own code any more. A call that the kernel had
    /// begun may still end; what comes after it does not.</summary>
    public Task FreezeAsync()
    {
        Assert.Equal(0, Signal(process.Id, Stop));
        return Eventually.TrueAsync(
            () => Directory.GetDirectories($"/proc/{process.Id}/task").All(IsStill),
            "every thread stands still",
            evidence: () => Said);
    }

    /// <summary>Stopped, or in a call that no signal ends.</summary>
    static bool IsStill(string task)
    {
        var facts = File.ReadAllText(Path.Combine(task, "stat"));
        return facts[facts.LastIndexOf(')') + 2] is 'T' or 'D';
    }

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

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
