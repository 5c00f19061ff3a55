using Postern.Mta;
using Postern.Tests.Tracking;

namespace Postern.Tests.Api.Mailgun;

/// <summary>What mail of the API looks like where openings, clicks and unsubscriptions are told.</summary>
public sealed class MailgunTrackingTests : IAsyncLifetime
{
    const string Page =
        "<html><body><p>안녕</p><a href=\"https://x.example/?a=1&amp;b=2\">x</a></body></html>";

    readonly RunningServer server = new() { Tracking = new TrackingOptions { Url = TrackedMail.Root } };

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task Mail_OfADomainThatTracksNothing_StaysAsItIs()
    {
        var sent = await server.SendAsync(
            "html", Page, "text", "https://x.example", "to", "a@net.example,b@net.example");
        Assert.Equal(Page, Assert.Single(sent).HtmlBody);
        Assert.Equal("https://x.example", sent[0].TextBody);
        Assert.False(sent[0].Headers.Contains("List-Unsubscribe"));
    }

    [Theory]
    [InlineData("o:tracking", "yes", "[c]", "[c]", true)]
    [InlineData("o:tracking", "True", "[c]", "[c]", true)]
    [InlineData("o:tracking", "htmlonly", "[c]", "https://x.example", true)]
    [InlineData("o:tracking-clicks", "yes", "[c]", "[c]", false)]
    [InlineData("o:tracking-clicks", "HTMLONLY", "[c]", "https://x.example", false)]
    [InlineData("o:tracking-opens", "1", "https://x.example/?a=1&amp;b=2", "https://x.example", true)]
    [InlineData("o:tracking", "maybe", "https://x.example/?a=1&amp;b=2", "https://x.example", false)]
    [InlineData("o:tracking", "no", "https://x.example/?a=1&amp;b=2", "https://x.example", false)]
    public async Task Options_OfAMessage_SayWhatIsTold(
        string option, string value, string link, string text, bool hasPixel)
    {
        var sent = Assert.Single(await server.SendAsync(
            "html", Page, "text", "https://x.example", option, value));
        var pixel = hasPixel ? "<img width=\"1\" height=\"1\" alt=\"\" src=\"[o]\">" : "";
        Assert.Equal(
            $"<html><body><p>안녕</p><a href=\"{link}\">x</a>{pixel}</body></html>",
            TrackedMail.Shown(sent.HtmlBody));
        Assert.Equal(text, TrackedMail.Shown(sent.TextBody));
    }

    [Fact]
    public async Task Options_OfTheMessage_GoBeforeThoseOfItsDomain()
    {
        await server.SetAsync("open", "active", "yes", "place_at_the_top", "yes");
        await server.SetAsync("click", "active", "htmlonly");
        const string pixel = "<img width=\"1\" height=\"1\" alt=\"\" src=\"[o]\">";
        const string body = "<p>안녕</p><a href=\"[c]\">x</a>";
        Assert.Equal(
            $"<html><body>{pixel}{body}</body></html>",
            TrackedMail.Shown((await server.SendAsync("html", Page))[0].HtmlBody));
        Assert.Equal(
            $"<html><body>{body}{pixel}</body></html>", TrackedMail.Shown((await server.SendAsync(
                "html", Page, "o:tracking-pixel-location-top", "no"))[0].HtmlBody));
        Assert.Equal(
            $"<html><body>{body}</body></html>", TrackedMail.Shown((await server.SendAsync(
                "html", Page, "o:tracking-opens", "no"))[0].HtmlBody));
        Assert.Equal(Page, (await server.SendAsync("html", Page, "o:tracking", "no"))[0].HtmlBody);
        Assert.Equal(
            $"<html><body>{body}</body></html>", TrackedMail.Shown((await server.SendAsync(
                "html", Page, "o:tracking", "no", "o:tracking-clicks", "htmlonly"))[0].HtmlBody));
    }

