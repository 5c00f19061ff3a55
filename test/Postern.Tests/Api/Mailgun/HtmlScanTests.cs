using System.Text;
using Postern.Api.Mailgun;

namespace Postern.Tests.Api.Mailgun;

public sealed class HtmlScanTests
{
    /// <summary>The HTML with each link in square brackets, and what it leads to behind that.</summary>
    static string Marked(string html)
    {
        var text = new StringBuilder();
        var done = 0;
        foreach (var link in HtmlScan.Of(html).Links)
        {
            text.Append(html, done, link.Start - done)
                .Append('[').Append(html, link.Start, link.Length)
                .Append(" -> ").Append(link.Url).Append(']');
            done = link.Start + link.Length;
        }
        return text.Append(html, done, html.Length - done).ToString();
    }

    [Theory]
    [InlineData(
        "<a href=\"http://x.example\">x</a>", "<a href=\"[http://x.example -> http://x.example]\">x</a>")]
    [InlineData("<a href='https://x.example/'>", "<a href='[https://x.example/ -> https://x.example/]'>")]
    [InlineData("<a href=https://x.example/>x", "<a href=[https://x.example/ -> https://x.example/]>x")]
    [InlineData(
        "<A\n HREF = \"HTTPS://X.example\" >", "<A\n HREF = \"[HTTPS://X.example -> HTTPS://X.example]\" >")]
    [InlineData(
        "<area shape=rect href=\"https://x.example/\"/>",
        "<area shape=rect href=\"[https://x.example/ -> https://x.example/]\"/>")]
    [InlineData("<a/href=\"https://x.example/\">", "<a/href=\"[https://x.example/ -> https://x.example/]\">")]
    [InlineData(
        "<a title='a>b' class=\"c\"href=\"https://x.example/\">",
        "<a title='a>b' class=\"c\"href=\"[https://x.example/ -> https://x.example/]\">")]
    [InlineData(
        "<a href=\" https://x.example/\n\">", "<a href=\"[ https://x.example/\n -> https://x.example/]\">")]
    [InlineData(
        "<a href=\"https://x.example/길?값=1\">안녕</a>",
        "<a href=\"[https://x.example/길?값=1 -> https://x.example/길?값=1]\">안녕</a>")]
    [InlineData(
        "<p><b><a href=\"https://x.example/1\">1<a href=\"https://x.example/2\">2</p></i>",
        "<p><b><a href=\"[https://x.example/1 -> https://x.example/1]\">1"
            + "<a href=\"[https://x.example/2 -> https://x.example/2]\">2</p></i>")]
    [InlineData(
        "1 < 2 <a href=\"https://x.example/\">",
        "1 < 2 <a href=\"[https://x.example/ -> https://x.example/]\">")]
    public void Links_OfAnchorsAndAreas_AreFound(string html, string marked) =>
        Assert.Equal(marked, Marked(html));

    [Theory]
    [InlineData("a=1&amp;b=2", "a=1&b=2")]
    [InlineData("a=1&b=2", "a=1&b=2")]
    [InlineData("a=1&copy=2&amp;reg=3", "a=1&copy=2&reg=3")]
    [InlineData("a=&#x26;&#38;&quot", null)]
    [InlineData("a=&#38;b", "a=&b")]
    [InlineData("a=&#38b", null)]
    [InlineData("a&sol;b", "a/b")]
    [InlineData("a&#59;b&semi;c&#x3B;d", "a;b;c;d")]
    [InlineData("a=&nosuch;b", "a=&nosuch;b")]
    [InlineData("a=&copyright;b", "a=&copyright;b")]
    [InlineData("a=&", "a=&")]
    [InlineData("a=&&&amp;", "a=&&&")]
    [InlineData("a=&lt;b", null)]
    public void Entities_OfALink_AreWhatTheyStandFor(string raw, string? query)
    {
        var links = HtmlScan.Of($"<a href=\"https://x.example/?{raw}\">").Links;
        Assert.Equal(
            query is null ? [] : [$"https://x.example/?{query}"], links.Select(link => link.Url));
    }

