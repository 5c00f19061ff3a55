using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using Postern.Dashboard.Mail;

namespace Postern.Tests.Dashboard.Mail;

/// <summary>HTML of mails, without a browser: UI-01, UI-02 and UI-04 of the catalogue. What is left is parsed
/// again, with scripts and without, and walked.</summary>
public sealed class MailHtmlTests
{
    static readonly string[] Harmless =
        [.. MailHtmlWriter.Tags, "html", "head", "meta", "title", "style"];

    static string Make(string html, RemotePictures remote = RemotePictures.LeftOut)
    {
        Assert.Null(MailHtml.TryMake(html, MailPictures.None, remote, out var mail));
        return mail!.Document;
    }

    static MailHtmlTrouble? TroubleOf(string html) =>
        MailHtml.TryMake(html, MailPictures.None, RemotePictures.LeftOut, out _);

    static string Many(string unit, int times) => string.Concat(Enumerable.Repeat(unit, times));

    /// <summary>Nothing that runs or loads.</summary>
    static void Holds(string document, RemotePictures remote = RemotePictures.LeftOut)
    {
        foreach (var isScripting in new[] { true, false })
        {
            var parser = new HtmlParser(new HtmlParserOptions { IsScripting = isScripting });
            foreach (var element in parser.ParseDocument(document).All)
                Check(element, remote);
        }
    }

    static void Check(IElement element, RemotePictures remote)
    {
        Assert.IsAssignableFrom<IHtmlElement>(element);
        Assert.Contains(element.LocalName, Harmless);
        if (element.LocalName == "meta")
            Assert.Equal("utf-8", Assert.Single(element.Attributes).Value);
        if (element.LocalName == "style")
            CheckStyle(element.TextContent);
        foreach (var attribute in element.Attributes.Where(_ => element.LocalName != "meta"))
        {
            if (attribute.Name == "style")
                CheckStyle(attribute.Value);
            else if (attribute.Name == "href")
                Assert.True(element is IHtmlAnchorElement { Protocol: "http:" or "https:" or "mailto:" });
            else if (attribute.Name == "src")
                Assert.True(element is IHtmlImageElement && (IsPicture(attribute.Value)
                    || (remote == RemotePictures.Loaded && IsRemote(attribute.Value))));
            else
                Assert.True(MailHtmlWriter.Attributes.Contains(attribute.Name)
                    || attribute.Name is "target" or "rel", attribute.Name);
        }
    }

    static bool IsRemote(string url) => url.StartsWith("http", StringComparison.Ordinal);

    static bool IsPicture(string url) => url.StartsWith("data:image/", StringComparison.Ordinal);

    static void CheckStyle(string css)
    {
        foreach (var word in new[] { "url", "@import", "@font", "fixed", "sticky", "expression", "\\", "<" })
            Assert.DoesNotContain(word, css, StringComparison.OrdinalIgnoreCase);
    }

    public static TheoryData<string> Attacks => [.. HardHtml.Attacks];

    [Theory, MemberData(nameof(Attacks))]
    public void Html_OfAnAttack_RunsNothingAndLoadsNothing(string html)
    {
        Holds(Make(html));
        Holds(Make($"<table><tr><td><p>{html}"));
        Holds(Make(html, RemotePictures.Loaded), RemotePictures.Loaded);
    }

    [Fact]
    public void Html_OfTheSuite_RunsNothingAndLoadsNothing()
    {
        var folder = Repository.PathOf(HardHtml.Suite);
        Assert.SkipUnless(Directory.Exists(folder), $"The suite is not here: {folder}");
        var payloads = HardHtml.OfTheSuite(folder);
        Assert.NotEmpty(payloads);
        Assert.All(payloads, payload => Holds(Make(payload)));
    }

    [Fact]
    public void Html_OfANewsletter_KeepsItsLook()
    {
        var document = Make("""
            <html><head><style>.a{color:red}</style></head><body bgcolor=#eee><center><table width=600>
            <tr><td class=a style="padding:4px"><h1>안녕하세요</h1><a href="https://a.test/?x=1&y=2">Go</a>
            <form><p>kept</p></form></td></tr></table></center></body></html>
            """);
        Assert.Contains(".a{color:red;}", document);
        Assert.Contains("<body bgcolor=\"#eee\">", document);
        Assert.Contains("style=\"padding:4px;\"", document);
        Assert.Contains("<h1>안녕하세요</h1>", document);
        Assert.Contains("<p>kept</p>", document);
        Assert.Contains("<a href=\"https://a.test/?x=1&amp;y=2\" target=\"_blank\" "
            + "rel=\"noopener noreferrer\">Go</a>", document);
    }

    [Theory]
    [InlineData(nameof(RemotePictures.LeftOut), "<img alt=\"a\">")]
    [InlineData(nameof(RemotePictures.Loaded), "<img alt=\"a\" src=\"https://t.test/p.png\">")]
    public void Picture_ThatStandsElsewhere_IsLoadedAfterAClickAlone(string remote, string expected)
    {
        MailHtml.TryMake(
            "<img alt=a src=https://t.test/p.png>", MailPictures.None, Enum.Parse<RemotePictures>(remote),
            out var mail);
        Assert.Contains(expected, mail!.Document);
        Assert.True(mail.HasRemotePictures);
    }

    [Theory]
    [InlineData("<table>", 1_500_000, nameof(MailHtmlTrouble.TooLarge))]
    [InlineData("<table><tr><td>", 40_000, nameof(MailHtmlTrouble.TooManyElements))]
    [InlineData("<table><tr><td>", 10_000, nameof(MailHtmlTrouble.TooDeep))]
    [InlineData("<div>", 40_000, nameof(MailHtmlTrouble.TooDeep))]
    [InlineData("<div><select></div></select>", 10_000, nameof(MailHtmlTrouble.TooDeep))]
    [InlineData("<svg>", 10_000, nameof(MailHtmlTrouble.TooDeep))]
    [InlineData("<b>", 1000, nameof(MailHtmlTrouble.TooDeep))]
    public void Html_BeyondTheBounds_IsNotParsedToItsEnd(string unit, int times, string trouble) =>
        Assert.Equal(Enum.Parse<MailHtmlTrouble>(trouble), TroubleOf(Many(unit, times)));

    /// <summary>Of 80 KB a browser makes 1.8 million elements.</summary>
    [Fact]
    public void Html_ThatMultipliesByItself_IsCutOff()
    {
        var fonts = string.Concat(Enumerable.Range(0, 150).Select(number => $"<font color={number}>"));
        Assert.Equal(
            MailHtmlTrouble.TooManyElements, TroubleOf("<p>" + fonts + Many("</p><p>x", 10_000)));
    }

    [Fact]
    public void Html_OfPlaintext_StaysInItsFrame() => Holds(Make("<p>x</p><plaintext>" + Many("<b>", 100)));

    [Fact]
    public void Policy_OfTheFrame_LetsNothingRunOrLoad()
    {
        Assert.Equal(
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; img-src data:",
            MailAnswers.PolicyOf(RemotePictures.LeftOut));
        Assert.Equal(
            MailAnswers.PolicyOf(RemotePictures.LeftOut) + " https: http:",
            MailAnswers.PolicyOf(RemotePictures.Loaded));
    }
}
