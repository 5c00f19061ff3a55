using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MimeKit.Utils;
using Postern.Mta.Events;
using Postern.Smtp;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>What the API answered.</summary>
/// <param name="Reply">HTTP status and text, on one line and within the log's limit.</param>
/// <param name="Json">The body. Null: it is no JSON.</param>
/// <param name="RetryAfter">When to come back, in its own words. Null: it does not say.</param>
sealed record MailgunAnswer(Reply Reply, JsonElement? Json, TimeSpan? RetryAfter)
{
    const string TryAgainAfter = "try again after ";

    /// <summary>A wish beyond that is not believed: limits of an hour are the longest it tells of.</summary>
    static readonly TimeSpan RetryAfterMax = TimeSpan.FromHours(1);

    /// <summary>Where an error's text stands, in the order of trust.</summary>
    static readonly string[] TextNames = ["message", "error", "Error", "Reason", "Description"];

    /// <summary>Octets of the body that are shown as they came.</summary>
    const int ShownOctetsMax = 512;

    public int Status => Reply.Code;

    /// <summary>The beginning of the body as it came; to be escaped where it is shown.</summary>
    public ReadOnlyMemory<byte> Shown { get; init; }

    /// <summary>Status and the beginning of the body.</summary>
    public string ToTalk() => string.Create(
        CultureInfo.InvariantCulture, $"{Status}\n{Encoding.UTF8.GetString(Shown.Span)}").TrimEnd();

    /// <summary>Never throws for what stands in it.</summary>
    public static MailgunAnswer Of(
        HttpResponseMessage response, ReadOnlyMemory<byte> body, DateTimeOffset now)
    {
        var status = (int)response.StatusCode;
        var json = Read(body);
        var text = TextNames.Select(name => json.TextOf(name)).FirstOrDefault(t => !string.IsNullOrEmpty(t));
        text ??= Encoding.UTF8.GetString(body.Span[..Math.Min(body.Length, LineWriter.TextCharactersMax)]);
        text = PipeRun.Tidy(Encoding.UTF8.GetBytes(text.Length > 0 ? text : response.ReasonPhrase ?? ""));
        if (text.Length > LineWriter.TextCharactersMax)
            text = text[..LineWriter.TextCharactersMax];
        // Nothing below 200 ends a call, and what is above 599 has no meaning (RFC 9110 §15).
        var reply = new Reply(status is >= 200 and <= 599 ? status : 599, null, text);
        return new MailgunAnswer(reply, json, WishOf(response, json, text, now))
        {
            Shown = body.Span[..Math.Min(body.Length, ShownOctetsMax)].ToArray(),
        };
    }

    static JsonElement? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // RFC 9110 §10.2.3 in the header; Mailgun's own: retry-seconds, or words at the end of the text.
    static TimeSpan? WishOf(HttpResponseMessage response, JsonElement? json, string text, DateTimeOffset now)
    {
        var header = response.Headers.RetryAfter;
        var wish = header?.Delta ?? (header?.Date - now) ?? SecondsOf(json) ?? WishOf(text, now);
        return wish is not { } time || time <= TimeSpan.Zero ? null
            : time < RetryAfterMax ? time : RetryAfterMax;
    }

    static TimeSpan? SecondsOf(JsonElement? json) =>
        json.Find("retry-seconds") is { ValueKind: JsonValueKind.Number } number
        && number.TryGetInt32(out var seconds) ? TimeSpan.FromSeconds(seconds) : null;

    static TimeSpan? WishOf(string text, DateTimeOffset now)
    {
        var at = text.IndexOf(TryAgainAfter, StringComparison.OrdinalIgnoreCase);
        if (at < 0)
            return null;
        var words = Encoding.UTF8.GetBytes(text[(at + TryAgainAfter.Length)..]);
        if (Utf8Parser.TryParse(words, out int seconds, out _))
            return TimeSpan.FromSeconds(seconds);
        return DateUtils.TryParse(words, out var date) ? date - now : null;
    }
}

/// <summary>Reading what a peer wrote: what is not as expected is null.</summary>
static class JsonReading
{
    public static JsonElement? Find(this JsonElement? element, string name) =>
        element is { ValueKind: JsonValueKind.Object } node && node.TryGetProperty(name, out var found)
            ? found
            : null;

    public static string? TextOf(this JsonElement? element, string name)
    {
        return element.Find(name) is { } found ? found.Text() : null;
    }

    /// <summary>Null: it is no text.</summary>
    public static string? Text(this JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return element.GetString();
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair: no text.
            return null;
        }
    }
}
