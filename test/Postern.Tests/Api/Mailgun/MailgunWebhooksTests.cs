using System.Text.RegularExpressions;

namespace Postern.Tests.Api.Mailgun;

/// <summary>Webhooks as Mailgun's clients set them: whole bodies, with ids and dates replaced.</summary>
public sealed partial class MailgunWebhooksTests : IAsyncLifetime
{
    const string V3 = "v3/domains/mg.example.org/webhooks";
    const string V4 = "v4/domains/mg.example.org/webhooks";
    const string V1 = "v1/webhooks";
    const string Key = "v5/accounts/http_signing_key";
    const string A = "http://93.184.216.34/a", B = "http://93.184.216.34/b";
    const string C = "http://93.184.216.34/c", D = "http://93.184.216.34/d";

    readonly RunningServer server = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    /// <summary>Status and body of an answer, on one line.</summary>
    /// <param name="fields"><c>name=value</c>, separated by spaces. Null: no body.</param>
    async Task<string> AskAsync(string question, string? fields = null, string? key = "key-account")
    {
        var (method, path) = (question.Split(' ')[0], question.Split(' ')[1]);
        using var http = server.Api(key);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (fields is not null)
            request.Content = new FormUrlEncodedContent(
                fields.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(field => field.Split('=', 2))
                    .Select(field => KeyValuePair.Create(field[0], field[1])));
        using var answer = await http.SendAsync(request, Cancel);
        var body = await answer.Content.ReadAsStringAsync(Cancel);
        if (body.Length > 0 && answer.IsSuccessStatusCode)
            Assert.Equal("application/json; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        return $"{(int)answer.StatusCode} {Date().Replace(Id().Replace(body, "ID"), "DATE")}".TrimEnd();
    }

    static string One(params string[] urls) =>
        $$"""{"url":"{{urls[0]}}","urls":[{{string.Join(',', urls.Select(url => $"\"{url}\""))}}]}""";

    [Fact]
    public async Task Webhook_OfADomain_IsCreatedShownUpdatedAndDeleted()
    {
        Assert.Equal("""200 {"webhooks":{}}""", await AskAsync("GET " + V3));
        Assert.Equal(
            $$"""200 {"message":"Webhook has been created","webhook":{{One(A, B)}}}""",
            await AskAsync("POST " + V3, $"id=clicked url={A} url[]={B}"));
        Assert.Equal($$"""200 {"webhook":{{One(A, B)}}}""", await AskAsync($"GET {V3}/clicked"));
        await AskAsync("POST " + V3, $"id=accepted url={C}");
        Assert.Equal(
            $$$"""200 {"webhooks":{"accepted":{{{One(C)}}},"clicked":{{{One(A, B)}}}}}""",
            await AskAsync("GET " + V3));
        Assert.Equal(
            $$"""200 {"message":"Webhook has been updated","webhook":{{One(D)}}}""",
            await AskAsync($"PUT {V3}/clicked", $"url={D}"));
        Assert.Equal(
            $$"""200 {"message":"Webhook has been deleted","webhook":{{One(D)}}}""",
            await AskAsync($"DELETE {V3}/clicked"));
        Assert.Equal(
            """404 {"message":"Webhook not found"}""", await AskAsync($"GET {V3}/clicked"));
        Assert.Equal($$$"""200 {"webhooks":{"accepted":{{{One(C)}}}}}""", await AskAsync("GET " + V3));
    }

    [Fact]
    public async Task Fields_InTheQuery_AreTaken() => Assert.Equal(
        $$"""200 {"message":"Webhook has been created","webhook":{{One(A)}}}""",
        await AskAsync($"POST {V3}?id=opened&url={Uri.EscapeDataString(A)}"));

    [Theory]
    [InlineData("POST", "", "url=" + A, 400, "id parameter is missing")]
    [InlineData("POST", "", "id=opened", 400, "url parameter is missing")]
    [InlineData("POST", "", "id=stored url=" + A, 400, "Invalid webhook type: stored")]
    [InlineData("POST", "", "id=delivered url=" + A, 400, "Webhook already exists")]
    [InlineData("POST", "", $"id=opened url={A} url={B} url={C} url={D}", 400, "there may be 3 urls")]
    [InlineData("PUT", "/opened", "url=" + A, 404, "Webhook not found")]
    [InlineData("PUT", "/delivered", "", 400, "url parameter is missing")]
    [InlineData("DELETE", "/opened", null, 404, "Webhook not found")]
    [InlineData("GET", "/nothing", null, 404, "Webhook not found")]
    public async Task Question_ThatIsWrong_ChangesNothing(
        string method, string path, string? fields, int status, string message)
    {
        await AskAsync("POST " + V3, $"id=delivered url={B}");
        Assert.Equal(
            $$"""{{status}} {"message":"{{message}}"}""", await AskAsync($"{method} {V3}{path}", fields));
        Assert.Equal($$$"""200 {"webhooks":{"delivered":{{{One(B)}}}}}""", await AskAsync("GET " + V3));
    }

    [Theory]
    [InlineData("http://127.0.0.2/", "address is not allowed")]
    [InlineData("http://169.254.169.254/x", "address is not allowed")]
    [InlineData("ftp://93.184.216.34/", "scheme is not http or https")]
    [InlineData("http://-/", "host not found")]
    public async Task Url_ThatIsNone_IsRefusedWithItsReason(string url, string trouble)
    {
        var text = $"{url} is not a valid url: {trouble}";
        var refused = $$"""400 {"message":"{{text}}","Reason":"{{text}}"}""";
        await AskAsync("POST " + V3, $"id=delivered url={B}");
        await AskAsync("POST " + V1, $"event_types=delivered url={B}");
        Assert.Equal(refused, await AskAsync("POST " + V3, $"id=opened url={A} url={url}"));
        Assert.Equal(refused, await AskAsync($"PUT {V3}/delivered", $"url={url}"));
        Assert.Equal(refused, await AskAsync("POST " + V4, $"event_types=opened url={url}"));
        Assert.Equal(refused, await AskAsync("PUT " + V4, $"event_types=opened url={url}"));
        Assert.Equal(refused, await AskAsync("POST " + V1, $"event_types=opened url={url}"));
        Assert.Equal($$$"""200 {"webhooks":{"delivered":{{{One(B)}}}}}""", await AskAsync("GET " + V3));
    }

    /// <summary>What v4 tells of a domain.</summary>
    static string ByType(params (string Type, string[] Urls)[] set) =>
        "200 {\"webhooks\":{" + string.Join(',', Postern.Mta.Webhooks.WebhookTypes.All.Select(
            type => $"\"{type}\":{(set.FirstOrDefault(one => one.Type == type).Urls is { } urls
                ? One(urls) : "null")}")) + "}}";

    [Fact]
    public async Task Url_OfSeveralKinds_IsAddedSetAndRemoved()
    {
        Assert.Equal(
            ByType(("clicked", [A]), ("opened", [A])),
            await AskAsync("POST " + V4, $"url={A} event_types=opened event_types=clicked"));
        Assert.Equal(
            ByType(("clicked", [A]), ("opened", [A, B])),
            await AskAsync("POST " + V4, $"url={B} event_types=opened"));
        Assert.Equal(
            ByType(("accepted", [A]), ("opened", [A, B])),
            await AskAsync("PUT " + V4, $"url={A} event_types=opened,accepted"));
        Assert.Equal(
            ByType(("accepted", [A]), ("opened", [A])),
            await AskAsync($"DELETE {V4}?url={Uri.EscapeDataString(B)}"));
        await AskAsync("POST " + V4, $"url={C} event_types=opened");
        Assert.Equal(
            ByType(), await AskAsync($"DELETE {V4}?url={Uri.EscapeDataString(A + "," + C)}"));
        Assert.Equal("""200 {"webhooks":{}}""", await AskAsync("GET " + V3));
    }

    [Theory]
    [InlineData("POST", "event_types=opened", 400, "Reason", "url parameter is missing")]
    [InlineData("POST", "url=" + A, 400, "Reason", "event_types parameter is missing")]
    [InlineData("POST", "event_types=x url=" + A, 400, "Reason", "Invalid webhook type: x")]
    [InlineData("POST", "event_types=opened url=" + D, 400, "Reason", "there may be 3 urls for opened")]
    [InlineData("PUT", "event_types=opened url=" + D, 404, "Description", "Webhook not found")]
    [InlineData("DELETE", "url=" + D, 404, "Description", "Webhook not found")]
    [InlineData("DELETE", "", 400, "Reason", "url parameter is missing")]
    public async Task Question_OfV4ThatIsWrong_ChangesNothing(
        string method, string fields, int status, string member, string message)
    {
        await AskAsync("POST " + V3, $"id=opened url={A} url={B} url={C}");
        Assert.Equal(
            $$"""{{status}} {"message":"{{message}}","{{member}}":"{{message}}"}""",
            await AskAsync($"{method} {V4}", fields));
        Assert.Equal($$$"""200 {"webhooks":{"opened":{{{One(A, B, C)}}}}}""", await AskAsync("GET " + V3));
    }

    async Task<string> CreateAsync(string fields)
    {
        using var http = server.Api("key-account");
        using var answer = await http.PostAsync(V1, new FormUrlEncodedContent(
            fields.Split(' ').Select(field => field.Split('=', 2))
                .Select(field => KeyValuePair.Create(field[0], field[1]))), Cancel);
        return Id().Match(await answer.Content.ReadAsStringAsync(Cancel)).Value;
    }

    [Fact]
    public async Task Webhook_OfTheAccount_IsCreatedShownUpdatedAndDeleted()
    {
        Assert.Equal("""200 {"webhooks":[]}""", await AskAsync("GET " + V1));
        Assert.Equal(
            """200 {"webhook_id":"ID"}""",
            await AskAsync("POST " + V1, $"url={A} event_types=opened event_types=clicked description=mine"));
        var shown = $$"""
            {"webhook_id":"ID","description":"mine","url":"{{A}}",
            "event_types":["opened","clicked"],"created_at":"DATE"}
            """.ReplaceLineEndings("");
        Assert.Equal($$"""200 {"webhooks":[{{shown}}]}""", await AskAsync("GET " + V1));
        var id = await CreateAsync($"url={B} event_types=opened");
        Assert.Equal("204", await AskAsync($"PUT {V1}/{id}", $"url={C} event_types=delivered description=x"));
        var other = $$"""
            {"webhook_id":"ID","description":"x","url":"{{C}}","event_types":["delivered"],
            "created_at":"DATE"}
            """.ReplaceLineEndings("");
        Assert.Equal("200 " + other, await AskAsync($"GET {V1}/{id}"));
        Assert.Equal($$"""200 {"webhooks":[{{other}}]}""", await AskAsync($"GET {V1}?webhook_ids={id}"));
        Assert.Equal("204", await AskAsync($"DELETE {V1}/{id}"));
        Assert.Equal("""404 {"message":"Webhook not found"}""", await AskAsync($"GET {V1}/{id}"));
        Assert.Equal("204", await AskAsync($"DELETE {V1}?all=true"));
        Assert.Equal("""200 {"webhooks":[]}""", await AskAsync("GET " + V1));
    }

    [Theory]
    [InlineData("POST", "", "event_types=opened", 400, "url parameter is missing")]
    [InlineData("POST", "", "url=" + D, 400, "event_types parameter is missing")]
    [InlineData("POST", "", "event_types=x url=" + D, 400, "Invalid webhook type: x")]
    [InlineData("POST", "", "event_types=opened url=" + A, 409, "Webhook already exists")]
    [InlineData("POST", "", "event_types=opened url=" + D, 409, "there may be 3 urls for opened")]
    [InlineData("PUT", "/none", "event_types=opened url=" + D, 404, "Webhook not found")]
    [InlineData("DELETE", "/none", null, 404, "Webhook not found")]
    [InlineData("DELETE", "?webhook_ids=none", null, 404, "Webhook not found")]
    [InlineData("DELETE", "", null, 400, "webhook_ids parameter is missing")]
    public async Task Question_OfTheAccountThatIsWrong_ChangesNothing(
        string method, string path, string? fields, int status, string message)
    {
        foreach (var url in (string[])[A, B, C])
            await AskAsync("POST " + V1, $"url={url} event_types=opened");
        var before = await AskAsync("GET " + V1);
        Assert.Equal(
            $$"""{{status}} {"message":"{{message}}"}""", await AskAsync($"{method} {V1}{path}", fields));
        Assert.Equal(before, await AskAsync("GET " + V1));
    }

    [Fact]
    public async Task SigningKey_IsTheSame_UntilAnotherIsAskedFor()
    {
        using var http = server.Api("key-account");
        var first = await http.GetStringAsync(Key, Cancel);
        Assert.Matches("""^\{"http_signing_key":"[0-9a-f]{32}"\}$""", first);
        await server.RestartAsync();
        using var again = server.Api("key-account");
        Assert.Equal(first, await again.GetStringAsync(Key, Cancel));
        using var renewed = await again.PostAsync(Key, null, Cancel);
        var second = await renewed.Content.ReadAsStringAsync(Cancel);
        Assert.Matches("""^\{"http_signing_key":"[0-9a-f]{32}"\}$""", second);
        Assert.NotEqual(first, second);
        Assert.Equal(second, await again.GetStringAsync(Key, Cancel));
    }

    [Fact]
    public async Task Restart_KeepsWebhooks()
    {
        await AskAsync("POST " + V3, $"id=opened url={A}");
        await AskAsync("POST " + V1, $"event_types=opened url={A}");
        var before = await AskAsync("GET " + V1);
        await server.RestartAsync();
        Assert.Equal($$$"""200 {"webhooks":{"opened":{{{One(A)}}}}}""", await AskAsync("GET " + V3));
        Assert.Equal(before, await AskAsync("GET " + V1));
    }

    [Theory]
    [InlineData("GET " + V3, null)]
    [InlineData("GET " + V3, "wrong")]
    [InlineData("GET " + V3, "key-other")]
    [InlineData("DELETE " + V4, "key-other")]
    [InlineData("GET " + V1, "key-mg")]
    [InlineData("GET " + Key, "key-mg")]
    [InlineData("POST " + Key, null)]
    public async Task Key_OfNoneOrAnother_OpensNothing(string question, string? key) =>
        Assert.Equal("401 Forbidden", await AskAsync(question, key: key));

    [Fact]
    public async Task Key_OfTheDomain_OpensItsWebhooksAlone()
    {
        Assert.Equal(
            $$"""200 {"message":"Webhook has been created","webhook":{{One(A)}}}""",
            await AskAsync("POST " + V3, $"id=opened url={A}", "key-mg"));
        Assert.Equal(
            """200 {"webhooks":{}}""", await AskAsync("GET v3/domains/other.example.org/webhooks"));
    }

    [Theory]
    [InlineData("v3")]
    [InlineData("v4")]
    public async Task Domain_ThatIsUnknown_Is404(string version) => Assert.Equal(
        """404 {"message":"Domain not found"}""",
        await AskAsync($"POST {version}/domains/none.example/webhooks", $"id=opened url={A}"));

    [GeneratedRegex("(?<=\"webhook_id\":\")[0-9a-f]{24}(?=\")")]
    private static partial Regex Id();

    [GeneratedRegex(@"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")]
    private static partial Regex Date();
}
