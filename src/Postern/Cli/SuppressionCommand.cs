using System.Text.Json;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern suppression</c>: who gets no mail, of which domain, since when and why.</summary>
static class SuppressionCommand
{
    /// <summary>Refusals in a row, each of which says when to come back.</summary>
    const int RefusalsMax = 20;

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

    /// <summary>Step by step, as the server says; where it stops, the place is said.</summary>
    public static async Task<int> ExchangeAsync(
        CommandContext context, SuppressionWay way, SuppressionExchangeRequest request,
        CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var (looked, changed, unread, refusals) = (0, 0, 0, 0);
        var path = $"admin/v1/suppressions/{way.ToString().ToLowerInvariant()}";
        do
        {
            var step = await StepAsync(server, path, request, cancel);
            if (context.Json)
                Console.Out.WriteLine(JsonSerializer.Serialize(step, AdminJson.Default.SuppressionStep));
            request = request with { Place = step.Next };
            if (step.Why is { } why)
            {
                if (++refusals == RefusalsMax)
                    throw new CommandException(ExitCode.TemporaryFailure, why, MendOf(request));
                Console.Error.WriteLine(Output.Clean($"{why}; again in {step.WaitSeconds} s"));
                await Task.Delay(
                    TimeSpan.FromSeconds(step.WaitSeconds ?? 1), TimeProvider.System, cancel);
                continue;
            }
            (looked, changed, unread) =
                (looked + step.Looked, changed + step.Changed, unread + step.Unread);
            refusals = 0;
            if (step.Next?.Split(' ')[0] == step.List)
                continue;
            if (!context.Json)
                Console.Out.WriteLine(way == SuppressionWay.Push ? $"{step.List}: {changed} pushed"
                    : $"{step.List}: {looked} read, {changed} added"
                        + (unread > 0 ? $", {unread} not understood" : ""));
            (looked, changed, unread) = (0, 0, 0);
        }
        while (request.Place is not null);
        return ExitCode.Ok;
    }

    static async Task<SuppressionStep> StepAsync(
        AdminClient server, string path, SuppressionExchangeRequest request, CancellationToken cancel)
    {
        var body = JsonContent.Create(request, AdminJson.Default.SuppressionExchangeRequest);
        try
        {
            return await server.SendAsync(
                HttpMethod.Post, path, body, AdminJson.Default.SuppressionStep, cancel);
        }
        catch (CommandException e) when (request.Place is not null)
        {
            throw new CommandException(e.ExitCode, e.Message, $"{e.Mend}; {MendOf(request)}");
        }
    }

    static string MendOf(SuppressionExchangeRequest request) =>
        $"go on with: --from \"{Output.Clean(request.Place ?? "")}\"";

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
        message += entry.Source is null ? "" : $"  from {entry.Source}";
        var why = $"{entry.Code} {entry.Error}{entry.Reason}".Trim();
        return $"{entry.Since:u}  {entry.Kind,-11}  {entry.Domain,-20}  {entry.Address}{tags}{message}"
            + (why.Length > 0 ? $"  {why}" : "");
    }
}

/// <summary>Whose entries are taken over by whom.</summary>
enum SuppressionWay
{
    /// <summary>The provider's, by us.</summary>
    Pull,

    /// <summary>Ours, by the provider.</summary>
    Push,
}
