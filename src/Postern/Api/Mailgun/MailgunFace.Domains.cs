using System.Text.Json.Nodes;
using Postern.Mta.Accounts;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Webhooks;

namespace Postern.Api.Mailgun;

/// <summary>Sending domains: those of the file are shown, those of the store also made, changed and
/// removed.</summary>
sealed partial class MailgunFace
{
    const int PasswordCharactersMin = 5;
    const int PasswordCharactersMax = 32;

    readonly ObjectTable<StoredDomain> domainTable = DomainDirectory.TableOf(agent.Store);
    readonly ObjectTable<DomainSettings> settingsTable = DomainDirectory.SettingsOf(agent.Store);

    void MapDomains(IEndpointRouteBuilder web)
    {
        foreach (var root in (string[])["/v3", "/v4"])
        {
            var one = root + "/domains/{domain}";
            web.MapGet(root + "/domains", context => ServeAccountAsync(context, ListDomainsAsync));
            web.MapPost(root + "/domains", context => ServeAccountAsync(context, CreateDomainAsync));
            web.MapGet(one, context => ServeDomainAsync(context, ShowDomainAsync));
            web.MapPut(one, context => ServeDomainAsync(context, UpdateDomainAsync));
            web.MapPut(one + "/verify", context => ServeDomainAsync(context, VerifyDomainAsync));
            web.MapDelete(one, context => ServeAccountAsync(context, DeleteDomainAsync));
        }
        web.MapGet("/v3/domains/{domain}/sending_queues",
            context => ServeDomainAsync(context, SendingQueuesAsync));
        web.MapDelete("/v3/{domain}/envelopes", context => ServeAsync(context, PurgeAsync));
    }

    DnsPlan PlanOf(SendingDomain domain) => DnsPlan.Of(agent.Options, domain.Key);

