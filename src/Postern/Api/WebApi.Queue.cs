using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Routing;

namespace Postern.Api;

/// <summary>The queue, the accounts and the domains.</summary>
sealed partial class WebApi
{
    void MapQueue(WebApplication web)
    {
        web.MapGet("/admin/v1/queue", ListQueueAsync);
        web.MapGet("/admin/v1/queue/totals", TotalsAsync);
        web.MapGet("/admin/v1/queue/{id}", ShowAsync);
        web.MapGet("/admin/v1/queue/{id}/why", WhyAsync);
        web.MapPost("/admin/v1/queue/{command}", CommandAsync);
        web.MapPost("/admin/v1/inbound/replay", ReplayAsync);
    }

    async Task ListQueueAsync(HttpContext context)
    {
        if (!TryReadFilter(context, ["after", "limit"], out var filter, out var trouble))
        {
            await ErrorAsync(context, 400, trouble, null);
            return;
        }
        var after = QueueId.TryParse(context.Request.Query["after"].ToString(), out var key) ? key : default;
        var page = await agent.Store.ListAsync(filter, after, LimitOf(context), context.RequestAborted);
        await AnswerAsync(
            context,
            new QueuePage(
                [.. page.Messages.Select(stored => QueueEntry.Of(stored, agent.Queue))],
                page.Next?.ToString()),
            AdminJson.Default.QueuePage);
    }

    /// <summary>All pages are counted, one short read after the other.</summary>
    async Task TotalsAsync(HttpContext context)
    {
        if (!TryReadFilter(context, ["by"], out var filter, out var trouble))
        {
            await ErrorAsync(context, 400, trouble, null);
            return;
        }
        var word = context.Request.Query["by"].FirstOrDefault() ?? "lane";
        if (!QueueQuery.TryReadWord(word, out QueueGroup by))
        {
            await ErrorAsync(
                context, 400, "by is not known", "one of lane, route, transport, sender, recipient");
            return;
        }
        var totals = new QueueTotals(filter, by, clock.GetUtcNow());
        QueueId? after = default(QueueId);
        while (after is { } key)
        {
            var page = await agent.Store.ListAsync(filter, key, PageMax, context.RequestAborted);
            foreach (var stored in page.Messages)
                totals.Add(stored);
            after = page.Next;
        }
        await AnswerAsync(context, new TotalsPage(totals.Rows), AdminJson.Default.TotalsPage);
    }

    async Task ShowAsync(HttpContext context)
    {
        var cancel = context.RequestAborted;
        if (await ReadIdAsync(context) is not { } id)
            return;
        if (await agent.Store.ReadMessageAsync(id, cancel) is not { } stored)
        {
            await ErrorAsync(context, 404, $"{id} is not in the queue", "its history: postern trace " + id);
            return;
        }
        var whys = (await agent.Queue.WhyAsync(id, cancel)).ToLookup(why => why.Number);
        var tries = (await agent.Store.ReadEventsOfAsync(id, cancel)).Select(one => one.Event)
            .Where(AttemptEntry.IsOne).ToLookup(fact => fact.Recipient);
        var entry = QueueEntry.Of(stored, agent.Queue);
        var recipients = entry.Recipients.Select(recipient => recipient with
        {
            Why = whys[recipient.Number].Select(WhyEntry.Of).FirstOrDefault(),
            Tries = [.. tries[recipient.Number].Select(AttemptEntry.Of)],
        });
        await AnswerAsync(context, entry with { Recipients = [.. recipients] }, AdminJson.Default.QueueEntry);
    }

    async Task WhyAsync(HttpContext context)
    {
        if (await ReadIdAsync(context) is not { } id)
            return;
        if (await agent.Queue.WhyAsync(id, context.RequestAborted) is { Count: > 0 } whys)
            await AnswerAsync(
                context, new WhyPage(id.ToString(), [.. whys.Select(WhyEntry.Of)]),
                AdminJson.Default.WhyPage);
        else
            await ErrorAsync(context, 404, $"nothing is known of {id}", null);
    }

    /// <summary>The id in the path. Null: it was none, and the answer is given.</summary>
    static async ValueTask<QueueId?> ReadIdAsync(HttpContext context)
    {
        if (QueueId.TryParse((string)context.GetRouteValue("id")!, out var id))
            return id;
        await ErrorAsync(context, 404, "this is no queue id", "queue ids are 13 letters and digits");
        return null;
    }

    /// <summary>What a command is for. Null: it cannot be read or is not there, and the answer is
    /// given.</summary>
    async ValueTask<QueueSelection?> ReadSelectionAsync(
        HttpContext context, params IReadOnlyList<string> others)
    {
        if (!TryReadSelection(context, others, out var which, out var trouble))
        {
            await ErrorAsync(
                context, 400, trouble, "name a queue id, a filter, or ALL (over HTTP: all=true)");
            return null;
        }
        if (which is not QueueSelection.One one
            || await agent.Store.ReadMessageAsync(one.Id, context.RequestAborted) is not null)
            return which;
        await ErrorAsync(
            context, 404, $"{one.Id} is not in the queue", $"its history: postern trace {one.Id}");
        return null;
    }

