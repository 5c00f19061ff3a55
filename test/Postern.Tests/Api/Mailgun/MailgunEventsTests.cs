using System.Text.Json;

namespace Postern.Tests.Api.Mailgun;

public sealed class MailgunEventsTests(RunningServer server) : IClassFixture<RunningServer>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Seven tests, each to its own recipient: two events each.</summary>
    static async Task SendSevenAsync(HttpClient http, string tag)
    {
        for (var i = 0; i < 7; i++)
        {
            var fields = new Dictionary<string, string>
            {
                ["from"] = "a@shop.example",
                ["to"] = $"r{i}@net.example",
                ["text"] = "x",
                ["o:testmode"] = "True",
                ["o:tag"] = tag,
                ["v:n"] = $"{i}",
            };
            using var answer = await http.PostAsync(
                "v3/mg.example.org/messages", new FormUrlEncodedContent(fields), Cancel);
            Assert.True(answer.IsSuccessStatusCode);
        }
    }

    static async Task<(List<string> Items, JsonElement Paging)> PageAsync(HttpClient http, string url)
    {
        using var json = JsonDocument.Parse(await http.GetStringAsync(url, Cancel));
        var items = json.RootElement.GetProperty("items").EnumerateArray().Select(item =>
            $"{item.GetProperty("event").GetString()} {item.GetProperty("recipient").GetString()![..2]}");
        return ([.. items], json.RootElement.GetProperty("paging").Clone());
    }

    [Theory]
    [InlineData("yes", "r0 r1 r2 r3 r4 r5 r6")]
    [InlineData("no", "r6 r5 r4 r3 r2 r1 r0")]
    public async Task Pages_FollowEachOther_ToAnEmptyOneAndBack(string ascending, string expected)
    {
        using var http = server.Api("key-mg");
        var tag = "pages-" + ascending;
        await SendSevenAsync(http, tag);
        var url = $"v3/mg.example.org/events?event=delivered&tags={tag}&limit=3&ascending={ascending}";
        var seen = new List<string>();
        var (items, paging) = await PageAsync(http, url);
        while (items.Count > 0)
        {
            Assert.InRange(items.Count, 1, 3);
            seen.AddRange(items);
            Assert.All((string[])["first", "last", "next", "previous"], name => Assert.True(
                Uri.IsWellFormedUriString(paging.GetProperty(name).GetString(), UriKind.Absolute)));
            (items, paging) = await PageAsync(http, paging.GetProperty("next").GetString()!);
        }
        Assert.Equal(expected, string.Join(' ', seen.Select(item => item.Split(' ')[1])));
        var (before, _) = await PageAsync(http, paging.GetProperty("previous").GetString()!);
        Assert.Equal(seen[^3..], before);
        var (first, _) = await PageAsync(http, paging.GetProperty("first").GetString()!);
        Assert.Equal(seen[..3], first);
        var (last, _) = await PageAsync(http, paging.GetProperty("last").GetString()!);
        Assert.Equal(seen[^3..], last);
    }

    [Fact]
    public async Task LastPage_PolledAgain_HasWhatCameSince()
    {
        using var http = server.Api("key-mg");
        await SendSevenAsync(http, "poll");
        var (items, paging) = await PageAsync(
            http, "v3/mg.example.org/events?tags=poll&event=accepted&ascending=yes&limit=300");
        Assert.Equal(7, items.Count);
        var next = paging.GetProperty("next").GetString()!;
        Assert.Empty((await PageAsync(http, next)).Items);
        await SendSevenAsync(http, "poll");
        Assert.Equal(7, (await PageAsync(http, next)).Items.Count);
    }

    [Theory]
    [InlineData("event=delivered OR failed", 7)]
    [InlineData("event=NOT accepted", 7)]
    [InlineData("event=opened", 0)]
    [InlineData("recipient=r3@net.example", 2)]
    [InlineData("recipient=r3 OR r4&event=accepted", 2)]
    [InlineData("size=>1&event=accepted", 7)]
    [InlineData("begin=0&end=1000", 0)]
    [InlineData("begin=Thu, 01 Jan 2026 00:00:00 GMT", 14)]
    [InlineData("end=1000.5", 0)]
    public async Task Filters_Choose(string filter, int expected)
    {
        using var http = server.Api("key-mg");
        var tag = string.Concat(filter.Where(char.IsAsciiLetterOrDigit));
        await SendSevenAsync(http, tag);
        var query = string.Join('&', filter.Split('&').Select(one => one.Split('=', 2)).Select(
            one => $"{one[0]}={Uri.EscapeDataString(one[1])}"));
        var (items, _) = await PageAsync(http, $"v3/mg.example.org/events?tags={tag}&limit=300&{query}");
        Assert.Equal(expected, items.Count);
    }

    [Fact]
    public async Task Event_OfATest_TellsItAndItsVariables()
    {
        using var http = server.Api("key-mg");
        await SendSevenAsync(http, "shape");
        using var json = JsonDocument.Parse(await http.GetStringAsync(
            "v3/mg.example.org/events?tags=shape&event=delivered&limit=1", Cancel));
        var item = json.RootElement.GetProperty("items")[0];
        Assert.Equal(650, item.GetProperty("delivery-status").GetProperty("code").GetInt32());
        Assert.True(item.GetProperty("flags").GetProperty("is-test-mode").GetBoolean());
        Assert.Equal("6", item.GetProperty("user-variables").GetProperty("n").GetString());
        Assert.Equal("shape", item.GetProperty("tags")[0].GetString());
        var messageId = item.GetProperty("message").GetProperty("headers").GetProperty("message-id")
            .GetString();
        var (same, _) = await PageAsync(http, $"v3/mg.example.org/events?message-id={messageId}");
        Assert.Equal(["delivered r6", "accepted r6"], same);
    }

    [Fact]
    public async Task Events_OfOneDomain_AreNotAnothers()
    {
        using var http = server.Api("key-mg");
        await SendSevenAsync(http, "mine");
        using var other = server.Api("key-other");
        Assert.Empty((await PageAsync(other, "v3/other.example.org/events?tags=mine")).Items);
    }

    [Theory]
    [InlineData("events?limit=301")]
    [InlineData("events?limit=x")]
    [InlineData("events?begin=someday")]
    [InlineData("events?event=(")]
    [InlineData("events/no-token")]
    [InlineData("events/e30")]
    public async Task Question_ThatIsWrong_Is400(string path)
    {
        using var http = server.Api("key-mg");
        using var answer = await http.GetAsync("v3/mg.example.org/" + path, Cancel);
        Assert.Equal(400, (int)answer.StatusCode);
    }
}
