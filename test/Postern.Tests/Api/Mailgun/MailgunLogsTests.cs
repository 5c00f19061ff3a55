using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Postern.Tests.Api.Mailgun;

/// <summary>Logs: whole answers, pages by token, and whose they are.</summary>
public sealed partial class MailgunLogsTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Path = "v1/analytics/logs";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A test to each of so many recipients: two events each.</summary>
    static async Task SendAsync(HttpClient http, string domain, string tag, int count)
    {
        for (var i = 0; i < count; i++)
        {
            Assert.StartsWith("200 ", await http.AskAsync(
                "POST", $"v3/{domain}/messages", "from=a@shop.example", $"to=r{i}@net.example", "text=x",
                "o:testmode=yes", "o:tag=" + tag, "v:n=안녕"));
        }
    }

    static string Question(string tag, string rest = "") =>
        """{"filter":{"AND":[{"attribute":"tag","comparator":"=","values":"""
        + $$$"""[{"label":"t","value":"{{{tag}}}"}]}]}{{{rest}}}}""";

    static async Task<(List<string> Items, JsonElement Pagination)> PageAsync(
        HttpClient http, string question)
    {
        var answer = await http.AskJsonAsync("POST", Path, question);
        Assert.StartsWith("200 ", answer);
        using var json = JsonDocument.Parse(answer[4..]);
        var items = json.RootElement.GetProperty("items").EnumerateArray().Select(item =>
            $"{item.GetProperty("event").GetString()} {item.GetProperty("recipient").GetString()![..2]}");
        return ([.. items], json.RootElement.GetProperty("pagination").Clone());
    }

    [Fact]
    public async Task Logs_OfATest_AreWholeAnswers()
    {
        using var http = server.Api("key-mg");
        await SendAsync(http, "mg.example.org", "whole", 1);
        var talk = new MailgunTranscript(http);
        await talk.AskJsonAsync("POST", Path, Question(
            "whole",
            ""","start":"Mon, 02 Feb 2026 00:00:00 -0000","""
            + "\"pagination\":{\"sort\":\"timestamp:asc\",\"limit\":50}"));
        await talk.AskJsonAsync("POST", Path, Question(
            "whole", ""","events":["delivered"],"include_totals":true,"include_subaccounts":true"""));
        await talk.AskJsonAsync("POST", Path, Question("nothing"));
        GoldenFile.Check("mailgun-logs.txt", Chance().Replace(talk.ToString(), "CHANCE"));
    }

    [Theory]
    [InlineData("asc", "r0 r1 r2 r3 r4")]
    [InlineData("desc", "r4 r3 r2 r1 r0")]
    public async Task Pages_FollowEachOtherByToken_ToTheLastAndBack(string order, string expected)
    {
        using var http = server.Api("key-mg");
        var tag = "pages-" + order;
        await SendAsync(http, "mg.example.org", tag, 5);
        string Asked(JsonElement? token) => Question(tag, $$""","events":["delivered"],"pagination":"""
            + $$"""{"sort":"timestamp:{{order}}","limit":2,"token":{{token?.GetRawText() ?? "null"}}}""");
        var seen = new List<string>();
        var (items, pagination) = await PageAsync(http, Asked(null));
        Assert.False(pagination.TryGetProperty("previous", out _));
        var pages = 1;
        for (; pagination.TryGetProperty("next", out var next); pages++)
        {
            seen.AddRange(items);
            (items, pagination) = await PageAsync(http, Asked(next));
        }
        seen.AddRange(items);
        Assert.Equal((3, expected), (pages, string.Join(' ', seen.Select(item => item.Split(' ')[1]))));
        var (before, _) = await PageAsync(http, Asked(pagination.GetProperty("previous")));
        Assert.Equal(seen[2..4], before);
        var (first, _) = await PageAsync(http, Asked(pagination.GetProperty("first")));
        Assert.Equal(seen[..2], first);
        var (last, end) = await PageAsync(http, Asked(pagination.GetProperty("last")));
        Assert.Equal(seen[^2..], last);
        Assert.False(end.TryGetProperty("next", out _));
    }

    [Theory]
    [InlineData("domain", "=", "mg.example.org", 4)]
    [InlineData("domain", "!=", "mg.example.org", 2)]
    [InlineData("event", "=", "accepted", 3)]
    [InlineData("recipient", "contains", "r1@", 2)]
    [InlineData("recipient", "not contains", "r1@", 4)]
    [InlineData("recipient_domain", "=", "NET.example", 6)]
    [InlineData("from", "=", "a@shop.example", 6)]
    [InlineData("severity", "=", "permanent", 0)]
    [InlineData("reason", "!=", "bounce", 6)]
    [InlineData("message-id", "=", "no", 0)]
    public async Task Filters_Choose(string attribute, string comparator, string value, int expected)
    {
        var tag = string.Concat((attribute + comparator.Length + value).Where(char.IsAsciiLetterOrDigit));
        using var own = server.Api("key-mg");
        await SendAsync(own, "mg.example.org", tag, 2);
        using var other = server.Api("key-other");
        await SendAsync(other, "other.example.org", tag, 1);
        using var http = server.Api("key-account");
        var question = JsonNode.Parse(Question(tag))!;
        question["filter"]!["AND"]!.AsArray().Add(new JsonObject
        {
            ["attribute"] = attribute,
            ["comparator"] = comparator,
            ["values"] = new JsonArray(new JsonObject { ["value"] = value }),
        });
        Assert.Equal(expected, (await PageAsync(http, question.ToJsonString())).Items.Count);
    }

    [Fact]
    public async Task Logs_AreOfTheDomainsThatTheKeyOpens()
    {
        using var own = server.Api("key-mg");
        await SendAsync(own, "mg.example.org", "mine", 1);
        using var account = server.Api("key-account");
        Assert.Equal(2, (await PageAsync(account, Question("mine"))).Items.Count);
        using var other = server.Api("key-other");
        Assert.Empty((await PageAsync(other, Question("mine"))).Items);
        using var nobody = server.Api("key-wrong");
        Assert.Equal("401 Forbidden", await nobody.AskJsonAsync("POST", Path, "{}"));
        using var without = server.Api(null);
        Assert.Equal("401 Forbidden", await without.AskJsonAsync("POST", Path, "{}"));
    }

    [Fact]
    public async Task Key_ForSending_ReadsNone_AndOneForReading_All()
    {
        using var account = server.Api("key-account");
        await SendAsync(account, "mg.example.org", "roles", 1);
        using var sending = server.Api(await MakeKeyAsync("sending"));
        Assert.Equal("401 Forbidden", await sending.AskJsonAsync("POST", Path, Question("roles")));
        using var reading = server.Api(await MakeKeyAsync("basic"));
        Assert.Equal(2, (await PageAsync(reading, Question("roles"))).Items.Count);

        async Task<string> MakeKeyAsync(string role)
        {
            using var made = new FormUrlEncodedContent(
                [new("role", role), new("kind", "domain"), new("domain_name", "mg.example.org")]);
            using var form = role == "sending" ? made : new FormUrlEncodedContent([new("role", role)]);
            using var answer = await account.PostAsync("v1/keys", form, Cancel);
            using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel));
            return json.RootElement.GetProperty("key").GetProperty("secret").GetString()!;
        }
    }

    [Fact]
    public async Task Logs_SurviveARestart()
    {
        await using var restarted = new RunningServer();
        await restarted.InitializeAsync();
        using (var http = restarted.Api("key-mg"))
            await SendAsync(http, "mg.example.org", "kept", 1);
        await restarted.RestartAsync();
        using var later = restarted.Api("key-mg");
        Assert.Equal(
            ["delivered r0", "accepted r0"], (await PageAsync(later, Question("kept"))).Items);
    }

    [Theory]
    [InlineData(
        """{"start":"someday"}""",
        """400 {"message":"'start' attribute is invalid: 'someday' is no date"}""")]
    [InlineData("""{"start":"100","end":"99"}""", """400 {"message":"'start' is after 'end'"}""")]
    [InlineData("""{"events":["eaten"]}""", """400 {"message":"'events' attribute is invalid"}""")]
    [InlineData("""{"events":[null]}""", """400 {"message":"'events' attribute is invalid"}""")]
    [InlineData("""{"filter":{"OR":[]}}""", """400 {"message":"'filter' attribute is invalid"}""")]
    [InlineData("""{"filter":{"AND":[null]}}""", """400 {"message":"'filter' attribute is invalid"}""")]
    [InlineData(
        """{"filter":{"AND":[{"attribute":"color","comparator":"=","values":[{"value":"x"}]}]}}""",
        """400 {"message":"'filter' attribute is invalid: 'color' is not filtered by"}""")]
    [InlineData(
        """{"filter":{"AND":[{"attribute":"domain","comparator":"~","values":[{"value":"x"}]}]}}""",
        """400 {"message":"'filter' attribute is invalid"}""")]
    [InlineData(
        """{"filter":{"AND":[{"attribute":"domain","comparator":"=","values":[]}]}}""",
        """400 {"message":"'filter' attribute is invalid"}""")]
    [InlineData(
        """{"pagination":{"limit":301}}""",
        """400 {"message":"'pagination' attribute is invalid: limit is 1 to 300"}""")]
    [InlineData(
        """{"pagination":{"sort":"size:asc"}}""",
        """400 {"message":"'pagination' attribute is invalid: sort"}""")]
    [InlineData(
        """{"pagination":{"token":"e30"}}""",
        """400 {"message":"'pagination' attribute is invalid: there is no such token"}""")]
    [InlineData(
        """{"metric_events":["opened"]}""",
        """501 {"message":"'metric_events' is not offered; name them in 'events'"}""")]
    [InlineData("[]", """400 {"message":"Invalid json: $ is not what it should be"}""")]
    [InlineData(
        """{"events":"x"}""", """400 {"message":"Invalid json: $.events is not what it should be"}""")]
    public async Task Question_ThatIsWrong_IsRefused(string question, string expected)
    {
        using var http = server.Api("key-mg");
        Assert.Equal(expected, await http.AskJsonAsync("POST", Path, question));
    }

    [Fact]
    public async Task Token_WithATimeThatNoEventHas_Is400()
    {
        using var http = server.Api("key-mg");
        var token = System.Buffers.Text.Base64Url.EncodeToString(
            """{"b":0,"e":0,"a":true,"l":1,"f":[],"p":0,"r":false}"""u8);
        Assert.StartsWith("400 ", await http.AskJsonAsync(
            "POST", Path, $$$"""{"pagination":{"token":"{{{token}}}"}}"""));
        Assert.Equal(
            """400 {"message":"Invalid page token"}""",
            await http.AskAsync("GET", "v3/mg.example.org/events/" + token));
    }

    /// <summary>Ids and moments of events, and who asks. What the question said itself stays.</summary>
    [GeneratedRegex(
        """(?<="id":"|"message-id":"|"@timestamp":"|/messages/|"key":"|"queue-id":")[^"]+"""
        + """|(?<="(?:port|size)":)[\d.]+|(?!Mon, 02 Feb)\w{3}, \d\d \w{3} 20\d\d [\d:]{8} -0000""")]
    private static partial Regex Chance();
}
