using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Postern.Api;
using Postern.Mta.Queue;

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

    /// <summary>Recipients by group and age, as Postfix's qshape shows them.</summary>
    public static async Task<int> TotalsAsync(
        CommandContext context, string by, string filter, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var page = await server.GetAsync(
            $"admin/v1/queue/totals?by={Uri.EscapeDataString(by)}{filter}", AdminJson.Default.TotalsPage,
            cancel);
        if (context.Json)
        {
            foreach (var row in page.Totals)
                Console.Out.WriteLine(JsonSerializer.Serialize(row, AdminJson.Default.QueueTotal));
            return ExitCode.Ok;
        }
        var columns = Enumerable.Range(0, QueueTotals.AgesMinutes.Count + 1);
        var whole = new QueueTotal(
            "TOTAL", page.Totals.Sum(row => row.Total),
            [.. columns.Select(column => page.Totals.Sum(row => row.ByAge[column]))]);
        string[] head =
            ["T", .. QueueTotals.AgesMinutes.Select(age => $"{age}"), $"{QueueTotals.AgesMinutes[^1]}+"];
        PrintTotals("", head);
        foreach (var row in page.Totals.Prepend(whole))
            PrintTotals(row.Name, [$"{row.Total}", .. row.ByAge.Select(count => $"{count}")]);
        return ExitCode.Ok;
    }

    static void PrintTotals(string name, IEnumerable<string> columns) => Console.Out.WriteLine(
        Output.Clean($"{name,30} {string.Join(' ', columns.Select(column => column.PadLeft(6)))}"));

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
                + $", attempts {recipient.Attempts}"));
            foreach (var attempt in recipient.Tries ?? [])
                Print(attempt);
            if (recipient.Why is { } why)
                Print(why);
        }
        return ExitCode.Ok;
    }

    /// <summary>Delays as in Postfix's log: before it was active, waiting, connecting, sending.</summary>
    static void Print(AttemptEntry attempt) => Console.Out.WriteLine(Output.Clean(
        string.Create(
            CultureInfo.InvariantCulture,
            $"    {attempt.At:u}  {attempt.Outcome,-9} via {attempt.Transport} {attempt.Relay}")
        + $"  delays={string.Join('/', attempt.Delays.Select(
            delay => delay.ToString(CultureInfo.InvariantCulture)))}"
        + $"  {attempt.Status} {attempt.Reply}"));

    static void Print(WhyEntry why)
    {
        Console.Out.WriteLine(Output.Clean($"    {why.Cause}: {why.Text}"));
        if (why.Mend is { } mend)
            Console.Out.WriteLine(Output.Clean($"    mend: {mend}"));
    }

    public static async Task<int> WhyAsync(CommandContext context, string id, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var page = await server
            .GetAsync($"admin/v1/queue/{Uri.EscapeDataString(id)}/why", AdminJson.Default.WhyPage, cancel);
        if (context.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(page, AdminJson.Default.WhyPage));
            return ExitCode.Ok;
        }
        foreach (var why in page.Recipients)
        {
            Console.Out.WriteLine(Output.Clean($"{page.Id}  to <{why.Address}>"));
            Print(why);
        }
        return ExitCode.Ok;
    }

    public static Task<int> ChangeAsync(
        CommandContext context, string command, IReadOnlyList<string> ids, string filter,
            CancellationToken cancel) =>
        ChangeAsync(context, $"queue {command}", $"admin/v1/queue/{command}?", ids, filter, cancel);

    /// <param name="name">Of the command, as it is typed.</param>
    /// <param name="path">Where it is posted to, up to its query.</param>
    public static async Task<int> ChangeAsync(
        CommandContext context, string name, string path, IReadOnlyList<string> ids, string filter,
            CancellationToken cancel)
    {
        if (ids.Count == 0 && filter.Length == 0)
            throw new CommandException(
                ExitCode.Usage, $"{name}: which?", "give queue ids, a filter, or ALL");
        var isAll = ids is ["ALL"];
        if (!isAll && ids.Count > 0 && (ids.Contains("ALL") || filter.Length > 0))
            throw new CommandException(
                ExitCode.Usage, $"{name}: ids, a filter and ALL exclude each other",
                "give one of them");
        using var server = context.OpenAdmin();
        var changed = new Changed(0);
        string[] selections = isAll || ids.Count == 0 ? [(isAll ? "&all=true" : "") + filter]
            : [.. ids.Select(id => $"&id={Uri.EscapeDataString(id)}")];
        foreach (var selection in selections)
        {
            var answer = await server.SendAsync(
                HttpMethod.Post, Join(path, selection), null, AdminJson.Default.Changed, cancel);
            changed = new Changed(
                changed.Recipients + answer.Recipients, answer.Lanes + (changed.Lanes ?? 0));
        }
        Console.Out.WriteLine(context.Json
            ? JsonSerializer.Serialize(changed, AdminJson.Default.Changed)
            : $"{name[(name.IndexOf(' ', StringComparison.Ordinal) + 1)..]}: {TextOf(changed)}");
        return ExitCode.Ok;
    }

    /// <summary>As it stands in the record of what operators did.</summary>
    internal static string Join(string path, string selection) =>
        path.EndsWith('?') ? path + selection.TrimStart('&') : path + selection;

    static string TextOf(Changed changed) =>
        $"{changed.Recipients} recipients"
        + (changed.Lanes is { } lanes ? $", {lanes} probes of closed lanes" : "");
}

/// <summary>The filters that list and bulk commands share.</summary>
sealed class QueueFilterOptions
{
    readonly Option<string?>[] options =
    [
        new("--state") { Description = "ready, active, deferred, held, done or dead-letter" },
        new("--route") { Description = "name of a route" },
        new("--transport") { Description = "name of a transport" },
        new("--sender") { Description = "an address pattern" },
        new("--recipient") { Description = "an address pattern" },
        new("--older") { Description = "arrived longer ago than, as in 30m or 2d" },
        new("--newer") { Description = "arrived less long ago than" },
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
