using AngleSharp;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using Ganss.Xss;

namespace Postern.Dashboard.Mail;

/// <summary>A mail's HTML made into a document that runs nothing and loads nothing, for a frame that lets
/// nothing run and under a policy that lets nothing load.</summary>
/// <remarks>
/// Parsed as browsers parse, within bounds; what has no place in it goes with all it holds; the sanitizer
/// takes the rest that is not on its lists; and it is written by <see cref="MailHtmlWriter"/>, which knows
/// only what is harmless. The three do not trust one another.
/// </remarks>
sealed class MailHtml
{
    /// <summary>Larger ones are shown as text. Gmail cuts at 102 KiB.</summary>
    public const int CharactersMax = 2_000_000;

    /// <summary>Where a style attribute waits while the sanitizer works, which knows no CSS here.</summary>
    internal const string StyleMark = "data-postern-style";

    /// <summary>What goes with everything in it.</summary>
    const string Banned = "script,style,title,iframe,frame,frameset,noframes,noembed,noscript,object,embed,"
        + "applet,template,svg,math,textarea,select,xmp,plaintext,audio,video,canvas,link,meta,base,source,"
        + "track,portal,fencedframe,input,button,datalist,map";

    static readonly HtmlSanitizerOptions Lists = new()
    {
        AllowedTags = new HashSet<string>(MailHtmlWriter.Tags, StringComparer.OrdinalIgnoreCase)
        {
            "html", "head",
        },
        AllowedAttributes = new HashSet<string>(MailHtmlWriter.Attributes, StringComparer.OrdinalIgnoreCase)
        {
            "href", "src", StyleMark,
        },
        UriAttributes = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "href", "src" },
        AllowedSchemes = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
        {
            "http", "https", "mailto", "cid", "data",
        },
    };

    static readonly IElementFactory<Document, HtmlElement> Elements =
        BrowsingContext.New(Configuration.Default).GetService<IElementFactory<Document, HtmlElement>>()!;

    MailHtml(string document, bool hasRemotePictures)
    {
        Document = document;
        HasRemotePictures = hasRemotePictures;
    }

    /// <summary>All of it.</summary>
    public string Document { get; }

    /// <summary>There are pictures that stand elsewhere, whether they are in it or not.</summary>
    public bool HasRemotePictures { get; }

    /// <param name="html">As the mail has it.</param>
    /// <param name="pictures">Those of the mail itself.</param>
    /// <param name="mail">Null when it can be shown.</param>
    public static MailHtmlTrouble? TryMake(
        string html, MailPictures pictures, RemotePictures remote, out MailHtml? mail)
    {
        mail = null;
        if (Weigh(html) is { } trouble)
            return trouble;
        try
        {
            using var document = Parse(html);
            var sheet = Prepare(document);
            new HtmlSanitizer(Lists) { KeepChildNodes = true }.SanitizeDom(document);
            var writer = new MailHtmlWriter(pictures, remote);
            mail = new MailHtml(writer.Write(document, sheet), writer.HasRemotePictures);
            return null;
        }
        catch (TooMuchException e)
        {
            return e.Why;
        }
    }

    /// <summary>The cheap look, before anything is made of it. Null: a parser may see it.</summary>
    internal static MailHtmlTrouble? Weigh(string html)
    {
        if (html.Length > CharactersMax)
            return MailHtmlTrouble.TooLarge;
        var tags = 0;
        for (var at = html.IndexOf('<', StringComparison.Ordinal); at >= 0; at = html.IndexOf('<', at + 1))
        {
            if (at + 1 < html.Length && char.IsAsciiLetter(html[at + 1])
                && ++tags > BoundedElements.ElementsMax)
                return MailHtmlTrouble.TooManyElements;
        }
        return null;
    }

    /// <exception cref="TooMuchException">It is more than can be shown.</exception>
    static IHtmlDocument Parse(string html)
    {
        var bounds = new BoundedElements(Elements);
        var context = BrowsingContext.New(
            Configuration.Default.WithOnly<IElementFactory<Document, HtmlElement>>(_ => bounds));
        var options = new HtmlParserOptions
        {
            // As a browser that runs scripts reads it: what stands in noscript is text there.
            IsScripting = true,
            MaximumDepth = BoundedElements.DepthMax * 2,
            OnCreated = (element, _) =>
            {
                if (element is not HtmlElement && element.Owner is { } owner)
                    bounds.Count(owner);
            },
        };
        return new HtmlParser(options, context).ParseDocument(html);
    }

    /// <summary>Takes out what has no place in a mail, and the styles.</summary>
    /// <returns>What may stay of its style sheets.</returns>
    static string Prepare(IHtmlDocument document)
    {
        var sheet = new System.Text.StringBuilder();
        foreach (var style in document.QuerySelectorAll("style"))
        {
            if (style is IHtmlStyleElement && sheet.Length < MailStyle.SheetCharactersMax)
                sheet.Append(style.TextContent).Append('\n');
        }
        foreach (var banned in document.QuerySelectorAll(Banned).ToArray())
            banned.Remove();
        foreach (var element in document.QuerySelectorAll("*"))
        {
            var style = element.GetAttribute("style");
            element.RemoveAttribute("style");
            element.RemoveAttribute(StyleMark);
            if (style is not null && MailStyle.Declarations(style) is { Length: > 0 } kept)
                element.SetAttribute(StyleMark, kept);
        }
        return MailStyle.Sheet(sheet.ToString());
    }
}

/// <summary>Why HTML is not shown as HTML.</summary>
enum MailHtmlTrouble
{
    TooLarge,
    TooManyElements,
    TooDeep,
}

/// <summary>Whether pictures may come from where the sender wants.</summary>
enum RemotePictures
{
    LeftOut,
    Loaded,
}
