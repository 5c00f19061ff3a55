using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Postern.Mta.Accounts;

namespace Postern.Api;

/// <summary>Who may sign in to the dashboard.</summary>
sealed partial class WebApi
{
    void MapUsers(WebApplication web)
    {
        web.MapGet("/admin/v1/users", context => AnswerAsync(
            context,
            new UserPage([.. agent.Users.All.Select(EntryOf)]),
            AdminJson.Default.UserPage));
        web.MapPost("/admin/v1/users", AddUserAsync);
        web.MapDelete("/admin/v1/users/{name}", RemoveUserAsync);
        web.MapPost("/admin/v1/users/{name}/password", SetPasswordAsync);
        web.MapPost("/admin/v1/users/{name}/role", SetRoleAsync);
        web.MapPost("/admin/v1/users/{name}/link", LinkUserAsync);
    }

    static UserEntry EntryOf(User user) => new(
        user.Name, WordOf(user.Role), user.Since, user.Password is not null);

    async Task AddUserAsync(HttpContext context)
    {
        var request = await ReadBodyAsync(context, AdminJson.Default.UserRequest);
        if (request is not { Name: { } typed, Role: { } word }
            || !QueueQuery.TryReadWord(word, out OperatorRole role))
            await ErrorAsync(
                context, 400, "a user needs name and role", "the role is one of reader, operator, admin");
        else if (!UserDirectory.TryReadName(typed, out var name, out var mend))
            await ErrorAsync(context, 400, "this is no name of a user", mend);
        else
        {
            OperatorNote.KeepSubject(context, $"{Uri.EscapeDataString(name)} {WordOf(role)}");
            await AddUserAsync(context, name, role, request.Password);
        }
    }

    async Task AddUserAsync(HttpContext context, string name, OperatorRole role, string? password)
    {
        if (password is null)
            await AnswerUserAsync(
                context, name, await agent.Users.AddAsync(name, role, null, context.RequestAborted));
        else if (await VerifierAsync(context, password) is { } verifier)
            await AnswerUserAsync(
                context, name, await agent.Users.AddAsync(name, role, verifier, context.RequestAborted));
    }

    static string WordOf(OperatorRole role) => role.ToString().ToLowerInvariant();

    async Task RemoveUserAsync(HttpContext context)
    {
        var name = UserIn(context);
        await AnswerUserAsync(context, name, await agent.Users.RemoveAsync(name, context.RequestAborted));
    }

    async Task SetPasswordAsync(HttpContext context)
    {
        var name = UserIn(context);
        var request = await ReadBodyAsync(context, AdminJson.Default.PasswordRequest);
        if (request?.Password is not { } password)
            await ErrorAsync(context, 400, "a password is needed", "name it password");
        else if (!agent.Users.TryFind(name, out _))
            await AnswerUserAsync(context, name, UserChange.Unknown);
        else if (await VerifierAsync(context, password) is { } verifier)
            await AnswerUserAsync(
                context, name,
                await agent.Users.ChangePasswordAsync(name, verifier, context.RequestAborted));
    }

    async Task SetRoleAsync(HttpContext context)
    {
        var name = UserIn(context);
        var request = await ReadBodyAsync(context, AdminJson.Default.RoleRequest);
        if (request?.Role is not { } word || !QueueQuery.TryReadWord(word, out OperatorRole role))
            await ErrorAsync(context, 400, "a role is needed", "one of reader, operator, admin");
        else
        {
            OperatorNote.KeepSubject(context, WordOf(role));
            await AnswerUserAsync(
                context, name, await agent.Users.ChangeRoleAsync(name, role, context.RequestAborted));
        }
    }

    async Task LinkUserAsync(HttpContext context)
    {
        var name = UserIn(context);
        if (!agent.Users.TryFind(name, out var user))
            await AnswerUserAsync(context, name, UserChange.Unknown);
        else if (origin() is not { } place)
            await ErrorAsync(
                context, 409, "no listener serves the dashboard", "add \"dashboard\" to the serves of one");
        else
        {
            var link = await signIn.Links.CreateAsync(user, context.RequestAborted);
            await AnswerAsync(
                context, new LinkAnswer(link.At(place), link.ExpiresAt), AdminJson.Default.LinkAnswer);
        }
    }

    /// <summary>The user in the path, in the form that names are kept in.</summary>
    string UserIn(HttpContext context) => UserDirectory.FormOf(
        NameIn(context, name => agent.Users.TryFind(UserDirectory.FormOf(name), out _)));

    /// <summary>The name in the path. No new one has a slash, but there may be some from before; in a path it
    /// stays as it was written.</summary>
    static string NameIn(HttpContext context, Func<string, bool> isThere)
    {
        var written = (string)context.GetRouteValue("name")!;
        var whole = written.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        return !isThere(written) && isThere(whole) ? whole : written;
    }

    /// <summary>Null: it cannot be made, and the answer is given.</summary>
    async ValueTask<PasswordVerifier?> VerifierAsync(HttpContext context, string password)
    {
        if (!Passwords.TryPrepare(password, out var octets, out var mend))
        {
            await ErrorAsync(context, 400, "this is no password for a user", mend);
            return null;
        }
        if (await signIn.Passwords.CreateAsync(octets) is { } verifier)
            return verifier;
        context.Response.Headers.RetryAfter = "5";
        await ErrorAsync(context, 503, "too many passwords are being checked", "try it again");
        return null;
    }

    static Task AnswerUserAsync(HttpContext context, string name, UserChange change) => change switch
    {
        UserChange.Done => AnswerAsync(context, new UserChanged(1), AdminJson.Default.UserChanged),
        UserChange.Unknown => ErrorAsync(
            context, 404, $"there is no user {name}", "see: postern user list"),
        UserChange.IsThere => ErrorAsync(
            context, 409, $"user {name} is there already", "change it: postern user password, user role"),
        UserChange.TooMany => ErrorAsync(
            context, 409, $"there are {UserDirectory.UsersMax} users", "remove one first"),
        UserChange.LastAdmin => ErrorAsync(
            context, 409, $"user {name} is the last admin", "make another one first"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Null: the body is no such JSON.</summary>
    static async ValueTask<T?> ReadBodyAsync<T>(HttpContext context, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return context.Request.HasJsonContentType()
                ? await context.Request.ReadFromJsonAsync(type, context.RequestAborted) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}

/// <param name="Role"><c>reader</c>, <c>operator</c> or <c>admin</c>.</param>
sealed record UserEntry(string Name, string Role, DateTimeOffset Since, bool HasPassword);

sealed record UserPage(IReadOnlyList<UserEntry> Users);

/// <summary>A new user; the password goes no further than the verifier made of it.</summary>
/// <param name="Password">Null: he signs in by links alone.</param>
sealed record UserRequest(string? Name, string? Role, string? Password = null);

sealed record PasswordRequest(string? Password);

sealed record RoleRequest(string? Role);

sealed record UserChanged(int Users);

/// <param name="Link">Signs in once.</param>
sealed record LinkAnswer(string Link, DateTimeOffset ExpiresAt);