    [Fact]
    public async Task MailToAList_HasNoUnsubscribeLink_ForItsMembersShareTheCopy()
    {
        await server.SetAsync("unsubscribe", "active", "yes");
        using (var account = server.Api("key-account"))
        {
            Assert.StartsWith("200 ", await ApiCall.SendAsync(
                account, "POST", "v3/lists", ["address", "dev@mg.example.org"]), StringComparison.Ordinal);
            Assert.StartsWith("200 ", await ApiCall.SendAsync(
                account, "POST", "v3/lists/dev@mg.example.org/members", ["address", "a@net.example"]),
                StringComparison.Ordinal);
        }
        var sent = await server.SendAsync(
            "html", Page, "text", "leave: %unsubscribe_url%", "to", "Dev@mg.example.org,bob@net.example",
            "o:tracking-clicks", "htmlonly");
        Assert.Equal(
            ["leave: %unsubscribe_url%", "leave: [u]"], sent.Select(one => TrackedMail.Shown(one.TextBody)));
        Assert.Equal(
            "<html><body><p>안녕</p><a href=\"[c]\">x</a></body></html>", TrackedMail.Shown(sent[0].HtmlBody));
        Assert.Contains("[u]", TrackedMail.Shown(sent[1].HtmlBody), StringComparison.Ordinal);
        Assert.Equal([false, true], sent.Select(one => one.Headers.Contains("List-Unsubscribe")));
        Assert.Equal([false, true], sent.Select(one => one.Headers.Contains("List-Unsubscribe-Post")));
    }

    [Fact]
    public async Task Pixel_OfHtmlWithoutABody_StandsAtItsEnd()
    {
        const string pixel = "<img width=\"1\" height=\"1\" alt=\"\" src=\"[o]\">";
        Assert.Equal($"<p>hi{pixel}", TrackedMail.Shown(
            (await server.SendAsync("html", "<p>hi", "o:tracking-opens", "yes"))[0].HtmlBody));
        // In front of all it might stand before what belongs to a head.
        Assert.Equal($"<p>hi{pixel}", TrackedMail.Shown((await server.SendAsync(
            "html", "<p>hi", "o:tracking-opens", "yes", "o:tracking-pixel-location-top", "yes"))[0]
            .HtmlBody));
    }

    [Fact]
    public async Task Recipients_OfATrackedMessage_GetOneEach_WithTheSameHeader()
    {
        var sent = await server.SendWholeAsync(
            "to", "a@net.example,b@net.example", "cc", "c@net.example", "bcc", "d@net.example",
            "html", Page, "o:tracking", "yes");
        Assert.Equal(
            ["a@net.example", "b@net.example", "c@net.example", "d@net.example"],
            sent.Select(one => one.To));
        Assert.All(sent, one =>
        {
            Assert.Equal("a@net.example, b@net.example", one.Message.To.ToString());
            Assert.Equal("c@net.example", one.Message.Cc.ToString());
            Assert.Empty(one.Message.Bcc);
        });
        Assert.Single(sent.Select(one => one.Message.MessageId).Distinct());
        Assert.Equal(
            8, sent.SelectMany(one => TrackedMail.Link.Matches(one.Message.HtmlBody!)
                .Select(match => match.Value)).Distinct().Count());
    }

    [Fact]
    public async Task Batch_ThatIsTracked_HasLinksOfEach_AlsoWhatIsFilledIn()
    {
        var sent = await server.SendWholeAsync(
            "to", "a@net.example,b@net.example", "cc", "c@net.example",
            "html", "<a href=\"https://x.example/%recipient.id%\">%recipient.id%</a>",
            "recipient-variables", """{"a@net.example":{"id":"17"}}""", "o:tracking-clicks", "yes");
        Assert.Equal(["a@net.example", "c@net.example", "b@net.example"], sent.Select(one => one.To));
        Assert.Equal(
            ["<a href=\"[c]\">17</a>", "<a href=\"[c]\">17</a>",
                "<a href=\"https://x.example/%recipient.id%\">%recipient.id%</a>"],
            sent.Select(one => TrackedMail.Shown(one.Message.HtmlBody).TrimEnd()));
        Assert.Equal("a@net.example", sent[1].Message.To.ToString());
    }

