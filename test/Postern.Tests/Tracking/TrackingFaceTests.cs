using System.Net;
using System.Text.RegularExpressions;
using MimeKit;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Tracking;
using Postern.Tests.Api;
using Postern.Tests.Api.Mailgun;

namespace Postern.Tests.Tracking;

/// <summary>Where links in mail lead, and what follows: answers whole, events, suppressions.</summary>
public sealed partial class TrackingFaceTests : IAsyncLifetime
{
    const string Target = "https://x.example/길?a=1&b=2";
    const string Gone = "404 text/html; charset=utf-8";

    readonly RunningServer server = new() { Tracking = new TrackingOptions { Url = TrackedMail.Root } };

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [GeneratedRegex("\"(id|remote-event-id|queue-id)\":\"[^\"]+\"")]
    static partial Regex Ids { get; }

    [GeneratedRegex("\"(timestamp|told-at)\":[0-9.]+")]
    static partial Regex Moments { get; }

    [GeneratedRegex("\"message-id\":\"[^\"]+\"")]
    static partial Regex MessageIds { get; }

    async Task<HttpResponseMessage> AskAsync(
        string method, string path, HttpContent? content = null, string listener = "http",
        params (string Name, string Value)[] headers)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var request = new HttpRequestMessage(
            new HttpMethod(method), $"http://{server.AddressOf(listener)}/{path}");
        request.Content = content;
        request.Headers.Host = "links.example.org";
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await http.SendAsync(request, Cancel);
    }

    async Task<string> StatusAsync(string method, string path, string listener = "http")
    {
        using var answer = await AskAsync(method, path, listener: listener);
        return $"{(int)answer.StatusCode} {answer.Content.Headers.ContentType}";
    }

    async Task<IReadOnlyList<string>> EventsAsync(string kind)
    {
        using var http = server.Api("key-mg");
        var answer = await ApiCall.GetAsync(http, $"v3/mg.example.org/events?event={kind}&ascending=yes");
        using var json = System.Text.Json.JsonDocument.Parse(answer[4..]);
        return [.. json.RootElement.GetProperty("items").EnumerateArray().Select(item => MessageIds.Replace(
            Moments.Replace(Ids.Replace(item.GetRawText(), "\"$1\":\"ID\""), "\"$1\":0"),
            "\"message-id\":\"ID\""))];
    }

    async Task<string> SuppressionAsync(string address)
    {
        using var http = server.Api("key-mg");
        return await ApiCall.GetAsync(http, $"v3/mg.example.org/unsubscribes/{address}");
    }

    async Task<MimeMessage> SendAsync(params string[] fields) =>
        Assert.Single(await server.SendAsync(["o:tag", "news", .. fields]));

    async Task<string> ClickPathAsync() => Assert.Single(TrackedMail.PathsOf((await SendAsync(
        "html", $"<a href=\"{Target}\">x</a>", "o:tracking-clicks", "yes")).HtmlBody, 'c'));

    async Task<string> OpenPathAsync() => Assert.Single(TrackedMail.PathsOf((await SendAsync(
        "html", "<p>hi", "o:tracking-opens", "yes")).HtmlBody, 'o'));

    async Task<string> UnsubscribePathAsync(string mark = "%unsubscribe_url%") => Assert.Single(
        TrackedMail.PathsOf((await SendAsync("text", mark, "v:order", "17")).TextBody, 'u'));

    static string Event(string kind, string more, string client) =>
        $$"""{"event":"{{kind}}","id":"ID","timestamp":0,"log-level":"info","recipient":"bob@net.example","""
        + "\"recipient-domain\":\"net.example\",\"envelope\":{\"transport\":\"smtp\","
        + "\"sender\":\"ann@mg.example.org\",\"targets\":\"bob@net.example\"},\"ip\":\"127.0.0.1\","
        + $"\"client-info\":{{{client}}},{more}"
        + "\"message\":{\"headers\":{\"message-id\":\"ID\"},\"attachments\":[]},"
        + "\"flags\":{\"is-routed\":false,\"is-system-test\":false,\"is-test-mode\":false},"
        + "\"tags\":[\"news\"],\"campaigns\":[],\"user-variables\":VARIABLES,"
        + "\"postern\":{\"queue-id\":\"ID\",\"recipient-number\":1,\"route\":\"api\",\"transport\":\"relay\","
        + "\"told-by\":\"tracking\",\"told-at\":0,\"remote-event-id\":\"ID\"}}";

    const string NoClient = "\"client-type\":\"unknown\",\"client-os\":\"unknown\","
        + "\"device-type\":\"unknown\",\"client-name\":\"unknown\",\"user-agent\":\"\",\"bot\":\"\"";

    [Fact]
    public async Task Click_LeadsToTheTarget_AndIsAnEvent()
    {
        using var answer = await AskAsync("GET", await ClickPathAsync(), headers: ("User-Agent",
            "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"));
        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        Assert.Equal(
            "https://x.example/%EA%B8%B8?a=1&b=2", answer.Headers.GetValues("Location").Single());
        Assert.Equal("no-referrer", answer.Headers.GetValues("Referrer-Policy").Single());
        Assert.True(answer.Headers.CacheControl!.NoStore);
        Assert.Equal(
            [Event("clicked", $"\"url\":\"{Target}\",",
                "\"client-type\":\"browser\",\"client-os\":\"windows\",\"device-type\":\"desktop\","
                + "\"client-name\":\"firefox\",\"user-agent\":"
                + "\"Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0\",\"bot\":\"\"")
                .Replace("VARIABLES", "{}", StringComparison.Ordinal)],
            await EventsAsync("clicked"));
    }

    [Fact]
    public async Task Pixel_IsAPicture_AndItsOpeningAnEvent()
    {
        using var answer = await AskAsync("GET", await OpenPathAsync());
        Assert.Equal("image/gif", answer.Content.Headers.ContentType!.ToString());
        Assert.True(answer.Headers.CacheControl!.NoStore);
        var picture = await answer.Content.ReadAsByteArrayAsync(Cancel);
        Assert.Equal("GIF89a\u0001\0\u0001\0"u8, picture.AsSpan(0, 10));
        Assert.Equal(0x3b, picture[^1]);
        Assert.Equal(
            [Event("opened", "", NoClient).Replace("VARIABLES", "{}", StringComparison.Ordinal)],
            await EventsAsync("opened"));
    }

    [Theory]
    [InlineData("HEAD", "Accept", "*/*")]
    [InlineData("GET", "Sec-Purpose", "prefetch;prerender")]
    [InlineData("GET", "X-Moz", "prefetch")]
    public async Task Links_ThatNobodyFollowed_RecordNothing(string method, string field, string value)
    {
        using var click = await AskAsync(method, await ClickPathAsync(), headers: (field, value));
        using var open = await AskAsync(method, await OpenPathAsync(), headers: (field, value));
        Assert.Equal((302, 200), ((int)click.StatusCode, (int)open.StatusCode));
        Assert.Empty(await EventsAsync("clicked"));
        Assert.Empty(await EventsAsync("opened"));
    }

    [Fact]
    public async Task Links_FollowedVeryOften_AnswerTheSame_AndRecordSoManyInAnHour()
    {
        var path = await ClickPathAsync();
        for (var i = 0; i < 25; i++)
            Assert.Equal("302 text/plain", await StatusAsync("GET", path));
        Assert.Equal(20, (await EventsAsync("clicked")).Count);
    }

    [Fact]
    public async Task Links_ThatAreNotOurs_AreOnePage()
    {
        var click = await ClickPathAsync();
        var open = await OpenPathAsync();
        var stop = await UnsubscribePathAsync();
        string[] bad =
        [
            $"c/{click[2..^1]}", $"c/{open[2..]}", $"c/{stop[2..]}", $"o/{click[2..]}", $"o/{stop[2..]}",
            $"u/{click[2..]}", $"u/{open[2..]}", "c/x", "o/..%2Fx", "u/%ED%95%9C",
            "c/https:%2F%2Fevil.example%2F", $"c/{new string('A', 5000)}",
        ];
        foreach (var path in bad)
            Assert.Equal((path, Gone), (path, await StatusAsync("GET", path)));
        Assert.Equal(Gone, await StatusAsync("POST", $"u/{open[2..]}"));
        Assert.Empty(await EventsAsync("clicked OR opened OR unsubscribed"));
    }

    [Fact]
    public async Task Listener_ThatDoesNotServeThem_SaysSo_AndTheHostOfLinksOpensNothingElse()
    {
        var path = await OpenPathAsync();
        Assert.Equal(
            "404 application/json; charset=utf-8", await StatusAsync("GET", path, "only-metrics"));
        foreach (var other in (string[])["v3/domains", "admin/v1/queue", "metrics", "health/live", ""])
            Assert.Equal(
                (other, "421 application/json; charset=utf-8"), (other, await StatusAsync("GET", other)));
    }

    [Theory]
    [InlineData("en-US,en;q=0.9,ko;q=0.8", "en", "Stop sending mail of this kind to bob@net.example?")]
    [InlineData("", "en", "Stop sending mail of this kind to bob@net.example?")]
    [InlineData("fr, ko-KR;q=0.5", "ko", "bob@net.example 주소로 이런 메일을 더 이상 받지 않으시겠습니까?")]
    public async Task Page_AsksInTheReadersLanguage_AndChangesNothing(
        string wanted, string language, string question)
    {
        using var answer = await AskAsync(
            "GET", await UnsubscribePathAsync(), headers: ("Accept-Language", wanted));
        var page = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.Contains($"<html lang=\"{language}\">", page, StringComparison.Ordinal);
        Assert.Contains($"<p>{question}</p><form method=\"post\"><button>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.StartsWith(
            "default-src 'none'; style-src 'sha256-",
            answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.StartsWith("404 ", await SuppressionAsync("bob@net.example"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_OfAnOddAddress_EscapesIt()
    {
        var sent = await server.SendAsync(
            "to", "\"<script>alert(1)</script>\"@net.example", "text", "%unsubscribe_url%");
        using var answer = await AskAsync(
            "GET", Assert.Single(TrackedMail.PathsOf(Assert.Single(sent).TextBody, 'u')));
        Assert.Contains(
            "&lt;script&gt;", await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("List-Unsubscribe=One-Click")]
    public async Task OneClick_Unsubscribes_Once(string body)
    {
        var path = await UnsubscribePathAsync();
        for (var i = 0; i < 2; i++)
        {
            using var answer = await AskAsync("POST", path, new StringContent(
                body, System.Text.Encoding.UTF8, "application/x-www-form-urlencoded"));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains(
                "bob@net.example gets no more mail of this kind.",
                await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        }
        Assert.Equal(
            """200 {"address":"bob@net.example","tags":["*"],"created_at":"DATE"}""",
            await SuppressionAsync("bob@net.example"));
        Assert.Equal(
            [Event("unsubscribed", "", NoClient)
                .Replace("VARIABLES", """{"order":"17"}""", StringComparison.Ordinal)],
            await EventsAsync("unsubscribed"));
    }

    [Fact]
    public async Task OneClick_OfTheTags_AddsThemToThoseThatAreKnown()
    {
        using (var http = server.Api("key-mg"))
            await ApiCall.SendAsync(
                http, "POST", "v3/mg.example.org/unsubscribes",
                "address", "bob@net.example", "tag", "offers");
        using var answer = await AskAsync("POST", await UnsubscribePathAsync("%tag_unsubscribe_url%"));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(
            """200 {"address":"bob@net.example","tags":["offers","news"],"created_at":"DATE"}""",
            await SuppressionAsync("bob@net.example"));
    }

    [Fact]
    public async Task OneClick_AfterTheAddressWasTakenOff_CountsAgain()
    {
        var path = await UnsubscribePathAsync();
        using (await AskAsync("POST", path))
        using (var http = server.Api("key-mg"))
            await ApiCall.SendAsync(http, "DELETE", "v3/mg.example.org/unsubscribes/bob@net.example");
        using (await AskAsync("POST", path))
            Assert.StartsWith("200 ", await SuppressionAsync("bob@net.example"), StringComparison.Ordinal);
        Assert.Equal(2, (await EventsAsync("unsubscribed")).Count);
    }

    [Fact]
    public async Task Links_AfterARestart_LeadOn()
    {
        var (click, stop) = (await ClickPathAsync(), await UnsubscribePathAsync());
        await server.RestartAsync();
        Assert.Equal("302 text/plain", await StatusAsync("GET", click));
        Assert.Equal("200 text/html; charset=utf-8", await StatusAsync("POST", stop));
        Assert.Single(await EventsAsync("clicked"));
        Assert.StartsWith("200 ", await SuppressionAsync("bob@net.example"), StringComparison.Ordinal);
    }

    /// <summary>Its events are swept away one day, and the reader still has it.</summary>
    [Fact]
    public async Task Links_OfAMessageThatNobodyKnowsAnyMore_LeadOn()
    {
        var token = new TrackingToken(
            TrackingKind.Click, new QueueId(5), 1, DateTimeOffset.UnixEpoch, "https://x.example/");
        var tokens = server.Agent.TrackingTokens!;
        Assert.Equal("302 text/plain", await StatusAsync("GET", $"c/{tokens.Make(token)}"));
        Assert.Empty(await EventsAsync("clicked"));
        Assert.Equal("200 text/html; charset=utf-8", await StatusAsync("POST", $"u/{tokens.Make(token with
        {
            Kind = TrackingKind.UnsubscribeTags,
            Text = new Subscriber("mg.example.org", "old@net.example").ToString(),
        })}"));
        Assert.StartsWith(
            """200 {"address":"old@net.example","tags":["*"],""", await SuppressionAsync("old@net.example"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_WhereNoneWereEverMade_AreNotOurs()
    {
        await using var none = new RunningServer();
        await none.InitializeAsync();
        using var http = none.Http("http", withToken: false);
        using var answer = await http.GetAsync(await ClickPathAsync(), Cancel);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }
}
