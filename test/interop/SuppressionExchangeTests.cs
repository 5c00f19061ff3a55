using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Postern.Interop;

/// <summary><c>postern suppression pull</c> and <c>push</c> between the real program and the double of
/// Mailgun.</summary>
public sealed class SuppressionExchangeTests : IAsyncLifetime
{
    const string Domain = "shop.test";

    readonly PosternProcess postern = new("");
    MailgunDouble mailgun = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        mailgun = await MailgunDouble.StartAsync();
        postern.Settings = $"""
            {mailgun.Transport("file:" + postern.Directory.WriteSecret("mailgun.key", "key-right"))}
            [domains."{Domain}"]
            api-keys = ["file:{postern.Directory.WriteSecret("api.key", "key")}"]

            [transports.relay]
            kind = "smtp"
            host = "[127.0.0.1]:1"

            [[routes]]
            name = "everything"
            via = ["mailgun"]
            """;
        await postern.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await postern.DisposeAsync();
        await mailgun.DisposeAsync();
    }

    static MailgunFault.Answer Refusal(int status, string text, string? retryAfter = null) =>
        new(status, new JsonObject { ["message"] = text }.ToJsonString(), retryAfter);

    static string Numbered(int number) => string.Create(
        CultureInfo.InvariantCulture, $"b{number:D4}@net.test");

    /// <summary>Puts them onto a list of ours.</summary>
    async Task AddAsync(string list, IEnumerable<JsonObject> entries)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String("api:key"u8));
        foreach (var batch in entries.Chunk(1000))
        {
            using var body = new StringContent(
                new JsonArray([.. batch]).ToJsonString(), Encoding.UTF8, "application/json");
            using var answer = await http.PostAsync(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"http://127.0.0.1:{postern.Port("http")}/v3/{Domain}/{list}"),
                body, Cancel);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
        }
    }

    Task<Command> RunAsync(params string[] arguments) => postern.CommandAsync(["suppression", .. arguments]);

    [Fact]
    public async Task Pull_AddsWhatIsLacking_WaitsWhenTold_AndMayBeRepeated()
    {
        for (var i = 0; i < 700; i++)
            mailgun.Add("bounces", Numbered(i), entry => entry["error"] = "of the provider");
        mailgun.Add("bounces", "no address");
        mailgun.Add("unsubscribes", "u@net.test", entry => entry["tags"] = new JsonArray("news", "other"));
        mailgun.Add("complaints", "c@net.test");
        await AddAsync("bounces", [new JsonObject { ["address"] = Numbered(0), ["error"] = "ours" }]);
        await AddAsync("unsubscribes", [new JsonObject { ["address"] = "u@net.test", ["tag"] = "news" }]);
        await AddAsync("complaints", [new JsonObject { ["address"] = "kept@net.test" }]);
        mailgun.ListFaults.Enqueue(null);
        mailgun.ListFaults.Enqueue(Refusal(429, "Too Many Requests", retryAfter: "1"));
        var run = (await RunAsync("pull", "mailgun", "--domain", Domain)).Succeeded();
        Assert.Equal(
            """
            bounces: 701 read, 699 added, 1 not understood
            unsubscribes: 1 read, 1 added
            complaints: 1 read, 1 added
            """, run.Output.Trim());
        Assert.Contains("429 Too Many Requests (in reply to GET bounces); again in 1 s", run.Error);
        Assert.EndsWith("from mailgun  550 of the provider", await ListedAsync(Numbered(1)));
        Assert.EndsWith("550 ours", await ListedAsync(Numbered(0)));
        Assert.Contains("tags news other", await ListedAsync("u@net.test"));
        Assert.NotEqual("", await ListedAsync("kept@net.test"));
        Assert.Equal(
            "bounces: 701 read, 0 added, 1 not understood",
            (await RunAsync("pull", "mailgun", "--domain", Domain)).Succeeded().Output.Split('\n')[0]);
    }

    async Task<string> ListedAsync(string address) =>
        (await RunAsync("list", address)).Succeeded().Output.Trim();

    [Fact]
    public async Task Push_ThatBrokeOff_GoesOnFromItsPlace_AndMayBeRepeated()
    {
        await AddAsync("bounces", Enumerable.Range(0, 1200).Select(
            i => new JsonObject { ["address"] = Numbered(i), ["code"] = "551", ["error"] = "gone" }));
        await AddAsync("complaints", [new JsonObject { ["address"] = "c@net.test" }]);
        mailgun.Add("bounces", "theirs@net.test");
        mailgun.ListFaults.Enqueue(null);
        mailgun.ListFaults.Enqueue(Refusal(401, "Forbidden"));
        var broken = await RunAsync("push", "mailgun", "--domain", Domain);
        Assert.NotEqual(0, broken.ExitCode);
        Assert.Contains($"go on with: --from \"bounces {Numbered(499)}\"", broken.Error);
        var rest = (await RunAsync(
            "push", "mailgun", "--domain", Domain, "--from", $"bounces {Numbered(499)}")).Succeeded();
        Assert.Equal(
            """
            bounces: 700 pushed
            unsubscribes: 0 pushed
            complaints: 1 pushed
            """, rest.Output.Trim());
        Assert.Equal([500, 500, 200, 1], mailgun.Batches);
        Assert.Equal(1201, mailgun.Lists["bounces"].Count);
        Assert.Equal("551", (string?)mailgun.Lists["bounces"][Numbered(700)]["code"]);
        (await RunAsync("push", "mailgun", "--domain", Domain)).Succeeded();
        Assert.Equal(1201, mailgun.Lists["bounces"].Count);
    }

    [Theory]
    [InlineData("there is no such transport", "nobody", Domain)]
    [InlineData("relay has no lists to exchange", "relay", Domain)]
    [InlineData("this domain is not configured", "mailgun", "else.test")]
    [InlineData("this domain is not configured", "mailgun", null)]
    public async Task Exchange_ThatCannotBe_SaysWhy(string expected, string transport, string? domain)
    {
        string[] named = domain is null ? [] : ["--domain", domain];
        var run = await RunAsync(["pull", transport, .. named]);
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(expected, run.Error);
    }
}
