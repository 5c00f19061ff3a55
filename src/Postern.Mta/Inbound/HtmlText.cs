using System.Text;
using MimeKit.Text;

namespace Postern.Mta.Inbound;

/// <summary>The words of a page, for readers who take text alone.</summary>
static class HtmlText
{
    public static string Of(string html)
    {
        using var reader = new StringReader(html);
        var tokens = new HtmlTokenizer(reader);
        var text = new StringBuilder();
        var hidden = HtmlTagId.Unknown;
        while (tokens.ReadNextToken(out var token))
        {
            if (token is HtmlTagToken tag)
            {
                if (hidden == HtmlTagId.Unknown && !tag.IsEndTag && !tag.IsEmptyElement
                    && tag.Id is HtmlTagId.Script or HtmlTagId.Style or HtmlTagId.Head or HtmlTagId.Title)
                    hidden = tag.Id;
                else if (tag.IsEndTag && tag.Id == hidden)
                    hidden = HtmlTagId.Unknown;
                if (BreaksLine(tag.Id) && text.Length > 0 && text[^1] != '\n')
                    text.Append("\r\n");
            }
            else if (token is HtmlDataToken { Data: var data } && hidden == HtmlTagId.Unknown)
                AppendWords(text, data);
        }
        return text.ToString().Trim();
    }

    static bool BreaksLine(HtmlTagId tag) => tag is HtmlTagId.Br or HtmlTagId.P or HtmlTagId.Div
        or HtmlTagId.LI or HtmlTagId.TR or HtmlTagId.H1 or HtmlTagId.H2 or HtmlTagId.H3 or HtmlTagId.H4
        or HtmlTagId.BlockQuote or HtmlTagId.Table;

    /// <summary>White space of the source, however much, is one space of the page.</summary>
    static void AppendWords(StringBuilder text, string data)
    {
        foreach (var c in data)
        {
            if (c is not (' ' or '\t' or '\r' or '\n'))
                text.Append(c);
            else if (text.Length > 0 && text[^1] is not (' ' or '\n'))
                text.Append(' ');
        }
    }
}