    [Fact]
    public async Task Unsubscribe_OfTheDomain_AppendsItsFooters_AndSaysSoInTheHeader()
    {
        await server.SetAsync("unsubscribe", "active", "yes",
            "html_footer", "<p><a href=\"%unsubscribe_url%\">끊기</a></p>",
            "text_footer", "\n끊기: %unsubscribe_url%");
        var sent = Assert.Single(await server.SendAsync("html", Page, "text", "hi", "o:tracking", "yes"));
        Assert.Equal("hi\n끊기: [u]", TrackedMail.Shown(sent.TextBody).ReplaceLineEndings("\n"));
        Assert.Equal(
            "<html><body><p>안녕</p><a href=\"[c]\">x</a><p><a href=\"[u]\">끊기</a></p>"
                + "<img width=\"1\" height=\"1\" alt=\"\" src=\"[o]\"></body></html>",
            TrackedMail.Shown(sent.HtmlBody));
        Assert.Equal("<[u]>", TrackedMail.Shown(sent.Headers["List-Unsubscribe"]));
        Assert.Equal("List-Unsubscribe=One-Click", sent.Headers["List-Unsubscribe-Post"]);
    }

    [Fact]
    public async Task Unsubscribe_WhereTheTextHasItsPlace_AppendsNoFooter()
    {
        await server.SetAsync("unsubscribe", "active", "yes");
        var sent = Assert.Single(await server.SendAsync(
            "html", "<a href=\"%unsubscribe_url%\">x</a>", "text", "to stop: %tag_unsubscribe_url%"));
        Assert.Equal("to stop: [u]", TrackedMail.Shown(sent.TextBody));
        Assert.Equal("<a href=\"[u]\">x</a>", TrackedMail.Shown(sent.HtmlBody));
    }

    [Fact]
    public async Task Placeholders_WithoutTracking_AreServed_ForEachOfSeveral()
    {
        var sent = await server.SendWholeAsync(
            "to", "a@net.example,b@net.example", "text", "%unsubscribe_url%",
            "h:X-Stop", "%unsubscribe_url%");
        Assert.Equal(["a@net.example", "b@net.example"], sent.Select(one => one.To));
        Assert.All(sent, one =>
        {
            Assert.Equal("[u]", TrackedMail.Shown(one.Message.TextBody));
            Assert.Equal("[u]", TrackedMail.Shown(one.Message.Headers["X-Stop"]));
            Assert.Equal("<[u]>", TrackedMail.Shown(one.Message.Headers["List-Unsubscribe"]));
        });
        Assert.NotEqual(sent[0].Message.TextBody, sent[1].Message.TextBody);
    }

    [Theory]
    [InlineData("<mailto:stop@x.example>", "<mailto:stop@x.example>", null)]
    [InlineData("<https://x.example/stop>", "<https://x.example/stop>", null)]
    [InlineData("<%unsubscribe_url%>", "<[u]>", "List-Unsubscribe=One-Click")]
    [InlineData("<%unsubscribe_email%>, <%unsubscribe_url%>", "<[u]>", "List-Unsubscribe=One-Click")]
    [InlineData(
        "<mailto:%unsubscribe_email%>,<%tag_unsubscribe_url%>", "<[u]>", "List-Unsubscribe=One-Click")]
    [InlineData("<mailto:%tag_unsubscribe_email%>", "<[u]>", "List-Unsubscribe=One-Click")]
    [InlineData("<%unsubscribe_url%>, <https://x.example/>", "<[u]>, <https://x.example/>", null)]
    public async Task ListUnsubscribe_OfTheCaller_Wins(string given, string header, string? post)
    {
        await server.SetAsync("unsubscribe", "active", "yes");
        var sent = Assert.Single(await server.SendAsync("text", "hi", "h:List-Unsubscribe", given));
        Assert.Equal(header, TrackedMail.Shown(sent.Headers["List-Unsubscribe"]));
        Assert.Equal(post, sent.Headers["List-Unsubscribe-Post"]);
    }

    [Fact]
    public async Task Header_OfALongAddress_IsNeitherEncodedNorBroken()
    {
        await server.SetAsync("unsubscribe", "active", "yes");
        using var http = server.Api("key-mg");
        var answer = await ApiCall.SendAsync(http, "POST", "v3/mg.example.org/messages",
            "from", "a@mg.example.org", "to", $"{new string('a', 64)}@net.example", "text", "hi");
        var id = System.Text.Json.Nodes.JsonNode.Parse(answer[4..])!["id"]!.ToString();
        var (_, content) = await server.MailAsync(id);
        Assert.Matches(
            @"\r\nList-Unsubscribe:(\r\n)? <https://links\.example\.org/u/[A-Za-z0-9_-]{150,}>\r\n", content);
    }

