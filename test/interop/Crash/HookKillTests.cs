using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Postern.Interop.Crash;

/// <summary>Provider webhooks, repeated, out of order and forged, while the server is killed again and again:
/// each is applied exactly once.</summary>
public sealed class HookKillTests
{
    const string Domain = "mg.test";
    const string Key = "api-key-of-the-tests";
    const string SigningKey = "signing-key-of-the-tests";
    const int EventsPerMessage = 10;
    const int SendersCount = 20;

    static readonly string[] Kinds = ["delivered", "opened", "clicked", "complained", "failed"];

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>10,000 at length.</summary>
    static int EventsCount => CrashTable.IsAtLength ? 10_000 : 1_500;

    static int KillsCount => CrashTable.IsAtLength ? 10 : 3;

    [Fact]
    public async Task Webhooks_RepeatedForgedAndUnderKills_AreAppliedOnce()
    {
        await using var sink = new SmtpSink();
        await using var postern = new PosternProcess("");
        postern.Settings = SettingsOf(postern, sink.Port);
        await postern.StartAsync();
        var messages = await SendAsync(postern, EventsCount / EventsPerMessage);
        using var storm = new Storm(postern, Shuffled(messages));
        var senders = Task.WhenAll(Enumerable.Range(0, SendersCount).Select(_ => storm.SendAsync()));
        var step = storm.Count / (KillsCount + 1);
        for (var kill = 1; kill <= KillsCount; kill++)
        {
            await Eventually.TrueAsync(
                () => storm.Answered >= kill * step, $"{kill * step} answers", 120, () => postern.Said);
            await storm.RestartAsync();
        }
        await senders.WaitAsync(TimeSpan.FromMinutes(3), TimeProvider.System, Cancel);

        var told = await ToldAsync(postern);
        Assert.Equal(EventsCount, told.Count);
        Assert.Equal(EventsCount, told.Distinct().Count());
        Assert.DoesNotContain(told, id => id.StartsWith("forged", StringComparison.Ordinal));
        Assert.Equal(storm.ForgedCount, storm.Refused);
        Assert.True(storm.Broken > 0, "no kill came between a webhook and its answer");
    }

    static string SettingsOf(PosternProcess postern, int port) => $"""
        [domains."{Domain}"]
        api-keys = ["file:{postern.Directory.WriteSecret("api.key", Key)}"]

        [transports.mailgun]
        kind = "smtp"
        host = "[127.0.0.1]:{port}"
        tls = "none"
        signing-key = "file:{postern.Directory.WriteSecret("signing.key", SigningKey)}"

        [[routes]]
        name = "everything"
        via = ["mailgun"]
        """;

