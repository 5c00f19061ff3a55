using System.Net.Http.Headers;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Tests.Transports.Mailgun;

/// <summary>Mailgun's lists, read by pages and written by batches.</summary>
public sealed class MailgunSuppressionsTests : IDisposable
{
    const string Home = "https://api.mailgun.net/v3/mg.example/";

    static readonly DateTimeOffset Now = new(2026, 7, 1, 10, 0, 0, TimeSpan.Zero);

    static readonly TransportOptions Options = new()
    {
        Kind = TransportKind.Mailgun,
        Domain = "mg.example",
        Key = new Secret("env:KEY", "key-1"),
    };

    readonly ScriptedApi api = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => api.Dispose();

    MailgunTransport Transport() => new("mailgun", Options, new FakeTimeProvider(Now), api);

    async Task<SuppressionAnswer> ReadAsync(SuppressionKind kind, string? place = null)
    {
        await using var transport = Transport();
        return await transport.ReadSuppressionsAsync(kind, place, Cancel);
    }

    static string Page(string items, string next) =>
        $$"""{"items":[{{items}}],"paging":{"next":"{{next}}"} }""";

    [Fact]
    public async Task Bounces_AreRead_AndWhatCannotBeUnderstoodIsCounted()
    {
        api.Answer(200, Page(
            """
            {"address":"A@Net.example","code":"551","error":"gone",
             "created_at":"Wed, 01 Jul 2026 09:00:00 UTC"},
            {"address":"b@net.example","code":450},{"address":"no address"},{"code":"550"},7,
            {"address":"c@net.example","code":"5.1.1","error":"\ud800","created_at":"someday"}
            """,
            Home + "bounces?page=next&address=c%40net.example&limit=300"));
        var found = Assert.IsType<SuppressionAnswer.Found>(await ReadAsync(SuppressionKind.Bounce));
        Assert.Equal(Home + "bounces?limit=300", Assert.Single(api.Requests).Address);
        Assert.Equal(
            [("a@net.example", "551", "gone"), ("b@net.example", "450", ""), ("c@net.example", "550", "")],
            found.Entries.Select(entry => (entry.Name, entry.Value.Code!, entry.Value.Error!)));
        Assert.Equal([Now.AddHours(-1), Now, Now], found.Entries.Select(entry => entry.Value.Since));
        Assert.Equal((3, "page=next&address=c%40net.example&limit=300"), (found.Unread, found.Next));
    }

    [Fact]
    public async Task Unsubscribes_KeepTheirTags_AndComplaintsHaveNone()
    {
        api.Answer(200, Page(
                """
                {"address":"a@net.example","tags":["news","NEWS",7,"소식"]},{"address":"b@net.example"}
                """, ""))
            .Answer(200, Page("""{"address":"c@net.example"}""", ""));
        var found = Assert.IsType<SuppressionAnswer.Found>(await ReadAsync(SuppressionKind.Unsubscribe));
        Assert.Equal(["news", "*"], found.Entries.SelectMany(entry => entry.Value.Tags!));
        found = Assert.IsType<SuppressionAnswer.Found>(await ReadAsync(SuppressionKind.Complaint));
        Assert.Null(Assert.Single(found.Entries).Value.Tags);
    }

    [Theory]
    [InlineData("", "https://api.mailgun.net/v3/mg.example/bounces?page=next")]
    [InlineData("""{"address":"a@net.example"}""", "https://evil.example/v3/mg.example/complaints?page=next")]
    [InlineData("""{"address":"a@net.example"}""", "https://api.mailgun.net/v3/mg.example/bounces")]
    [InlineData("""{"address":"a@net.example"}""", "https://api.mailgun.net/v3/mg.example/bounces?here")]
    public async Task LastPage_IsAnEmptyOne_OrWhoseNextIsNoneOfTheList(string items, string next)
    {
        api.Answer(200, Page(items, next));
        var found = Assert.IsType<SuppressionAnswer.Found>(await ReadAsync(SuppressionKind.Bounce, "here"));
        Assert.Null(found.Next);
        Assert.Equal(Home + "bounces?here", Assert.Single(api.Requests).Address);
    }

    [Theory]
    [InlineData(429, 7)]
    [InlineData(420, null)]
    [InlineData(503, null)]
    public async Task Refusal_ForNow_SaysWhen(int status, int? seconds)
    {
        api.Answer(status, "busy", headers => headers.RetryAfter = seconds is { } delay
            ? new RetryConditionHeaderValue(TimeSpan.FromSeconds(delay)) : null);
        var later = Assert.IsType<SuppressionAnswer.NotNow>(await ReadAsync(SuppressionKind.Bounce));
        Assert.Equal(seconds, later.RetryAfter?.TotalSeconds);
        Assert.Equal(
            $"host api.mailgun.net said: {status} busy (in reply to GET bounces)", later.Why);
    }

    [Fact]
    public async Task BrokenCall_AndWhatIsNoList_AreForNow()
    {
        api.BreakBeforeReading(new HttpRequestException("no route")).Answer(200, "{}");
        Assert.Contains("no route", Assert.IsType<SuppressionAnswer.NotNow>(
            await ReadAsync(SuppressionKind.Bounce)).Why);
        Assert.IsType<SuppressionAnswer.NotNow>(await ReadAsync(SuppressionKind.Bounce));
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(400)]
    public async Task Refusal_OfTheKeyOrTheDomain_IsOne(int status)
    {
        api.Answer(status, "no");
        Assert.IsType<SuppressionAnswer.Refused>(await ReadAsync(SuppressionKind.Bounce));
    }

    [Theory]
    [InlineData(SuppressionKind.Bounce, "bounces", """
        [{"address":"a@net.example","code":"551","error":"gone","created_at":"Wed, 01 Jul 2026 10:00:00 UTC"}]
        """)]
    [InlineData(SuppressionKind.Unsubscribe, "unsubscribes", """
        [{"address":"a@net.example","tags":["*"],"created_at":"Wed, 01 Jul 2026 10:00:00 UTC"}]
        """)]
    [InlineData(SuppressionKind.Complaint, "complaints", """
        [{"address":"a@net.example","created_at":"Wed, 01 Jul 2026 10:00:00 UTC"}]
        """)]
    public async Task Batch_IsAnArrayOfJson(SuppressionKind kind, string list, string expected)
    {
        api.Do(async (asked, cancel) =>
        {
            await asked.ReadAsync(cancel);
            return ScriptedApi.Make(200, """{"message":"1 addresses have been added"}""");
        }).Answer(429, "busy");
        var entry = new Named<Suppression>(
            "a@net.example", new Suppression { Since = Now, Code = "551", Error = "gone" });
        await using var transport = Transport();
        Assert.IsType<SuppressionAnswer.Taken>(
            await transport.WriteSuppressionsAsync(kind, [entry], Cancel));
        var request = Assert.Single(api.Requests);
        Assert.Equal(("POST", Home + list, expected.Trim()), (request.Method, request.Address, request.Text));
        Assert.IsType<SuppressionAnswer.NotNow>(
            await transport.WriteSuppressionsAsync(kind, [entry], Cancel));
    }
}
