using System.Globalization;
using MimeKit.Utils;

namespace Postern.Api.Mailgun;

/// <summary>Moments as Mailgun writes them, which differs from resource to resource, and as its clients write
/// them.</summary>
static class ApiDates
{
    /// <summary>Suppressions, templates, stats: <c>Thu, 26 Mar 2026 12:59:15 UTC</c>.</summary>
    public static string Utc(DateTimeOffset at) => Format(at, "ddd, dd MMM yyyy HH:mm:ss 'UTC'");

    /// <summary>Domains, routes: <c>Mon, 24 Feb 2025 22:44:03 GMT</c>.</summary>
    public static string Gmt(DateTimeOffset at) => Format(at, "ddd, dd MMM yyyy HH:mm:ss 'GMT'");

    /// <summary>Credentials, analytics: <c>Wed, 08 Mar 2023 23:34:57 +0000</c>.</summary>
    public static string Numeric(DateTimeOffset at) => Format(at, "ddd, dd MMM yyyy HH:mm:ss '+0000'");

    /// <summary>Mailing lists and logs: <c>Sun, 26 Jan 2025 07:29:23 -0000</c>.</summary>
    public static string Zoneless(DateTimeOffset at) => Format(at, "ddd, dd MMM yyyy HH:mm:ss '-0000'");

    /// <summary>Keys: <c>2006-01-02T15:04:05</c>.</summary>
    public static string Plain(DateTimeOffset at) => Format(at, "yyyy-MM-dd'T'HH:mm:ss");

    /// <summary>Tags: RFC 3339, to the second.</summary>
    public static string Internet(DateTimeOffset at) => Format(at, "yyyy-MM-dd'T'HH:mm:ss'Z'");

    /// <summary>RFC 2822 with a zone of any spelling, or seconds since 1970, also with a fraction.</summary>
    public static bool TryParse(string text, out DateTimeOffset at)
    {
        text = text.Trim();
        if (decimal.TryParse(
            text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
        {
            at = default;
            if (seconds > 253_402_300_799m)
                return false;
            at = DateTimeOffset.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond));
            return true;
        }
        return TryParseMail(text, out at);
    }

    /// <summary>RFC 2822 alone.</summary>
    public static bool TryParseMail(string text, out DateTimeOffset at) =>
        DateUtils.TryParse(text.Trim(), out at);

    static string Format(DateTimeOffset at, string format) =>
        at.ToUniversalTime().ToString(format, CultureInfo.InvariantCulture);
}
