using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Postern.Mta.Lists;

namespace Postern.Tests.Api.Mailgun;

/// <summary><c>/v3/lists</c>: every answer as a whole, with ids and dates replaced.</summary>
public sealed partial class MailgunListsTests : IAsyncLifetime
{
    const string Dev = "v3/lists/dev@mg.example.org";

    readonly RunningServer server = new();
    HttpClient http = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await server.InitializeAsync();
        http = server.Api("key-account");
    }

    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return server.DisposeAsync();
    }

    [GeneratedRegex("\"task-id\":\"[0-9a-f]{24}\"")]
    static partial Regex Task { get; }

    Task<string> CreateAsync(string address, params string[] fields) =>
        http.AskAsync("POST", "v3/lists", [$"address={address}", .. fields]);

    Task<string> AddAsync(string list, string address, params string[] fields) =>
        http.AskAsync("POST", $"v3/lists/{list}/members", [$"address={address}", .. fields]);

    async Task<JsonNode> ReadAsync(string path) =>
        JsonNode.Parse((await http.AskAsync("GET", path))[4..])!;

    [Fact]
    public async Task EveryEndpoint_AnswersAsMailgunDoes()
    {
        var talk = new MailgunTranscript(http);
        await talk.AskAsync("GET", "v3/lists");
        await talk.AskAsync("GET", "v3/lists/pages");
        await talk.AskAsync("POST", "v3/lists", "address=Dev@MG.example.org");
        await talk.AskAsync("POST", "v3/lists", "address=all@mg.example.org", "name=모두",
            "description=Everybody", "access_level=everyone", "reply_preference=sender");
        await talk.AskAsync("PUT", Dev, "name=Developers", "access_level=members");
        await talk.AskAsync("GET", Dev);
        await talk.AskAsync("POST", Dev + "/members", "address=Ann B <Ann@net.example>");
        await talk.AskAsync("POST", Dev + "/members", "address=bob@net.example", "name=Bob",
            "subscribed=False", """vars={"age": 27, "tags": ["a"]}""");
        await talk.AskAsync("GET", Dev + "/members");
        await talk.AskAsync("GET", Dev + "/members?subscribed=no");
        await talk.AskAsync("GET", Dev + "/members/pages?subscribed=1&limit=5");
        await talk.AskAsync("GET", Dev + "/members/BOB@net.example");
        await talk.AskAsync(
            "PUT", Dev + "/members/bob@net.example", "subscribed=True", "address=rob@net.example");
        await talk.AskAsync("POST", Dev + "/members", "address=ann@net.example", "upsert=yes", "name=Ann");
        await talk.AskAsync("POST", Dev + "/members.json",
            """members=["c@net.example",{"address":"ann@net.example","vars":{"x":1},"subscribed":false}]""");
        await talk.AskAsync("GET", Dev + "/members/ann@net.example");
        await talk.AskAsync("POST", Dev + "/members.json", "upsert=1",
            """members=[{"address":"ann@net.example","vars":"{\"x\":1}","subscribed":false}]""");
        await talk.AskAsync("GET", Dev + "/members/ann@net.example");
        await talk.AskAsync("DELETE", Dev + "/members/c@net.example");
        await talk.AskAsync("GET", "v3/lists?limit=1&skip=1");
        await talk.AskAsync("GET", "v3/lists?address=all@mg.example.org");
        await talk.AskAsync("GET", "v3/lists/pages?limit=1");
        await talk.AskAsync("PUT", Dev, "address=team@mg.example.org");
        await talk.AskAsync("GET", "v3/lists/team@mg.example.org/members/rob@net.example");
        await talk.AskAsync("DELETE", "v3/lists/team@mg.example.org");
        GoldenFile.Check("mailgun-lists.txt", talk.ToString());
    }

    [Fact]
    public async Task WhatIsWrong_IsSaid_AndChangesNothing()
    {
        await CreateAsync("dev@mg.example.org");
        await AddAsync("dev@mg.example.org", "ann@net.example");
        var before = await http.AskAsync("GET", Dev);
        var members = await http.AskAsync("GET", Dev + "/members");
        var talk = new MailgunTranscript(http);
        await talk.AskAsync("POST", "v3/lists", "name=x");
        await talk.AskAsync("POST", "v3/lists", "address=dev");
        await talk.AskAsync("POST", "v3/lists", "address=\"a b\"@mg.example.org");
        await talk.AskAsync("POST", "v3/lists", "address=dev@elsewhere.example");
        await talk.AskAsync("POST", "v3/lists", "address=DEV@mg.example.org");
        await talk.AskAsync("PUT", Dev, "access_level=fake", "name=y");
        await talk.AskAsync("PUT", Dev, "reply_preference=wrong", "name=y");
        await talk.AskAsync("PUT", Dev, "address=dev@elsewhere.example", "name=y");
        await talk.AskAsync("POST", Dev + "/members", "name=x");
        await talk.AskAsync("POST", Dev + "/members", "address=ann");
        await talk.AskAsync("POST", Dev + "/members", "address=ANN@net.example", "name=y");
        await talk.AskAsync("POST", Dev + "/members", "address=b@net.example", "subscribed=maybe");
        await talk.AskAsync("POST", Dev + "/members", "address=b@net.example", "vars=[1]");
        await talk.AskAsync("POST", Dev + "/members", "address=b@net.example", """vars={"a":1,"a":2}""");
        await talk.AskAsync("POST", Dev + "/members.json", "upsert=yes");
        await talk.AskAsync("POST", Dev + "/members.json", "members={}");
        await talk.AskAsync("POST", Dev + "/members.json", """members=["b@net.example",{"name":"x"}]""");
        await talk.AskAsync("POST", Dev + "/members.json", """members=["b@net.example","x"]""");
        await talk.AskAsync("POST", Dev + "/members.csv", "subscribed=yes");
        await talk.AskAsync("GET", Dev + "/members?subscribed=x");
        await talk.AskAsync("GET", Dev + "/members?limit=1001");
        foreach (var method in (string[])["GET", "PUT", "DELETE"])
        {
            await talk.AskAsync(method, "v3/lists/none@mg.example.org", "name=x");
            await talk.AskAsync(method, Dev + "/members/none@net.example", "name=x");
        }
        await talk.AskAsync("GET", "v3/lists/none@mg.example.org/members");
        await talk.AskAsync("GET", "v3/lists/none@mg.example.org/members/pages");
        await talk.AskAsync("POST", "v3/lists/none@mg.example.org/members", "name=x");
        await talk.AskAsync("POST", "v3/lists/none@mg.example.org/members.json", "members=[]");
        GoldenFile.Check("mailgun-lists-wrong.txt", talk.ToString());
        Assert.Equal(before, await http.AskAsync("GET", Dev));
        Assert.Equal(members, await http.AskAsync("GET", Dev + "/members"));
    }

    [Fact]
    public async Task JsonBodies_AreTakenAsForms()
    {
        await http.AskJsonAsync("POST", "v3/lists", """{"address":"dev@mg.example.org","name":"D"}""");
        Assert.Equal(
            """200 {"member":{"address":"a@net.example","name":"","subscribed":false,"vars":{"k":[1]}},"""
            + "\"message\":\"Mailing list member has been created\"}",
            await http.AskJsonAsync("POST", Dev + "/members",
                """{"address":"a@net.example","subscribed":false,"vars":{"k":[1]}}"""));
        Assert.Contains("\"members_count\":2", await http.AskJsonAsync(
            "POST", Dev + "/members.json", """{"members":["b@net.example"]}"""), StringComparison.Ordinal);
        Assert.StartsWith("400 {\"message\":\"Invalid json: ", await http.AskJsonAsync(
            "POST", "v3/lists", """{"address":"x@mg.example.org","address":"y@mg.example.org"}"""),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bulk_OverAHundred_NamesATask_AndIsDone()
    {
        await CreateAsync("dev@mg.example.org");
        Assert.Matches(Task, await BulkAsync(0, 101));
        Assert.Equal(101, (int)(await ReadAsync(Dev))["list"]!["members_count"]!);
        Assert.Equal(101, (int)(await ReadAsync(Dev + "/members?limit=1"))["total_count"]!);
        Assert.DoesNotMatch(Task, await BulkAsync(0, 100));
        Assert.Equal(
            """400 {"message":"Batch size should be less than 1000"}""", await BulkAsync(0, 1001));
        Assert.Equal(101, (int)(await ReadAsync(Dev))["list"]!["members_count"]!);
    }

    Task<string> BulkAsync(int first, int count) => http.AskAsync(
        "POST", Dev + "/members.json", $"members={Members(first, count, isSubscribed: true)}");

    static JsonArray Members(int first, int count, bool isSubscribed) =>
        [.. Enumerable.Range(first, count).Select(number => (JsonNode)new JsonObject
        {
            ["address"] = string.Create(CultureInfo.InvariantCulture, $"m{number:D5}@net.example"),
            ["subscribed"] = isSubscribed,
        })];

    [Fact]
    public async Task Limits_OfNamesVariablesAndMembers_Are400()
    {
        await CreateAsync("dev@mg.example.org");
        Assert.Equal(
            """400 {"message":"name is longer than 1000 characters"}""",
            await http.AskAsync("PUT", Dev, $"name={new string('x', 1001)}"));
        Assert.Equal(
            """400 {"message":"name is longer than 1000 characters"}""",
            await AddAsync("dev@mg.example.org", "a@net.example", $"name={new string('x', 1001)}"));
        var vars = $$"""vars={"k":"{{new string('x', ListMember.VariablesOctetsMax)}}"}""";
        Assert.Equal(
            """400 {"message":"vars are longer than 16384 octets"}""",
            await AddAsync("dev@mg.example.org", "a@net.example", vars));
        for (var first = 0; first < MailingList.MembersMax; first += 1000)
            await BulkAsync(first, 1000);
        const string full = """400 {"message":"a mailing list has 10000 members at most"}""";
        Assert.Equal(full, await AddAsync("dev@mg.example.org", "a@net.example"));
        Assert.Equal(full, await BulkAsync(9_500, 1000));
        // Who is there already is no new one.
        Assert.StartsWith("200 ", await BulkAsync(0, 1000), StringComparison.Ordinal);
        Assert.Equal(10_000, (int)(await ReadAsync(Dev))["list"]!["members_count"]!);
        var page = await ReadAsync(Dev + "/members?skip=9998&limit=5");
        Assert.Equal(10_000, (int)page["total_count"]!);
        Assert.Equal(["m09998@net.example", "m09999@net.example"], AddressesOf(page));
    }

    static IEnumerable<string> AddressesOf(JsonNode page) =>
        page["items"]!.AsArray().Select(item => (string)item!["address"]!);

    [Fact]
    public async Task Pages_OfMembers_GoForwardAndBack_AlsoOfThoseThatFit()
    {
        await CreateAsync("dev@mg.example.org");
        for (var i = 0; i < 9; i++)
            await AddAsync(
                "dev@mg.example.org", $"m{i}@net.example", i % 2 == 0 ? "subscribed=no" : "name=x");
        foreach (var (query, expected) in ((string, string[])[])[
            ("limit=4", ["m0 m1 m2 m3", "m4 m5 m6 m7", "m8"]),
            ("limit=2&subscribed=yes", ["m1 m3", "m5 m7"]),
            ("limit=3&subscribed=no", ["m0 m2 m4", "m6 m8"])])
        {
            Assert.Equal(expected, await WalkAsync($"{Dev}/members/pages?{query}", "next"));
            var back = await WalkAsync($"{Dev}/members/pages?{query}&page=last", "previous");
            Assert.Equal(string.Join(' ', expected), string.Join(' ', Enumerable.Reverse(back)));
        }
    }

    [Fact]
    public async Task Pages_OfLists_GoForwardAndBack()
    {
        foreach (var name in (string[])["c", "a", "b"])
            await CreateAsync($"{name}@mg.example.org");
        Assert.Equal(["a b", "c"], await WalkAsync("v3/lists/pages?limit=2", "next"));
        Assert.Equal(["b c", "a"], await WalkAsync("v3/lists/pages?limit=2&page=last", "previous"));
    }

    /// <returns>Local parts, page by page, up to the empty one.</returns>
    async Task<List<string>> WalkAsync(string path, string direction)
    {
        var pages = new List<string>();
        while (true)
        {
            var page = JsonNode.Parse(await http.GetStringAsync(path, Cancel))!;
            if (page["items"]!.AsArray().Count == 0)
                return pages;
            pages.Add(string.Join(' ', AddressesOf(page).Select(address => address.Split('@')[0])));
            path = (string)page["paging"]![direction]!;
        }
    }

    [Fact]
    public async Task ListsAndMembers_SurviveARestart()
    {
        await CreateAsync("dev@mg.example.org", "name=D");
        await AddAsync("dev@mg.example.org", "a+b/c@net.example", "name=A");
        var list = await http.AskAsync("GET", Dev);
        await server.RestartAsync();
        http.Dispose();
        http = server.Api("key-account");
        Assert.Equal(list, await http.AskAsync("GET", Dev));
        Assert.Equal(
            """200 {"member":{"address":"a+b/c@net.example","name":"A","subscribed":true,"vars":{}}}""",
            await http.AskAsync("GET", Dev + "/members/a+b%2Fc@net.example"));
        Assert.StartsWith("200 ", await http.AskAsync("DELETE", Dev), StringComparison.Ordinal);
        await CreateAsync("dev@mg.example.org");
        Assert.Equal("""200 {"total_count":0,"items":[]}""", await http.AskAsync("GET", Dev + "/members"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("key-mg")]
    [InlineData("wrong")]
    public async Task Lists_AreTheAccountsAlone(string? key)
    {
        await CreateAsync("dev@mg.example.org");
        using var other = server.Api(key);
        foreach (var path in (string[])[
            "v3/lists", "v3/lists/pages", Dev, Dev + "/members", Dev + "/members/pages"])
            Assert.Equal("401 Forbidden", await other.AskAsync("GET", path));
        Assert.Equal("401 Forbidden", await other.AskAsync("DELETE", Dev));
        Assert.Equal("401 Forbidden", await other.AskAsync("POST", Dev + "/members", "address=a@b.example"));
    }
}
