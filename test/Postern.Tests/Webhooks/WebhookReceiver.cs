using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;

namespace Postern.Tests.Webhooks;

/// <summary>Who is told, in memory: answers what it is told to, and keeps what came.</summary>
sealed class WebhookReceiver(TimeProvider clock) : HttpMessageHandler
{
    int underWay;

    public ConcurrentQueue<Told> Came { get; } = [];

    /// <summary>The answer to an address. Null: none, until the sender has had enough.</summary>
    public Func<string, HttpStatusCode?> Answer { get; set; } = _ => HttpStatusCode.OK;

    /// <summary>What follows the status. Null: nothing.</summary>
    public Func<HttpContent>? Body { get; set; }

    /// <summary>Requests that wait for an answer now.</summary>
    public int UnderWay => Volatile.Read(ref underWay);

    /// <summary>Those that were taken.</summary>
    public IEnumerable<Told> Taken => Came.Where(told => told.Status == HttpStatusCode.OK);

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var url = request.RequestUri!.AbsoluteUri;
        var body = await request.Content!.ReadAsStringAsync(cancellationToken);
        using var json = JsonDocument.Parse(body);
        var status = Answer(url);
        Came.Enqueue(new Told(
            url, clock.GetUtcNow(), json.RootElement.Clone(), status,
            request.Content.Headers.ContentType!.ToString(), request.Headers.Authorization?.ToString()));
        if (status is null)
        {
            Interlocked.Increment(ref underWay);
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, clock, cancellationToken);
            }
            finally
            {
                Interlocked.Decrement(ref underWay);
            }
        }
        return new HttpResponseMessage(status!.Value)
        {
            Content = Body?.Invoke() ?? new ByteArrayContent([]),
        };
    }

    public sealed record Told(
        string Url, DateTimeOffset At, JsonElement Body, HttpStatusCode? Status, string ContentType,
        string? Authorization)
    {
        public string Recipient => Body.GetProperty("event-data").GetProperty("recipient").GetString()!;

        public string Signed(string name) => Body.GetProperty("signature").GetProperty(name).GetString()!;
    }
}