    static HttpClient Client(PosternProcess postern)
    {
        var http = new HttpClient { BaseAddress = BaseOf(postern) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes($"api:{Key}")));
        return http;
    }

    static Uri BaseOf(PosternProcess postern) =>
        new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{postern.Port("http")}/"));

    static async Task<List<string>> SendAsync(PosternProcess postern, int count)
    {
        using var http = Client(postern);
        var ids = new List<string>();
        for (var i = 0; i < count; i++)
        {
            using var form = new FormUrlEncodedContent(
                [new("from", "a@mg.test"), new("to", "r@dest.test"), new("text", "x")]);
            using var response = await http.PostAsync(
                new Uri($"v3/{Domain}/messages", UriKind.Relative), form, Cancel);
            ids.Add((string)JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancel))!["id"]!);
        }
        return ids;
    }

    /// <summary>Each event twice, each time signed anew, and one in twenty of them forged besides; in an
    /// order of chance.</summary>
    static Delivery[] Shuffled(List<string> messages)
    {
        var all = new List<Delivery>();
        foreach (var (place, messageId) in messages.Index())
        {
            for (var i = 0; i < EventsPerMessage; i++)
            {
                var id = string.Create(CultureInfo.InvariantCulture, $"event-{place}-{i}");
                var kind = Kinds[i % Kinds.Length];
                all.Add(Delivery.Of(kind, id, messageId, SigningKey));
                all.Add(Delivery.Of(kind, id, messageId, SigningKey));
                if ((place * EventsPerMessage + i) % 20 == 0)
                    all.Add(Delivery.Of(kind, "forged-" + id, messageId, "another key"));
            }
        }
        var order = all.ToArray();
        new Random(1).Shuffle(order);
        return order;
    }

    /// <summary>Ids of all events that were told, page by page.</summary>
    static async Task<List<string>> ToldAsync(PosternProcess postern)
    {
        using var http = Client(postern);
        var ids = new List<string>();
        var page = new Uri($"v3/{Domain}/events?begin=0&ascending=yes&limit=300", UriKind.Relative);
        while (true)
        {
            var json = JsonNode.Parse(await http.GetStringAsync(page, Cancel))!;
            var items = json["items"]!.AsArray();
            if (items.Count == 0)
                return ids;
            ids.AddRange(items.Select(item => (string?)item!["postern"]!["remote-event-id"])
                .OfType<string>());
            page = new Uri((string)json["paging"]!["next"]!);
        }
    }

    /// <summary>Those who send the webhooks: what is not answered is sent again as it was.</summary>
    sealed class Storm(PosternProcess postern, Delivery[] deliveries) : IDisposable
    {
        readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(10) };
        readonly ConcurrentQueue<Delivery> waiting = new(deliveries);
        volatile Uri? target = new(BaseOf(postern), "hooks/mailgun");
        int answered;
        int refused;
        int broken;

        public int Count => deliveries.Length;
        public int ForgedCount => deliveries.Count(delivery => delivery.IsForged);
        public int Answered => answered;
        public int Refused => refused;

        /// <summary>Calls that found no server, or whose answer was lost.</summary>
        public int Broken => broken;

        public void Dispose() => http.Dispose();

        public async Task RestartAsync()
        {
            await postern.KillAsync();
            target = null;
            await postern.StartAsync();
            target = new Uri(BaseOf(postern), "hooks/mailgun");
        }

        public async Task SendAsync()
        {
            while (waiting.TryDequeue(out var delivery))
            {
                while (!await TrySendAsync(delivery))
                    await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
                Interlocked.Increment(ref answered);
            }
        }

        async Task<bool> TrySendAsync(Delivery delivery)
        {
            if (target is not { } address)
                return false;
            try
            {
                using var body = new StringContent(delivery.Body, Encoding.UTF8, "application/json");
                using var response = await http.PostAsync(address, body, Cancel);
                if (response.StatusCode == HttpStatusCode.NotAcceptable)
                    Interlocked.Increment(ref refused);
                return response.StatusCode is HttpStatusCode.OK or HttpStatusCode.NotAcceptable;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                Cancel.ThrowIfCancellationRequested();
                Interlocked.Increment(ref broken);
                return false;
            }
        }
    }

    sealed record Delivery(string Body, bool IsForged)
    {
        public static Delivery Of(string kind, string id, string messageId, string key)
        {
            var timestamp = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()
                .ToString(CultureInfo.InvariantCulture);
            var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(25));
            var signature = HMACSHA256.HashData(
                Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(timestamp + token));
            var body = new JsonObject
            {
                ["signature"] = new JsonObject
                {
                    ["timestamp"] = timestamp,
                    ["token"] = token,
                    ["signature"] = Convert.ToHexStringLower(signature),
                },
                ["event-data"] = new JsonObject
                {
                    ["event"] = kind,
                    ["severity"] = "permanent",
                    ["id"] = id,
                    ["timestamp"] = 1767225600.5,
                    ["recipient"] = "r@dest.test",
                    ["message"] = new JsonObject
                    {
                        ["headers"] = new JsonObject { ["message-id"] = messageId.Trim('<', '>') },
                    },
                },
            };
            return new Delivery(body.ToJsonString(), key != SigningKey);
        }
    }
}
