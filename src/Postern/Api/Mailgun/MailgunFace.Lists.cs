using System.Text.Json.Nodes;
using Postern.Mta.Lists;
using Postern.Mta.Store;

namespace Postern.Api.Mailgun;

/// <summary>Mailing lists: addresses of sending domains that stand for their members.</summary>
sealed partial class MailgunFace
{
    MailingLists Lists => agent.Queue.Lists;

    void MapLists(IEndpointRouteBuilder web)
    {
        web.MapGet("/v3/lists", context => ServeAccountAsync(context, ListListsAsync));
        web.MapPost("/v3/lists", context => ServeAccountAsync(context, CreateListAsync));
        web.MapGet("/v3/lists/pages", context => ServeAccountAsync(context, PageListsAsync));
        web.MapGet("/v3/lists/{list}", context => ServeAccountAsync(context, ShowListAsync));
        web.MapPut("/v3/lists/{list}", context => ServeAccountAsync(context, ChangeListAsync));
        web.MapDelete("/v3/lists/{list}", context => ServeAccountAsync(context, DeleteListAsync));
    }

    Task<JsonObject> ListListsAsync(HttpContext context)
    {
        var only = context.Request.Query["address"].LastOrDefault();
        return Task.FromResult(ApiPaging.Skipped(
            context, [.. Lists.All.Where(list => only is not { Length: > 0 } || list.Address.Equals(
                only, StringComparison.OrdinalIgnoreCase))], JsonOf));
    }

    async Task<JsonObject> PageListsAsync(HttpContext context)
    {
        var found = await Lists.Table.ListAsync(
            "", ApiPaging.LimitOf(context),
            range => ApiPaging.RangeOf(context, AddressPivot, "", range), context.RequestAborted);
        var lists = found.Select(one => new MailingList(one.Name, one.Value)).ToList();
        return new JsonObject
        {
            ["items"] = new JsonArray([.. lists.Select(JsonOf)]),
            ["paging"] = ApiPaging.Links(
                context, AddressPivot, lists.FirstOrDefault()?.Address, lists.LastOrDefault()?.Address),
        };
    }

    async Task<JsonObject> ShowListAsync(HttpContext context) =>
        new() { ["list"] = JsonOf(await ListOfAsync(ListInPath(context))) };

    async Task<JsonObject> CreateListAsync(HttpContext context)
    {
        await using var form = await ReadListFormAsync(context);
        var address = ListAddressOf(form) ?? throw new ApiException(
            400, "Missing mandatory parameter: address");
        var list = new MailingList(address, StoredFrom(form, new StoredList(
            "", "", ListAccess.Readonly, ReplyPreference.List, clock.GetUtcNow(), 0)));
        await ChangeListsAsync(async changes =>
        {
            await CheckListIsNewAsync(address);
            if (Lists.Count >= MailingList.ListsMax)
                throw new ApiException(400, $"an account has {MailingList.ListsMax} mailing lists at most");
            changes.Add(Lists.Table.Put(address, list.Stored));
            return list;
        }, address);
        return new JsonObject { ["list"] = JsonOf(list), ["message"] = "Mailing list has been created" };
    }

    async Task<JsonObject> ChangeListAsync(HttpContext context)
    {
        await using var form = await ReadListFormAsync(context);
        var from = ListInPath(context);
        var to = ListAddressOf(form) ?? from;
        var list = await ChangeListsAsync(async changes =>
        {
            var changed = StoredFrom(form, (await ListOfAsync(from)).Stored);
            if (to != from)
            {
                await CheckListIsNewAsync(to);
                await RemoveListAsync(from, changes, name => to + name[from.Length..]);
            }
            changes.Add(Lists.Table.Put(to, changed));
            return new MailingList(to, changed);
        }, from, to);
        return new JsonObject { ["list"] = JsonOf(list), ["message"] = "Mailing list has been updated" };
    }

    async Task<JsonObject> DeleteListAsync(HttpContext context)
    {
        var address = ListInPath(context);
        await ChangeListsAsync(async changes =>
        {
            await ListOfAsync(address);
            await RemoveListAsync(address, changes, newName: null);
            return address;
        }, address);
        return new JsonObject { ["address"] = address, ["message"] = "Mailing list has been removed" };
    }

    /// <summary>With its members: they are few enough for one commit.</summary>
    /// <param name="newName">Where each member goes in its place. Null: nowhere.</param>
    async ValueTask RemoveListAsync(
        string address, ICollection<ObjectChange> changes, Func<string, string>? newName)
    {
        changes.Add(Lists.Table.Remove(address));
        await foreach (var (member, value) in Lists.ReadMembersAsync(address, CancellationToken.None))
        {
            var name = MailingList.PrefixOf(address) + member;
            changes.Add(Lists.Members.Remove(name));
            if (newName is not null)
                changes.Add(Lists.Members.Put(newName(name), value));
        }
    }

