using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Postern.Mta.Events;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Mta.Webhooks;

/// <summary>One try to tell an event to one address.</summary>
/// <remarks>No redirect is followed, no proxy of the environment asked, nothing unpacked; what is answered
/// beyond its status is read for the connection's sake, up to a limit, and not looked at.</remarks>
sealed class WebhookPost : IDisposable
{
    const int AnswerOctetsMax = 64 << 10;

    /// <summary>From the connection to the status.</summary>
    static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(15);

    /// <summary>For what follows the status.</summary>
    static readonly TimeSpan BodyWithin = TimeSpan.FromSeconds(10);

    readonly HttpClient client;
    readonly TimeProvider clock;

    /// <param name="handler">Of <see cref="WebTargets.MakeHandler"/>; disposed of with this.</param>
    public WebhookPost(HttpMessageHandler handler, TimeProvider clock)
    {
        this.clock = clock;
        client = new HttpClient(handler, disposeHandler: true)
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Postern", null));
    }

    /// <param name="told">As of <see cref="PublicEvents.Find"/>.</param>
    public async ValueTask<WebhookAnswer> SendAsync(
        string url, StoredEvent told, string key, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(AnswerWithin, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        using var request = RequestOf(url, told, key);
        try
        {
            using var response = await client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            await DrainAsync(response.Content, cancel);
            if (response.IsSuccessStatusCode)
                return new WebhookAnswer.Taken();
            // Mailgun's word for: do not come again with it.
            return response.StatusCode == HttpStatusCode.NotAcceptable
                ? new WebhookAnswer.Dropped()
                : new WebhookAnswer.Untaken(string.Create(null, $"{(int)response.StatusCode}"));
        }
        catch (Exception broken) when (MailgunApi.IsBrokenCall(broken, cancel))
        {
            return new WebhookAnswer.Untaken(
                broken is OperationCanceledException ? "no answer in time" : broken.Message);
        }
    }

    public void Dispose() => client.Dispose();

    HttpRequestMessage RequestOf(string url, StoredEvent told, string key)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Version = HttpVersion.Version11,
            Content = new ReadOnlyMemoryContent(BodyOf(told, key, clock.GetUtcNow())),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (request.RequestUri!.UserInfo is { Length: > 0 } login)
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(login))));
        return request;
    }

    /// <summary>Signed anew with each try.</summary>
    static ReadOnlyMemory<byte> BodyOf(StoredEvent told, string key, DateTimeOffset now)
    {
        var (timestamp, token, hex) = MailgunSignature.Make(key, now);
        var body = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(body, EventJson.WriterOptions);
        json.WriteStartObject();
        json.WriteStartObject("signature"u8);
        json.WriteString("timestamp"u8, timestamp);
        json.WriteString("token"u8, token);
        json.WriteString("signature"u8, hex);
        json.WriteEndObject();
        json.WritePropertyName("event-data"u8);
        EventJson.Write(json, told, node: 0);
        json.WriteEndObject();
        json.Flush();
        return body.WrittenMemory;
    }

    /// <summary>The status counts, however the rest of the answer ends.</summary>
    async ValueTask DrainAsync(HttpContent content, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(BodyWithin, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var buffer = ArrayPool<byte>.Shared.Rent(4 << 10);
        try
        {
            using var octets = await content.ReadAsStreamAsync(either.Token);
            for (var left = AnswerOctetsMax; left > 0;)
            {
                var count = await octets.ReadAsync(buffer.AsMemory(0, Math.Min(left, 4 << 10)), either.Token);
                if (count == 0)
                    break;
                left -= count;
            }
        }
        catch (Exception broken) when (MailgunApi.IsBrokenCall(broken, cancel))
        {
            // The connection goes with it.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <summary>What became of one try.</summary>
abstract record WebhookAnswer
{
    WebhookAnswer()
    {
    }

    /// <summary>It has it.</summary>
    public sealed record Taken : WebhookAnswer;

    /// <summary>It does not want it.</summary>
    public sealed record Dropped : WebhookAnswer;

    /// <summary>It must be told again.</summary>
    public sealed record Untaken(string Text) : WebhookAnswer;
}
