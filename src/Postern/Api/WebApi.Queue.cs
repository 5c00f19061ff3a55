using Postern.Mta.Accounts;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;

namespace Postern.Api;

/// <summary>The queue and the accounts.</summary>
sealed partial class WebApi
{
    void MapQueue(WebApplication web)
    {
        web.MapGet("/admin/v1/queue", ListQueueAsync);
        web.MapGet("/admin/v1/queue/{id}", ShowAsync);
        web.MapPost("/admin/v1/queue/{command}", CommandAsync);
    }

    async Task ListQueueAsync(HttpContext context)
    {
        if (!TryReadFilter(context, out var filter, out var trouble))
        {
            await ErrorAsync(context, 400, trouble, null);
            return;
        }
        var after = QueueId.TryParse(context.Request.Query["after"].ToString(), out var key) ? key : default;
        var limit = LimitOf(context);
        var page = await agent.Store.ListAsync(filter, after, limit, context.RequestAborted);
        await AnswerAsync(
            context,
            new QueuePage(
                [.. page.Select(QueueEntry.Of)], page.Count == limit ? page[^1].Message.Id.ToString() : null),
            AdminJson.Default.QueuePage);
    }

    async Task ShowAsync(HttpContext context)
    {
        if (!QueueId.TryParse((string)context.GetRouteValue("id")!, out var id))
            await ErrorAsync(context, 404, "this is no queue id", "queue ids are 13 letters and digits");
        else if (await agent.Store.ReadMessageAsync(id, context.RequestAborted) is { } stored)
            await AnswerAsync(context, QueueEntry.Of(stored), AdminJson.Default.QueueEntry);
        else
            await ErrorAsync(context, 404, $"{id} is not in the queue", "its history: postern trace " + id);
    }

    async Task CommandAsync(HttpContext context)
    {
        var query = context.Request.Query;
        QueueSelection which;
        if (query["id"].FirstOrDefault() is { } text)
        {
            if (!QueueId.TryParse(text, out var id))
            {
                await ErrorAsync(context, 400, "this is no queue id", "queue ids are 13 letters and digits");
                return;
            }
            which = new QueueSelection.One(id);
        }
        else if (TryReadFilter(context, out var filter, out var trouble))
            which = new QueueSelection.Matching(filter);
        else
        {
            await ErrorAsync(context, 400, trouble, null);
            return;
        }
        const string actor = "operator";
        var cancel = context.RequestAborted;
        int? changed = (string)context.GetRouteValue("command")! switch
        {
            "hold" => await agent.Queue.HoldAsync(which, actor, cancel),
            "release" => await agent.Queue.ReleaseAsync(which, actor, cancel),
            "retry" => await agent.Queue.RetryAsync(which, actor, cancel),
            "cancel" => await agent.Queue.CancelAsync(which, actor, cancel),
            "expire" => await agent.Queue.ExpireAsync(which, actor, cancel),
            _ => null,
        };
        if (changed is { } count)
            await AnswerAsync(context, new Changed(count), AdminJson.Default.Changed);
        else
            await ErrorAsync(context, 404, "no such command", "one of hold, release, retry, cancel, expire");
    }

    bool TryReadFilter(HttpContext context, out QueueFilter filter, out string trouble)
    {
        var query = context.Request.Query;
        filter = QueueFilter.All;
        trouble = "";
        if (query["state"].FirstOrDefault() is { } word)
        {
            if (!Enum.TryParse<RecipientState>(word, ignoreCase: true, out var state)
                || char.IsAsciiDigit(word[0]))
                trouble = "state is not known: one of ready, active, deferred, held, done";
            filter = filter with { State = state };
        }
        foreach (var key in (string[])["sender", "recipient"])
        {
            if (query[key].FirstOrDefault() is { } pattern
                && !AddressPattern.TryParse(pattern, out _, out var mend))
                trouble = $"{key} is no address pattern: {mend}";
        }
        if (query["older"].FirstOrDefault() is { } age)
        {
            if (Mta.Configuration.Units.TryParseDuration(age, out var duration))
                filter = filter with { ArrivedBefore = clock.GetUtcNow() - duration };
            else
                trouble = "older is no duration, as in 30m or 2d";
        }
        filter = filter with
        {
            Route = query["route"].FirstOrDefault(),
            Transport = query["transport"].FirstOrDefault(),
            Sender = query["sender"].FirstOrDefault(),
            Recipient = query["recipient"].FirstOrDefault(),
        };
        return trouble.Length == 0;
    }

    void MapAccounts(WebApplication web)
    {
        web.MapGet("/admin/v1/accounts", context => AnswerAsync(
            context,
            new AccountPage([.. agent.Accounts.All.Select(account => new AccountEntry(
                account.Name, [.. account.Senders.Select(sender => sender.Text)], account.Source.ToString()
                    .ToLowerInvariant()))]),
            AdminJson.Default.AccountPage));
        web.MapPost("/admin/v1/accounts", AddAccountAsync);
        web.MapDelete("/admin/v1/accounts/{name}", RemoveAccountAsync);
    }

    async Task AddAccountAsync(HttpContext context)
    {
        AccountRequest? request;
        try
        {
            request = await context.Request
                .ReadFromJsonAsync(AdminJson.Default.AccountRequest, context.RequestAborted);
        }
        catch (System.Text.Json.JsonException)
        {
            request = null;
        }
        if (request is not { Name.Length: > 0, Password.Length: > 0, Senders: not null })
        {
            await ErrorAsync(
                context, 400, "an account needs name, password and senders", "senders may be an empty list");
            return;
        }
        if (request.Name.Length > AccountDirectory.NameCharactersMax || request.Name.Any(char.IsControl))
        {
            await ErrorAsync(
                context, 400, "this is no name of an account", "256 characters at most, and no controls");
            return;
        }
        var senders = new List<AddressPattern>();
        foreach (var text in request.Senders)
        {
            if (!AddressPattern.TryParse(text, out var pattern, out var mend))
            {
                await ErrorAsync(context, 400, $"\"{text}\" is no address pattern", mend);
                return;
            }
            senders.Add(pattern);
        }
        if (agent.Accounts.TryFind(request.Name, out var known) && known.Source == AccountSource.File)
        {
            await ErrorAsync(
                context, 409, $"account {request.Name} stands in the configuration file", "change it there");
            return;
        }
        await agent.Queue.PutObjectAsync(AccountDirectory.Put(
            request.Name, AccountDirectory.CreateCredential(request.Password), senders));
        await agent.ReloadAccountsAsync(context.RequestAborted);
        await AnswerAsync(context, new Changed(1), AdminJson.Default.Changed);
    }

    async Task RemoveAccountAsync(HttpContext context)
    {
        var name = (string)context.GetRouteValue("name")!;
        if (!agent.Accounts.TryFind(name, out var known))
            await ErrorAsync(context, 404, $"there is no account {name}", null);
        else if (known.Source == AccountSource.File)
            await ErrorAsync(
                context, 409, $"account {name} stands in the configuration file", "remove it there");
        else
        {
            await agent.Queue.PutObjectAsync(AccountDirectory.Remove(name));
            await agent.ReloadAccountsAsync(context.RequestAborted);
            await AnswerAsync(context, new Changed(1), AdminJson.Default.Changed);
        }
    }
}
