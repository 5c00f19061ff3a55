using System.Globalization;
using System.Text;
using System.Text.Json;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern search</c>: messages by words, state and time.</summary>
static class SearchCommand
{
    public static async Task<int> RunAsync(
        CommandContext context, SearchRequest request, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var left = request.Limit;
        var after = "";
        while (true)
        {
            var path = $"admin/v1/search?limit={Math.Max(1, left)}{request.Query}{after}";
            var page = await server.GetAsync(path, AdminJson.Default.SearchPage, cancel);
            foreach (var message in page.Messages)
                Console.Out.WriteLine(context.Json
                    ? JsonSerializer.Serialize(message, AdminJson.Default.SearchEntry) : Describe(message));
            left -= page.Messages.Count;
            if (page.Behind > 0 && after.Length == 0)
                Output.Error($"{page.Behind} events are not indexed yet", "look again in a while");
            if (page.TooBroad)
                throw new CommandException(
                    ExitCode.DataError, "too many words begin so; no message was looked at",
                    "write more of the word, or all of it without the star");
            if (left <= 0 || page.Next is not { } next)
                return ExitCode.Ok;
            after = $"&after={next}";
        }
    }

    /// <summary>One message in one line for people.</summary>
    public static string Describe(SearchEntry message)
    {
        var text = new StringBuilder(
            message.At.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));
        text.Append("  ").Append(message.Id).Append("  ").Append(message.State.PadRight(9)).Append("  <")
            .Append(message.Sender).Append("> -> ").AppendJoin(", ", message.Recipients);
        var more = message.Total - message.Recipients.Count;
        if (more > 0)
            text.Append(CultureInfo.InvariantCulture, $" and {more} more");
        if (message.Subject is { } subject)
            text.Append("  ").Append(subject);
        if (message.Marks.Count > 0)
            text.Append("  [").AppendJoin(", ", message.Marks).Append(']');
        return Output.Clean(text.ToString());
    }
}

/// <summary>What <c>postern search</c> was asked for.</summary>
/// <param name="Limit">At most so many messages.</param>
sealed record SearchRequest(string Text, string? State, string? Since, string? Until, int Limit)
{
    /// <summary>As the admin API takes it.</summary>
    public string Query => Part("q", Text) + Part("state", State) + Part("since", WithZone(Since))
        + Part("until", WithZone(Until));

    /// <summary>A moment without a zone is of this machine's, as those that are printed are. What is none is
    /// left for the server to read.</summary>
    static string? WithZone(string? text) =>
        DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var moment)
            ? moment.ToString("O", CultureInfo.InvariantCulture) : text;

    static string Part(string key, string? value) =>
        value is { Length: > 0 } ? $"&{key}={Uri.EscapeDataString(value)}" : "";
}
