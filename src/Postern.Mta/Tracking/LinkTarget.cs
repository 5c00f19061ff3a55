using System.Globalization;
using System.Text;

namespace Postern.Mta.Tracking;

/// <summary>Which links of a message are told of when somebody follows them, and where they lead
/// then.</summary>
/// <remarks>Only what every reader understands alike: of anything odd the sender's own text stays.</remarks>
public static class LinkTarget
{
    /// <param name="url">As a reader sees it: no entities, no blanks around it.</param>
    public static bool IsOne(string url) =>
        (url.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
            || url.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        && url.Length <= TrackingTokens.TextOctetsMax
        && Encoding.UTF8.GetByteCount(url) <= TrackingTokens.TextOctetsMax
        && !url.Any(c => c is '\\' or '"' or '<' or '>' || char.IsControl(c) || char.IsSurrogate(c))
        && HasWholeEscapes(url)
        && Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
        && uri.UserInfo.Length == 0 && uri.IdnHost.Length > 0;

    /// <summary>For a Location field: the same letter for letter, but that what is not ASCII is
    /// encoded.</summary>
    // RFC 3986 §2.1.
    public static string LocationOf(string url)
    {
        if (!url.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return url;
        var text = new StringBuilder();
        var host = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var path = url.AsSpan(host).IndexOfAny("/?#") is var at and >= 0 ? host + at : url.Length;
        var uri = new Uri(url);
        text.Append(url, 0, host)
            .Append(uri.HostNameType == UriHostNameType.IPv6 ? uri.Host : uri.IdnHost);
        if (!uri.IsDefaultPort)
            text.Append(CultureInfo.InvariantCulture, $":{uri.Port}");
        foreach (var octet in Encoding.UTF8.GetBytes(url[path..]))
        {
            if (octet is >= (byte)'!' and <= (byte)'~')
                text.Append((char)octet);
            else
                text.Append(CultureInfo.InvariantCulture, $"%{octet:X2}");
        }
        return text.ToString();
    }

    /// <summary>A percent sign that begins no octet may begin a placeholder.</summary>
    static bool HasWholeEscapes(string url)
    {
        for (var at = url.IndexOf('%', StringComparison.Ordinal); at >= 0; at = url.IndexOf('%', at + 1))
        {
            if (at + 2 >= url.Length || !char.IsAsciiHexDigit(url[at + 1])
                || !char.IsAsciiHexDigit(url[at + 2]))
                return false;
        }
        return true;
    }
}
