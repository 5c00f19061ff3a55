using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Postern.Cli;

/// <summary><c>postern log</c> and <c>postern trace</c>: events as the server tells them.</summary>
static class LogCommand
{
    public static async Task<int> RunAsync(
        CommandContext context, string path, string? search, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        foreach (var line in await server.GetLinesAsync(path, cancel))
        {
            if (search is not null && !line.Contains(search, StringComparison.OrdinalIgnoreCase))
                continue;
            Console.Out.WriteLine(context.Json ? line : Describe(line));
        }
        return ExitCode.Ok;
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
        Append(text, "", Text(ours, "reply"));
        Append(text, "because ", Text(ours, "why"));
        return Output.Clean(text.ToString());
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
