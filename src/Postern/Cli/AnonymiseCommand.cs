using System.Text.Json;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern log anonymise</c>: somebody asks to be forgotten.</summary>
static class AnonymiseCommand
{
    public static async Task<int> RunAsync(
        CommandContext context, AnonymiseOrder order, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        using var body = JsonContent.Create(order, AdminJson.Default.AnonymiseOrder);
        var answer = await server.SendAsync(
            HttpMethod.Post, "admin/v1/log/anonymise", body, AdminJson.Default.AnonymiseAnswer, cancel);
        if (context.Json)
            Console.Out.WriteLine(JsonSerializer.Serialize(answer, AdminJson.Default.AnonymiseAnswer));
        else
            Console.Out.Write(Describe(answer));
        return ExitCode.Ok;
    }

    /// <summary>The answer in lines for people.</summary>
    public static string Describe(AnonymiseAnswer answer)
    {
        var verb = answer.DryRun ? "would be" : "were";
        string[] lines =
        [
            answer.Pseudonym is { } name ? $"pseudonym {name}" : "no pseudonym was ever made here",
            $"{answer.EventsLooked} events were looked at, {answer.EventsChanged} of {answer.Messages} done"
                + $" messages and of none {verb} changed",
            $"content of {answer.ContentsDropped} messages {verb} dropped",
            .. GoneFromLists(answer, verb),
            .. answer.Notes,
        ];
        return string.Concat(lines.Select(line => Output.Clean(line) + "\n"));
    }

    static IEnumerable<string> GoneFromLists(AnonymiseAnswer answer, string verb)
    {
        if (!answer.SuppressionsKept)
            yield return $"{answer.Suppressions} entries of suppression lists and {answer.Memberships}"
                + $" memberships of mailing lists {verb} removed";
    }
}
