using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Postern.Interop.Peers;

/// <summary>Sends the double's events as webhooks: some never, some twice, in whatever order.</summary>
/// <param name="chance">Seeded.</param>
sealed class MailgunHooks(Uri target, string signingKey, Random chance) : IAsyncDisposable
{
    const int AtOnce = 4;

    readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(30) };
    readonly BlockingCollection<JsonObject> waiting = [];
    readonly Lock gate = new();
    Task[] sending = [];

    /// <summary>Webhooks that never came: Postern has to ask for these events.</summary>
    public int Lost { get; private set; }

    public void Start() => sending = [.. Enumerable.Range(0, AtOnce).Select(_ => Task.Run(SendAsync))];

    public void Add(JsonObject told)
    {
        int luck;
        lock (gate)
            luck = chance.Next(100);
        if (luck < 5)
        {
            Lost++;
            return;
        }
        for (var i = 0; i < (luck < 10 ? 2 : 1); i++)
            waiting.Add((JsonObject)told.DeepClone());
    }

    async Task SendAsync()
    {
        foreach (var told in waiting.GetConsumingEnumerable())
        {
            using var body = new StringContent(
                Sign(told, signingKey).ToJsonString(), Encoding.UTF8, "application/json");
            using var response = await http.PostAsync(target, body);
            Assert.True(response.IsSuccessStatusCode, $"a webhook was answered {response.StatusCode}");
        }
    }

    /// <summary>The body of a webhook.</summary>
    public static JsonObject Sign(JsonObject told, string signingKey)
    {
        var timestamp = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()
            .ToString(CultureInfo.InvariantCulture);
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(25));
        return new JsonObject
        {
            ["signature"] = new JsonObject
            {
                ["timestamp"] = timestamp,
                ["token"] = token,
                ["signature"] = Convert.ToHexStringLower(HMACSHA256.HashData(
                    Encoding.UTF8.GetBytes(signingKey), Encoding.UTF8.GetBytes(timestamp + token))),
            },
            ["event-data"] = told,
        };
    }

    public async ValueTask DisposeAsync()
    {
        waiting.CompleteAdding();
        await Task.WhenAll(sending);
        http.Dispose();
        waiting.Dispose();
    }
}
