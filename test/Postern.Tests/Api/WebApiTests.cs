using System.Net;
using System.Text;
using System.Text.Json;
using Postern.Mta.Accounts;

namespace Postern.Tests.Api;

public sealed class WebApiTests(RunningServer server) : IClassFixture<RunningServer>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static async Task<JsonElement> JsonAsync(HttpClient http, string path)
    {
        using var document = JsonDocument.Parse(await http.GetStringAsync(path, Cancel));
        return document.RootElement.Clone();
    }

    async Task<JsonElement> DeliverAsync(string recipients, string content)
    {
        using var http = server.Socket("deliver.sock");
        using var response = await http.PostAsync(
            $"deliver?sender=a@example.net&client-address=203.0.113.7{recipients}",
            new StringContent(content), Cancel);
        using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel));
        return document.RootElement.Clone();
    }

    [Theory]
    [InlineData("health/live")]
    [InlineData("health/ready")]
    public async Task Health_WhileMailIsTaken_Is200(string path)
    {
        using var http = server.Http("http", withToken: false);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(path, Cancel)).StatusCode);
    }

    [Theory]
    [InlineData(false, HttpStatusCode.Unauthorized)]
    [InlineData(true, HttpStatusCode.OK)]
    public async Task Admin_OverHttp_NeedsTheToken(bool withToken, HttpStatusCode expected)
    {
        using var http = server.Http("http", withToken);
        Assert.Equal(expected, (await http.GetAsync("admin/v1/queue", Cancel)).StatusCode);
    }

    [Fact]
    public async Task Request_ForAHostThatIsNotOurs_IsMisdirected()
    {
        using var http = server.Http("http", withToken: true);
        using var request = new HttpRequestMessage(HttpMethod.Get, "admin/v1/queue");
        request.Headers.Host = "evil.example";
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await http.SendAsync(request, Cancel)).StatusCode);
    }

    [Theory]
    [InlineData("metrics", HttpStatusCode.OK)]
    [InlineData("admin/v1/queue", HttpStatusCode.NotFound)]
    public async Task Listener_WithServes_ServesNothingElse(string path, HttpStatusCode expected)
    {
        using var http = server.Http("only-metrics", withToken: true);
        Assert.Equal(expected, (await http.GetAsync(path, Cancel)).StatusCode);
    }

    [Fact]
    public async Task Path_ThatIsNotThere_AnswersWithMessageAndMend()
    {
        using var http = server.Socket("admin.sock");
        var response = await http.GetAsync("admin/v1/nonsense", Cancel);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        var answer = await response.Content.ReadAsStringAsync(Cancel);
        Assert.Contains("\"message\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenApi_OverTheSocket_IsTheDocument()
    {
        using var http = server.Socket("admin.sock");
        var document = await JsonAsync(http, "admin/v1/openapi.json");
        Assert.Equal("3.1.0", document.GetProperty("openapi").GetString());
    }

    [Fact]
    public void Sockets_AreForOwnerAndGroup()
    {
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite
            | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
        Assert.Equal((mode, mode), (server.ModeOf("admin.sock"), server.ModeOf("deliver.sock")));
    }

    [Fact]
    public async Task Deliver_OverHttp_IsNotThere()
    {
        using var http = server.Http("http", withToken: true);
        var response = await http.PostAsync("deliver?recipient=me@in.example", null, Cancel);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Theory]
    [InlineData("&recipient=nobody@in.example", 550, "5.1.1")]
    [InlineData("&recipient=me@in.example&recipient=nobody@in.example", 550, "5.1.1")]
    [InlineData("&recipient=me@elsewhere.example", 550, "5.7.1")]
    public async Task Deliver_ToARecipientThatIsNotOurs_TakesNothing(
        string recipients, int code, string status)
    {
        var answer = await DeliverAsync(recipients, "Subject: x\n\nbody\n");
        Assert.Equal(code, answer.GetProperty("code").GetInt32());
        Assert.Contains(status, answer.GetProperty("reply").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deliver_OfAMessage_IsQueuedHeldCancelledAndTold()
    {
        var answer = await DeliverAsync("&recipient=me@in.example", "Subject: told\n\nbody\n");
        Assert.Equal(250, answer.GetProperty("code").GetInt32());
        var id = answer.GetProperty("reply").GetString()!.Split(' ')[^1];
        using var http = server.Socket("admin.sock");
        var entry = await JsonAsync(http, $"admin/v1/queue/{id}");
        Assert.Equal("a@example.net", entry.GetProperty("sender").GetString());
        await WhyAfterAttemptAsync(http, id);
        foreach (var command in (string[])["hold", "cancel"])
        {
            using var response = await http.PostAsync($"admin/v1/queue/{command}?id={id}", null, Cancel);
            Assert.Equal("""{"recipients":1}""", await response.Content.ReadAsStringAsync(Cancel));
        }
        var events = await http.GetStringAsync($"admin/v1/events?message={id}", Cancel);
        Assert.Contains("\"event\":\"accepted\"", events, StringComparison.Ordinal);
        Assert.Contains("\"event\":\"cancelled\"", events, StringComparison.Ordinal);
        Assert.Empty(await http.GetStringAsync($"admin/v1/events?message={id}&search=no-such-text", Cancel));
    }

    [Theory]
    [InlineData("hold", "")]
    [InlineData("hold", "?sendr=a@example.net")]
    [InlineData("cancel", "?id=0000000000001&state=held")]
    [InlineData("cancel", "?id=0000000000001&all=true")]
    [InlineData("expire", "?older=soon")]
    [InlineData("expire", "?state=1")]
    [InlineData("retry", "?all=yes")]
    public async Task BulkCommand_ThatDoesNotSayWhatItMeans_ChangesNothing(string command, string query)
    {
        using var http = server.Socket("admin.sock");
        using var response = await http.PostAsync($"admin/v1/queue/{command}{query}", null, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("\"message\"", await response.Content.ReadAsStringAsync(Cancel));
    }

    /// <summary>Nobody listens where the relay is; but the first attempt takes its time.</summary>
    static async Task<JsonElement> WhyAfterAttemptAsync(HttpClient http, string id)
    {
        while (true)
        {
            var why = (await JsonAsync(http, $"admin/v1/queue/{id}/why")).GetProperty("recipients")[0];
            if (why.GetProperty("cause").GetString() is not ("being-attempted" or "behind-others"))
                return why;
        }
    }

    [Fact]
    public async Task Queue_TellsWhyItWaits_WithItsAttempts_AndCountsIt()
    {
        var answer = await DeliverAsync("&recipient=me@in.example", "Subject: why\n\nbody\n");
        var id = answer.GetProperty("reply").GetString()!.Split(' ')[^1];
        using var http = server.Socket("admin.sock");
        var why = await WhyAfterAttemptAsync(http, id);
        Assert.Contains(why.GetProperty("cause").GetString(), (string[])["next-hop-down", "lane-closed"]);
        Assert.Contains("lane relay is closed", why.GetProperty("text").GetString());
        var shown = (await JsonAsync(http, $"admin/v1/queue/{id}")).GetProperty("recipients")[0];
        Assert.Equal("me@in.example", shown.GetProperty("why").GetProperty("address").GetString());
        foreach (var attempt in shown.GetProperty("tries").EnumerateArray())
            Assert.Equal(4, attempt.GetProperty("delays").GetArrayLength());
        var totals = (await JsonAsync(http, "admin/v1/queue/totals?by=route&sender=a@example.net"))
            .GetProperty("totals")[0];
        Assert.Equal("inbound", totals.GetProperty("name").GetString());
        Assert.True(totals.GetProperty("byAge")[0].GetInt64() > 0);
        (await http.PostAsync($"admin/v1/queue/cancel?id={id}", null, Cancel)).EnsureSuccessStatusCode();
        using var unknown = await http.GetAsync("admin/v1/queue/0000000000001/why", Cancel);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task Events_AfterThePlaceOfThePageBefore_GoOnWithoutRepeats()
    {
        await DeliverAsync("&recipient=me@in.example", "Subject: paged\n\nbody\n");
        using var http = server.Socket("admin.sock");
        var first = await http.GetAsync("admin/v1/events?after=0&limit=1", Cancel);
        var next = first.Headers.GetValues("Postern-Next").Single();
        var second = await http.GetAsync($"admin/v1/events?after={next}&limit=1000", Cancel);
        var whole = await http.GetStringAsync("admin/v1/events?after=0&limit=1000", Cancel);
        var parts = await first.Content.ReadAsStringAsync(Cancel)
            + await second.Content.ReadAsStringAsync(Cancel);
        Assert.StartsWith(parts, whole, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Route_Explain_SaysWhichAndWhy()
    {
        using var http = server.Socket("admin.sock");
        var answer = await JsonAsync(http, "admin/v1/route?door=mx&to=me@in.example");
        Assert.Equal(
            ("inbound", "relay"),
            (answer.GetProperty("route").GetString(), answer.GetProperty("transport").GetString()));
    }

    [Theory]
    [InlineData("shop/web")]
    [InlineData("..")]
    public async Task Account_ThatCouldNeverBeRemoved_IsNotMade(string name)
    {
        using var http = server.Socket("admin.sock");
        using var body = new StringContent(
            $$"""{"name":"{{name}}","password":"secret","senders":[]}""", Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync("admin/v1/accounts", body, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.False(server.Agent.Accounts.TryFind(name, out _));
    }

    /// <summary>Of a time when more could stand in a name.</summary>
    [Fact]
    public async Task Account_ThatHasASlash_IsReplacedAndRemoved()
    {
        const string name = "shop/till";
        await server.Agent.Queue.PutObjectAsync(AccountDirectory.Put(
            name, AccountDirectory.CreateCredential("secret"), [], null, null, DateTimeOffset.UnixEpoch));
        await server.Agent.ReloadAccountsAsync(Cancel);
        using var http = server.Socket("admin.sock");
        using var body = new StringContent(
            $$"""{"name":"{{name}}","password":"another","senders":[]}""", Encoding.UTF8, "application/json");
        using var replaced = await http.PostAsync("admin/v1/accounts", body, Cancel);
        using var removed = await http.DeleteAsync("admin/v1/accounts/shop%2Ftill", Cancel);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (replaced.StatusCode, removed.StatusCode));
        Assert.False(server.Agent.Accounts.TryFind(name, out _));
    }

    [Fact]
    public async Task Account_MadeAndRemoved_IsListedInBetween()
    {
        using var http = server.Socket("admin.sock");
        using var body = new StringContent(
            """{"name":"shop","password":"secret","senders":["*@example.org"]}""",
            Encoding.UTF8, "application/json");
        (await http.PostAsync("admin/v1/accounts", body, Cancel)).EnsureSuccessStatusCode();
        var listed = await http.GetStringAsync("admin/v1/accounts", Cancel);
        Assert.Contains("shop", listed, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", listed, StringComparison.Ordinal);
        (await http.DeleteAsync("admin/v1/accounts/shop", Cancel)).EnsureSuccessStatusCode();
        using var again = await http.DeleteAsync("admin/v1/accounts/shop", Cancel);
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
    }
}
