using System.Diagnostics;
using System.Text;

namespace Postern.Interop.Peers;

/// <summary>A program that ran to its end.</summary>
sealed record Command(string Line, int ExitCode, string Output, string Error)
{
    public override string ToString() => $"{Line}\nexit {ExitCode}\n{Output}\n{Error}";

    public Command Succeeded()
    {
        Assert.True(ExitCode == 0, ToString());
        return this;
    }

    public static Task<Command> RunAsync(string program, params string[] arguments) =>
        RunAsync(program, arguments, input: null);

    /// <summary>Runs it without a shell and kills it, with its children, after
    /// <paramref name="seconds"/>.</summary>
    public static async Task<Command> RunAsync(
        string program, IReadOnlyList<string> arguments, byte[]? input,
        IReadOnlyDictionary<string, string>? environment = null, int seconds = 60)
    {
        using var process = new Process { StartInfo = StartInfo(program, arguments, environment) };
        process.Start();
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds), TimeProvider.System);
        var exitCode = -1;
        try
        {
            await FeedAsync(process, input, limit.Token);
            await process.WaitForExitAsync(limit.Token);
            exitCode = process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
        }
        return new Command($"{program} {string.Join(' ', arguments)}", exitCode, await output, await error);
    }

    public static ProcessStartInfo StartInfo(
        string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment =
            null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return start;
    }

    static async Task FeedAsync(Process process, byte[]? input, CancellationToken cancel)
    {
        try
        {
            if (input is not null)
                await process.StandardInput.BaseStream.WriteAsync(input, cancel);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It did not want to read all of it; its exit code says why.
        }
    }
}
