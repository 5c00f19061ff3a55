using MimeKit.Text;

namespace Postern.Mta.Inbound;

/// <summary>A page without the messages that it quotes.</summary>
public static class QuotedHtml
{
    /// <summary>Classes by which programs mark a quote, and the line that announces it.</summary>
    static readonly string[] Classes =
    [
        "gmail_quote", "gmail_quote_container", "gmail_attr", "gmail_extra", "yahoo_quoted",
        "moz-cite-prefix", "protonmail_quote", "zmail_extra", "OutlookMessageHeader",
    ];

    /// <summary>All behind such an element is another message.</summary>
    static readonly string[] LastIds =
    [
        "divRplyFwdMsg", "appendonsend", "x_divRplyFwdMsg", "mail-editor-reference-message-container",
        "OLK_SRC_BODY_SECTION", "reply-intro",
    ];

    /// <returns>The same text where nothing is quoted.</returns>
    public static string Of(string html)
    {
        using var reader = new StringReader(html);
        using var kept = new StringWriter();
        var tokens = new HtmlTokenizer(reader);
        var (hidden, depth, isCut, isOver, isCode) = ("", 0, false, false, false);
        // Elements that begin behind the end end there too; those that began before it are closed.
        var opened = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        while (tokens.ReadNextToken(out var token))
        {
            var tag = token as HtmlTagToken;
            if (tag is not null)
                isCode = !tag.IsEndTag && tag.Id is HtmlTagId.Style or HtmlTagId.IFrame or HtmlTagId.Xmp
                    or HtmlTagId.NoEmbed or HtmlTagId.NoFrames;
            if (!isOver && depth == 0 && EndsText(token))
                isCut = isOver = true;
            if (isOver)
            {
                if (tag is not null && IsEndOfOuter(tag, opened))
                    token.WriteTo(kept);
            }
            else if (depth > 0)
            {
                if (tag is not null && !tag.IsEmptyElement
                    && tag.Name.Equals(hidden, StringComparison.OrdinalIgnoreCase))
                    depth += tag.IsEndTag ? -1 : 1;
            }
            else if (tag is { IsEndTag: false, IsEmptyElement: false } && IsQuote(tag))
                (hidden, depth, isCut) = (tag.Name, 1, true);
            else if (token is HtmlDataToken { Kind: HtmlTokenKind.Data } data && !isCode)
                kept.Write(Escaped(data.Data));
            else
                token.WriteTo(kept);
        }
        return isCut ? kept.ToString() : html;
    }

    /// <summary>Letters stay letters: the library would write numbers for all but ASCII.</summary>
    static string Escaped(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal);

    static bool IsEndOfOuter(HtmlTagToken tag, Dictionary<string, int> opened)
    {
        var count = opened.GetValueOrDefault(tag.Name);
        if (tag.IsEndTag && count == 0)
            return true;
        if (tag.IsEndTag)
            opened[tag.Name] = count - 1;
        else if (!tag.IsEmptyElement)
            opened[tag.Name] = count + 1;
        return false;
    }

    static bool EndsText(HtmlToken token) => token switch
    {
        HtmlTagToken { IsEndTag: false } tag => ValueOf(tag, HtmlAttributeId.Id) is { } id
            && LastIds.Contains(id, StringComparer.Ordinal),
        HtmlDataToken { Data.Length: < 200 } data => QuoteWords.IsSeparator(data.Data),
        _ => false,
    };

    static bool IsQuote(HtmlTagToken tag) =>
        (tag.Id == HtmlTagId.BlockQuote && ValueOf(tag, HtmlAttributeId.Type) is "cite")
        || (ValueOf(tag, HtmlAttributeId.Class) is { } names
            && names.Split(' ').Any(name => Classes.Contains(name, StringComparer.Ordinal)));

    static string? ValueOf(HtmlTagToken tag, HtmlAttributeId id) =>
        tag.Attributes.FirstOrDefault(attribute => attribute.Id == id)?.Value;
}
