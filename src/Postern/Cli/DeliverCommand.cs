using System.Text;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern deliver</c>: whatever goes wrong on our side, the other MTA keeps the mail (exit
/// 75).</summary>
static class DeliverCommand
{
    public static async Task<int> RunAsync(
        CommandContext context, string sender, IReadOnlyList<string> recipients, string? client, string? helo,
        CancellationToken cancel)
    {
        var query = new StringBuilder("deliver?sender=").Append(Uri.EscapeDataString(sender));
        foreach (var recipient in recipients)
            query.Append("&recipient=").Append(Uri.EscapeDataString(recipient));
        if (client is not null)
            query.Append("&client-address=").Append(Uri.EscapeDataString(client));
        if (helo is not null)
            query.Append("&helo=").Append(Uri.EscapeDataString(helo));
        Delivered answer;
        try
        {
            using var server = AdminClient
                .Find(context.Server, context.Config, "deliver.sock", ExitCode.TemporaryFailure);
            await using var input = Console.OpenStandardInput();
            answer = await server.SendAsync(
                HttpMethod.Post, query
                    .ToString(), new StreamContent(input), AdminJson.Default.Delivered, cancel);
        }
        catch (Exception e) when (e is CommandException or HttpRequestException or IOException)
        {
            throw new CommandException(
                ExitCode.TemporaryFailure, e.Message, (e as CommandException)?.Mend);
        }
        if (answer.Code < 400)
            return ExitCode.Ok;
        Output.Error(answer.Reply, null);
        return answer.Code switch
        {
            < 500 => ExitCode.TemporaryFailure,
            _ when answer.Reply.Contains(" 5.1.1 ", StringComparison.Ordinal) => ExitCode.NoUser,
            _ when answer.Reply.Contains(" 5.7.1 ", StringComparison.Ordinal) => ExitCode.NoPermission,
            _ => ExitCode.DataError,
        };
    }
}
