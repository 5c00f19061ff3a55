using System.Text.Json;
using Postern.Api;
using Spectre.Console;

namespace Postern.Cli;

/// <summary><c>postern user</c>; a password comes on standard input or in a file, never in the
/// arguments.</summary>
static class UserCommand
{
    public static async Task<int> AddAsync(
        CommandContext context, string name, string role, string? passwordFile, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var request = new UserRequest(name, role, await ReadPasswordAsync(passwordFile, cancel));
        await server.SendAsync(
            HttpMethod.Post, "admin/v1/users", JsonContent.Create(request, AdminJson.Default.UserRequest),
            AdminJson.Default.UserChanged, cancel);
        Console.Out.WriteLine($"user {Output.Clean(name)} may sign in as {Output.Clean(role)}");
        return ExitCode.Ok;
    }

    public static async Task<int> ListAsync(CommandContext context, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var page = await server.GetAsync("admin/v1/users", AdminJson.Default.UserPage, cancel);
        if (context.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(page, AdminJson.Default.UserPage));
            return ExitCode.Ok;
        }
        foreach (var user in page.Users)
        {
            var since = user.Since.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
            var lack = user.HasPassword ? "" : ", no password";
            Console.Out.WriteLine(Output.Clean($"{user.Name,-20} {user.Role,-8} since {since}{lack}"));
        }
        return ExitCode.Ok;
    }

    public static async Task<int> RemoveAsync(CommandContext context, string name, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        await server.SendAsync(
            HttpMethod.Delete, PathOf(name), null, AdminJson.Default.UserChanged, cancel);
        Console.Out.WriteLine($"user {Output.Clean(name)} is gone, and signed out");
        return ExitCode.Ok;
    }

    public static async Task<int> SetPasswordAsync(
        CommandContext context, string name, string? passwordFile, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var request = new PasswordRequest(await ReadPasswordAsync(passwordFile, cancel));
        await server.SendAsync(
            HttpMethod.Post, PathOf(name) + "/password",
            JsonContent.Create(request, AdminJson.Default.PasswordRequest), AdminJson.Default.UserChanged,
            cancel);
        Console.Out.WriteLine($"user {Output.Clean(name)} has a new password, and is signed out");
        return ExitCode.Ok;
    }

    public static async Task<int> SetRoleAsync(
        CommandContext context, string name, string role, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var body = JsonContent.Create(new RoleRequest(role), AdminJson.Default.RoleRequest);
        await server.SendAsync(
            HttpMethod.Post, PathOf(name) + "/role", body, AdminJson.Default.UserChanged, cancel);
        Console.Out.WriteLine($"user {Output.Clean(name)} is {Output.Clean(role)} now, and signed out");
        return ExitCode.Ok;
    }

    public static async Task<int> LinkAsync(CommandContext context, string name, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        var answer = await server.SendAsync(
            HttpMethod.Post, PathOf(name) + "/link", null, AdminJson.Default.LinkAnswer, cancel);
        Console.Out.WriteLine(context.Json
            ? JsonSerializer.Serialize(answer, AdminJson.Default.LinkAnswer) : answer.Link);
        return ExitCode.Ok;
    }

    static string PathOf(string name) => $"admin/v1/users/{Uri.EscapeDataString(name)}";

    /// <summary>The first line of the file, of standard input, or of the terminal.</summary>
    static async Task<string> ReadPasswordAsync(string? file, CancellationToken cancel)
    {
        var password = file is not null ? await File.ReadLinesAsync(file, cancel).FirstOrDefaultAsync(cancel)
            : Console.IsInputRedirected ? await Console.In.ReadLineAsync(cancel)
            : await new TextPrompt<string>("Password:").Secret().ShowAsync(AnsiConsole.Console, cancel);
        return password is { Length: > 0 } ? password : throw new CommandException(
            ExitCode.DataError, "the password is empty",
            "give it on standard input, or with --password-file");
    }
}
