using System.Globalization;
using System.Text;
using System.Text.Json;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern log</c> and <c>postern trace</c>: events as the server tells them.</summary>
static class LogCommand
{
    static readonly JsonSerializerOptions OneLine =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    public static async Task<int> RunAsync(
        CommandContext context, LogRequest request, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var search = request.Search is null ? "" : $"&search={Uri.EscapeDataString(request.Search)}";
        var place = request.After is { } after ? $"&after={after}" : "";
        while (true)
        {
            var path = $"admin/v1/events?limit={request.Limit}{search}{place}";
            var page = await server.GetLinesAsync(path, cancel);
            Print(context, page.Lines);
            if (!request.IsFollowing)
                return ExitCode.Ok;
            place = $"&after={page.Next}";
            await Task.Delay(LookEvery, TimeProvider.System, cancel);
        }
    }

    public static async Task<int> TraceAsync(
        CommandContext context, TraceRequest request, CancellationToken cancel)
    {
        var about = request.About;
        using var server = context.OpenAdmin();
        var found = await server.GetAsync(
            $"admin/v1/messages?limit={request.Limit}&about={Uri.EscapeDataString(about)}",
            AdminJson.Default.MessagesPage, cancel);
        if (found.Messages.Count == 0)
            throw new CommandException(
                ExitCode.NoUser, $"nothing is known of {about}",
                "give a queue id, a Message-ID, or a recipient as the message named it");
        foreach (var id in found.Messages.Reverse())
        {
            var life = await server.GetAsync(
                $"admin/v1/messages/{id}", AdminJson.Default.MessageTimeline, cancel);
            if (!context.Json)
                Print(life);
            foreach (var one in life.Events)
            {
                var json = one.ToJsonString(OneLine);
                Print(context, [json]);
                if (request.ShowsConversation && !context.Json)
                    Console.Out.Write(DescribeConversation(json));
            }
        }
        return ExitCode.Ok;
    }

    static void Print(MessageTimeline life)
    {
        Console.Out.WriteLine(Output.Clean(
            $"{life.Id}  from <{life.Sender}>  {life.MessageId}  {string.Join(' ', life.Tags)}").TrimEnd());
        foreach (var recipient in life.Recipients)
        {
            var at = recipient.At.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
            var text = new StringBuilder($"  to <{recipient.Address}>: {recipient.Fate}, {at}");
            Append(text, "via ", recipient.Transport ?? "");
            Append(text, "as ", recipient.RemoteId ?? "");
            Append(text, "", string.Join(", ", recipient.Reactions));
            Console.Out.WriteLine(Output.Clean(text.ToString()));
        }
    }

    static void Print(CommandContext context, IReadOnlyList<string> lines)
    {
        foreach (var line in lines)
            Console.Out.WriteLine(context.Json ? line : Describe(line));
    }

    /// <summary>One event in one line for people.</summary>
    public static string Describe(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        var text = new StringBuilder();
        if (root.TryGetProperty("timestamp", out var stamp))
        {
            var at = DateTimeOffset.UnixEpoch.AddSeconds((double)stamp.GetDecimal());
            text.Append(at.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));
        }
        text.Append("  ").Append(Text(root, "event").PadRight(10));
        var ours = root.TryGetProperty("postern", out var postern) ? postern : default;
        Append(text, "", Text(ours, "queue-id"));
        Append(text, "to ", Text(root, "recipient"));
        Append(text, "route ", Text(ours, "route"));
        Append(text, "via ", Text(ours, "transport"));
        Append(text, "told by ", Text(ours, "told-by"));
        Append(text, "", Text(ours, "reply"));
        Append(text, "because ", Text(ours, "why"));
        Append(text, "", Text(ours, "checks"));
        if (ours.ValueKind == JsonValueKind.Object && ours.TryGetProperty("alarm", out var alarm))
            Append(text, "", $"{Text(alarm, "state")}: {Text(alarm, "kind")} {Text(alarm, "subject")}"
                + $": {Text(alarm, "text")}");
        return Output.Clean(text.ToString());
    }

    /// <summary>What was said in an attempt, a line for each line of it: when, by whom, what. Empty: none was
    /// kept.</summary>
    public static string DescribeConversation(string json)
    {
        using var document = JsonDocument.Parse(json);
        var text = new StringBuilder();
        if (!document.RootElement.TryGetProperty("postern", out var ours)
            || !ours.TryGetProperty("conversation", out var turns))
            return "";
        foreach (var turn in turns.EnumerateArray())
        {
            var ms = turn.TryGetProperty("ms", out var number)
                ? string.Create(CultureInfo.InvariantCulture, $"{number.GetInt32()} ms")
                : "";
            AppendLines(text, "", '>', Text(turn, "said"));
            AppendLines(text, ms, '<', Text(turn, "answer"));
        }
        return text.ToString();
    }

    static void AppendLines(StringBuilder text, string ms, char by, string said)
    {
        foreach (var line in said.Split('\n'))
        {
            if (said.Length == 0)
                break;
            text.Append("    ").Append(ms.PadLeft(10)).Append("  ").Append(by).Append(' ')
                .Append(Output.Clean(line)).Append('\n');
            ms = "";
        }
    }

    static void Append(StringBuilder text, string label, string value)
    {
        if (value.Length > 0)
            text.Append("  ").Append(label).Append(value);
    }

    static string Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : "";
}

/// <summary>What <c>postern log</c> was asked for.</summary>
/// <param name="After">Null: the newest ones.</param>
sealed record LogRequest(string? Search, long? After, int Limit, bool IsFollowing);

/// <summary>What <c>postern trace</c> was asked for.</summary>
/// <param name="About">A queue id, a Message-ID or a recipient.</param>
sealed record TraceRequest(string About, int Limit, bool ShowsConversation);
