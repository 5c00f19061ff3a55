using Postern.Api.Mailgun;
using Postern.Mta.Accounts;
using Postern.Mta.Queue;
using Postern.Mta.Tracking;
using Postern.Tests.Tracking;

namespace Postern.Tests.Api.Mailgun;

public sealed class MailLinksTests
{
    const string Pixel = "<img width=\"1\" height=\"1\" alt=\"\" src=\"[o]\">";

    static readonly TrackingTokens tokens = new(new byte[32]);

    static MailLinks Links(
        ClickTracking clicks = ClickTracking.On, PixelPlace pixel = PixelPlace.Bottom,
        UnsubscribeTracking? unsubscribe = null) => new(
            new MailTracking(pixel, clicks, unsubscribe ?? new()), tokens, TrackedMail.Root, new QueueId(7),
            DateTimeOffset.UnixEpoch, new Subscriber("d.example", "a@b.example"));

    static readonly string[] Pieces =
    [
        "<a href=\"https://x.example/1?a=1&amp;b=2\">", "<a href=https://x.example/2>", "</a>", "<body>",
        "</body>", "<!--", "-->", "<script>", "</script>", "<", ">", "\"", "'", "=", " ", "href", "안녕", "\0",
        "\ud83d", "<area href='http://한국.example/길'>", "<a href=\"mailto:a@b.example\">", "%recipient.x%",
        "<p title='", "&#38;", "<a name=x href = \" https://x.example/3 \">", "<title>", "</title>", "<img>",
    ];

    [Theory]
    [InlineData("<p>hi<!-- x", "<p>hi<!-- x")]
    [InlineData("<p>hi<a href=\"http://x.example", "<p>hi<a href=\"http://x.example")]
    [InlineData("<textarea>hi", "<textarea>hi")]
    [InlineData("<plaintext>hi", "<plaintext>hi")]
    [InlineData("<!doctype html><head></head><p>hi", "<!doctype html><head></head><p>hi[o]")]
    [InlineData("<body><p>hi", "<body>[o]<p>hi")]
    public void Pixel_StandsWhereItShows_OrNowhere(string html, string made) => Assert.Equal(
        made, TrackedMail.Link.Replace(
            Links(ClickTracking.Off, PixelPlace.Top).InHtml(html), "[o]").Replace(
                Pixel, "[o]", StringComparison.Ordinal));

    /// <summary>With its hrefs put back and the pixel taken out, it is what it was.</summary>
    [Fact]
    public void Html_OfTwoThousandRandomTexts_IsUnchangedButForHrefsAndPixel()
    {
        var (led, seen) = (0, 0);
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var html = string.Concat(Enumerable.Range(0, random.Next(1, 40))
                .Select(_ => Pieces[random.Next(Pieces.Length)]));
            var scanned = new Queue<HtmlLink>(HtmlScan.Of(html).Links);
            led += scanned.Count;
            var place = random.Next(2) == 0 ? PixelPlace.Top : PixelPlace.Bottom;
            var made = TrackedMail.Link.Replace(Links(pixel: place).InHtml(html), match =>
            {
                var path = match.Groups[1].Value;
                Assert.True(tokens.TryRead(path[2..], out var token), $"seed {seed}");
                if (token.Kind == TrackingKind.Open)
                    return "[o]";
                var link = scanned.Dequeue();
                Assert.Equal(link.Url, token.Text);
                return html.Substring(link.Start, link.Length);
            });
            Assert.Empty(scanned);
            var at = made.IndexOf(Pixel, StringComparison.Ordinal);
            if (at < 0)
            {
                Assert.Null(HtmlScan.Of(html).End);
                Assert.Equal(html, made);
                continue;
            }
            seen++;
            Assert.Equal(html.Length + Pixel.Length, made.Length);
            Assert.Equal(html, made.Remove(at, Pixel.Length));
        }
        Assert.True(led > 500, $"only {led} links");
        Assert.True(seen > 500, $"only {seen} pixels");
    }

    [Fact]
    public void Link_OfOurOwn_IsNotLedToAgain()
    {
        var own = $"<a href=\"{Links().Unsubscribe}\">x</a>";
        Assert.Equal(own, Links(pixel: PixelPlace.None).InHtml(own));
        Assert.Equal($"see {Links().Unsubscribe}", Links().InText($"see {Links().Unsubscribe}"));
    }

    [Fact]
    public void Footer_StandsInFrontOfTheEndOfTheBody_AndItsLinksAreTracked()
    {
        var made = Links(unsubscribe: new(IsActive: true, HtmlFooter: "<a href=\"https://x.example/\">x</a>"))
            .InHtml("<body>hi</body>");
        Assert.Equal($"<body>hi<a href=\"[c]\">x</a>{Pixel}</body>", TrackedMail.Shown(made));
    }

    [Theory]
    [InlineData("<https://links.example.org/u/x>", true)]
    [InlineData("<mailto:a@b.example>, <https://links.example.org/u/x>", true)]
    [InlineData("<https://links.example.org/c/x>", false)]
    [InlineData("<https://links.example.org.evil.example/u/x>", false)]
    [InlineData("<http://x.example/>, <https://links.example.org/u/x>", false)]
    [InlineData(null, false)]
    public void OneClick_IsPromised_WhereTheOnlyLinkIsOurs(string? field, bool isPromised) =>
        Assert.Equal(isPromised, Links().IsOneClick(field));
}
