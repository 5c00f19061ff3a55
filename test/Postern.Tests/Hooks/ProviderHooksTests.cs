using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Postern.Tests.Api;
using static Postern.Tests.Hooks.SignedHook;

namespace Postern.Tests.Hooks;

/// <summary><c>/hooks/{transport}</c>: what providers tell, and what others try.</summary>
public sealed class ProviderHooksTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Path = "hooks/mailgun";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A message of its own to this recipient; it stays here.</summary>
    /// <returns>Its Message-ID.</returns>
    async Task<string> SendAsync(string recipient)
    {
        using var http = server.Api("key-mg");
        using var form = new FormUrlEncodedContent([
            new("from", "a@mg.example.org"), new("to", recipient), new("text", "x"), new("o:tag", "welcome"),
            new("o:testmode", "yes"),
        ]);
        using var response = await http.PostAsync(
            new Uri("v3/mg.example.org/messages", UriKind.Relative), form, Cancel);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["id"]!.GetValue<string>();
    }

    /// <summary>What the events API tells of it beside <c>accepted</c> and the test's own
    /// <c>delivered</c>.</summary>
    async Task<List<JsonNode>> ToldAsync(string messageId)
    {
        using var http = server.Api("key-mg");
        var page = JsonNode.Parse(await http.GetStringAsync(new Uri(
            $"v3/mg.example.org/events?ascending=yes&begin=0&message-id={messageId.Trim('<', '>')}",
            UriKind.Relative), Cancel))!;
        return [.. page["items"]!.AsArray().Where(item => item!["postern"]!["told-by"] is not null)
            .Select(item => item!)];
    }

    async Task<HttpStatusCode> PostAsync(JsonNode body, string path = Path)
    {
        using var http = server.Http("http", withToken: false);
        return await SignedHook.PostAsync(http, path, body, Cancel);
    }

    [Fact]
    public async Task Bounce_IsAppendedToItsMessageInMailgunsShape()
    {
        var messageId = await SendAsync("bob@net.example");
        Assert.Equal(HttpStatusCode.OK, await PostAsync(Of(Bounce("b-1", messageId, "Bob@NET.example"))));
        var told = Assert.Single(await ToldAsync(messageId));
        Assert.Equal("failed", told["event"]!.GetValue<string>());
        Assert.Equal("permanent", told["severity"]!.GetValue<string>());
        Assert.Equal("bounce", told["reason"]!.GetValue<string>());
        Assert.Equal(550, told["delivery-status"]!["code"]!.GetValue<int>());
        Assert.Equal("mx.net.example", told["delivery-status"]!["mx-host"]!.GetValue<string>());
        Assert.Equal("welcome", told["tags"]![0]!.GetValue<string>());
        Assert.Equal(1767225600.626182m, told["postern"]!["told-at"]!.GetValue<decimal>());
        Assert.Equal("5.1.1", told["postern"]!["status"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("<{0}>")]
    [InlineData("{0}")]
    [InlineData("life@net.example")]
    public async Task Life_IsFoundByMessageIdAndRecipient(string about)
    {
        var messageId = await SendAsync("life@net.example");
        await PostAsync(Of(Event("opened", $"l-{about}", messageId, "life@net.example")));
        using var http = server.Http("http", withToken: true);
        about = string.Format(null, about, messageId.Trim('<', '>'));
        var found = JsonNode.Parse(await http.GetStringAsync(new Uri(
            $"admin/v1/messages?limit=1&about={Uri.EscapeDataString(about)}", UriKind.Relative), Cancel))!;
        var life = JsonNode.Parse(await http.GetStringAsync(new Uri(
            $"admin/v1/messages/{found["messages"]![0]}", UriKind.Relative), Cancel))!;
        Assert.Equal(messageId, life["messageId"]!.GetValue<string>());
        Assert.Equal("delivered", life["recipients"]![0]!["fate"]!.GetValue<string>());
        Assert.Equal("opened", life["recipients"]![0]!["reactions"]![0]!.GetValue<string>());
        Assert.Equal(["accepted", "delivered", "opened"],
            life["events"]!.AsArray().Select(one => one!["event"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Event_ToldAgain_ChangesNothing()
    {
        var messageId = await SendAsync("again@net.example");
        var first = Of(Event("delivered", "d-1", messageId, "again@net.example"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(first));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(first));
        // Another token, the same event.
        Assert.Equal(HttpStatusCode.OK,
            await PostAsync(Of(Event("delivered", "d-1", messageId, "again@net.example"))));
        Assert.Single(await ToldAsync(messageId));
    }

    [Fact]
    public async Task Token_UsedBefore_CarriesNoOtherEvent()
    {
        var messageId = await SendAsync("token@net.example");
        var token = NewToken();
        Assert.Equal(HttpStatusCode.OK,
            await PostAsync(Of(Event("delivered", "t-1", messageId, "token@net.example"), token)));
        Assert.Equal(HttpStatusCode.OK,
            await PostAsync(Of(Bounce("t-2", messageId, "token@net.example"), token)));
        Assert.Equal("delivered", Assert.Single(await ToldAsync(messageId))["event"]!.GetValue<string>());
    }

    [Fact]
    public async Task Posts_OfOneTokenAtTheSameTime_AreStoredOnce()
    {
        var messageId = await SendAsync("many@net.example");
        var body = Of(Event("delivered", "m-1", messageId, "many@net.example"));
        using var http = server.Http("http", withToken: false);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50)
            .Select(_ => SignedHook.PostAsync(http, Path, body, Cancel)));
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.OK, status));
        Assert.Single(await ToldAsync(messageId));
    }

    [Fact]
    public async Task Events_InAnyOrder_AreAllKept()
    {
        var messageId = await SendAsync("order@net.example");
        foreach (var body in (JsonObject[])[
            Event("opened", "o-1", messageId, "order@net.example"),
            Bounce("o-2", messageId, "order@net.example"),
            Event("delivered", "o-3", messageId, "order@net.example"),
            Event("complained", "o-4", messageId, "order@net.example"),
        ])
            Assert.Equal(HttpStatusCode.OK, await PostAsync(Of(body)));
        Assert.Equal(["opened", "failed", "delivered", "complained"],
            (await ToldAsync(messageId)).Select(told => told["event"]!.GetValue<string>()));
    }

    [Theory]
    [InlineData("accepted")]
    [InlineData("stored")]
    [InlineData("list_uploaded")]
    [InlineData("something-new")]
    public async Task Event_OfNoConcern_Is200WithoutEffect(string name)
    {
        var messageId = await SendAsync($"{name}@net.example");
        Assert.Equal(HttpStatusCode.OK,
            await PostAsync(Of(Event(name, $"n-{name}", messageId, $"{name}@net.example"))));
        Assert.Empty(await ToldAsync(messageId));
    }

    [Fact]
    public async Task Sample_WithNullsAndListsForObjects_IsTaken()
    {
        var messageId = await SendAsync("nulls@net.example");
        var sample = Event("opened", "s-1", messageId, "nulls@net.example");
        sample["user-variables"] = new JsonArray();
        sample["storage"] = new JsonArray();
        sample["delivery-status"] = null;
        sample["client-info"] = new JsonObject { ["client-name"] = "Chrome", ["bot"] = null };
        sample["geolocation"] = new JsonObject { ["city"] = "Unknown", ["country"] = "한국\u202e<b>" };
        sample["url"] = "https:\\/\\/x";
        sample["something"] = new JsonObject { ["new"] = 1 };
        Assert.Equal(HttpStatusCode.OK, await PostAsync(Of(sample)));
        var told = Assert.Single(await ToldAsync(messageId));
        Assert.Equal("Chrome", told["client-info"]!["client-name"]!.GetValue<string>());
        Assert.Equal("한국\u202e<b>", told["geolocation"]!["country"]!.GetValue<string>());
    }

    [Fact]
    public async Task Event_OfNoMessageOfOurs_IsKeptOnceWithoutOne()
    {
        var stranger = Event("delivered", "u-1", "<nobody@elsewhere.example>", "x@net.example");
        Assert.Equal(HttpStatusCode.OK, await PostAsync(Of(stranger)));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(Of((JsonObject)stranger.DeepClone())));
        using var http = server.Http("http", withToken: true);
        var lines = await http.GetStringAsync(
            new Uri("admin/v1/events?limit=1000&search=nobody@elsewhere.example", UriKind.Relative), Cancel);
        Assert.Single(lines.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>WHK-01, WHK-02 of the security catalogue.</summary>
    [Fact]
    public async Task Signature_ThatDoesNotHold_Is406AndNoEvent()
    {
        var messageId = await SendAsync("forged@net.example");
        JsonObject Body() => Of(Bounce("f-1", messageId, "forged@net.example"));
        var now = TimeProvider.System.GetUtcNow();
        var forged = new List<JsonNode>
        {
            Of(Bounce("f-1", messageId, "forged@net.example"), key: "another key"),
            Of(Bounce("f-1", messageId, "forged@net.example"), at: now.AddHours(-10)),
            Of(Bounce("f-1", messageId, "forged@net.example"), at: now.AddHours(1)),
        };
        foreach (var change in (Action<JsonObject>[])[
            body => body.Remove("signature"),
            body => body["signature"] = new JsonArray(),
            body => body["signature"] = "x",
            body => body["signature"]!["signature"] = new JsonArray("x"),
            body => body["signature"]!["signature"] = new JsonObject(),
            body => body["signature"]!["signature"] = new string('0', 64),
            body => body["signature"]!["signature"] = new string('é', 64),
            body => body["signature"]!["timestamp"] = "1e9",
            body => body["signature"]!["timestamp"] = "-1",
            body => body["signature"]!["timestamp"] = new string('9', 400),
            body => body["signature"]!["token"] = "",
            body => body["signature"]!["token"] = null,
        ])
        {
            var body = Body();
            change(body);
            forged.Add(body);
        }
        foreach (var body in forged)
            Assert.Equal(HttpStatusCode.NotAcceptable, await PostAsync(body));
        Assert.Empty(await ToldAsync(messageId));
        var upper = Body();
        upper["signature"]!["signature"] =
            upper["signature"]!["signature"]!.GetValue<string>().ToUpperInvariant();
        Assert.Equal(HttpStatusCode.OK, await PostAsync(upper));
        Assert.Single(await ToldAsync(messageId));
    }

    [Theory]
    [InlineData("hooks/nobody")]
    [InlineData("hooks/relay")]
    [InlineData("hooks/mailgun/more")]
    [InlineData("hooks/secret-mailgun")]
    [InlineData("hooks/secret-mailgun/other")]
    public async Task Path_ThatIsNone_Is404(string path) =>
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync(
            Of(Event("delivered", "p-1", "<x@y>", "x@net.example")), path));

    [Fact]
    public async Task Path_WithItsSecret_IsTaken() => Assert.Equal(HttpStatusCode.OK, await PostAsync(
        Of(Event("delivered", "p-2", "<x@y>", "x@net.example")), "hooks/secret-mailgun/part"));

    [Theory]
    [InlineData("")]
    [InlineData("no json")]
    [InlineData("[]")]
    [InlineData("{\"signature\":{\"timestamp\":\"1\",\"token\":\"a\",\"signature\":\"b\"}")]
    [InlineData("event=delivered&recipient=a%40b.c&timestamp=1&token=t&signature=s")]
    public async Task Body_ThatIsNoHook_Is406(string body)
    {
        using var http = server.Http("http", withToken: false);
        using var content = new StringContent(body);
        using var response = await http.PostAsync(new Uri(Path, UriKind.Relative), content, Cancel);
        Assert.Equal(HttpStatusCode.NotAcceptable, response.StatusCode);
        Assert.NotNull(JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel)).RootElement
            .GetProperty("message").GetString());
    }

    /// <summary>WHK-08 of the security catalogue.</summary>
    [Fact]
    public async Task Body_OfTenMegabytes_Is413()
    {
        using var http = server.Http("http", withToken: false);
        using var content = new ByteArrayContent(new byte[10_000_000]);
        using var response = await http.PostAsync(new Uri(Path, UriKind.Relative), content, Cancel);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }
}
