using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Postern.Tracking;

/// <summary>The small pages behind links in mail, in Korean or English.</summary>
/// <remarks>No script, and nothing from elsewhere; everything that others wrote is escaped.</remarks>
static class TrackingPage
{
    const string Style = "body{font-family:sans-serif;max-width:32em;margin:4em auto;padding:0 1em;"
        + "line-height:1.5}button{font:inherit;padding:.5em 1.5em}";

    static readonly string Policy = "default-src 'none'; style-src 'sha256-"
        + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))
        + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    /// <summary>A page of one sentence, in the reader's language.</summary>
    public static Task SayAsync(HttpContext context, int status, PageText text, string address = "") =>
        WriteAsync(context, status, text, address, form: "");

    /// <summary>The same with a button, which posts to the page's own address.</summary>
    public static Task AskAsync(HttpContext context, PageText text, string address) =>
        WriteAsync(context, StatusCodes.Status200OK, text, address,
            $"<form method=\"post\"><button>{Spoken(context, text).Button}</button></form>");

    static async Task WriteAsync(HttpContext context, int status, PageText text, string address, string form)
    {
        var spoken = Spoken(context, text);
        var said = spoken.Sentence.Replace("{0}", WebUtility.HtmlEncode(address), StringComparison.Ordinal);
        var page = $"<!DOCTYPE html>\n<html lang=\"{spoken.Language}\"><head><meta charset=\"utf-8\">"
            + "<meta name=\"viewport\" content=\"width=device-width\">"
            + $"<title>{spoken.Title}</title><style>{Style}</style></head>"
            + $"<body><h1>{spoken.Title}</h1><p>{said}</p>{form}</body></html>\n";
        var octets = Encoding.UTF8.GetBytes(page);
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = octets.Length;
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.ContentLanguage = spoken.Language;
        response.Headers.Vary = "Accept-Language";
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(octets, context.RequestAborted);
    }

    /// <summary>Korean where the reader asks for it before English, whatever weights he gives.</summary>
    static Words Spoken(HttpContext context, PageText text)
    {
        var wanted = context.Request.Headers.AcceptLanguage.ToString().Split(',', 16)
            .Select(one => one.Trim()).FirstOrDefault(one => IsOf(one, "ko") || IsOf(one, "en"));
        return wanted is not null && IsOf(wanted, "ko") ? text.Korean : text.English;
    }

    static bool IsOf(string wanted, string language) =>
        wanted.StartsWith(language, StringComparison.OrdinalIgnoreCase)
        && (wanted.Length == language.Length || wanted[language.Length] is '-' or ';');
}

/// <param name="Sentence">With <c>{0}</c> where the reader's address stands.</param>
/// <param name="Button">Empty: the page has none.</param>
sealed record Words(string Language, string Title, string Sentence, string Button = "");

/// <summary>What a page says.</summary>
sealed record PageText(Words English, Words Korean)
{
    public static readonly PageText NoLink = new(
        new("en", "No such link", "This link is not one of ours, or it was cut short."),
        new("ko", "없는 링크", "이 링크는 유효하지 않거나 일부가 잘렸습니다."));

    public static readonly PageText Ask = new(
        new("en", "Unsubscribe", "Stop sending mail of this kind to {0}?", "Unsubscribe"),
        new("ko", "수신 거부", "{0} 주소로 이런 메일을 더 이상 받지 않으시겠습니까?", "수신 거부"));

    public static readonly PageText Done = new(
        new("en", "Unsubscribed", "{0} gets no more mail of this kind."),
        new("ko", "수신 거부 완료", "{0} 주소로 이런 메일을 더 이상 보내지 않습니다."));

    public static readonly PageText Later = new(
        new("en", "Not now", "This could not be stored just now. Please try again later."),
        new("ko", "잠시 후 다시", "지금은 저장할 수 없습니다. 잠시 후 다시 시도해 주십시오."));
}
