using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Tests.Hooks;

/// <summary>A webhook as Mailgun sends it, signed with the key of the test server's transport.</summary>
static class SignedHook
{
    public const string Key = "test-signing-key";

    static int made;

    /// <summary>A token like Mailgun's, of 50 digits; never the same twice.</summary>
    public static string NewToken() =>
        Interlocked.Increment(ref made).ToString("x50", CultureInfo.InvariantCulture);

    public static JsonObject Of(
        JsonObject eventData, string? token = null, DateTimeOffset? at = null, string key = Key)
    {
        token ??= NewToken();
        var timestamp = (at ?? TimeProvider.System.GetUtcNow()).ToUnixTimeSeconds()
            .ToString(CultureInfo.InvariantCulture);
        return new JsonObject
        {
            ["signature"] = new JsonObject
            {
                ["timestamp"] = timestamp,
                ["token"] = token,
                ["signature"] = MailgunSignature.Sign(key, timestamp, token),
            },
            ["event-data"] = eventData,
        };
    }

    /// <summary>An event about a message that was sent to this recipient.</summary>
    public static JsonObject Event(string name, string id, string messageId, string recipient) => new()
    {
        ["event"] = name,
        ["id"] = id,
        ["timestamp"] = 1767225600.626182m,
        ["recipient"] = recipient,
        ["message"] = new JsonObject
        {
            ["headers"] = new JsonObject { ["message-id"] = messageId.Trim('<', '>') },
        },
    };

    /// <summary>A permanent failure, with what the recipient's server said.</summary>
    public static JsonObject Bounce(string id, string messageId, string recipient)
    {
        var bounce = Event("failed", id, messageId, recipient);
        bounce["severity"] = "permanent";
        bounce["reason"] = "bounce";
        bounce["delivery-status"] = new JsonObject
        {
            ["code"] = 550,
            ["message"] = "5.1.1 no such user",
            ["description"] = null,
            ["enhanced-code"] = "5.1.1",
            ["mx-host"] = "mx.net.example",
            ["attempt-no"] = 1,
        };
        return bounce;
    }

    public static async Task<HttpStatusCode> PostAsync(
        HttpClient http, string path, JsonNode body, CancellationToken cancel)
    {
        using var content = new StringContent(body.ToJsonString(), null, "application/json");
        using var response = await http.PostAsync(new Uri(path, UriKind.Relative), content, cancel);
        return response.StatusCode;
    }
}
