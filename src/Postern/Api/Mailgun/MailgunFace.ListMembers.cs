using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Postern.Mta.Lists;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Api.Mailgun;

/// <summary>Members of mailing lists.</summary>
sealed partial class MailgunFace
{
    /// <summary>Of one question to the store.</summary>
    const int MembersPerReadMax = 1000;

    /// <summary>More than these, and Mailgun's answer names a task.</summary>
    const int MembersWithoutTaskMax = 100;

    void MapListMembers(IEndpointRouteBuilder web)
    {
        const string members = "/v3/lists/{list}/members";
        web.MapGet(members, context => ServeAccountAsync(context, ListMembersAsync));
        web.MapPost(members, context => ServeAccountAsync(context, AddMemberAsync));
        web.MapGet($"{members}/pages", context => ServeAccountAsync(context, PageMembersAsync));
        web.MapPost($"{members}.json", context => ServeAccountAsync(context, AddMembersAsync));
        web.MapPost($"{members}.csv", context => ServeAccountAsync(context, static _ =>
            throw new ApiException(501, "members in a CSV file are not taken yet; use members.json")));
        web.MapGet($"{members}/{{member}}", context => ServeAccountAsync(context, ShowMemberAsync));
        web.MapPut($"{members}/{{member}}", context => ServeAccountAsync(context, ChangeMemberAsync));
        web.MapDelete($"{members}/{{member}}", context => ServeAccountAsync(context, DeleteMemberAsync));
    }

    /// <summary>Read page by page: what is skipped is never held.</summary>
    async Task<JsonObject> ListMembersAsync(HttpContext context)
    {
        var list = await ListOfAsync(ListInPath(context));
        var (skip, limit) = (ApiPaging.SkipOf(context), ApiPaging.LimitOf(context));
        var fits = FilterOf(context);
        var only = context.Request.Query["address"].LastOrDefault();
        var items = new JsonArray();
        var count = 0;
        await foreach (var one in Lists.ReadMembersAsync(list.Address, context.RequestAborted))
        {
            if (!fits(one.Value)
                || (only is { Length: > 0 } && !one.Name.Equals(only, StringComparison.OrdinalIgnoreCase)))
                continue;
            if (count >= skip && items.Count < limit)
                items.Add((JsonNode)JsonOf(one.Name, one.Value));
            count++;
        }
        return new JsonObject { ["total_count"] = count, ["items"] = items };
    }

    async Task<JsonObject> PageMembersAsync(HttpContext context)
    {
        var list = await ListOfAsync(ListInPath(context));
        var prefix = list.MembersPrefix;
        var found = await PageAsync(
            prefix, ApiPaging.LimitOf(context), FilterOf(context),
            range => ApiPaging.RangeOf(context, AddressPivot, prefix, range), context.RequestAborted);
        var addresses = found.Select(one => one.Name[prefix.Length..]).ToList();
        return new JsonObject
        {
            ["items"] = new JsonArray(
                [.. found.Select((one, place) => JsonOf(addresses[place], one.Value))]),
            ["paging"] = ApiPaging.Links(
                context, AddressPivot, addresses.FirstOrDefault(), addresses.LastOrDefault()),
        };
    }

    /// <summary>A whole page of those that fit, as long as there are more: an empty one means the
    /// end.</summary>
    async ValueTask<List<Named<ListMember>>> PageAsync(
        string prefix, int limit, Func<ListMember, bool> fits, Func<ObjectRange, ObjectRange> first,
        CancellationToken cancel)
    {
        var found = new List<Named<ListMember>>();
        IReadOnlyList<Named<ListMember>> step = [];
        var isBackward = false;
        do
        {
            step = await Lists.Members.ListAsync(prefix, MembersPerReadMax, range =>
            {
                range = first(range);
                isBackward = range.Before is not null;
                return step.Count == 0 ? range
                    : isBackward ? range with { Before = step[0].Name }
                    : range with { After = step[^1].Name };
            }, cancel);
            var more = step.Where(one => fits(one.Value));
            if (isBackward)
                found.InsertRange(0, more.TakeLast(limit - found.Count));
            else
                found.AddRange(more.Take(limit - found.Count));
        }
        while (step.Count == MembersPerReadMax && found.Count < limit);
        return found;
    }

    static Func<ListMember, bool> FilterOf(HttpContext context) =>
        context.Request.Query["subscribed"].LastOrDefault() is { Length: > 0 } text
        && FlagOf(text, "subscribed") is { } wanted
            ? member => member.IsSubscribed == wanted : static _ => true;

    async Task<JsonObject> ShowMemberAsync(HttpContext context)
    {
        var list = await ListOfAsync(ListInPath(context));
        var address = MemberInPath(context, list.Address);
        return new JsonObject { ["member"] = JsonOf(address, await MemberOfAsync(list, address)) };
    }

    async Task<JsonObject> AddMemberAsync(HttpContext context)
    {
        await using var form = await ReadListFormAsync(context);
        var list = ListInPath(context);
        // A list that is not there is said before what is wrong with the member.
        await ListOfAsync(list);
        var (address, fields) = MemberFields.ReadNamed(form);
        var (_, member) = await PutAsync(
            list, new Dictionary<string, MemberFields>(StringComparer.Ordinal) { [address] = fields },
            IsUpsert(form) ? KnownMember.Updated : KnownMember.Refused);
        return MemberAnswer(JsonOf(address, member!), "created");
    }

