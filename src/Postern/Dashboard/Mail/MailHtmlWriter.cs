using System.Collections.Frozen;
using System.Text;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;

namespace Postern.Dashboard.Mail;

/// <summary>Writes a document: elements and attributes that it knows, text that is escaped, and nothing
/// else.</summary>
/// <remarks>No element that it knows holds anything but elements and escaped text, so a browser cannot read
/// it as something else than was written.</remarks>
sealed class MailHtmlWriter(MailPictures pictures, RemotePictures remote)
{
    /// <summary>Of all pictures that are written into the document, each time they are.</summary>
    const int PictureCharactersMax = 14_000_000;

    public static readonly FrozenSet<string> Tags = ("a abbr acronym address article aside b bdi bdo big "
        + "blockquote body br caption center cite code col colgroup dd del details dfn dir div dl dt em "
        + "figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark menu nav ol "
        + "p pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot "
        + "th thead time tr tt u ul var wbr").Split(' ').ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Those that hold no address.</summary>
    public static readonly FrozenSet<string> Attributes = ("abbr align alt axis bgcolor border cellpadding "
        + "cellspacing class clear color cols colspan compact datetime dir face headers height hspace id "
        + "lang noshade nowrap open reversed rowspan rules scope size span start summary text title type "
        + "valign value vspace width").Split(' ').ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    static readonly FrozenSet<string> Voids =
        new[] { "br", "col", "hr", "img", "wbr" }.ToFrozenSet(StringComparer.Ordinal);

    readonly StringBuilder text = new();
    int pictureCharacters;

    /// <summary>There was an address of one, whether it was written or not.</summary>
    public bool HasRemotePictures { get; private set; }

    /// <param name="sheet">A style sheet without <c>&lt;</c>.</param>
    public string Write(IHtmlDocument document, string sheet)
    {
        text.Append("<!doctype html><html><head><meta charset=\"utf-8\"><title></title><style>")
            .Append("html{background:#fff;color:#000;color-scheme:light;font-family:sans-serif;")
            .Append("overflow-wrap:break-word}img{max-width:100%}\n")
            .Append(sheet.Replace("<", "", StringComparison.Ordinal))
            .Append("</style></head>");
        if (document.Body is { } body)
            WriteTree(body);
        return text.Append("</html>").ToString();
    }

    /// <summary>By the links of the tree: however deep it is, the stack is not.</summary>
    void WriteTree(INode root)
    {
        var node = root;
        while (node is not null)
        {
            Open(node);
            if (node.FirstChild is { } child && node is IElement)
            {
                node = child;
                continue;
            }
            Close(node);
            while (node is not null && node != root && node.NextSibling is null)
            {
                node = node.Parent;
                Close(node);
            }
            node = node == root ? null : node?.NextSibling;
        }
    }

    static string? NameOf(INode? node) =>
        node is IHtmlElement { LocalName: var name } && Tags.TryGetValue(name, out var known) ? known : null;

    void Close(INode? node)
    {
        if (NameOf(node) is { } name && !Voids.Contains(name))
            text.Append("</").Append(name).Append('>');
    }

    void Open(INode node)
    {
        if (node is IText words)
            AppendEscaped(words.Data);
        if (node is not IElement element || NameOf(node) is not { } name)
            return;
        text.Append('<').Append(name);
        foreach (var attribute in element.Attributes)
        {
            if (Attributes.TryGetValue(attribute.Name, out var known))
                AppendAttribute(known, attribute.Value);
        }
        if (element.GetAttribute(MailHtml.StyleMark) is { } style)
            AppendAttribute("style", style);
        if (name == "a" && element.GetAttribute("href") is { } target && IsLink(target))
        {
            AppendAttribute("href", target);
            AppendAttribute("target", "_blank");
            AppendAttribute("rel", "noopener noreferrer");
        }
        if (name == "img" && SourceOf(element.GetAttribute("src") ?? "") is { } source)
            AppendAttribute("src", source);
        text.Append('>');
    }

    static bool IsLink(string url) => IsRemote(url)
        || url.StartsWith("mailto:", StringComparison.OrdinalIgnoreCase);

    static bool IsRemote(string url) => url.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
        || url.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>Null: no picture that may be shown.</summary>
    string? SourceOf(string source)
    {
        source = source.Trim();
        if (IsRemote(source))
        {
            HasRemotePictures = true;
            return remote == RemotePictures.Loaded ? source : null;
        }
        var data = pictures.Find(source);
        if (data is null || data.Length > PictureCharactersMax - pictureCharacters)
            return null;
        pictureCharacters += data.Length;
        return data;
    }

    void AppendAttribute(string name, string value)
    {
        text.Append(' ').Append(name).Append("=\"");
        AppendEscaped(value);
        text.Append('"');
    }

    void AppendEscaped(string value)
    {
        foreach (var c in value)
        {
            _ = c switch
            {
                '&' => text.Append("&amp;"),
                '<' => text.Append("&lt;"),
                '>' => text.Append("&gt;"),
                '"' => text.Append("&quot;"),
                '\0' => text,
                _ => text.Append(c),
            };
        }
    }
}
