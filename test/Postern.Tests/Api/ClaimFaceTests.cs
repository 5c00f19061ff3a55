using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;

namespace Postern.Tests.Api;

/// <summary>Messages that were put aside, fetched by their links.</summary>
public sealed class ClaimFaceTests : IAsyncLifetime
{
    static readonly QueueId id = new(1_000_000);
    static readonly byte[] mail = Encoding.ASCII.GetBytes(
        "Subject: big\r\n\r\n" + string.Concat(Enumerable.Repeat("<script>x\r\n", 10_000)));

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("claims");
    readonly RunningServer server;

    public ClaimFaceTests() => server = new RunningServer
    {
        Claims = new TransportOptions
        {
            Kind = TransportKind.Webhook,
            Url = "http://127.0.0.1:1/",
            Key = new Secret("test:", "key"),
            ClaimDirectory = folder.FullName,
            ClaimUrl = "https://mx.example.org/claims",
        },
    };

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await server.InitializeAsync();
        await using var file = File.Create(Path.Combine(folder.FullName, $"{id}.eml"));
        await file.WriteAsync(mail, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Link_GivesTheMessageAsItIs()
    {
        using var answer = await AskAsync(HttpMethod.Get, Link(id));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(mail, await answer.Content.ReadAsByteArrayAsync(Cancel));
        Assert.Equal("message/rfc822", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(
            "nosniff|no-store, private|no-referrer|sandbox; default-src 'none'|bytes",
            string.Join('|', ((string[])["X-Content-Type-Options", "Cache-Control", "Referrer-Policy",
                "Content-Security-Policy", "Accept-Ranges"]).Select(
                    name => string.Join(", ", answer.Headers.GetValues(name)))));
        Assert.Equal("attachment", answer.Content.Headers.ContentDisposition!.ToString());
    }

    [Fact]
    public async Task Link_WithARange_GivesThatPart()
    {
        using var answer = await AskAsync(HttpMethod.Get, Link(id), new RangeHeaderValue(9, 11));
        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        Assert.Equal("big", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(
            string.Create(CultureInfo.InvariantCulture, $"bytes 9-11/{mail.Length}"),
            answer.Content.Headers.ContentRange!.ToString());
        using var beyond = await AskAsync(
            HttpMethod.Get, Link(id), new RangeHeaderValue(mail.Length, null));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
    }

    [Fact]
    public async Task Head_TellsTheSizeAlone()
    {
        using var answer = await AskAsync(HttpMethod.Head, Link(id));
        Assert.Equal(
            (HttpStatusCode.OK, (long?)mail.Length),
            (answer.StatusCode, answer.Content.Headers.ContentLength));
    }

    [Fact]
    public async Task Link_OfAMessageThatIsGone_IsNotFound()
    {
        File.Delete(Path.Combine(folder.FullName, $"{id}.eml"));
        Assert.Equal("404 the message is no longer here", await SayAsync(Link(id)));
    }

    [Fact]
    public async Task Link_ThatHasExpired_IsRefused() => Assert.Equal(
        "403 this link has expired", await SayAsync(Link(id, TimeSpan.FromSeconds(-1))));

    [Theory]
    [InlineData("{0}.eml")]
    [InlineData("{0}.eml?expires=99999999999&signature=AAAA")]
    [InlineData("{0}.eml.part{1}")]
    [InlineData("{0}{1}")]
    [InlineData("0000000000001.eml{1}")]
    [InlineData("..%2f{0}.eml{1}")]
    [InlineData("%2e%2e%2fadmin.token{1}")]
    [InlineData("%EA%B0%80.eml{1}")]
    public async Task Link_WithAnythingElse_IsRefused(string form)
    {
        var query = new Uri(Link(id)).Query;
        var path = string.Format(CultureInfo.InvariantCulture, form, id, query);
        Assert.Equal("403 this link was not made here", await SayAsync($"https://x/claims/{path}"));
    }

    [Fact]
    public async Task Listener_ThatDoesNotServeThem_SaysSo()
    {
        using var answer = await AskAsync(HttpMethod.Get, Link(id), listener: "only-metrics");
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Contains(
            "claims are not served on this listener", await answer.Content.ReadAsStringAsync(Cancel),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Link_OutlivesARestart()
    {
        var link = Link(id);
        await server.RestartAsync();
        using var answer = await AskAsync(HttpMethod.Get, link);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    string Link(QueueId message, TimeSpan? life = null) => server.Agent.ClaimLinks.Make(
        "https://mx.example.org/claims", message, life ?? TimeSpan.FromDays(1))!.Address;

    async Task<string> SayAsync(string link)
    {
        using var answer = await AskAsync(HttpMethod.Get, link);
        using var json = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancel));
        var text = json.RootElement.GetProperty("message").GetString();
        return string.Create(CultureInfo.InvariantCulture, $"{(int)answer.StatusCode} {text}");
    }

    async Task<HttpResponseMessage> AskAsync(
        HttpMethod method, string link, RangeHeaderValue? range = null, string listener = "http")
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(
            method, $"http://{server.AddressOf(listener)}{new Uri(link).PathAndQuery}");
        request.Headers.Host = "mx.example.org";
        request.Headers.Range = range;
        return await http.SendAsync(request, Cancel);
    }
}