    [Theory]
    [InlineData("<a>x</a>")]
    [InlineData("<a name=\"https://x.example/\">x</a>")]
    [InlineData("<a href>x</a>")]
    [InlineData("<a href=>x</a>")]
    [InlineData("<a href=\"\">x</a>")]
    [InlineData("<a href=\"#top\">")]
    [InlineData("<a href=\"mailto:a@x.example\">")]
    [InlineData("<a href=\"tel:+82\">")]
    [InlineData("<a href=\"/path\">")]
    [InlineData("<a href=\"%recipient.url%\">")]
    [InlineData("<a href=\"https://x.example/%recipient.id%\">")]
    [InlineData("<a href=\"{{url}}\">")]
    [InlineData("<a href=\"https://x.exa\nmple/\">")]
    [InlineData("<a href=\"x\" href=\"https://x.example/\">")]
    [InlineData("<a data-href=\"https://x.example/\">")]
    [InlineData("<abbr href=\"https://x.example/\">")]
    [InlineData("<link href=\"https://x.example/\">")]
    [InlineData("<img src=\"https://x.example/\">")]
    [InlineData("</a href=\"https://x.example/\">")]
    [InlineData("< a href=\"https://x.example/\">")]
    [InlineData("<!-- <a href=\"https://x.example/\"> -->")]
    [InlineData("<!--[if mso]><a href=\"https://x.example/\"><![endif]-->")]
    [InlineData("<!-- never closed <a href=\"https://x.example/\">")]
    [InlineData("<!DOCTYPE a href=\"https://x.example/\">")]
    [InlineData("<?php <a href=\"https://x.example/\"")]
    [InlineData("<script>\"<a href='https://x.example/'>\"</script>")]
    [InlineData("<STYLE><a href=\"https://x.example/\"></style>")]
    [InlineData("<title><a href=\"https://x.example/\"></titles>")]
    [InlineData("<textarea><a href=\"https://x.example/\"></textarea>")]
    [InlineData("<a href=\"https://x.example/\"")]
    [InlineData("<a href=\"https://x.example/>x</a>")]
    [InlineData("<a href")]
    [InlineData("<a href=")]
    [InlineData("<a href='")]
    [InlineData("<")]
    [InlineData("</")]
    [InlineData("<!")]
    [InlineData("")]
    public void Links_ThatAreNone_AreLeft(string html) => Assert.Empty(HtmlScan.Of(html).Links);

    [Theory]
    [InlineData("<!--><a href=\"https://x.example/\">")]
    [InlineData("<!---><a href=\"https://x.example/\">")]
    [InlineData("<!-- a --!><a href=\"https://x.example/\">")]
    [InlineData("<!-- a -- b ---><a href=\"https://x.example/\">")]
    [InlineData("<![if !mso]><a href=\"https://x.example/\">")]
    [InlineData("</><a href=\"https://x.example/\">")]
    [InlineData("<script>1</scripts>2</script ><a href=\"https://x.example/\">")]
    [InlineData("<p title=\"<!--\"><a href=\"https://x.example/\">")]
    public void Links_BehindWhatEnds_AreFound(string html) => Assert.Single(HtmlScan.Of(html).Links);

    [Fact]
    public void Body_BeginsBehindTheFirstTag_AndEndsBeforeTheLast()
    {
        const string html = "<html><!-- <body> --><body class='>'>a</body>b</BODY ></html>";
        var scan = HtmlScan.Of(html);
        Assert.Equal("a</body>b", html[scan.BodyBegin!.Value..scan.BodyEnd!.Value]);
        Assert.Equal((null, null), (HtmlScan.Of("<p>").BodyBegin, HtmlScan.Of("<p>").BodyEnd));
    }

    /// <summary>Each of these would take minutes if every sign were looked for again and again.</summary>
    [Theory]
    [InlineData("<!--")]
    [InlineData("<a ")]
    [InlineData("<a href=\"")]
    [InlineData("<title></titl")]
    [InlineData("--!")]
    [InlineData("<!---!")]
    [InlineData("</")]
    [InlineData("<?")]
    public void Scan_OfMuchThatNeverEnds_IsLinear(string piece)
    {
        var html = string.Concat(Enumerable.Repeat(piece, 1_000_000));
        Assert.Empty(HtmlScan.Of(html).Links);
    }

    static readonly string[] Pieces =
    [
        "<", ">", "a", "<a ", "href", "=", "\"", "'", "https://x.example/", "http://한국.example/길", " ", "\n",
        "/", "<!--", "-->", "--!>", "<!", "</a>", "<script>", "</script>", "<style", "</style>", "<body>",
        "</body>", "&amp;", "&", "&#38", ";", "안녕", "\0", "\ud83d", "\udc4b", "<area href=", "?q=1",
        "%41", "%",
        "<a href=\"https://x.example/1\">", "<a href=https://x.example/2>", "<textarea>", "</textarea>", "<?",
    ];

    /// <summary>What is between the links, and the links themselves, are all of it.</summary>
    [Fact]
    public void Scan_OfTwoThousandRandomTexts_NeverThrows_AndFindsOnlyHrefs()
    {
        var found = 0;
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var html = string.Concat(Enumerable.Range(0, random.Next(1, 60))
                .Select(_ => Pieces[random.Next(Pieces.Length)]));
            var scan = HtmlScan.Of(html);
            var end = 0;
            foreach (var link in scan.Links)
            {
                found++;
                Assert.True(link.Start >= end && link.Start + link.Length <= html.Length, $"seed {seed}");
                end = link.Start + link.Length;
                var before = html[..link.Start].TrimEnd('"', '\'').TrimEnd();
                Assert.True(before.EndsWith('='), $"seed {seed}: {html}");
                Assert.EndsWith("href", before[..^1].TrimEnd(), StringComparison.OrdinalIgnoreCase);
                Assert.StartsWith("http", html[link.Start..end].TrimStart(), StringComparison.Ordinal);
            }
            Assert.InRange(scan.BodyBegin ?? 0, 0, html.Length);
            Assert.True(string.Compare(
                html, scan.BodyEnd ?? 0, "</body>", 0, 6, StringComparison.OrdinalIgnoreCase) == 0
                || scan.BodyEnd is null, $"seed {seed}");
        }
        Assert.True(found > 500, $"only {found} links");
    }
}
