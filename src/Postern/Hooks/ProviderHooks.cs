using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Postern.Api;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Store;
using Postern.Mta.Transports.Mailgun;

namespace Postern.Hooks;

/// <summary><c>/hooks/{transport}</c>: what a provider tells of mail that left through it.</summary>
/// <remarks>
/// 200 means that it is on stable storage, once. 406 is Mailgun's word for "do not repeat it": a signature
/// that does not hold, a body that is no event. Trouble of our own is 503, and it comes again. A transport
/// that does not exist, takes no webhooks, or has another secret path is the same 404.
/// </remarks>
sealed class ProviderHooks(MailTransferAgent agent, TimeProvider clock)
{
    /// <summary>DESIGN §9.6.</summary>
    const int BodyOctetsMax = 1 << 20;

    public void Map(IEndpointRouteBuilder web) => web.MapPost("/hooks/{transport}/{secret?}", ReceiveAsync);

    async Task ReceiveAsync(HttpContext context)
    {
        var name = (string)context.GetRouteValue("transport")!;
        if (!agent.Options.Transports.TryGetValue(name, out var transport)
            || transport.SigningKey is not { Value: var key }
            || !Opens(transport.HookSecret?.Value, (string?)context.GetRouteValue("secret")))
        {
            await AnswerAsync(context, 404, "there is nothing at this path");
            return;
        }
        var (status, message) = await ReadAsync(context) is not { } body
            ? (413, "a webhook has 1 MiB at most")
            : await TakeAsync(name, key, body);
        await AnswerAsync(context, status, message);
    }

    async ValueTask<(int Status, string Message)> TakeAsync(string name, string key, byte[] body)
    {
        if (MailgunSignature.Find(body) is not { } signature)
            return (406, "this is no signed webhook of Mailgun");
        if (!signature.IsValid(key, clock.GetUtcNow()))
            return (406, "the signature is not of our signing key, or it is too old");
        if (!TryReadEvent(body, name, out var telling))
            return (406, "event-data is no event");
        if (telling is null)
            return (200, "there is nothing to record in it");
        try
        {
            return (200, await agent.Queue.TellAsync(telling with { Token = signature.Token }) switch
            {
                TellingOutcome.Appended => "recorded",
                TellingOutcome.Unmatched => "recorded; no message of ours is known by its ids",
                _ => "it was recorded before",
            });
        }
        catch (StoreException failed)
        {
            return (503, $"not recorded: {failed.Message}");
        }
    }

    static bool TryReadEvent(byte[] body, string transport, out Telling? telling)
    {
        telling = null;
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.TryGetProperty("event-data", out var item)
                && MailgunEventReader.TryRead(item, transport, "webhook", out telling);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    static bool Opens(string? secret, string? given) => secret is null ? given is null
        : CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(given ?? ""));

    /// <returns>Null: it is too long.</returns>
    static async ValueTask<byte[]?> ReadAsync(HttpContext context)
    {
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        if (context.Request.ContentLength > BodyOctetsMax)
            return null;
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            var isTooLong = read.Buffer.Length > BodyOctetsMax;
            var isOver = isTooLong || read.IsCompleted;
            var body = isOver && !isTooLong ? read.Buffer.ToArray() : null;
            reader.AdvanceTo(isOver ? read.Buffer.End : read.Buffer.Start, read.Buffer.End);
            if (isOver)
                return body;
        }
    }

    static async Task AnswerAsync(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        await context.Response.WriteAsJsonAsync(
            new ErrorAnswer(message, null), AdminJson.Default.ErrorAnswer, contentType: null,
            context.RequestAborted);
    }
}
