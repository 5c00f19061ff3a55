using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Postern.Tests.Api;

/// <summary>The suppression list as operators see it.</summary>
public sealed class SuppressionsTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Path = "admin/v1/suppressions";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    async Task<(int Status, JsonNode Body)> AskAsync(HttpMethod method, string path, string? json = null)
    {
        using var http = server.Socket("admin.sock");
        using var request = new HttpRequestMessage(method, path)
        {
            Content = json is null ? null
                : new StringContent(json, System.Text.Encoding.UTF8, "application/json"),
        };
        using var answer = await http.SendAsync(request, Cancel);
        return ((int)answer.StatusCode, (await answer.Content.ReadFromJsonAsync<JsonNode>(Cancel))!);
    }

    Task<(int Status, JsonNode Body)> AddAsync(string json) => AskAsync(HttpMethod.Post, Path, json);

    async Task<string> ListAsync(string query)
    {
        var (_, page) = await AskAsync(HttpMethod.Get, $"{Path}?{query}");
        return string.Join(' ', page["suppressions"]!.AsArray().Select(
            entry => $"{entry!["domain"]}:{entry["kind"]}:{entry["address"]}"));
    }

    [Fact]
    public async Task Entry_IsOfAllDomainsAndABounce_UnlessSaidOtherwise()
    {
        var (status, entry) = await AddAsync("""{"address":"A@net.example","reason":"asked by phone"}""");
        Assert.Equal(200, status);
        entry.AsObject().Remove("since");
        Assert.Equal(
            """{"domain":"*","kind":"bounce","address":"a@net.example","code":"550","""
                + "\"error\":\"asked by phone\"}",
            entry.ToJsonString());
        Assert.Equal("*:bounce:a@net.example", await ListAsync("address=a@net.example"));
    }

    [Fact]
    public async Task List_IsFilteredAndPaged()
    {
        foreach (var (domain, kind) in new[]
        {
            ("mg.example.org", "bounce"), ("mg.example.org", "complaint"), ("other.example.org", "bounce"),
        })
            await AddAsync($$"""{"address":"f@net.example","domain":"{{domain}}","kind":"{{kind}}"}""");
        Assert.Equal(
            "mg.example.org:bounce:f@net.example mg.example.org:complaint:f@net.example",
            await ListAsync("domain=MG.example.org"));
        Assert.Equal(
            "mg.example.org:bounce:f@net.example other.example.org:bounce:f@net.example",
            await ListAsync("kind=bounce&address=F@net.example"));
        Assert.Equal(
            "mg.example.org:complaint:f@net.example",
            await ListAsync("kind=complaint&domain=mg.example.org"));
        var (seen, next) = (new List<string>(), "");
        do
        {
            var (_, page) = await AskAsync(
                HttpMethod.Get, $"{Path}?limit=1&address=f@net.example&after={Uri.EscapeDataString(next)}");
            seen.AddRange(page["suppressions"]!.AsArray().Select(entry => (string)entry!["domain"]!));
            next = (string?)page["next"];
        }
        while (next is not null);
        Assert.Equal(["mg.example.org", "mg.example.org", "other.example.org"], seen);
    }

    [Fact]
    public async Task Removing_TakesAllThatIsMeant()
    {
        await AddAsync("""{"address":"r@net.example"}""");
        await AddAsync("""{"address":"r@net.example","domain":"mg.example.org","kind":"unsubscribe"}""");
        await AddAsync("""{"address":"r@net.example","domain":"mg.example.org","kind":"complaint"}""");
        var (_, one) = await AskAsync(HttpMethod.Delete, $"{Path}?address=R@net.example&kind=complaint");
        Assert.Equal("""{"removed":1}""", one.ToJsonString());
        var (_, rest) = await AskAsync(HttpMethod.Delete, $"{Path}?address=r@net.example");
        Assert.Equal("""{"removed":2}""", rest.ToJsonString());
        Assert.Equal(404, (await AskAsync(HttpMethod.Delete, $"{Path}?address=r@net.example")).Status);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""[]""")]
    [InlineData("""{"address":"nobody"}""")]
    [InlineData("""{"address":"net.example"}""")]
    [InlineData("""{"address":"e@net.example","kind":"none"}""")]
    [InlineData("""{"address":"e@net.example","kind":"1"}""")]
    [InlineData("""{"address":"e@net.example","domain":"no.example"}""")]
    [InlineData("""{"address":"e@net.example","kind":"unsubscribe","tags":[""]}""")]
    public async Task Entry_ThatIsWrong_Is400AndChangesNothing(string json)
    {
        var (status, body) = await AddAsync(json);
        Assert.Equal(400, status);
        Assert.NotNull(body["mend"]);
        Assert.Equal("", await ListAsync("address=e@net.example"));
    }

    [Theory]
    [InlineData("GET", "kind=none")]
    [InlineData("GET", "address=nobody@")]
    [InlineData("DELETE", "")]
    public async Task Question_ThatIsWrong_Is400(string method, string query) =>
        Assert.Equal(400, (await AskAsync(new HttpMethod(method), $"{Path}?{query}")).Status);
}