    Task<JsonObject> ListDomainsAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var state = query["state"].LastOrDefault() ?? "";
        if (state is not ("" or "active" or "unverified" or "disabled"))
            throw new ApiException(400, "The 'state' parameter is one of active, unverified, disabled");
        var search = query["search"].LastOrDefault() ?? "";
        SendingDomain[] found = [.. agent.Domains.All.Where(domain =>
            domain.Key.Contains(search, StringComparison.OrdinalIgnoreCase)
            && (state == "" || DomainView.StateOf(domain, PlanOf(domain)) == state))];
        switch (query["sort"].LastOrDefault() ?? "")
        {
            case "" or "name" or "name:asc":
                break;
            case "name:desc":
                Array.Reverse(found);
                break;
            default:
                throw new ApiException(400, "The 'sort' parameter is one of name:asc, name:desc");
        }
        return Task.FromResult(ApiPaging.Skipped(
            context, found, domain => DomainView.Domain(domain, PlanOf(domain))));
    }

    Task<JsonObject> ShowDomainAsync(HttpContext context, SendingDomain domain) =>
        Task.FromResult(DomainView.Whole(domain, PlanOf(domain)));

    async Task<JsonObject> CreateDomainAsync(HttpContext context)
    {
        await using var form = await ReadFormAsync(context);
        if (!DomainDirectory.TryReadName(form.Find("name") ?? "", out var name))
            throw new ApiException(400, "name parameter is not a valid domain name");
        var settings = SettingsFrom(form, name, DomainSettings.Default);
        var password = PostmasterOf(form, name);
        await ChangeAsync(async changes =>
        {
            if (agent.Domains.TryFind(name, out _)
                || await domainTable.FindAsync(name, context.RequestAborted) is not null)
                throw new ApiException(400, "This domain name is already taken");
            if (agent.Domains.All.Count() >= DomainDirectory.DomainsMax)
                throw new ApiException(400, $"There may be {DomainDirectory.DomainsMax} domains");
            changes.Add(domainTable.Put(name, new StoredDomain(clock.GetUtcNow())));
            changes.Add(settingsTable.Put(name, settings));
            if (password is not null)
                changes.Add(password);
        }, context);
        return Told("Domain DNS records have been created", name);
    }

    async Task<JsonObject> UpdateDomainAsync(HttpContext context, SendingDomain domain)
    {
        await using var form = await ReadFormAsync(context);
        CheckOurs(domain);
        var password = PostmasterOf(form, domain.Key);
        await ChangeSettingsAsync(context, domain, settings => SettingsFrom(form, domain.Key, settings),
            password is null ? [] : [password]);
        return Told("Domain has been updated", domain.Key);
    }

    async Task<JsonObject> VerifyDomainAsync(HttpContext context, SendingDomain domain)
    {
        var seen = await DnsPlan.LookAsync(
            agent.Resolver, domain.Key, domain.Settings.Seen ?? DnsSeen.Nothing, context.RequestAborted);
        await ChangeSettingsAsync(context, domain, settings => settings with { Seen = seen });
        return Told("Domain DNS records have been updated", domain.Key);
    }

    /// <summary>With its settings, keys, SMTP logins, webhooks and templates: none of them may open, or speak
    /// for, a later domain of this name. What happened stays, and so does who wants no mail.</summary>
    async Task<JsonObject> DeleteDomainAsync(HttpContext context)
    {
        if (FindDomain((string)context.GetRouteValue("domain")!) is not { } domain)
            throw new ApiException(404, "Domain not found");
        CheckOurs(domain);
        await ChangeAsync(async changes =>
        {
            if (await domainTable.FindAsync(domain.Key, context.RequestAborted) is null)
                throw new ApiException(404, "Domain not found");
            changes.Add(domainTable.Remove(domain.Key));
            changes.Add(settingsTable.Remove(domain.Key));
            foreach (var (id, key) in await keyTable.ReadAsync(context.RequestAborted))
            {
                if (key.Domain == domain.Key)
                    changes.Add(keyTable.Remove(id));
            }
            foreach (var account in await agent.Store.ReadObjectsAsync(
                AccountDirectory.ObjectKind, context.RequestAborted))
            {
                if (IsLoginOf(domain, account.Name))
                    changes.Add(AccountDirectory.Remove(account.Name));
            }
            foreach (var type in WebhookTypes.All)
                changes.Add(hooks.OfDomains.Remove(WebhookTable.NameOf(domain.Key, type)));
            await RemoveTemplatesAsync(changes, domain.Key, context.RequestAborted);
        }, context);
        return new JsonObject { ["message"] = "Domain has been deleted" };
    }

    static Task<JsonObject> SendingQueuesAsync(HttpContext context, SendingDomain domain) =>
        Task.FromResult(new JsonObject
        {
            ["regular"] = new JsonObject { ["is_disabled"] = false },
            ["scheduled"] = new JsonObject { ["is_disabled"] = false },
        });

    /// <summary>Cancels what is scheduled or undelivered.</summary>
    async Task<JsonObject> PurgeAsync(HttpContext context, string domain)
    {
        await agent.Queue.CancelAsync(
            new QueueSelection.Matching(QueueFilter.All with { Domain = domain }), "api",
            context.RequestAborted);
        return new JsonObject { ["message"] = "done" };
    }

    SendingDomain? FindDomain(string name) => agent.Domains.TryFind(name, out var domain) ? domain : null;

    /// <summary>As it is now, after a change.</summary>
    JsonObject Told(string message, string name)
    {
        if (FindDomain(name) is not { } domain)
            throw new ApiException(404, "Domain not found");
        var json = DomainView.Whole(domain, PlanOf(domain));
        json.Insert(0, "message", message);
        return json;
    }

    /// <exception cref="ApiException">It is the file's.</exception>
    static void CheckOurs(SendingDomain domain)
    {
        if (domain.Source is DomainSource.File)
            throw new ApiException(
                409, $"Domain {domain.Name} stands in the configuration file; change it there");
    }

    /// <summary>Changes objects, and then what is read from them.</summary>
    async ValueTask ChangeAsync(Func<ICollection<ObjectChange>, ValueTask> change, HttpContext context)
    {
        var hasAccounts = await agent.Queue.ChangeObjectsAsync(async changes =>
        {
            await change(changes);
            return changes.Any(one => one.Kind == AccountDirectory.ObjectKind);
        }, context.RequestAborted);
        // It is stored: whoever asked may be gone.
        await agent.ReloadDomainsAsync(CancellationToken.None);
        if (hasAccounts)
            await agent.ReloadAccountsAsync(CancellationToken.None);
    }

    /// <param name="besides">Goes with it.</param>
    async ValueTask ChangeSettingsAsync(
        HttpContext context, SendingDomain domain, Func<DomainSettings, DomainSettings> change,
        params IReadOnlyList<ObjectChange> besides) => await ChangeAsync(async changes =>
        {
            var cancel = context.RequestAborted;
            if (domain.Source is DomainSource.Store
                && await domainTable.FindAsync(domain.Key, cancel) is null)
                throw new ApiException(404, "Domain not found");
            var settings = await settingsTable.FindAsync(domain.Key, cancel) ?? DomainSettings.Default;
            changes.Add(settingsTable.Put(domain.Key, change(settings)));
            foreach (var one in besides)
                changes.Add(one);
        }, context);

    /// <summary>What a form that makes or changes a domain says of its settings; of what Postern does not do
    /// it may say anything.</summary>
    DomainSettings SettingsFrom(ApiForm form, string name, DomainSettings settings)
    {
        if (form.Find("web_scheme") is { } scheme)
            settings = settings with { WebScheme = SchemeOf(scheme) };
        if (form.Find("web_prefix") is { } prefix)
            settings = settings with { WebPrefix = LabelOf(prefix, "web_prefix") };
        return ConnectionFrom(name, settings, form.Find);
    }

    /// <summary>The account <c>postmaster</c> of the domain, where a password is given for it. Null: none
    /// is.</summary>
    ObjectChange? PostmasterOf(ApiForm form, string domain)
    {
        if (form.Find("smtp_password") is not { } password)
            return null;
        if (password.Length < PasswordCharactersMin)
            throw new ApiException(
                400, "Password is too short. It must be between 5 and 32 characters.");
        if (password.Length > PasswordCharactersMax)
            throw new ApiException(400, "Password is too long. It must be between 5 and 32 characters.");
        return LoginChange($"postmaster@{domain}", domain, password);
    }
}
