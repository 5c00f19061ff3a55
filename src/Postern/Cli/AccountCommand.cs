using System.Text.Json;
using Postern.Api;
using Spectre.Console;

namespace Postern.Cli;

/// <summary><c>postern account</c>; a password comes on standard input, never in the arguments.</summary>
static class AccountCommand
{
    public static async Task<int> AddAsync(
        CommandContext context, string name, IReadOnlyList<string> senders, string? rate, string? quota,
        CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var password = Console.IsInputRedirected
            ? await Console.In.ReadLineAsync(cancel)
            : AnsiConsole.Prompt(new TextPrompt<string>("Password:").Secret());
        if (string.IsNullOrEmpty(password))
            throw new CommandException(
                ExitCode.DataError, "the password is empty", "give it on standard input");
        var request = new AccountRequest(name, password, senders, rate, quota);
        var body = JsonContent.Create(request, AdminJson.Default.AccountRequest);
        await server.SendAsync(HttpMethod.Post, "admin/v1/accounts", body, AdminJson.Default.Changed, cancel);
        Console.Out.WriteLine($"account {Output.Clean(name)} may submit");
        return ExitCode.Ok;
    }

    public static async Task<int> ListAsync(CommandContext context, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var page = await server.GetAsync("admin/v1/accounts", AdminJson.Default.AccountPage, cancel);
        if (context.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(page, AdminJson.Default.AccountPage));
            return ExitCode.Ok;
        }
        foreach (var account in page.Accounts)
        {
            var senders = account.Senders.Count == 0 ? "any sender" : string.Join(", ", account.Senders);
            var rate = account.Rate is null ? "" : $", rate {account.Rate}";
            var quota = account.Quota is null ? ""
                : $", quota {account.Quota}, {account.RecipientsToday} today";
            Console.Out.WriteLine(
                Output.Clean($"{account.Name,-20} {account.Source,-6} {senders}{rate}{quota}"));
        }
        return ExitCode.Ok;
    }

    public static async Task<int> RemoveAsync(CommandContext context, string name, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        await server.SendAsync(
            HttpMethod.Delete, $"admin/v1/accounts/{Uri.EscapeDataString(name)}", null,
                AdminJson.Default.Changed, cancel);
        Console.Out.WriteLine($"account {Output.Clean(name)} is gone");
        return ExitCode.Ok;
    }
}
