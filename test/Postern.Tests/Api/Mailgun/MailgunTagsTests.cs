namespace Postern.Tests.Api.Mailgun;

/// <summary>All tags of a domain, of which nobody else has made one.</summary>
public sealed class MailgunTagsTests(RunningServer server) : IClassFixture<RunningServer>
{
    /// <summary>As mailgun.js 14 sends it.</summary>
    [Theory]
    [InlineData("DELETE", """{"tag":"js & co"}""", """200 {"message":"Tag deleted"}""")]
    [InlineData("PUT", """{"tag":"js & co","description":"a+b"}""", """200 {"message":"Tag updated"}""")]
    [InlineData("DELETE", """{"tag":"other"}""", """404 {"message":"tag not found"}""")]
    [InlineData("DELETE", "{", "400 {\"message\":\"Invalid json:")]
    [InlineData("DELETE", "", """400 {"message":"Missing mandatory parameter: tag"}""")]
    public async Task Tag_InJsonThatIsCalledAForm_IsRead(string method, string body, string expected)
    {
        using var http = server.Api("key-account");
        await MailgunStatsTests.SendAsync(http, "v3/mg.example.org", "js & co");
        using var request = new HttpRequestMessage(new HttpMethod(method), "v1/analytics/tags");
        request.Content = new StringContent(
            body, System.Text.Encoding.UTF8, "application/x-www-form-urlencoded");
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith(expected, $"{(int)answer.StatusCode} {text}", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answers_OfTags_AreMailguns()
    {
        using var http = server.Api("key-account");
        var talk = new MailgunTranscript(http);
        await MailgunStatsTests.SendAsync(http, "v3/other.example.org", "Alpha", "b/c", "d e");
        await MailgunStatsTests.SendAsync(http, "v3/other.example.org", "alpha");
        const string all = "v3/other.example.org";
        await talk.AskAsync("GET", all + "/tags?limit=2");
        await talk.AskAsync("GET", all + "/tags?limit=2&page=next&tag=b%2Fc");
        await talk.AskAsync("GET", all + "/tags?prefix=AL");
        await talk.AskAsync("GET", all + "/tags/ALPHA");
        await talk.AskAsync("GET", all + "/tag?tag=b%2Fc");
        await talk.AskAsync("PUT", all + "/tags/alpha", "description=the first");
        await talk.AskAsync("PUT", all + "/tag?tag=b%2Fc", "description=the second");
        await talk.AskAsync("PUT", all + "/tags/alpha", "nothing=of it");
        await talk.AskAsync("GET", all + "/tag?tag=alpha");
        await talk.AskAsync("GET", all + "/tags/b%2Fc");
        await talk.AskAsync("GET", "v3/domains/other.example.org/limits/tag");
        await talk.AskAsync("GET", all + "/tags/alpha/stats/aggregates/countries");
        await talk.AskAsync("GET", all + "/tag");
        await talk.AskJsonAsync(
            "POST", "v1/analytics/tags", """{"tag":"d e","pagination":{"sort":"tag:desc","limit":5}}""");
        await talk.AskJsonAsync("POST", "v1/analytics/tags", """{"include_metrics":true}""");
        await talk.AskJsonAsync("PUT", "v1/analytics/tags", """{"tag":"d e","description":"third"}""");
        await talk.AskAsync("PUT", "v1/analytics/tags", "tag=D E", "description=third again");
        await talk.AskAsync("GET", all + "/tag?tag=d%20e");
        await talk.AskJsonAsync("DELETE", "v1/analytics/tags", """{"tag":"d e"}""");
        await talk.AskJsonAsync("DELETE", "v1/analytics/tags", """{"tag":"d e"}""");
        await talk.AskJsonAsync("DELETE", "v1/analytics/tags", "[1]");
        await talk.AskAsync("DELETE", all + "/tags/alpha");
        await talk.AskAsync("DELETE", all + "/tag?tag=b/c");
        await talk.AskAsync("GET", all + "/tags/alpha");
        await talk.AskAsync("GET", all + "/tags");
        GoldenFile.Check("mailgun-tags.txt", talk.ToString());
    }
}
