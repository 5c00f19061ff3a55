using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Postern.Dashboard;

/// <summary>What became of an act, to be shown on the page that follows it, once.</summary>
/// <param name="IsGood">The admin API did it.</param>
/// <param name="Count">How many it changed. Null: it does not say.</param>
/// <param name="Text">Its own words where it refused. Null: there are none.</param>
/// <param name="Mend">What to do then.</param>
sealed record Notice(bool IsGood, int? Count = null, string? Text = null, string? Mend = null)
{
    /// <summary>Keys of the configuration that were not applied yet. Null: there are none.</summary>
    public string? NeedRestart { get; init; }

    /// <summary>What signs somebody in, once. Null: none was asked for.</summary>
    public string? Link { get; init; }

    const string Cookie = "postern-notice";
    const int TextCharactersMax = 500;

    /// <summary>Leaves it for the next page. Scripts cannot read it, and other sites cannot set it.</summary>
    /// <param name="origins">Over TLS it goes back over TLS alone: a link may be in it.</param>
    public void Leave(HttpContext context, Origins origins)
    {
        var options = Options;
        options.Secure = origins.IsSecure(context);
        var cut = this with { Text = Cut(Text), Mend = Cut(Mend) };
        var json = JsonSerializer.SerializeToUtf8Bytes(cut, NoticeJson.Default.Notice);
        context.Response.Cookies.Append(Cookie, Base64Url.EncodeToString(json), options);
    }

    /// <summary>Takes it away again, for a page that is shown: not for a frame, nor for what the script of
    /// another tab fetches.</summary>
    public static bool TryTake(HttpContext context, [NotNullWhen(true)] out Notice? notice)
    {
        notice = null;
        if (context.Request.Headers["Sec-Fetch-Dest"].ToString() is not ("" or "document")
            || !context.Request.Cookies.TryGetValue(Cookie, out var text))
            return false;
        context.Response.Cookies.Delete(Cookie, Options);
        try
        {
            notice = JsonSerializer.Deserialize(
                Base64Url.DecodeFromChars(text), NoticeJson.Default.Notice);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            // Somebody's own browser made it up; there is nothing to show.
        }
        return notice is not null;
    }

    static CookieOptions Options => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Path = "/",
    };

    static string? Cut(string? text) =>
        text is { Length: > TextCharactersMax } ? text[..TextCharactersMax] : text;
}

[JsonSerializable(typeof(Notice))]
sealed partial class NoticeJson : JsonSerializerContext;
