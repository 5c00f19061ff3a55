using System.Text.Json;

namespace Postern.Tests.Api.Mailgun;

/// <summary>Tags, stats and metrics of mail that was sent: whole answers.</summary>
public sealed class MailgunStatsTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Domain = "v3/mg.example.org";
    const string Metrics = "v1/analytics/metrics";

    /// <summary>A test, which is accepted and delivered at once.</summary>
    internal static async Task SendAsync(HttpClient http, string domain, params string[] tags)
    {
        string[] fields = ["from=a@shop.example", "to=r@net.example", "text=x", "o:testmode=yes"];
        Assert.StartsWith("200 ", await http.AskAsync(
            "POST", domain + "/messages", [.. fields, .. tags.Select(tag => "o:tag=" + tag)]));
    }

    [Fact]
    public async Task Tag_ThatWasDeleted_IsKnownAgainFromNewMail()
    {
        using var http = server.Api("key-mg");
        await SendAsync(http, Domain, "again");
        Assert.Equal(
            """200 {"message":"Tag deleted"}""", await http.AskAsync("DELETE", Domain + "/tags/again"));
        await SendAsync(http, Domain, "again");
        Assert.StartsWith("""200 {"tag":"again",""", await http.AskAsync("GET", Domain + "/tags/again"));
        // As at Mailgun, its counters have outlived it.
        Assert.Contains(
            "\"accepted\":{\"incoming\":0,\"outgoing\":2,\"total\":2}",
            await http.AskAsync("GET", Domain + "/tags/again/stats?event=accepted&resolution=month"));
    }

    [Fact]
    public async Task Stats_OfATag_AreByStep_WithTheEventsThatAreAskedFor()
    {
        using var http = server.Api("key-mg");
        await SendAsync(http, Domain, "steps");
        await SendAsync(http, Domain, "steps");
        var talk = new MailgunTranscript(http);
        const string all = "event=stored&event=complained&event=unsubscribed&event=clicked&event=opened"
            + "&event=failed&event=delivered&event=accepted";
        // One step holds the whole of a month: the test runs over midnight all the same.
        var month = "&resolution=month&duration=1m";
        using var json = JsonDocument.Parse((await http.AskAsync(
            "GET", $"{Domain}/tags/steps/stats?{all}{month}"))[4..]);
        var sum = json.RootElement.GetProperty("stats").EnumerateArray().Last();
        talk.Say(sum.GetRawText());
        talk.Say(string.Join(' ', json.RootElement.EnumerateObject().Select(member => member.Name)));
        using var some = JsonDocument.Parse((await http.AskAsync(
            "GET", $"{Domain}/tag/stats?tag=steps&event=delivered&resolution=hour&duration=24h"))[4..]);
        Assert.Equal(25, some.RootElement.GetProperty("stats").GetArrayLength());
        Assert.Equal(2, some.RootElement.GetProperty("stats").EnumerateArray().Sum(
            step => step.GetProperty("delivered").GetProperty("total").GetInt32()));
        Assert.All(some.RootElement.GetProperty("stats").EnumerateArray(), step => Assert.Equal(
            ["time", "delivered"], step.EnumerateObject().Select(member => member.Name)));
        GoldenFile.Check("mailgun-stats.txt", talk.ToString());
    }

    [Fact]
    public async Task Stats_OfTheAccount_AreThoseOfAllDomains()
    {
        using var account = server.Api("key-account");
        var before = await TotalAsync(account, "v3/stats/total");
        var here = await TotalAsync(account, Domain + "/stats/total");
        await SendAsync(account, Domain);
        await SendAsync(account, "v3/other.example.org");
        Assert.Equal(before + 2, await TotalAsync(account, "v3/stats/total"));
        Assert.Equal(here + 1, await TotalAsync(account, Domain + "/stats/total"));
        await server.RestartAsync();
        using var next = server.Api("key-account");
        Assert.Equal(before + 2, await TotalAsync(next, "v3/stats/total"));
    }

    static async Task<int> TotalAsync(HttpClient http, string path)
    {
        using var json = JsonDocument.Parse((await http.AskAsync("GET", path + "?event=delivered"))[4..]);
        Assert.Equal(8, json.RootElement.GetProperty("stats").GetArrayLength());
        return json.RootElement.GetProperty("stats").EnumerateArray().Sum(
            step => step.GetProperty("delivered").GetProperty("smtp").GetInt32());
    }

    [Theory]
    [InlineData("", "Missing mandatory parameter: event")]
    [InlineData("event=bounced", "Invalid parameter: event bounced")]
    [InlineData("event=accepted&resolution=year", "'resolution' attribute is invalid")]
    [InlineData("event=accepted&duration=x", "'duration' attribute is invalid")]
    [InlineData("event=accepted&duration=7w", "'duration' attribute is invalid")]
    [InlineData("event=accepted&duration=99999999d", "'duration' attribute is invalid")]
    [InlineData("event=accepted&start=someday", "'start' attribute is invalid: 'someday' is no date")]
    [InlineData("event=accepted&start=2000000000&end=1900000000", "'start' is after 'end'")]
    public async Task Stats_AskedForWrongly_Are400(string query, string expected)
    {
        using var http = server.Api("key-mg");
        Assert.Equal(
            $$"""400 {"message":"{{expected}}"}""",
            await http.AskAsync("GET", $"{Domain}/stats/total?{query}"));
    }

    [Fact]
    public async Task Stats_OfAllTimes_AreThoseThatAreKept()
    {
        using var http = server.Api("key-mg");
        using var json = JsonDocument.Parse((await http.AskAsync(
            "GET", Domain + "/stats/total?event=accepted&start=0&resolution=month"))[4..]);
        Assert.InRange(json.RootElement.GetProperty("stats").GetArrayLength(), 13, 15);
    }

    [Fact]
    public async Task Answers_OfMetrics_AreMailguns()
    {
        using var http = server.Api("key-account");
        await SendAsync(http, Domain, "Metric-1", "metric-2");
        await SendAsync(http, Domain, "metric-1");
        await SendAsync(http, "v3/other.example.org", "metric-1");
        var talk = new MailgunTranscript(http);
        await talk.AskJsonAsync("POST", Metrics,
            """
            {"duration":"1m","resolution":"month","dimensions":["domain","tag"],
             "metrics":["accepted_count","delivered_rate","opened_rate","failed_count"],
             "filter":{"AND":[{"attribute":"tag","comparator":"contains","values":[{"value":"METRIC-"}]}]},
             "include_aggregates":true}
            """);
        await talk.AskJsonAsync("POST", Metrics,
            """
            {"duration":"1m","resolution":"month","dimensions":["tag"],"metrics":["accepted_count"],
             "filter":{"AND":[{"attribute":"tag","comparator":"=","values":[{"value":"metric-1"},
              {"value":"metric-2"}]},{"attribute":"domain","comparator":"!=",
              "values":[{"value":"other.example.org"}]}]},
             "pagination":{"sort":"accepted_count:desc","skip":0,"limit":1}}
            """);
        await talk.AskJsonAsync("POST", "v1/analytics/usage/metrics",
            """
            {"duration":"1m","resolution":"month","metrics":["processed_count"],
             "filter":{"AND":[{"attribute":"tag","comparator":"=","values":[{"value":"metric-2"}]}]}}
            """);
        await talk.AskJsonAsync("POST", Metrics,
            """
            {"duration":"1m","resolution":"month","dimensions":["tag"],
             "filter":{"AND":[{"attribute":"tag","comparator":"=","values":[{"value":"metric-2"}]}]}}
            """);
        GoldenFile.Check("mailgun-metrics.txt", talk.ToString());
        using var json = JsonDocument.Parse((await http.AskJsonAsync(
            "POST", Metrics,
            """{"duration":"7d","dimensions":["time"],"metrics":["accepted_count"]}"""))[4..]);
        Assert.Equal(8, json.RootElement.GetProperty("items").GetArrayLength());
    }

    [Theory]
    [InlineData("400", "'resolution' attribute is invalid", """{"resolution":"year"}""")]
    [InlineData("400", "'metrics' attribute is invalid", """{"metrics":["x"]}""")]
    [InlineData("400", "'metrics' attribute is invalid", """{"metrics":[null]}""")]
    [InlineData("400", "'metrics' attribute is invalid",
        """{"metrics":["accepted_count"],"metrics":["x"]}""")]
    [InlineData("400", "'dimensions' attribute is invalid", """{"dimensions":["x"]}""")]
    [InlineData("400", "'dimensions' attribute is invalid", """{"dimensions":[null]}""")]
    [InlineData("400", "'filter' attribute is invalid", """{"filter":{"AND":[null]}}""")]
    [InlineData("400", "'filter' attribute is invalid",
        """{"filter":{"AND":[{"attribute":"x","comparator":"=","values":[{"value":"y"}]}]}}""")]
    [InlineData("400", "'filter' attribute is invalid", """{"filter":{"AND":[{"attribute":"tag"}]}}""")]
    [InlineData("400", "'pagination' attribute is invalid: limit is 1 to 1000",
        """{"pagination":{"limit":1001}}""")]
    [InlineData("400", "'pagination' attribute is invalid: sort", """{"pagination":{"sort":"x:asc"}}""")]
    [InlineData("501", "nothing is counted by country", """{"dimensions":["country"]}""")]
    [InlineData("501", "the metric rate_limit_count is not counted", """{"metrics":["rate_limit_count"]}""")]
    public async Task Metrics_AskedForWrongly_AreRefused(string status, string expected, string json)
    {
        using var http = server.Api("key-account");
        Assert.Equal(
            $$"""{{status}} {"message":"{{expected}}"}""", await http.AskJsonAsync("POST", Metrics, json));
    }

    [Fact]
    public async Task Filter_WithAValueThatIsNone_FitsNothing()
    {
        using var http = server.Api("key-account");
        Assert.Contains("\"items\":[]", await http.AskJsonAsync(
            "POST", Metrics,
            """
            {"dimensions":["domain"],"metrics":["accepted_count"],
             "filter":{"AND":[{"attribute":"domain","comparator":"=","values":[null,{}]}]}}
            """));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"metrics":{}}""")]
    [InlineData("""{"pagination":{"limit":"x"}}""")]
    public async Task Body_ThatIsNoJsonOfMetrics_Is400(string json)
    {
        using var http = server.Api("key-account");
        Assert.StartsWith(
            """400 {"message":"Invalid json: """, await http.AskJsonAsync("POST", Metrics, json));
    }

    [Theory]
    [InlineData("GET", "v3/mg.example.org/tags", "key-other")]
    [InlineData("GET", "v3/mg.example.org/stats/total?event=accepted", "wrong")]
    [InlineData("GET", "v3/domains/mg.example.org/limits/tag", "key-other")]
    [InlineData("GET", "v3/stats/total?event=accepted", "key-mg")]
    [InlineData("POST", "v1/analytics/metrics", "key-mg")]
    [InlineData("POST", "v1/analytics/tags", "key-mg")]
    [InlineData("GET", "v1/analytics/tags/limits", "key-mg")]
    public async Task Key_ThatDoesNotOpen_Is401(string method, string path, string key)
    {
        using var http = server.Api(key);
        Assert.Equal("401 Forbidden", await http.AskAsync(method, path));
    }

    [Fact]
    public async Task Limits_OfTheAccount_CountEachTagOnce()
    {
        using var http = server.Api("key-account");
        using var before = JsonDocument.Parse((await http.AskAsync("GET", "v1/analytics/tags/limits"))[4..]);
        await SendAsync(http, Domain, "limits");
        await SendAsync(http, "v3/other.example.org", "LIMITS");
        var count = before.RootElement.GetProperty("count").GetInt32() + 1;
        Assert.Equal(
            $$"""200 {"limit":10000,"count":{{count}},"limit_reached":false}""",
            await http.AskAsync("GET", "v1/analytics/tags/limits"));
    }
}
