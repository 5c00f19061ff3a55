using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Postern.Mta.Transports.Forward;

/// <summary>Where a route of the API posts mail. Its text is what a recipient is bound to, in the place of a
/// transport's name.</summary>
/// <remarks>So it needs nothing but its row: it outlives the route that made it, and a restart. All of them
/// are one transport, and those of one host and port one lane: what a stranger writes may choose among paths,
/// but makes neither lanes nor metrics.</remarks>
/// <param name="Url">Of http or https.</param>
public sealed record WebTarget(WebForm Form, string Url)
{
    /// <summary>The name of the transport in logs, events and metrics: of the action.</summary>
    public const string Transport = "forward()";

    /// <summary>Posts to all hosts under way in one lane.</summary>
    public const int ConcurrencyMax = 8;

    const int UrlCharactersMax = 2048;
    const string NoticePrefix = "notify ";

    /// <summary>One host and port.</summary>
    public string Lane
    {
        get
        {
            var uri = new Uri(Url);
            return string.Create(
                CultureInfo.InvariantCulture, $"{Transport} {uri.IdnHost.ToLowerInvariant()}:{uri.Port}");
        }
    }

    public static bool IsUrl(string text) => text.Length <= UrlCharactersMax
        && !text.AsSpan().ContainsAnyExceptInRange('!', '~')
        && Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
        && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0 && uri.IdnHost.Length > 0
        && !ClimbsUp(text);

    /// <summary>A segment of dots leads elsewhere than it says.</summary>
    static bool ClimbsUp(string url) => url.Split('?')[0].Split('/', '\\')
        .Any(part => part.Replace("%2e", ".", StringComparison.OrdinalIgnoreCase) is "." or "..");

    /// <summary>Reads what a recipient is bound to.</summary>
    /// <returns>False: it is the name of a transport.</returns>
    public static bool TryParse(string bound, [NotNullWhen(true)] out WebTarget? target)
    {
        target = null;
        var isNotice = bound.StartsWith(NoticePrefix, StringComparison.Ordinal);
        var url = isNotice ? bound[NoticePrefix.Length..] : bound;
        if (!url.Contains("://", StringComparison.Ordinal) || !IsUrl(url))
            return false;
        target = new WebTarget(isNotice ? WebForm.Notice : WebForm.Message, url);
        return true;
    }

    public override string ToString() => Form == WebForm.Notice ? NoticePrefix + Url : Url;
}

/// <summary>What is posted.</summary>
public enum WebForm
{
    /// <summary>The message: <c>forward</c>.</summary>
    Message,

    /// <summary>Where it lies: <c>store(notify)</c>.</summary>
    Notice,
}