    /// <summary>What has changed counts from the answer on.</summary>
    async ValueTask<T> ChangeListsAsync<T>(
        Func<ICollection<ObjectChange>, ValueTask<T>> change, params string[] addresses)
    {
        var result = await agent.Queue.ChangeObjectsAsync(change, CancellationToken.None);
        await agent.ReloadListsAsync(addresses, CancellationToken.None);
        return result;
    }

    async ValueTask CheckListIsNewAsync(string address)
    {
        if (await Lists.Table.FindAsync(address, CancellationToken.None) is not null)
            throw new ApiException(400, $"Mailing list {ApiException.Shown(address)} already exists");
    }

    /// <summary>As the store has it.</summary>
    async ValueTask<MailingList> ListOfAsync(string address) =>
        await Lists.Table.FindAsync(address, CancellationToken.None) is { } found
            ? new MailingList(address, found) : throw NoList(address);

    static ApiException NoList(string address) =>
        new(404, $"Mailing list {ApiException.Shown(address)} not found");

    static string ListInPath(HttpContext context)
    {
        var text = InPath(context, "list");
        return MailingList.TryReadAddress(text, out var address) ? address : throw NoList(text);
    }

    /// <summary>A slash is the one octet that a segment of a path keeps encoded.</summary>
    static string InPath(HttpContext context, string name) =>
        ((string)context.GetRouteValue(name)!).Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    /// <summary>Null: there is none.</summary>
    string? ListAddressOf(ApiForm form)
    {
        if (form.Find("address") is not { Length: > 0 } text)
            return null;
        if (!MailingList.TryReadAddress(text, out var address))
            throw new ApiException(400, "address parameter is not a valid address of a mailing list");
        return agent.Domains.TryFind(address[(address.LastIndexOf('@') + 1)..], out _) ? address
            : throw new ApiException(404, "domain not found");
    }

    static StoredList StoredFrom(ApiForm form, StoredList known) => known with
    {
        Name = ListTextOf(form, "name") ?? known.Name,
        Description = ListTextOf(form, "description") ?? known.Description,
        Access = form.Find("access_level")?.ToLowerInvariant() switch
        {
            null or "" => known.Access,
            "readonly" => ListAccess.Readonly,
            "members" => ListAccess.Members,
            "everyone" => ListAccess.Everyone,
            var other => throw new ApiException(400, $"Invalid access level '{ApiException.Shown(other)}'. "
                + "It can be any of: 'readonly', 'members', 'everyone'."),
        },
        Replies = form.Find("reply_preference")?.ToLowerInvariant() switch
        {
            null or "" => known.Replies,
            "list" => ReplyPreference.List,
            "sender" => ReplyPreference.Sender,
            var other => throw new ApiException(
                400, $"Invalid reply preference '{ApiException.Shown(other)}'. "
                + "It can be any of: 'sender', 'list'"),
        },
    };

    /// <summary>Null: there is none.</summary>
    static string? ListTextOf(ApiForm form, string field) => form.Find(field) is not { } text ? null
        : text.Length <= MailingList.TextCharactersMax ? text : throw new ApiException(
            400, $"{field} is longer than {MailingList.TextCharactersMax} characters");

    /// <summary>A form, or a JSON object, in which <c>vars</c> and <c>members</c> may stand as they
    /// are.</summary>
    async Task<ApiForm> ReadListFormAsync(HttpContext context)
    {
        if (!context.Request.HasJsonContentType())
            return await ReadFormAsync(context);
        var json = await ReadJsonAsync(context, JsonOnce);
        var form = FormOf(json);
        foreach (var (name, value) in json.AsObject())
        {
            if (value is JsonObject or JsonArray)
                form.Add(name, value.ToJsonString());
        }
        return form;
    }

    static JsonObject JsonOf(MailingList list) => new()
    {
        ["address"] = list.Address,
        ["name"] = list.Stored.Name,
        ["description"] = list.Stored.Description,
        ["access_level"] = list.Stored.Access.ToString().ToLowerInvariant(),
        ["reply_preference"] = list.Stored.Replies.ToString().ToLowerInvariant(),
        ["created_at"] = ApiDates.Zoneless(list.Stored.CreatedAt),
        ["members_count"] = list.Stored.Members,
    };
}