    async Task<JsonObject> AddMembersAsync(HttpContext context)
    {
        await using var form = await ReadListFormAsync(context);
        var address = ListInPath(context);
        await ListOfAsync(address);
        var members = MemberFields.ReadMany(form.Find("members"));
        var (list, _) = await PutAsync(
            address, members, IsUpsert(form) ? KnownMember.Updated : KnownMember.Left);
        var answer = new JsonObject
        {
            ["list"] = JsonOf(list),
            ["message"] = "Mailing list has been updated",
        };
        // It is done already, whatever this names.
        if (members.Count > MembersWithoutTaskMax)
            answer["task-id"] = RandomNumberGenerator.GetHexString(24, lowercase: true);
        return answer;
    }

    static bool IsUpsert(ApiForm form) =>
        form.Find("upsert") is { Length: > 0 } text && FlagOf(text, "upsert") == true;

    /// <summary>All of them or none.</summary>
    /// <returns>The list as it is then, and the last that was put. Null: none was.</returns>
    async ValueTask<(MailingList List, ListMember? Last)> PutAsync(
        string address, IReadOnlyDictionary<string, MemberFields> members, KnownMember known) =>
        await ChangeListsAsync(async changes =>
        {
            var list = await ListOfAsync(address);
            var (added, last) = (0, (ListMember?)null);
            foreach (var (name, fields) in members)
            {
                var before = await Lists.Members.FindAsync(
                    list.MembersPrefix + name, CancellationToken.None);
                if (before is not null && known == KnownMember.Refused)
                    throw new ApiException(400, $"Address already exists '{ApiException.Shown(name)}'");
                added += before is null ? 1 : 0;
                if (before is not null && known == KnownMember.Left)
                    continue;
                last = fields.Over(before);
                changes.Add(Lists.Members.Put(list.MembersPrefix + name, last));
            }
            var changed = list.Stored with { Members = list.Stored.Members + added };
            if (changed.Members > MailingList.MembersMax)
                throw new ApiException(
                    400, $"a mailing list has {MailingList.MembersMax} members at most");
            changes.Add(Lists.Table.Put(address, changed));
            return (list with { Stored = changed }, last);
        }, address);

    async Task<JsonObject> ChangeMemberAsync(HttpContext context)
    {
        await using var form = await ReadListFormAsync(context);
        var address = ListInPath(context);
        await ListOfAsync(address);
        var from = MemberInPath(context, address);
        var to = form.Find("address") is { Length: > 0 } ? MemberFields.ReadNamed(form).Name : from;
        var fields = MemberFields.Read(form);
        var member = await ChangeListsAsync(async changes =>
        {
            var list = await ListOfAsync(address);
            var changed = fields.Over(await MemberOfAsync(list, from));
            if (to != from)
            {
                if (await Lists.Members.FindAsync(
                    list.MembersPrefix + to, CancellationToken.None) is not null)
                    throw new ApiException(400, $"Address already exists '{ApiException.Shown(to)}'");
                changes.Add(Lists.Members.Remove(list.MembersPrefix + from));
            }
            changes.Add(Lists.Members.Put(list.MembersPrefix + to, changed));
            return changed;
        }, address);
        return MemberAnswer(JsonOf(to, member), "updated");
    }

    async Task<JsonObject> DeleteMemberAsync(HttpContext context)
    {
        var address = ListInPath(context);
        await ListOfAsync(address);
        var member = MemberInPath(context, address);
        await ChangeListsAsync(async changes =>
        {
            var list = await ListOfAsync(address);
            await MemberOfAsync(list, member);
            changes.Add(Lists.Members.Remove(list.MembersPrefix + member));
            changes.Add(Lists.Table.Put(address, list.Stored with { Members = list.Stored.Members - 1 }));
            return member;
        }, address);
        return MemberAnswer(new JsonObject { ["address"] = member }, "deleted");
    }

    static JsonObject MemberAnswer(JsonObject member, string what) => new()
    {
        ["member"] = member,
        ["message"] = $"Mailing list member has been {what}",
    };

    async ValueTask<ListMember> MemberOfAsync(MailingList list, string address) =>
        await Lists.Members.FindAsync(list.MembersPrefix + address, CancellationToken.None)
            ?? throw NoMember(address, list.Address);

    static ApiException NoMember(string address, string list) => new(
        404, $"Member {ApiException.Shown(address)} of mailing list {ApiException.Shown(list)} not found");

    static string MemberInPath(HttpContext context, string list)
    {
        var text = InPath(context, "member");
        return Mailbox.TryParse(text, out var mailbox) && mailbox.Domain.Length > 0
            ? SuppressionKey.AddressOf(mailbox) : throw NoMember(text, list);
    }

    static JsonObject JsonOf(string address, ListMember member) => new()
    {
        ["address"] = address,
        ["name"] = member.Name,
        ["subscribed"] = member.IsSubscribed,
        ["vars"] = member.Variables is { } variables ? JsonNode.Parse(variables) : new JsonObject(),
    };
}
