using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Postern.Tests.Api.Mailgun;

/// <summary><c>/v3/routes</c>: every answer as a whole, with ids and dates replaced.</summary>
public sealed partial class MailgunRoutesTests : IAsyncLifetime
{
    readonly RunningServer server = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [GeneratedRegex("[0-9a-f]{24}")]
    static partial Regex Id { get; }

    [GeneratedRegex("[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} GMT")]
    static partial Regex Date { get; }

    /// <param name="fields"><c>name=value</c> each.</param>
    async Task<string> AskAsync(string method, string path, params string[] fields)
    {
        using var http = server.Api("key-account");
        using var request = new HttpRequestMessage(new HttpMethod(method), "v3/routes" + path);
        if (fields.Length > 0)
            request.Content = new FormUrlEncodedContent(fields.Select(field => field.Split('=', 2))
                .Select(field => new KeyValuePair<string, string>(field[0], field[1])));
        using var response = await http.SendAsync(request, Cancel);
        Assert.Equal("application/json; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        return $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(Cancel)}";
    }

    static string Shown(string answer) => Date.Replace(Id.Replace(answer, "ID"), "DATE");

    async Task<string> CreateAsync(params string[] fields)
    {
        var answer = await AskAsync("POST", "", fields);
        Assert.StartsWith("200 ", answer, StringComparison.Ordinal);
        return (string)JsonNode.Parse(answer[4..])!["route"]!["id"]!;
    }

    Task<string> CreateAsync(int priority, string expression) =>
        CreateAsync($"priority={priority}", $"expression={expression}", "action=store()");

    const string Support = """
        {"id":"ID","priority":10,"description":"나",
        """ + """
        "expression":"match_recipient(\"support@mg.example.org\")",
        """ + """
        "actions":["forward(\"https://h.example/in\")","stop()"],"created_at":"DATE"}
        """;

    static readonly string[] SupportFields =
    [
        "priority=10", "description=나", "expression=match_recipient(\"support@mg.example.org\")",
        "action[]=forward(\"https://h.example/in\")", "action[]=stop()",
    ];

    [Fact]
    public async Task Route_IsCreated_Shown_Changed_AndDeleted()
    {
        var created = await AskAsync("POST", "", SupportFields);
        Assert.Equal(
            $$"""200 {"message":"Route has been created","route":{{Support}}}""", Shown(created));
        var id = (string)JsonNode.Parse(created[4..])!["route"]!["id"]!;
        Assert.Equal($$"""200 {"route":{{Support}}}""", Shown(await AskAsync("GET", "/" + id)));
        Assert.Equal(
            $$"""200 {"total_count":1,"items":[{{Support}}]}""", Shown(await AskAsync("GET", "")));
        var changed = Support.Replace("\"priority\":10", "\"priority\":-1", StringComparison.Ordinal)
            .Replace("""["forward(\"https://h.example/in\")","stop()"]""", """["store()"]""",
                StringComparison.Ordinal);
        Assert.Equal(
            $$"""200 {{changed[..^1]}},"message":"Route has been updated","route":{{changed}}}""",
            Shown(await AskAsync("PUT", "/" + id, "priority=-1", "action=store()")));
        Assert.Equal($$"""200 {"route":{{changed}}}""", Shown(await AskAsync("GET", "/" + id)));
        Assert.Equal(
            """200 {"id":"ID","message":"Route has been deleted"}""",
            Shown(await AskAsync("DELETE", "/" + id)));
        foreach (var method in (string[])["GET", "PUT", "DELETE"])
            Assert.Equal(
                """404 {"message":"Route not found"}""", await AskAsync(method, "/" + id, "priority=1"));
        Assert.Equal("""200 {"total_count":0,"items":[]}""", await AskAsync("GET", ""));
    }

    [Fact]
    public async Task Routes_SurviveARestart()
    {
        var id = await CreateAsync(SupportFields);
        await server.RestartAsync();
        Assert.Equal($$"""200 {"route":{{Support}}}""", Shown(await AskAsync("GET", "/" + id)));
    }

    [Fact]
    public async Task List_IsInOrderOfPriority_AndPaged()
    {
        for (var i = 4; i >= 0; i--)
            await CreateAsync(i, "catch_all()");
        var page = JsonNode.Parse((await AskAsync("GET", "?skip=1&limit=3"))[4..])!;
        Assert.Equal(5, (int)page["total_count"]!);
        Assert.Equal([1, 2, 3], page["items"]!.AsArray().Select(item => (int)item!["priority"]!));
        Assert.Equal(
            """400 {"message":"The 'limit' parameter can't be larger than 1000"}""",
            await AskAsync("GET", "?limit=1001"));
    }

    [Fact]
    public async Task Match_FindsTheFirstThatMayTakeAnAddress()
    {
        await CreateAsync(2, "match_recipient('.*@mg.example.org')");
        var first = await CreateAsync(1, "match_recipient('a@') and match_header('subject','x')");
        var found = JsonNode.Parse((await AskAsync("GET", "/match?address=a@mg.example.org"))[4..])!;
        Assert.Equal(first, (string?)found["route"]!["id"]);
        found = JsonNode.Parse((await AskAsync("GET", "/match?address=b%40mg.example.org"))[4..])!;
        Assert.Equal(2, (int)found["route"]!["priority"]!);
        Assert.Equal(
            """404 {"message":"Route not found"}""",
            await AskAsync("GET", "/match?address=b@elsewhere.example"));
        Assert.Equal(
            """400 {"message":"Missing mandatory parameter: address"}""", await AskAsync("GET", "/match"));
        Assert.Equal(
            """400 {"message":"Invalid format for parameter address: b"}""",
            await AskAsync("GET", "/match?address=b"));
    }

    [Theory]
    [InlineData("action=store()", "Missing mandatory parameter: expression")]
    [InlineData("expression=catch_all()", "Missing mandatory parameter: action")]
    [InlineData("expression=catch_all();action=store();priority=x", "The 'priority' parameter is no number")]
    [InlineData("expression=x;action=store()",
        "the expression cannot be taken: \"x\" is no filter; match_recipient, match_header and catch_all"
        + " are")]
    [InlineData("expression=catch_all();action=run()",
        "the action cannot be taken: \"run()\" is no action; forward(\"...\"), store() and stop() are")]
    public async Task Route_ThatIsWrong_Is400_AndChangesNothing(string fields, string message)
    {
        var shown = message.Replace("\"", "\\\"", StringComparison.Ordinal);
        Assert.Equal(
            $$"""400 {"message":"{{shown}}"}""", await AskAsync("POST", "", fields.Split(';')));
        var id = await CreateAsync(1, "catch_all()");
        if (!message.StartsWith("Missing", StringComparison.Ordinal))
            Assert.StartsWith(
                "400 ", await AskAsync("PUT", "/" + id, fields.Split(';')), StringComparison.Ordinal);
        Assert.Contains(
            "\"expression\":\"catch_all()\",\"actions\":[\"store()\"]", await AskAsync("GET", "/" + id),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("key-mg")]
    [InlineData("wrong")]
    public async Task Routes_AreTheAccountsAlone(string? key)
    {
        using var http = server.Api(key);
        foreach (var path in (string[])["v3/routes", "v3/routes/x", "v3/routes/match?address=a@b.c"])
        {
            using var response = await http.GetAsync(path, Cancel);
            Assert.Equal(
                (401, "Forbidden"),
                ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancel)));
        }
    }
}
