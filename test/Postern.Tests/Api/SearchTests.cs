using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Postern.Api;
using Postern.Cli;

namespace Postern.Tests.Api;

/// <summary>Messages by words, over the admin API and by command.</summary>
public sealed class SearchTests(RunningServer server) : IClassFixture<RunningServer>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("state=dead", "state is not known")]
    [InlineData("since=never", "since is neither a moment")]
    [InlineData("after=x", "after is no queue id")]
    [InlineData("words=x", "words is not known")]
    public async Task Question_ThatIsMistyped_IsRefused(string question, string words)
    {
        using var http = server.Socket("admin.sock");
        using var answer = await http.GetAsync(
            new Uri($"admin/v1/search?{question}", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(words, await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answer_SaysWhatItFound_AndHowFarTheIndexIs()
    {
        using var http = server.Socket("admin.sock");
        var page = JsonNode.Parse(await http.GetStringAsync(
            new Uri("admin/v1/search?q=nobody%40example.org&since=2d&state=failed", UriKind.Relative),
            Cancel))!;
        Assert.Empty(page["messages"]!.AsArray());
        Assert.Equal(0, (int)page["behind"]!);
        Assert.Null(page["next"]);
    }

    [Theory]
    [InlineData("2026-05-04T06:03:39Z", "2026-05-04T06:03:39.0000000+00:00")]
    [InlineData("2026-05-04 15:00+09:00", "2026-05-04T15:00:00.0000000+09:00")]
    [InlineData("2d", "2d")]
    [InlineData("never", "never")]
    public void Moment_OfAQuestion_KeepsItsZone(string typed, string asked) => Assert.Equal(
        $"&since={Uri.EscapeDataString(asked)}", new SearchRequest("", null, typed, null, 1).Query);

    [Fact]
    public void Moment_WithoutAZone_IsOfThisMachine()
    {
        var here = new DateTimeOffset(new DateTime(2026, 5, 4, 0, 0, 0, DateTimeKind.Local));
        Assert.Equal(
            $"&until={Uri.EscapeDataString(here.ToString("O", CultureInfo.InvariantCulture))}",
            new SearchRequest("", null, null, "2026-05-04", 1).Query);
    }

    [Fact]
    public void Line_ForPeople_HoldsNoControls_AndSaysHowManyThereAre() => Assert.EndsWith(
        "0HHHHHHHHHHHH  failed     <a@example.org> -> b@example.net and 11 more  x\\u{1b}[2J  "
        + "[opened, dead-letter]",
        SearchCommand.Describe(new SearchEntry(
            "0HHHHHHHHHHHH", DateTimeOffset.UnixEpoch, "a@example.org", ["b@example.net"], "x\e[2J", [],
            "submission", null, 1, "<1@x>", "failed", 12, new Dictionary<string, int>(),
            ["opened", "dead-letter"])),
        StringComparison.Ordinal);
}
