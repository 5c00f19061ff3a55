using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Postern.Tests.Api.Mailgun;

/// <summary>Bounces, unsubscribes, complaints and the allowlist: what they answer, word by word, and what
/// they keep back.</summary>
public sealed partial class MailgunSuppressionsTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Root = "v3/mg.example.org/";
    const string Date = "Thu, 26 Mar 2026 12:59:15 UTC";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [GeneratedRegex(@"""[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d UTC""")]
    static partial Regex Moment { get; }

    async Task<string> AskAsync(
        HttpMethod method, string path, HttpContent? content = null, string key = "key-mg")
    {
        using var http = server.Api(key);
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var answer = await http.SendAsync(request, Cancel);
        var body = await answer.Content.ReadAsStringAsync(Cancel);
        return string.Create(CultureInfo.InvariantCulture, $"{(int)answer.StatusCode} {body}");
    }

    Task<string> GetAsync(string path) => AskAsync(HttpMethod.Get, Root + path);

    Task<string> DeleteAsync(string path) => AskAsync(HttpMethod.Delete, Root + path);

    /// <param name="fields">As in <c>address=a@b.example&amp;code=550</c>.</param>
    Task<string> PostAsync(string path, string fields) => AskAsync(
        HttpMethod.Post, Root + path, new FormUrlEncodedContent(fields.Split('&').Select(field =>
            field.Split('=', 2)).Select(field => new KeyValuePair<string, string>(field[0], field[1]))));

    Task<string> PostJsonAsync(string path, string json) => AskAsync(
        HttpMethod.Post, Root + path, new StringContent(json, Encoding.UTF8, "application/json"));

    Task<string> ImportAsync(string list, string csv) => AskAsync(
        HttpMethod.Post, $"{Root}{list}/import", new MultipartFormDataContent
        {
            { new StringContent(csv), "file", "list.csv" },
        });

    async Task<JsonNode> ListAsync(string path)
    {
        using var http = server.Api("key-mg");
        return (await http.GetFromJsonAsync<JsonNode>(path, Cancel))!;
    }

    static string AddressesOf(JsonNode page) => string.Join(
        ' ', page["items"]!.AsArray().Select(item => ((string)item!["address"]!).Split('@')[0]));

    [Theory]
    [InlineData(
        "bounces", $"code=551&error=gone&created_at={Date}",
        """200 {"message":"Address has been added to the bounces table","address":"a.1@net.example"}""",
        $$"""200 {"address":"a.1@net.example","code":"551","error":"gone","created_at":"{{Date}}"}""",
        """200 {"message":"Bounced address has been removed","address":"a.1@net.example"}""",
        """404 {"message":"Address not found in bounces table"}""")]
    [InlineData(
        "unsubscribes", $"tag=news&tag=offers&created_at={Date}",
        """200 {"message":"Address has been added to the unsubscribes table","address":"a.1@net.example"}""",
        $$"""200 {"address":"a.1@net.example","tags":["news","offers"],"created_at":"{{Date}}"}""",
        """200 {"message":"Unsubscribe event has been removed","address":"a.1@net.example"}""",
        """404 {"message":"Address not found in unsubscribers table"}""")]
    [InlineData(
        "complaints", $"created_at={Date}",
        """200 {"message":"Address has been added to the complaints table","address":"a.1@net.example"}""",
        $$"""200 {"address":"a.1@net.example","created_at":"{{Date}}"}""",
        """200 {"message":"Spam complaint has been removed","address":"a.1@net.example"}""",
        """404 {"message":"No spam complaints found for this address"}""")]
    [InlineData(
        "whitelists", $"reason=ours&created_at={Date}",
        """200 {"message":"Address/Domain has been added to the allowlists table","""
            + "\"type\":\"address\",\"value\":\"a.1@net.example\"}",
        $$"""200 {"type":"address","value":"a.1@net.example","reason":"ours","createdAt":"{{Date}}"}""",
        """200 {"message":"Allowlist address/domain has been removed","value":"a.1@net.example"}""",
        """404 {"message":"Address/Domain not found in allowlist table"}""")]
    public async Task Entry_OfEachList_IsAddedShownAndRemoved(
        string list, string fields, string added, string shown, string removed, string missing)
    {
        Assert.Equal(missing, await GetAsync($"{list}/a.1@net.example"));
        Assert.Equal(added, await PostAsync(list, $"address=A.1@Net.Example&{fields}"));
        Assert.Equal(shown, await GetAsync($"{list}/a.1@NET.example"));
        Assert.Equal(removed, await DeleteAsync($"{list}/A.1@net.example"));
        Assert.Equal(missing, await GetAsync($"{list}/a.1@net.example"));
        Assert.Equal(missing, await DeleteAsync($"{list}/a.1@net.example"));
    }

    [Theory]
    [InlineData("bounces", """{"address":"d@net.example","code":"550","error":"","created_at":"DATE"}""")]
    [InlineData("unsubscribes", """{"address":"d@net.example","tags":["*"],"created_at":"DATE"}""")]
    [InlineData("complaints", """{"address":"d@net.example","created_at":"DATE"}""")]
    public async Task Entry_OfAnAddressAlone_HasDefaults(string list, string shown)
    {
        await PostAsync(list, "address=d@net.example");
        Assert.Equal(
            "200 " + shown, Moment.Replace(await GetAsync($"{list}/d@net.example"), "\"DATE\""));
    }

    [Fact]
    public async Task Allowlist_TakesDomains()
    {
        Assert.Equal(
            """200 {"message":"Address/Domain has been added to the allowlists table","""
                + "\"type\":\"domain\",\"value\":\"partner.example\"}",
            await PostAsync("whitelists", $"domain=Partner.EXAMPLE&created_at={Date}"));
        Assert.Equal(
            $$"""200 {"type":"domain","value":"partner.example","reason":"","createdAt":"{{Date}}"}""",
            await GetAsync("whitelists/partner.example"));
    }

    [Fact]
    public async Task Bounce_AddedTwice_IsOneAsTheSecondTimeSaid()
    {
        await PostAsync("bounces", $"address=twice@net.example&code=550&created_at={Date}");
        await PostAsync("bounces", $"address=TWICE@net.example&code=552&created_at={Date}");
        Assert.Equal(
            $$"""200 {"address":"twice@net.example","code":"552","error":"","created_at":"{{Date}}"}""",
            await GetAsync("bounces/twice@net.example"));
        Assert.Equal("twice", AddressesOf(await ListAsync(Root + "bounces?term=twice")));
    }

    [Fact]
    public async Task Unsubscription_FromMoreTags_AddsThem_AndOneMayGo()
    {
        await PostAsync("unsubscribes", $"address=t@net.example&tags=news&created_at={Date}");
        await PostAsync("unsubscribes", $"address=t@net.example&tag=NEWS&tag=x&created_at={Date}");
        Assert.Equal(
            $$"""200 {"address":"t@net.example","tags":["news","x"],"created_at":"{{Date}}"}""",
            await GetAsync("unsubscribes/t@net.example"));
        Assert.StartsWith("200 ", await DeleteAsync("unsubscribes/t@net.example?tag=News"));
        Assert.StartsWith("404 ", await DeleteAsync("unsubscribes/t@net.example?tag=news"));
        Assert.Equal(
            $$"""200 {"address":"t@net.example","tags":["x"],"created_at":"{{Date}}"}""",
            await GetAsync("unsubscribes/t@net.example"));
        Assert.StartsWith("200 ", await DeleteAsync("unsubscribes/t@net.example?tag=x"));
        Assert.StartsWith("404 ", await GetAsync("unsubscribes/t@net.example"));
    }

    [Theory]
    [InlineData("bounces/p+q@net.example")]
    [InlineData("bounces/p%2Bq%40net.example")]
    public async Task Path_IsDecodedOnce_AndAPlusStaysOne(string path)
    {
        await PostAsync("bounces", "address=p+q@net.example");
        Assert.Contains("\"address\":\"p+q@net.example\"", await GetAsync(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "bounces", """[{"address":"j1@net.example","code":"551"},{"address":"j2@net.example","code":552}]""",
        "2 addresses have been added to the bounces table")]
    [InlineData(
        "unsubscribes", """[{"address":"j1@net.example","tags":["a","b"]},{"address":"j2@net.example"}]""",
        "2 addresses have been added to the unsubscribes table")]
    [InlineData(
        "complaints", """[{"address":"j1@net.example","created_at":1700000000.5}]""",
        "1 complaint addresses have been added to the complaints table")]
    public async Task Array_IsAddedAtOnce(string list, string json, string message)
    {
        Assert.Equal($$"""200 {"message":"{{message}}"}""", await PostJsonAsync(list, json));
        Assert.StartsWith("200 ", await GetAsync($"{list}/j1@net.example"));
    }

    [Fact]
    public async Task Array_MayHoldAThousand()
    {
        static string Of(int count) => "[" + string.Join(',', Enumerable.Range(0, count).Select(i =>
            string.Create(CultureInfo.InvariantCulture, $$"""{"address":"k{{i}}@net.example"}"""))) + "]";
        Assert.Equal(
            """400 {"message":"Batch size should be less than 1000"}""",
            await PostJsonAsync("complaints", Of(1001)));
        Assert.StartsWith("404 ", await GetAsync("complaints/k0@net.example"));
        Assert.Contains("1000 complaint addresses", await PostJsonAsync("complaints", Of(1000)),
            StringComparison.Ordinal);
        Assert.StartsWith("200 ", await GetAsync("complaints/k999@net.example"));
    }

    [Theory]
    [InlineData("bounces", "x=y", "Missing mandatory parameter: address")]
    [InlineData("whitelists", "x=y", "Missing mandatory parameter: address/domain")]
    [InlineData("bounces", "address=nobody", "Invalid format for parameter address: nobody")]
    [InlineData("whitelists", "domain=a@b.example", "Invalid format for parameter domain: a@b.example")]
    [InlineData("bounces", "address=w@net.example&code=5x", "Invalid format for parameter code: 5x")]
    [InlineData(
        "complaints", "address=w@net.example&created_at=now", "Invalid format for parameter created_at: now")]
    [InlineData("unsubscribes", "address=w@net.example&tag=안녕", "Invalid format for parameter tag: ??")]
    public async Task Entry_ThatIsWrong_Is400AndChangesNothing(string list, string fields, string message)
    {
        Assert.Equal($$"""400 {"message":"{{message}}"}""", await PostAsync(list, fields));
        Assert.StartsWith("404 ", await GetAsync($"{list}/w@net.example"));
    }

    [Fact]
    public async Task Array_WithOneThatIsWrong_ChangesNothing()
    {
        Assert.Equal(
            """400 {"message":"Invalid format for parameter address: nobody"}""",
            await PostJsonAsync("bounces", """[{"address":"v@net.example"},{"address":"nobody"}]"""));
        Assert.StartsWith("404 ", await GetAsync("bounces/v@net.example"));
        Assert.StartsWith("400 {\"message\":\"Invalid json: ", await PostJsonAsync("bounces", "[{"));
        Assert.StartsWith("400 {\"message\":\"Invalid json: ", await PostJsonAsync("bounces", "[1]"));
    }

    [Fact]
    public async Task Pages_FollowEachOther_ToAnEmptyOneAndBack()
    {
        for (var i = 0; i < 5; i++)
            await PostAsync("bounces", $"address=page{i}@net.example");
        var (seen, url) = (new List<string>(), Root + "bounces?limit=2&term=PAGE");
        var page = await ListAsync(url);
        var before = "";
        while (page["items"]!.AsArray().Count > 0)
        {
            seen.Add(AddressesOf(page));
            Assert.All((string[])["first", "last", "next", "previous"], name => Assert.True(
                Uri.IsWellFormedUriString((string)page["paging"]![name]!, UriKind.Absolute)));
            before = (string)page["paging"]!["previous"]!;
            page = await ListAsync((string)page["paging"]!["next"]!);
        }
        Assert.Equal(["page0 page1", "page2 page3", "page4"], seen);
        Assert.Equal("page2 page3", AddressesOf(await ListAsync(before)));
        Assert.Equal("page3 page4", AddressesOf(await ListAsync((string)page["paging"]!["last"]!)));
        Assert.Equal("page0 page1", AddressesOf(await ListAsync((string)page["paging"]!["first"]!)));
        Assert.EndsWith(
            "/v3/mg.example.org/bounces?limit=2&term=PAGE&page=next&address=page4@net.example",
            (string)page["paging"]!["next"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bounces?limit=1001", "The 'limit' parameter can't be larger than 1000")]
    [InlineData("bounces?page=next&address=nobody", "Invalid parameter: pivot nobody")]
    public async Task Page_ThatIsWrong_Is400(string path, string message) =>
        Assert.Equal($$"""400 {"message":"{{message}}"}""", await GetAsync(path));

    [Fact]
    public async Task Import_TakesWhatItCanRead()
    {
        Assert.Equal(
            """202 {"message":"file uploaded successfully for processing. standby..."}""",
            await ImportAsync(
                "bounces",
                "\uFEFFaddress,code,error,created_at\r\n"
                + $"i1@net.example,551,\"no, \"\"such\"\" user\",\"{Date}\"\r\n\r\n"
                + "nobody,550,,\n"
                + "i2@net.example\n"
                + $"i3@net.example,550,{new string('x', 20_000)},\n"
                + "i4@net.example,,,"));
        Assert.Equal(
            """200 {"address":"i1@net.example","code":"551","error":"no, \"such\" user","created_at":"""
                + $"\"{Date}\"}}",
            await GetAsync("bounces/i1@net.example"));
        Assert.Equal("i1 i2 i4", AddressesOf(await ListAsync(Root + "bounces?term=i")));
    }

    [Fact]
    public async Task Import_OfEachList_HasItsColumns()
    {
        await ImportAsync("unsubscribes", "address,tags\nc1@net.example,\"a,b\"\nc2@net.example,\n");
        await ImportAsync("whitelists", "domain,address,reason\nc.example,,ours\n,c@net.example,\n");
        Assert.Contains("\"tags\":[\"a\",\"b\"]", await GetAsync("unsubscribes/c1@net.example"),
            StringComparison.Ordinal);
        Assert.Contains("\"tags\":[\"*\"]", await GetAsync("unsubscribes/c2@net.example"),
            StringComparison.Ordinal);
        Assert.Contains("\"reason\":\"ours\"", await GetAsync("whitelists/c.example"),
            StringComparison.Ordinal);
        Assert.StartsWith("200 ", await GetAsync("whitelists/c@net.example"));
    }

    [Theory]
    [InlineData("", "the first line of file names no column address")]
    [InlineData("i9@net.example\n", "the first line of file names no column address")]
    public async Task Import_WithoutColumns_Is400(string csv, string message) =>
        Assert.Equal($$"""400 {"message":"{{message}}"}""", await ImportAsync("bounces", csv));

    [Fact]
    public async Task Import_WithoutFile_Is400() => Assert.Equal(
        """400 {"message":"Missing mandatory parameter: file"}""", await PostAsync("bounces/import", "x=y"));

    [Theory]
    [InlineData("bounces", "Bounced addresses for this domain have been removed")]
    [InlineData("unsubscribes", "Unsubscribe addresses for this domain have been removed")]
    [InlineData("complaints", "Complaint addresses for this domain have been removed")]
    [InlineData("whitelists", "Allowlist addresses/domains for this domain have been removed")]
    public async Task Emptying_TakesOneListOfOneDomain(string list, string message)
    {
        var other = $"v3/other.example.org/{list}";
        await PostAsync(list, "address=z@net.example");
        foreach (var address in (string[])["y@net.example", "z@net.example"])
            await AskAsync(HttpMethod.Post, other, new FormUrlEncodedContent(
                [new("address", address)]), "key-other");
        Assert.Equal(
            $$"""200 {"message":"{{message}}"}""",
            await AskAsync(HttpMethod.Delete, other, key: "key-other"));
        Assert.StartsWith(
            """200 {"items":[],"paging":{"first":"http://""",
            await AskAsync(HttpMethod.Get, other, key: "key-other"));
        Assert.StartsWith("200 ", await GetAsync($"{list}/z@net.example"));
    }

    [Theory]
    [InlineData("GET", "bounces")]
    [InlineData("POST", "bounces")]
    [InlineData("DELETE", "bounces")]
    [InlineData("POST", "complaints/import")]
    [InlineData("GET", "unsubscribes/a@net.example")]
    [InlineData("DELETE", "whitelists/a.example")]
    public async Task Key_OfAnotherDomain_OpensNothing(string method, string path) => Assert.Equal(
        "401 Forbidden", await AskAsync(new HttpMethod(method), Root + path, key: "key-other"));

    [Fact]
    public async Task Key_OfTheAccount_OpensAllOfThem()
    {
        Assert.StartsWith("200 ", await AskAsync(HttpMethod.Get, Root + "bounces", key: "key-account"));
        Assert.Equal(
            """404 {"message":"Domain not found: no.example"}""",
            await AskAsync(HttpMethod.Get, "v3/no.example/bounces", key: "key-account"));
    }

    [Theory]
    [InlineData("bounces", "suppress-bounce", 605, "Not delivering to previously bounced address")]
    [InlineData("unsubscribes", "suppress-unsubscribe", 606, "Not delivering to unsubscribed address")]
    [InlineData(
        "complaints", "suppress-complaint", 607, "Not delivering to a user who marked your messages as spam")]
    public async Task Mail_ToWhomIsOnTheList_IsQueuedAndFails(
        string list, string reason, int code, string description)
    {
        await PostAsync(list, $"address={list}@net.example");
        var queued = await PostAsync(
            "messages", $"from=a@shop.example&to={list}@net.example&subject=x&text=x");
        Assert.Contains("\"message\":\"Queued. Thank you.\"", queued, StringComparison.Ordinal);
        var events = await ListAsync($"{Root}events?event=failed&recipient={list}@net.example");
        var told = Assert.Single(events["items"]!.AsArray())!;
        Assert.Equal(
            ("permanent", reason, "error"),
            ((string)told["severity"]!, (string)told["reason"]!, (string)told["log-level"]!));
        Assert.Equal(
            $$"""{"attempt-no":1,"code":{{code}},"message":"","description":"{{description}}","""
                + "\"session-seconds\":0}",
            told["delivery-status"]!.ToJsonString());
        using var http = server.Socket("admin.sock");
        var queue = await http.GetStringAsync($"admin/v1/queue?recipient={list}@net.example", Cancel);
        Assert.DoesNotContain("\"state\":\"ready\"", queue, StringComparison.Ordinal);
        Assert.DoesNotContain("\"state\":\"active\"", queue, StringComparison.Ordinal);
        Assert.DoesNotContain("\"state\":\"deferred\"", queue, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_SurvivesARestart()
    {
        await using var own = new RunningServer();
        await own.InitializeAsync();
        using (var http = own.Api("key-mg"))
        {
            using var added = await http.PostAsync(
                Root + "bounces", new FormUrlEncodedContent([new("address", "r@net.example")]), Cancel);
            Assert.True(added.IsSuccessStatusCode);
        }
        await own.StopAsync();
        await own.InitializeAsync();
        using (var http = own.Api("key-mg"))
        {
            using var sent = await http.PostAsync(Root + "messages", new FormUrlEncodedContent(
                [new("from", "a@shop.example"), new("to", "r@net.example"), new("text", "x")]), Cancel);
            Assert.True(sent.IsSuccessStatusCode);
            var events = await http.GetFromJsonAsync<JsonNode>(Root + "events?event=failed", Cancel);
            Assert.Equal("suppress-bounce", (string)Assert.Single(events!["items"]!.AsArray())!["reason"]!);
        }
    }
}
