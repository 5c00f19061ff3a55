using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;

namespace Postern.Interop;

/// <summary>Webhooks that the real program sends, over real connections, to a receiver that checks them as
/// Mailgun's own client does.</summary>
public sealed class WebhookTests : IAsyncLifetime
{
    static readonly JsonSerializerOptions Plainly =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    const string Domain = "mg.postern.test";
    const string Key = "key-of-the-tests";

    readonly PosternProcess postern = new("");
    readonly ConcurrentQueue<byte[]> came = [];
    readonly WebApplication receiver = WebApplication.CreateSlimBuilder().Build();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    string ReceiverUrl => receiver.Urls.Single() + "/hook";

    public async ValueTask InitializeAsync()
    {
        receiver.Urls.Add("http://127.0.0.1:0");
        receiver.MapPost("/hook", async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            came.Enqueue(body.ToArray());
        });
        await receiver.StartAsync(Cancel);
        postern.Settings = $"""
            [api]
            keys = ["file:{postern.Directory.WriteSecret("api.key", Key)}"]

            [webhooks]
            networks = ["127.0.0.1"]

            [domains."{Domain}"]
            api-keys = []

            [transports.relay]
            kind = "smtp"
            host = "[127.0.0.1]:1"

            [[routes]]
            name = "everything"
            via = ["relay"]
            """;
        // Nobody is there: what asked it would fail.
        postern.Environment["HTTP_PROXY"] = postern.Environment["ALL_PROXY"] = "http://127.0.0.1:1";
        await postern.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await postern.DisposeAsync();
        await receiver.DisposeAsync();
    }

    HttpClient Api()
    {
        var http = new HttpClient
        {
            BaseAddress = new Uri(string.Create(
                CultureInfo.InvariantCulture, $"http://127.0.0.1:{postern.Port("http")}/")),
        };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("api:" + Key)));
        return http;
    }

    static async Task PostAsync(HttpClient http, string path, params (string Name, string Value)[] fields)
    {
        using var answer = await http.PostAsync(path, new FormUrlEncodedContent(
            fields.Select(field => KeyValuePair.Create(field.Name, field.Value))), Cancel);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancel));
    }

    static Task SendTestAsync(HttpClient http, string recipient) => PostAsync(
        http, $"v3/{Domain}/messages", ("from", $"a@{Domain}"), ("to", recipient), ("text", "x"),
        ("o:testmode", "yes"), ("o:tag", "welcome"), ("v:order", "17"));

    /// <summary>SSRF-20 besides: the environment names a proxy, which is not asked.</summary>
    [Fact]
    public async Task Webhook_OfARealMessage_IsValidToMailgunJs()
    {
        var script = Tool.RequireNode("webhook.js");
        using var http = Api();
        await PostAsync(
            http, $"v3/domains/{Domain}/webhooks", ("id", "delivered"), ("url", ReceiverUrl));
        await PostAsync(http, "v1/webhooks", ("event_types", "delivered"), ("url", ReceiverUrl));
        await SendTestAsync(http, "x@net.test");
        await Eventually.TrueAsync(() => !came.IsEmpty, "the webhook comes", evidence: () => postern.Said);
        var key = await http.GetFromJsonAsync<JsonElement>("v5/accounts/http_signing_key", Cancel);
        var run = await Command.RunAsync(
            Tool.Require("node", "nodejs"), [script, key.GetProperty("http_signing_key").GetString()!],
            came.Single());
        Assert.Equal("""{"right":true,"wrong":false}""", run.Succeeded().Output.Trim());
        using var json = JsonDocument.Parse(came.Single());
        var told = json.RootElement.GetProperty("event-data");
        Assert.Equal("delivered", told.GetProperty("event").GetString());
        Assert.Equal("x@net.test", told.GetProperty("recipient").GetString());
        Assert.Equal("17", told.GetProperty("user-variables").GetProperty("order").GetString());
        var events = await http.GetFromJsonAsync<JsonElement>(
            $"v3/{Domain}/events?event=delivered", Cancel);
        // The events API alone says where the content lies: a link of its own address.
        var shown = JsonObject.Create(events.GetProperty("items")[0])!;
        Assert.True(shown.Remove("storage"));
        Assert.Equal(shown.ToJsonString(Plainly), JsonObject.Create(told)!.ToJsonString(Plainly));
    }

    [Fact]
    public async Task Webhook_ThatWasPlannedBeforeAKill_ComesAfterIt()
    {
        using var http = Api();
        await PostAsync(
            http, $"v3/domains/{Domain}/webhooks", ("id", "accepted"), ("url", ReceiverUrl));
        for (var i = 0; i < 20; i++)
            await SendTestAsync(http, $"r{i}@net.test");
        await postern.KillAsync();
        await postern.StartAsync();
        await Eventually.TrueAsync(
            () => came.Select(RecipientOf).Distinct().Count() == 20, "all come",
            evidence: () => postern.Said);
    }

    static string RecipientOf(byte[] body)
    {
        using var json = JsonDocument.Parse(body);
        return json.RootElement.GetProperty("event-data").GetProperty("recipient").GetString()!;
    }
}
