using System.Text;
using MimeKit.Text;

namespace Postern.Api.Mailgun;

/// <summary>What HTML says, as text: for <c>t:text</c>.</summary>
static class HtmlText
{
    static readonly HashSet<HtmlTagId> Paragraphs =
    [
        HtmlTagId.P, HtmlTagId.H1, HtmlTagId.H2, HtmlTagId.H3, HtmlTagId.H4, HtmlTagId.H5, HtmlTagId.H6,
        HtmlTagId.Table, HtmlTagId.UL, HtmlTagId.OL, HtmlTagId.BlockQuote, HtmlTagId.Pre, HtmlTagId.HR,
    ];

    static readonly HashSet<HtmlTagId> Lines =
    [
        HtmlTagId.Br, HtmlTagId.Div, HtmlTagId.TR, HtmlTagId.LI, HtmlTagId.Section, HtmlTagId.Article,
        HtmlTagId.Header, HtmlTagId.Footer,
    ];

    static readonly HashSet<HtmlTagId> Hidden =
        [HtmlTagId.Head, HtmlTagId.Style, HtmlTagId.Script, HtmlTagId.Title];

    /// <summary>Lines end with LF. A link's address stands behind its words.</summary>
    public static string Of(string html)
    {
        var text = new TextLines();
        var hidden = HtmlTagId.Unknown;
        var link = "";
        using var reader = new StringReader(html);
        var tokens = new HtmlTokenizer(reader);
        while (tokens.ReadNextToken(out var token))
        {
            if (token is HtmlTagToken tag)
            {
                if (hidden != HtmlTagId.Unknown)
                    hidden = tag.IsEndTag && tag.Id == hidden ? HtmlTagId.Unknown : hidden;
                else if (Hidden.Contains(tag.Id) && !tag.IsEndTag && !tag.IsEmptyElement)
                    hidden = tag.Id;
                else
                    link = Mark(text, tag, link);
            }
            else if (hidden == HtmlTagId.Unknown && token is HtmlDataToken data and not HtmlScriptDataToken)
                text.Say(data.Data);
        }
        return text.ToString();
    }

    /// <returns>The address of the link that is open.</returns>
    static string Mark(TextLines text, HtmlTagToken tag, string link)
    {
        if (Paragraphs.Contains(tag.Id))
            text.Break(2);
        else if (Lines.Contains(tag.Id))
            text.Break(1);
        else if (tag.Id is HtmlTagId.TD or HtmlTagId.TH)
            text.Say(" ");
        if (tag.Id == HtmlTagId.LI && !tag.IsEndTag)
            text.Say("* ");
        if (tag.Id != HtmlTagId.A)
            return link;
        if (tag.IsEndTag && link.Length > 0)
            text.Say($" ({link})");
        return tag.IsEndTag ? ""
            : tag.Attributes.FirstOrDefault(one => one.Id == HtmlAttributeId.Href)?.Value ?? "";
    }

    /// <summary>White space is one blank, as in HTML.</summary>
    sealed class TextLines
    {
        readonly StringBuilder text = new();
        int breaks;
        bool isSpaceDue;

        public void Say(string words)
        {
            foreach (var c in words)
            {
                if (char.IsWhiteSpace(c) && c != '\u00A0')
                {
                    isSpaceDue = true;
                    continue;
                }
                if (text.Length > 0)
                    text.Append('\n', breaks);
                if (isSpaceDue && breaks == 0 && text.Length > 0)
                    text.Append(' ');
                (breaks, isSpaceDue) = (0, false);
                text.Append(c);
            }
        }

        public void Break(int lines) => breaks = Math.Max(breaks, lines);

        public override string ToString() => text.Length == 0 ? "" : text.Append('\n').ToString();
    }
}
