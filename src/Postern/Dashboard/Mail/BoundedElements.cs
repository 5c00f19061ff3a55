using AngleSharp.Dom;
using AngleSharp.Html.Dom;

namespace Postern.Dashboard.Mail;

/// <summary>Counts the elements that a parser makes, those too that the HTML standard makes of others (a
/// formatting element that is opened again), and ends the parse when there are too many, or too deep
/// ones.</summary>
/// <remarks>Seven kilobytes of badly nested fonts become two hundred thousand elements.</remarks>
sealed class BoundedElements(IElementFactory<Document, HtmlElement> elements)
    : IElementFactory<Document, HtmlElement>
{
    public const int ElementsMax = 50_000;
    public const int DepthMax = 200;

    /// <summary>Between two looks at the depth.</summary>
    const int LookEvery = 64;

    int made;

    /// <exception cref="TooMuchException">There are too many, or they stand too deep.</exception>
    public HtmlElement Create(
        Document document, string localName, string? prefix = null, NodeFlags flags = NodeFlags.None)
    {
        Count(document);
        return elements.Create(document, localName, prefix, flags);
    }

    /// <summary>One more of those that this does not make: of SVG and MathML.</summary>
    /// <exception cref="TooMuchException">As above.</exception>
    public void Count(INode document)
    {
        if (++made > ElementsMax)
            throw new TooMuchException(MailHtmlTrouble.TooManyElements);
        if (made % LookEvery == 0 && DepthOf(document) > DepthMax)
            throw new TooMuchException(MailHtmlTrouble.TooDeep);
    }

    /// <summary>Of what was added last.</summary>
    static int DepthOf(INode document)
    {
        var depth = 0;
        for (var node = document.LastChild; node is not null && depth <= DepthMax; node = node.LastChild)
            depth++;
        return depth;
    }
}

/// <summary>The library's parser has no other way to end in the middle.</summary>
sealed class TooMuchException(MailHtmlTrouble why) : Exception
{
    public MailHtmlTrouble Why => why;
}
