using System.Text.Json;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern route explain</c>.</summary>
static class RouteCommand
{
    public static async Task<int> ExplainAsync(
        CommandContext context, string from, string to, string? account, string? listener, string door,
            CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var query = $"admin/v1/route?from={Uri.EscapeDataString(from)}&to={Uri.EscapeDataString(to)}";
        query += $"&door={Uri.EscapeDataString(door)}";
        if (account is not null)
            query += $"&account={Uri.EscapeDataString(account)}";
        if (listener is not null)
            query += $"&listener={Uri.EscapeDataString(listener)}";
        var answer = await server.GetAsync(query, AdminJson.Default.RouteAnswer, cancel);
        Console.Out.WriteLine(context.Json
            ? JsonSerializer.Serialize(answer, AdminJson.Default.RouteAnswer)
            : Output.Clean($"{answer.Decision}: {answer.Transport ?? "none"} ({answer.Why})"));
        return ExitCode.Ok;
    }
}
