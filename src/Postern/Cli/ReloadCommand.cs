using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern reload</c>: a bad file changes nothing and says why.</summary>
static class ReloadCommand
{
    public static async Task<int> RunAsync(CommandContext context, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var answer = await server.SendAsync(
            HttpMethod.Post, "admin/v1/reload", null, AdminJson.Default.ReloadAnswer, cancel);
        Console.Out.WriteLine(answer.NeedRestart.Count == 0
            ? "reloaded"
            : $"reloaded; these need a restart: {string.Join(", ", answer.NeedRestart)}");
        return ExitCode.Ok;
    }
}
