using System.Text;
using AngleSharp.Html.Parser;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Postern.Dashboard;
using Postern.Dashboard.Mail;
using Postern.Dashboard.Parts;

namespace Postern.Tests.Dashboard.Mail;

/// <summary>What pages show of mails, among them all of the suites of MIME (UI-14 for names).</summary>
public sealed class MailViewTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static ValueTask<MailView> ViewAsync(byte[] octets) =>
        MailView.ReadAsync(new OctetsContent(octets), Path.GetTempPath(), Cancel);

    static ValueTask<MailView> ViewAsync(string mail) =>
        ViewAsync(Encoding.UTF8.GetBytes(mail.ReplaceLineEndings("\r\n")));

    public static TheoryData<string> Suites => ["mime-dovecot", "mime-flanker", "mime-rubymail", "korean"];

    [Theory, MemberData(nameof(Suites))]
    public async Task Suite_EveryMail_HasAModelAndADocument(string suite)
    {
        var folder = Repository.PathOf("../shared/data/" + suite);
        Assert.SkipUnless(Directory.Exists(folder), $"The suite is not here: {folder}");
        var (count, worst, worstFile) = (0, TimeSpan.Zero, "");
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var begin = TimeProvider.System.GetTimestamp();
            var view = await ViewAsync(await File.ReadAllBytesAsync(file, Cancel));
            var document = MailAnswers.DocumentOf(view, RemotePictures.LeftOut, Words.For("ko"));
            var took = TimeProvider.System.GetElapsedTime(begin);
            Assert.True(view.Fields.Count <= MailView.FieldsMax && view.Files.Count <= MailView.FilesMax);
            Assert.All(view.Fields, field => Assert.DoesNotContain(field.Value, char.IsControl));
            Assert.All(view.Files, one => Assert.DoesNotContain('/', one.Name));
            Assert.EndsWith("</html>", document);
            count++;
            if (took > worst)
                (worst, worstFile) = (took, file);
        }
        Assert.True(count > 0);
        TestContext.Current.SendDiagnosticMessage(
            "{0}: {1} mails, the slowest in {2:0} ms: {3}", suite, count, worst.TotalMilliseconds, worstFile);
    }

    [Fact]
    public async Task Picture_OfTheMailItself_IsShownFromIt()
    {
        var view = await ViewAsync("""
            MIME-Version: 1.0
            Content-Type: multipart/related; boundary=x

            --x
            Content-Type: text/html

            <img src="cid:one@a"><img src="cid:two@a"><img src="cid:none">
            --x
            Content-Type: image/png
            Content-ID: <one@a>
            Content-Transfer-Encoding: base64

            iVBORw0K
            --x
            Content-Type: image/svg+xml
            Content-ID: <two@a>

            <svg onload="alert(1)"/>
            --x--
            """);
        var document = MailAnswers.DocumentOf(view, RemotePictures.LeftOut, Words.For("en"));
        Assert.Contains("<img src=\"data:image/png;base64,iVBORw0K\"><img><img>", document);
    }

    [Fact]
    public async Task Name_OfAFile_IsComposedAndHasNoPath()
    {
        var apart = "보고서.pdf".Normalize(NormalizationForm.FormD);
        var view = await ViewAsync($"""
            MIME-Version: 1.0
            Content-Type: application/pdf
            Content-Disposition: attachment; filename*=UTF-8''..%2F..%2F{Uri.EscapeDataString(apart)}

            x
            """);
        Assert.Equal("보고서.pdf", Assert.Single(view.Files).Name);
    }

    [Fact]
    public async Task Field_ThatTurnsAroundOrIsEndless_IsCleanedAndCut()
    {
        var view = await ViewAsync(
            $"Subject: a\u202eb\u0007\r\nX-Long: {new string('x', 5000)}\r\n\r\nbody\u202e");
        Assert.Equal("a\\u{202e}b\\u{7}", view.TextOf("Subject"));
        Assert.Equal(MailView.FieldCharactersMax + 1, view.TextOf("X-Long").Length);
        Assert.Equal("body\\u{202e}", view.Text);
    }

    [Fact]
    public async Task Html_ThatIsTooLarge_IsShownAsWords()
    {
        var view = await ViewAsync("Content-Type: text/html\r\n\r\n<p>hello</p>"
            + string.Concat(Enumerable.Repeat("<b>\r\n", 500_000)));
        var document = MailAnswers.DocumentOf(view, RemotePictures.LeftOut, Words.For("en"));
        Assert.Contains("too large", document);
        Assert.Contains("hello", document);
        Assert.DoesNotContain("<b>", document);
    }

    [Theory]
    [InlineData("", "src=\"/sandbox/1/html\"")]
    [InlineData("?remote=1", "src=\"/sandbox/1/html?remote=1\"")]
    [InlineData("?view=text", "&lt;script&gt;text")]
    [InlineData("?view=headers", "&lt;b&gt;subject")]
    [InlineData("?view=headers&raw=1", "Subject: &lt;b&gt;subject")]
    [InlineData("?view=source", "&lt;script&gt;text")]
    [InlineData("?view=attachments", "href=\"/sandbox/1/part/1\"")]
    [InlineData("?view=nonsense", "src=\"/sandbox/1/html\"")]
    public async Task Body_OfEachView_ShowsItAsText(string query, string expected)
    {
        var mail = await ViewAsync("""
            Subject: <b>subject
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=x

            --x
            Content-Type: text/plain

            <script>text
            --x
            Content-Type: text/html

            <script>html</script><img src=http://t.test/>
            --x
            Content-Type: application/pdf; name="<img src=x>.pdf"

            x
            --x--
            """);
        var page = await RenderAsync(mail, query);
        Assert.Contains(expected, page);
        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("<img", page);
        Assert.DoesNotContain("<b>", page);
        Assert.All(
            new HtmlParser().ParseDocument(page).QuerySelectorAll("iframe"),
            frame => Assert.Equal("", frame.GetAttribute("sandbox")));
    }

    static async Task<string> RenderAsync(MailView mail, string query)
    {
        var http = new DefaultHttpContext();
        (http.Request.Path, http.Request.QueryString) = ("/sandbox/1", new QueryString(query));
        var visit = new Visit(http, new DashboardParts(null!, null!, null, TimeProvider.System), null);
        await using var services = new ServiceCollection().BuildServiceProvider();
        await using var renderer = new HtmlRenderer(services, NullLoggerFactory.Instance);
        return await renderer.Dispatcher.InvokeAsync(async () =>
            (await renderer.RenderComponentAsync<MailBody>(ParameterView.FromDictionary(
                new Dictionary<string, object?>
                {
                    [nameof(MailBody.Visit)] = visit,
                    [nameof(MailBody.Mail)] = mail,
                    [nameof(MailBody.Address)] = "/sandbox/1",
                }))).ToHtmlString());
    }
}