    async Task ReplayAsync(HttpContext context)
    {
        if (await ReadSelectionAsync(context, "done") is not { } which)
            return;
        var reach = context.Request.Query["done"] == "true" ? ReplayReach.Done : ReplayReach.DeadLetters;
        await AnswerAsync(
            context,
            new Changed(
                await agent.Queue.ReplayAsync(which, reach, ActorOf(context), context.RequestAborted)),
            AdminJson.Default.Changed);
    }

    async Task CommandAsync(HttpContext context)
    {
        if (await ReadSelectionAsync(context) is not { } which)
            return;
        var (cancel, actor) = (context.RequestAborted, ActorOf(context));
        var changed = (string)context.GetRouteValue("command")! switch
        {
            "hold" => new Changed(await agent.Queue.HoldAsync(which, actor, cancel)),
            "release" => new Changed(await agent.Queue.ReleaseAsync(which, actor, cancel)),
            "retry" => Changed.Of(await agent.Queue.RetryAsync(which, actor, cancel)),
            "cancel" => new Changed(await agent.Queue.CancelAsync(which, actor, cancel)),
            "expire" => new Changed(await agent.Queue.ExpireAsync(which, actor, cancel)),
            _ => null,
        };
        if (changed is not null)
            await AnswerAsync(context, changed, AdminJson.Default.Changed);
        else
            await ErrorAsync(context, 404, "no such command", "one of hold, release, retry, cancel, expire");
    }

    void MapAccounts(WebApplication web)
    {
        web.MapGet("/admin/v1/accounts", context => AnswerAsync(
            context,
            new AccountPage([.. agent.Accounts.All.Select(EntryOf)]),
            AdminJson.Default.AccountPage));
        web.MapPost("/admin/v1/accounts", AddAccountAsync);
        web.MapDelete("/admin/v1/accounts/{name}", RemoveAccountAsync);
        web.MapGet("/admin/v1/domains", context => AnswerAsync(
            context,
            new DomainPage([.. agent.Domains.All.Select(EntryOf)]),
            AdminJson.Default.DomainPage));
    }

    static DomainEntry EntryOf(SendingDomain domain) =>
        new(domain.Name, domain.Source is DomainSource.File ? "file" : "store");

    AccountEntry EntryOf(Account account) => new(
        account.Name, [.. account.Senders.Select(sender => sender.Text)],
        account.Source.ToString().ToLowerInvariant(), account.Rate?.ToString(), account.Quota?.ToString(),
        account.Quota is null ? null : agent.Limits.RecipientsToday(account.Name));

    async Task AddAccountAsync(HttpContext context)
    {
        var request = await ReadBodyAsync(context, AdminJson.Default.AccountRequest);
        if (request is not { Name.Length: > 0, Password.Length: > 0, Senders: not null })
        {
            await ErrorAsync(
                context, 400, "an account needs name, password and senders", "senders may be an empty list");
            return;
        }
        var isThere = agent.Accounts.TryFind(request.Name, out var known);
        if (request.Name.Length > AccountDirectory.NameCharactersMax || request.Name.Any(char.IsControl)
            // It is a segment of the path by which it is removed; one from before may be replaced.
            || (!isThere
                && (request.Name is "." or ".." || request.Name.Contains('/', StringComparison.Ordinal))))
        {
            await ErrorAsync(
                context, 400, "this is no name of an account", "256 characters, no controls, no slash");
            return;
        }
        var senders = new List<AddressPattern>();
        foreach (var text in request.Senders)
        {
            // JSON may have null where a text is due.
            if (!AddressPattern.TryParse(text ?? "", out var pattern, out var mend))
            {
                await ErrorAsync(context, 400, $"\"{text}\" is no address pattern", mend);
                return;
            }
            senders.Add(pattern);
        }
        if (!TryReadLimit(request.Rate, out var rate) || !TryReadLimit(request.Quota, out var quota)
            || quota is { IsDaily: false })
        {
            await ErrorAsync(
                context, 400, "rate or quota of the account cannot be read",
                "write rate as 100/s, 600/min, 1000/hour or 5000/day, and quota as 5000/day");
            return;
        }
        if (known?.Source == AccountSource.File)
        {
            await ErrorAsync(
                context, 409, $"account {request.Name} stands in the configuration file", "change it there");
            return;
        }
        await agent.Queue.PutObjectAsync(AccountDirectory.Put(
            request.Name, AccountDirectory.CreateCredential(request.Password), senders, rate, quota,
            clock.GetUtcNow()));
        await agent.ReloadAccountsAsync(context.RequestAborted);
        OperatorNote.KeepSubject(context, Uri.EscapeDataString(request.Name));
        await AnswerAsync(context, new Changed(1), AdminJson.Default.Changed);
    }

    static bool TryReadLimit(string? text, out Rate? limit)
    {
        limit = Rate.TryParse(text ?? "", out var rate) ? rate : null;
        return text is null || limit is not null;
    }

    async Task RemoveAccountAsync(HttpContext context)
    {
        var name = NameIn(context, one => agent.Accounts.TryFind(one, out _));
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
