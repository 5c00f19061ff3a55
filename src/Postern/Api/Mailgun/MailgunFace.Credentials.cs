using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Postern.Mta.Accounts;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Mailbox = Postern.Smtp.Mailbox;

namespace Postern.Api.Mailgun;

/// <summary>SMTP logins of a domain: accounts of the name <c>local@domain</c> that may send as the whole of
/// it.</summary>
sealed partial class MailgunFace
{
    /// <summary>Of all domains together.</summary>
    const int AccountsMax = 100_000;

    const string PasswordLetters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

    void MapCredentials(IEndpointRouteBuilder web)
    {
        const string all = "/v3/domains/{domain}/credentials";
        const string one = all + "/{login}";
        web.MapGet(all, context => ServeDomainAsync(context, ListCredentialsAsync));
        web.MapPost(all, context => ServeDomainAsync(context, CreateCredentialsAsync));
        web.MapPut(one, context => ServeDomainAsync(context, ChangeCredentialsAsync));
        web.MapDelete(one, context => ServeDomainAsync(context, DeleteCredentialsAsync));
    }

    /// <summary>In the order of their names.</summary>
    IEnumerable<Account> AccountsOf(SendingDomain domain) =>
        agent.Accounts.All.Where(account => IsLoginOf(domain, account.Name));

    static bool IsLoginOf(SendingDomain domain, string account) =>
        account.EndsWith("@" + domain.Key, StringComparison.OrdinalIgnoreCase);

    Task<JsonObject> ListCredentialsAsync(HttpContext context, SendingDomain domain)
    {
        Account[] all = [.. AccountsOf(domain)];
        return Task.FromResult(ApiPaging.Skipped(context, all, account =>
        {
            var json = new JsonObject
            {
                ["mailbox"] = account.Name,
                ["login"] = account.Name,
                ["size_bytes"] = null,
            };
            if (account.CreatedAt is { } at)
                json.Insert(2, "created_at", ApiDates.Numeric(at));
            return json;
        }));
    }

    async Task<JsonObject> CreateCredentialsAsync(HttpContext context, SendingDomain domain)
    {
        await using var form = await ReadFormAsync(context);
        var login = LoginOf(FieldOf(context, form, "login") ?? "", domain)
            ?? throw new ApiException(400, "login parameter is no address of the domain");
        var password = PasswordOf(FieldOf(context, form, "password"), out var isGenerated);
        var change = LoginChange(login, domain.Key, password);
        await ChangeAsync(async changes =>
        {
            if (!await HasDomainAsync(domain.Key, context.RequestAborted))
                throw new ApiException(404, "Domain not found");
            if (agent.Accounts.TryFind(login, out _) || await agent.Store.FindObjectAsync(
                AccountDirectory.ObjectKind, login, context.RequestAborted) is not null)
                throw new ApiException(400, $"Credentials {ApiException.Shown(login)} exist already");
            if (agent.Accounts.All.Count() >= AccountsMax)
                throw new ApiException(400, $"There may be {AccountsMax} credentials");
            changes.Add(change);
        }, context);
        return Noted("Created 1 credentials pair(s)", login, isGenerated ? password : null);
    }

    async Task<JsonObject> ChangeCredentialsAsync(HttpContext context, SendingDomain domain)
    {
        await using var form = await ReadFormAsync(context);
        var account = FindAccount(context, domain);
        var password = PasswordOf(FieldOf(context, form, "password"), out var isGenerated);
        var change = LoginChange(account.Name, domain.Key, password);
        await ChangeAsync(changes => ReplaceAsync(changes, change, context), context);
        return Noted("Password changed", account.Name, isGenerated ? password : null);
    }

    async Task<JsonObject> DeleteCredentialsAsync(HttpContext context, SendingDomain domain)
    {
        var account = FindAccount(context, domain);
        CheckOurs(account);
        await ChangeAsync(
            changes => ReplaceAsync(changes, AccountDirectory.Remove(account.Name), context), context);
        return new JsonObject
        {
            ["message"] = "Credentials have been deleted",
            ["spec"] = account.Name,
        };
    }

    /// <summary>In the place of one that is still there.</summary>
    async ValueTask ReplaceAsync(
        ICollection<ObjectChange> changes, ObjectChange change, HttpContext context)
    {
        if (await agent.Store.FindObjectAsync(change.Kind, change.Name, context.RequestAborted) is null)
            throw new ApiException(404, "Credentials not found");
        changes.Add(change);
    }

    /// <exception cref="ApiException">There are none.</exception>
    Account FindAccount(HttpContext context, SendingDomain domain) =>
        LoginOf((string)context.GetRouteValue("login")!, domain) is { } login
        && agent.Accounts.TryFind(login, out var account) ? account
            : throw new ApiException(404, "Credentials not found");

    /// <param name="text">A local part, or a whole address.</param>
    /// <returns>Null: it is no address of this domain.</returns>
    static string? LoginOf(string text, SendingDomain domain)
    {
        if (!Mailbox.TryParse(text, out var mailbox)
            || (mailbox.Domain.Length > 0
                && !(DomainDirectory.TryReadName(mailbox.Domain, out var name) && name == domain.Key)))
            return null;
        return mailbox.WithDomain(domain.Key).ToString();
    }

    /// <summary>What it may do otherwise stays as it was.</summary>
    /// <exception cref="ApiException">The account is the file's.</exception>
    ObjectChange LoginChange(string login, string domain, string password)
    {
        var credential = AccountDirectory.CreateCredential(password);
        if (!agent.Accounts.TryFind(login, out var old))
            return AccountDirectory.Put(
                login, credential, [AddressPattern.Parse($"*@{domain}")], createdAt: clock.GetUtcNow());
        CheckOurs(old);
        return AccountDirectory.Put(login, credential, old.Senders, old.Rate, old.Quota, old.CreatedAt);
    }

    /// <exception cref="ApiException">It is the file's.</exception>
    static void CheckOurs(Account account)
    {
        if (account.Source == AccountSource.File)
            throw new ApiException(
                409, $"Account {account.Name} stands in the configuration file; change it there");
    }

    static string PasswordOf(string? given, out bool isGenerated)
    {
        isGenerated = given is null;
        if (given is null)
            return RandomNumberGenerator.GetString(PasswordLetters, PasswordCharactersMax);
        return given.Length is >= PasswordCharactersMin and <= PasswordCharactersMax ? given
            : throw new ApiException(400, "password should be in range 5-32 characters");
    }

    /// <param name="generated">Null: the caller has given it himself.</param>
    static JsonObject Noted(string message, string login, string? generated)
    {
        var json = new JsonObject { ["message"] = message };
        if (generated is not null)
        {
            json["note"] = "The password was generated, and is shown this once.";
            json["credentials"] = new JsonObject { [login] = generated };
        }
        return json;
    }
}
