using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Postern.Interop;

/// <summary>The trace of a message, as a collector gets it from the real program.</summary>
public sealed class TraceTests : IAsyncLifetime
{
    const string SigningKey = "signing-key-of-the-traces";
    const string ApiKey = "key-right";
    const string Trace = "0af7651916cd43dd8448eb211c80319c";
    const string Parent = "b7ad6b7169203331";

    readonly PosternProcess postern = new("");
    MailgunDouble mailgun = null!;
    OtlpCollector collector = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        mailgun = await MailgunDouble.StartAsync();
        mailgun.FateOf = _ => MailgunFate.Delivered;
        collector = await OtlpCollector.StartAsync();
        var key = "file:" + postern.Directory.WriteSecret("mailgun.key", ApiKey);
        postern.Settings = $"""
            [telemetry]
            otlp = "{collector.Url}"
            headers = "file:{postern.Directory.WriteSecret("otlp.headers", "x-token=secret")}"

            [api]
            keys = ["{key}"]

            [domains."{MailgunDouble.Domain}"]
            api-keys = []

            {mailgun.Transport(key, "api", "2s")}
            signing-key = "file:{postern.Directory.WriteSecret("signing.key", SigningKey)}"

            [queue]
            uncertain-wait = "1s"

            [[routes]]
            name = "everything"
            via = ["api"]
            retry = ["1s"]
            """;
        await postern.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await postern.DisposeAsync();
        await mailgun.DisposeAsync();
        await collector.DisposeAsync();
    }

    Uri Http(string path) => new(string.Create(
        CultureInfo.InvariantCulture, $"http://127.0.0.1:{postern.Port("http")}/{path}"));

    async Task SendAsync()
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(
            HttpMethod.Post, Http($"v3/{MailgunDouble.Domain}/messages"))
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["from"] = $"a@{MailgunDouble.Domain}",
                ["to"] = "bob@dest.test",
                ["subject"] = "a secret",
                ["text"] = "x",
            }),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("api:" + ApiKey)));
        request.Headers.Add("traceparent", $"00-{Trace}-{Parent}-01");
        using var answer = await http.SendAsync(request, Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    Task CollectedAsync(params string[] names) => Eventually.TrueAsync(
        () => names.All(name => collector.Of(Trace).Any(span => span.Name == name)),
        $"the collector has {string.Join(", ", names)}",
        evidence: () => string.Join('\n', collector.Spans) + "\n" + postern.Said);

    [Fact]
    public async Task Message_FromTheApiToTheProvidersWebhook_IsOneTrace()
    {
        await using var hooks = new MailgunHooks(Http("hooks/api"), SigningKey, new Random(1));
        mailgun.Told = hooks.Add;
        hooks.Start();
        await SendAsync();
        await CollectedAsync("submit", "attempt", "provider event");
        Assert.All(collector.Spans, span => Assert.Equal(Trace, span.Trace));
        var submit = Assert.Single(collector.Of(Trace), span => span.Name == "submit");
        var attempt = Assert.Single(collector.Of(Trace), span => span.Name == "attempt");
        var told = Assert.Single(collector.Of(Trace), span => span.Name == "provider event");
        Assert.Equal(
            (Parent, submit.Id, submit.Id), (submit.Parent, attempt.Parent, told.Parent));
        Assert.Equal((2UL, 3UL, 5UL), (submit.Kind, attempt.Kind, told.Kind));
        Assert.True(submit.Start <= attempt.Start && attempt.Start < attempt.End && submit.Start <= told.End);
        Assert.Equal("api", submit.Tags["postern.door"]);
        Assert.Equal(("relayed", "127.0.0.1"), (
            attempt.Tags["postern.outcome"], attempt.Tags["server.address"]));
        Assert.Equal("delivered", told.Tags["postern.event"]);
        Assert.Single(collector.Spans.Select(span => span.Tags["postern.queue_id"]).Distinct());
        var shown = string.Join('\n', collector.Spans.SelectMany(span => span.Tags.Values));
        Assert.DoesNotContain("bob", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("a secret", shown, StringComparison.Ordinal);
        Assert.All(collector.Tokens, token => Assert.Equal("secret", token));
    }

    [Fact]
    public async Task Message_WhoseProcessIsKilled_KeepsItsTrace()
    {
        // The provider is out of order until the process is another one.
        for (var i = 0; i < 1000; i++)
            mailgun.Faults.Enqueue(new MailgunFault.Answer(500, "{}"));
        await SendAsync();
        await CollectedAsync("submit", "attempt");
        await postern.KillAsync();
        var before = collector.Spans.Count;
        await postern.StartAsync();
        await using var hooks = new MailgunHooks(Http("hooks/api"), SigningKey, new Random(1));
        mailgun.Told = hooks.Add;
        hooks.Start();
        mailgun.Faults.Clear();
        await CollectedAsync("provider event");
        var submit = Assert.Single(collector.Of(Trace), span => span.Name == "submit");
        var after = collector.Spans.Skip(before).ToList();
        Assert.Contains(after, span => span.Name == "attempt" && span.Tags["postern.outcome"] == "relayed");
        Assert.All(after, span => Assert.Equal((Trace, submit.Id), (span.Trace, span.Parent)));
    }

    [Fact]
    public async Task Collector_ThatIsDown_CostsNoMailAndNoLine()
    {
        await collector.DisposeAsync();
        await SendAsync();
        await Eventually.TrueAsync(
            () => mailgun.Messages.Count == 1, "the message is relayed", evidence: () => postern.Said);
        await postern.StopAsync();
        Assert.DoesNotContain("OpenTelemetry", postern.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", postern.Said, StringComparison.Ordinal);
    }
}
