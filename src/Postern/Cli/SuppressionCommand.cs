using System.Text.Json;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern suppression</c>: who gets no mail, of which domain, since when and why.</summary>
static class SuppressionCommand
{
    public static async Task<int> ListAsync(
        CommandContext context, string? address, string? domain, string? kind, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var rows = 0;
        string? after = null;
        do
        {
            var page = await server.GetAsync(
                $"admin/v1/suppressions?limit=1000{Filter(address, domain, kind)}"
                + (after is null ? "" : $"&after={Uri.EscapeDataString(after)}"),
                AdminJson.Default.SuppressionPage, cancel);
            after = page.Next;
            rows += page.Suppressions.Count;
            foreach (var entry in page.Suppressions)
            {
                Console.Out.WriteLine(context.Json
                    ? JsonSerializer.Serialize(entry, AdminJson.Default.SuppressionEntry)
                    : Output.Clean(LineOf(entry)));
            }
        }
        while (after is not null);
        if (rows == 0 && !context.Json)
            Console.Out.WriteLine("Nobody is on the list.");
        return ExitCode.Ok;
    }

    public static async Task<int> AddAsync(
        CommandContext context, SuppressionRequest request, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var body = JsonContent.Create(request, AdminJson.Default.SuppressionRequest);
        var entry = await server.SendAsync(
            HttpMethod.Post, "admin/v1/suppressions", body, AdminJson.Default.SuppressionEntry, cancel);
        Console.Out.WriteLine(context.Json
            ? JsonSerializer.Serialize(entry, AdminJson.Default.SuppressionEntry)
            : Output.Clean(LineOf(entry)));
        return ExitCode.Ok;
    }

    public static async Task<int> RemoveAsync(
        CommandContext context, string address, string? domain, string? kind, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var removed = await server.SendAsync(
            HttpMethod.Delete, $"admin/v1/suppressions?{Filter(address, domain, kind)}", null,
            AdminJson.Default.SuppressionsRemoved, cancel);
        Console.Out.WriteLine(context.Json
            ? JsonSerializer.Serialize(removed, AdminJson.Default.SuppressionsRemoved)
            : $"{removed.Removed} removed");
        return ExitCode.Ok;
    }

    static string Filter(string? address, string? domain, string? kind)
    {
        var filter = "";
        foreach (var (name, value) in new[] { ("address", address), ("domain", domain), ("kind", kind) })
        {
            if (value is not null)
                filter += $"&{name}={Uri.EscapeDataString(value)}";
        }
        return filter;
    }

    static string LineOf(SuppressionEntry entry)
    {
        var tags = entry.Tags is null ? "" : $"  tags {string.Join(' ', entry.Tags)}";
        var message = entry.Message is null ? "" : $"  message {entry.Message}";
        var why = $"{entry.Code} {entry.Error}{entry.Reason}".Trim();
        return $"{entry.Since:u}  {entry.Kind,-11}  {entry.Domain,-20}  {entry.Address}{tags}{message}"
            + (why.Length > 0 ? $"  {why}" : "");
    }
}
