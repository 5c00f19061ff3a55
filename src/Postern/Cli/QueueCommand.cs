using System.CommandLine;
using System.Text.Json;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern queue</c>.</summary>
static class QueueCommand
{
    public static readonly IReadOnlyList<(string Name, string Text)> Changes =
    [
        ("hold", "Recipients wait until they are released"),
        ("release", "Held recipients go on"),
        ("retry", "Deferred recipients are tried now, closed lanes are probed now"),
        ("cancel", "Recipients end, without a report"),
        ("expire", "Recipients end as at the end of their lifetime, with a report"),
    ];

    public static async Task<int> ListAsync(CommandContext context, string filter, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var rows = 0;
        string? after = null;
        do
        {
            var page = await server.GetAsync(
                $"admin/v1/queue?limit=500&after={after}{filter}", AdminJson.Default.QueuePage, cancel);
            after = page.Next;
            foreach (var entry in page.Messages)
            {
                if (context.Json)
                    Console.Out.WriteLine(JsonSerializer.Serialize(entry, AdminJson.Default.QueueEntry));
                else
                    rows += Print(entry);
            }
        }
        while (after is not null);
        if (context.Json)
            return ExitCode.Ok;
        if (rows == 0)
            Console.Out.WriteLine("The queue is empty.");
        return ExitCode.Ok;
    }

    /// <summary>A line for the message and one for each recipient: wide enough for any reason, easy to
    /// grep.</summary>
    static int Print(QueueEntry entry)
    {
        Console.Out.WriteLine(Output.Clean(
            $"{entry.Id}  {AgeOf(entry.ArrivedAt),8}  {entry.Octets,9} octets  from <{entry.Sender}>"));
        foreach (var recipient in entry.Recipients)
        {
            Console.Out.WriteLine(Output.Clean(
                $"    {recipient.Outcome ?? recipient.State,-9} {recipient.Address}"
                + (recipient.Transport is null ? "" : $"  via {recipient.Transport}")
                + (recipient.Reason is null ? "" : $"  {recipient.Reason}")));
        }
        return entry.Recipients.Count;
    }

    static string AgeOf(DateTimeOffset at)
    {
        var age = TimeProvider.System.GetUtcNow() - at;
        return age.TotalHours < 1 ? $"{age:m\\:ss}" : age.TotalDays < 1 ? $"{age:h\\:mm\\:ss}"
            : $"{age:d\\d\\ hh\\:mm}";
    }

    public static async Task<int> ShowAsync(CommandContext context, string id, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var entry = await server
            .GetAsync($"admin/v1/queue/{Uri.EscapeDataString(id)}", AdminJson.Default.QueueEntry, cancel);
        if (context.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(entry, AdminJson.Default.QueueEntry));
            return ExitCode.Ok;
        }
        Console.Out.WriteLine(
            Output.Clean($"{entry.Id}  from <{entry.Sender}>  {entry.Octets} octets  {entry.MessageId}"));
        foreach (var recipient in entry.Recipients)
        {
            Console.Out.WriteLine(Output.Clean(
                $"  to <{recipient.Address}>: {recipient.Outcome ?? recipient.State}"
                + $", route {recipient.Route ?? "-"}, transport {recipient.Transport ?? "-"}"
                + $", attempts {recipient.Attempts}"
                + (recipient.DueAt is { } due ? $", due {due:u}" : "")
                + (recipient.Reason is null ? "" : $", last: {recipient.Reason}")));
        }
        foreach (var line in (await server.GetLinesAsync($"admin/v1/trace/{entry.Id}", cancel)).Lines)
            Console.Out.WriteLine("  " + LogCommand.Describe(line));
        return ExitCode.Ok;
    }

    public static async Task<int> ChangeAsync(
        CommandContext context, string command, IReadOnlyList<string> ids, string filter,
            CancellationToken cancel)
    {
        if (ids.Count == 0 && filter.Length == 0)
            throw new CommandException(
                ExitCode.Usage, $"queue {command}: which?", "give queue ids, a filter, or ALL");
        using var server = context.OpenAdmin();
        var changed = 0;
        foreach (var id in ids.Where(id => id != "ALL").Select(id => $"&id={Uri.EscapeDataString(id)}")
            .DefaultIfEmpty(filter))
        {
            var answer = await server.SendAsync(
                HttpMethod.Post, $"admin/v1/queue/{command}?{id.TrimStart('&')}", null,
                    AdminJson.Default.Changed, cancel);
            changed += answer.Recipients;
        }
        Console.Out
            .WriteLine(context.Json ? $"{{\"recipients\":{changed}}}" : $"{command}: {changed} recipients");
        return ExitCode.Ok;
    }
}

/// <summary>The filters that list and bulk commands share.</summary>
sealed class QueueFilterOptions
{
    readonly Option<string?>[] options =
    [
        new("--state") { Description = "ready, active, deferred, held or done" },
        new("--route") { Description = "name of a route" },
        new("--transport") { Description = "name of a transport" },
        new("--sender") { Description = "an address pattern" },
        new("--recipient") { Description = "an address pattern" },
        new("--older") { Description = "arrived longer ago than, as in 30m or 2d" },
    ];

    public void AddTo(Command command)
    {
        foreach (var option in options)
            command.Add(option);
    }

    /// <summary>As the query of the admin API, each part with its <c>&amp;</c>.</summary>
    public string Read(ParseResult parsed) => string.Concat(options
        .Where(option => parsed.GetValue(option) is not null)
        .Select(option => $"&{option.Name.TrimStart('-')}={Uri.EscapeDataString(parsed.GetValue(option)!)}"));
}