    [Fact]
    public async Task Template_WithAPlaceForTheLink_IsServed()
    {
        using var http = server.Api("key-mg");
        await ApiCall.SendAsync(http, "POST", "v3/mg.example.org/templates",
            "name", "news",
            "template", "<a href=\"{{url}}\">{{url}}</a> <a href=\"%unsubscribe_url%\">-</a>");
        var sent = await server.SendAsync(
            "to", "a@net.example,b@net.example", "template", "news", "t:text", "yes",
            "t:variables", """{"url":"https://x.example/?a=1&b=2"}""", "o:tracking-clicks", "htmlonly");
        Assert.Equal(2, sent.Count);
        Assert.Equal(
            "<a href=\"[c]\">https://x.example/?a&#x3D;1&amp;b&#x3D;2</a> <a href=\"[u]\">-</a>",
            TrackedMail.Shown(sent[0].HtmlBody));
        Assert.Contains("(https://x.example/?a=1&b=2)", sent[0].TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_OfAPlainHttpHost_PromiseNoOneClick()
    {
        await using var plain = new RunningServer
        {
            Tracking = new TrackingOptions { Url = "http://links.example.org/" },
        };
        await plain.InitializeAsync();
        var sent = Assert.Single(await plain.SendAsync("text", "%unsubscribe_url%"));
        Assert.StartsWith("http://links.example.org/u/", sent.TextBody, StringComparison.Ordinal);
        Assert.True(sent.Headers.Contains("List-Unsubscribe"));
        Assert.False(sent.Headers.Contains("List-Unsubscribe-Post"));
    }

    [Fact]
    public async Task Links_OfOwnNames_BeginWithThePrefixOfTheDomain_WhichTheDnsRecordsName()
    {
        await using var own = new RunningServer
        {
            Tracking = new TrackingOptions { Url = TrackedMail.Root, OwnNames = true },
        };
        await own.InitializeAsync();
        using var http = own.Api("key-mg");
        await ApiCall.SendAsync(http, "PUT", "v3/domains/mg.example.org/web_prefix", "web_prefix", "go");
        var sent = Assert.Single(await own.SendAsync("text", "%unsubscribe_url%"));
        Assert.StartsWith("https://go.mg.example.org/u/", sent.TextBody, StringComparison.Ordinal);
        Assert.EndsWith(
            ""","value":"v=spf1 a:mx.example.org ~all"},{"is_active":true,"cached":[],"""
                + "\"name\":\"go.mg.example.org\",\"record_type\":\"CNAME\",\"valid\":\"unknown\","
                + "\"value\":\"links.example.org\"}]}",
            await ApiCall.GetAsync(http, "v4/domains/mg.example.org"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_WithoutAHostForLinks_AreWithoutEffect()
    {
        await using var none = new RunningServer();
        await none.InitializeAsync();
        await none.SetAsync("unsubscribe", "active", "yes");
        var sent = Assert.Single(await none.SendAsync(
            "to", "a@net.example,b@net.example", "html", Page, "o:tracking", "yes",
            "h:List-Unsubscribe", "<%unsubscribe_url%>, <mailto:%unsubscribe_email%>"));
        Assert.Equal(Page, sent.HtmlBody);
        Assert.False(sent.Headers.Contains("List-Unsubscribe"));
    }

    [Fact]
    public async Task Mime_IsNotRewritten()
    {
        using var http = server.Api("key-mg");
        using var form = new MultipartFormDataContent
        {
            { new StringContent("b@net.example"), "to" }, { new StringContent("yes"), "o:tracking" },
            {
                new StringContent(
                    "From: a@mg.example.org\r\nMessage-ID: <mime@x.example>\r\nX-Mailgun-Track: yes\r\n"
                    + "Content-Type: text/html\r\n\r\n<a href=\"https://x.example/\">x</a>\r\n"),
                "message", "mail.eml"
            },
        };
        using var answer = await http.PostAsync(
            "v3/mg.example.org/messages.mime", form, TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode);
        Assert.EndsWith(
            "\r\n\r\n<a href=\"https://x.example/\">x</a>\r\n",
            (await server.MailAsync("<mime@x.example>")).Content, StringComparison.Ordinal);
    }
}
