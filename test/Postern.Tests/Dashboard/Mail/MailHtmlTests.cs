using System.Text.Json;
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

    [Theory]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("<svg><script>alert(1)</script></svg>")]
    [InlineData("<img src=x onerror=alert(1)>")]
    [InlineData("<b onclick=alert(1) style='color:red'>x</b>")]
    [InlineData("<a href='javascript:alert(1)'>x</a><a href=' java&#10;script:alert(1)'>y</a>")]
    [InlineData("<a href='\u0001javascript:alert(1)'>x</a><a href='vbscript:x'>y</a><a href='data:,x'>z</a>")]
    [InlineData("<iframe src=http://t.test></iframe><iframe srcdoc='<script>alert(1)</script>'></iframe>")]
    [InlineData("<object data=x></object><embed src=x><applet code=x></applet><portal src=x>")]
    [InlineData("<form action=http://t.test><input name=a autofocus onfocus=alert(1)><button>x</form>")]
    [InlineData("<meta http-equiv=refresh content='0;url=http://t.test'><base href=http://t.test>")]
    [InlineData("<link rel=stylesheet href=http://t.test><link rel=dns-prefetch href=//t.test>")]
    [InlineData("<img src=http://t.test/p><img srcset='http://t.test/p 1x'><input type=image src=//t.test>")]
    [InlineData("<video poster=http://t.test/p src=x><source src=x></video><audio src=x autoplay>")]
    [InlineData("<table background=http://t.test/p><td background=http://t.test/p>x</table>")]
    [InlineData("<body background=http://t.test/p onload=alert(1) style='background:url(//t.test)'>x")]
    [InlineData("<style>@import 'http://t.test/x';p{background:url(//t.test/p)}</style><p>x")]
    [InlineData("<style><!--</style><script>alert(1)</script>--></style>")]
    [InlineData("<div style='position:fixed;inset:0;z-index:9999;width:100vw;height:100vh'>x</div>")]
    [InlineData("<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=x'>")]
    [InlineData("<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>")]
    [InlineData("<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">")]
    [InlineData("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">")]
    [InlineData("<textarea><p title=\"</textarea><img src=x onerror=alert(1)>\">")]
    [InlineData("<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\"></xmp>")]
    [InlineData("<title><p title=\"</title><img src=x onerror=alert(1)>\"></title>")]
    [InlineData("<template><s><template><s><img src=x onerror=alert(1)></template></template>")]
    [InlineData("<select><iframe></select><b><script>alert(1)</script>")]
    [InlineData("<listing>&lt;img onerror=\"alert(1)\" src=x&gt;</listing>")]
    [InlineData("<img src=data:image/svg+xml;base64,PHN2Zy8+><img src='data:text/html,x'>")]
    [InlineData("<img src='data:image/png;base64,\"onerror=alert(1)'>")]
    [InlineData("<p data-postern-style='background:url(//t.test)'>x</p>")]
    [InlineData("<a ping=http://t.test href=http://x.test attributionsrc=//t.test>x</a>")]
    [InlineData("<p style=\"color:red\" STYLE='background:url(//t.test)'>x<o:p>y</o:p>")]
    [InlineData("<plaintext><script>alert(1)</script>")]
    [InlineData("<details open ontoggle=alert(1)><summary>x</summary></details><marquee onstart=alert(1)>x")]
    [InlineData("<x><svg:a xlink:href='javascript:alert(1)'><image xlink:href=//t.test /></x>")]
    [InlineData("<frameset onload=alert(1)><frame src=javascript:alert(1)></frameset>")]
    [InlineData("<? foo=\"><script>alert(1)</script>\"><! foo=\"><script>alert(1)</script>\">")]
    [InlineData("<a title=\"`><img src=x onerror=x>\">x</a></foo title=\"><script>alert(1)</script>\">")]
    public void Html_OfAnAttack_RunsNothingAndLoadsNothing(string html)
    {
        Holds(Make(html));
        Holds(Make($"<table><tr><td><p>{html}"));
        Holds(Make(html, RemotePictures.Loaded), RemotePictures.Loaded);
    }

    /// <summary>The fixtures of DOMPurify, in whatever files of JSON they come.</summary>
    [Fact]
    public void Html_OfTheSuite_RunsNothingAndLoadsNothing()
    {
        var folder = Repository.PathOf("../shared/data/xss-dompurify");
        Assert.SkipUnless(Directory.Exists(folder), $"The suite is not here: {folder}");
        var payloads = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetExtension(path) is ".json" or ".js" or ".mjs")
            .SelectMany(path => PayloadsOf(File.ReadAllText(path))).ToArray();
        Assert.NotEmpty(payloads);
        Assert.All(payloads, payload => Holds(Make(payload)));
    }

    static List<string> PayloadsOf(string text)
    {
        var options = new JsonDocumentOptions
        {
            AllowTrailingCommas = true,
            CommentHandling = JsonCommentHandling.Skip,
        };
        var found = new List<string>();
        var start = text.IndexOf('[', StringComparison.Ordinal);
        using var rows = JsonDocument.Parse(text[start..(text.LastIndexOf(']') + 1)], options);
        foreach (var row in rows.RootElement.EnumerateArray())
            found.Add(row.GetProperty("payload").GetString()!);
        return found;
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
