namespace Postern.Tests.Api.Mailgun;

/// <summary>Templates and their versions: whole answers.</summary>
public sealed class MailgunTemplatesTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string All = "v3/mg.example.org/templates";

    [Fact]
    public async Task Answers_AreMailguns()
    {
        using var http = server.Api("key-mg");
        var talk = new MailgunTranscript(http);
        await talk.AskAsync(
            "POST", All, "name=Welcome", "description=to new ones", "createdBy=ann", "tag=V1",
            "template=hi {{name}}", "comment=first", "engine=handlebars",
            """headers={"subject":"hi {{name}}","From":"a@shop.example"}""");
        await talk.AskAsync("GET", All + "/WELCOME");
        await talk.AskAsync("PUT", All + "/welcome", "description=to all");
        await talk.AskAsync("GET", All + "/welcome?active=yes");
        await talk.AskAsync("DELETE", All + "/welcome");
        await talk.AskAsync("GET", All + "/welcome");
        await talk.AskAsync("POST", All, "name=bare");
        const string versions = All + "/bare/versions";
        await talk.AskAsync("GET", versions);
        await talk.AskAsync("POST", versions, "tag=One", "template=1");
        await talk.AskAsync("POST", versions, "tag=two", "template=2", "comment=c");
        await talk.AskAsync(
            "PUT", versions + "/two", "template=2b", "active=yes", """headers={"Reply-To":"r@x.example"}""");
        await talk.AskAsync("GET", versions + "/two");
        await talk.AskAsync("PUT", versions + "/two/copy/Three?comment=again");
        await talk.AskAsync("DELETE", versions + "/two");
        await talk.AskAsync("GET", versions);
        await talk.AskAsync("GET", versions + "?limit=1&page=next&p=one");
        await talk.AskAsync("GET", versions + "/two");
        await talk.AskAsync("DELETE", All + "/bare");
        GoldenFile.Check("mailgun-templates.txt", talk.ToString());
    }

    [Fact]
    public async Task Templates_ComeInPages_AndAllGoAtOnce()
    {
        using var http = server.Api("key-other");
        const string all = "v3/other.example.org/templates";
        foreach (var name in (string[])["c", "a", "d", "b"])
            await http.AskAsync("POST", all, "name=" + name, "template={{x}}");
        var talk = new MailgunTranscript(http);
        await talk.AskAsync("GET", all + "?limit=2");
        await talk.AskAsync("GET", all + "?page=next&p=zzz");
        GoldenFile.Check("mailgun-template-pages.txt", talk.ToString());
        Assert.Equal(
            ["c", "d"], Names(await http.AskAsync("GET", all + "?page=next&p=b&limit=2&active=yes")));
        Assert.Equal(["d"], Names(await http.AskAsync("GET", all + "?page=last&limit=1")));
        Assert.Equal(["a", "b"], Names(await http.AskAsync("GET", all + "?page=previous&p=c&limit=2")));
        Assert.Empty(Names(await http.AskAsync("GET", all + "?page=next&p=d")));
        Assert.Equal(
            """200 {"message":"templates have been deleted"}""", await http.AskAsync("DELETE", all));
        Assert.Empty(Names(await http.AskAsync("GET", all)));
        Assert.Equal(
            """404 {"message":"template not found"}""",
            await http.AskAsync("GET", all + "/a/versions/initial"));
    }

    static IEnumerable<string> Names(string answer)
    {
        using var json = System.Text.Json.JsonDocument.Parse(answer[4..]);
        return [.. json.RootElement.GetProperty("items").EnumerateArray().Select(
            item => item.GetProperty("name").GetString()!)];
    }

    [Theory]
    [InlineData("POST", "", "Missing mandatory parameter: name", "description=x")]
    [InlineData("POST", "", "Invalid parameter: engine go is not supported", "name=x", "template=x",
        "engine=go")]
    [InlineData("POST", "", "Invalid parameter: template: line 1: the block if is not closed", "name=x",
        "template={{#if x}}")]
    [InlineData("POST", "",
        "Invalid parameter: name is up to 255 letters, signs and blanks without a slash", "name=a/b")]
    [InlineData("POST", "",
        "Invalid parameter: name is up to 255 letters, signs and blanks without a slash", "name=a\nb")]
    [InlineData("POST", "", "Invalid parameter: headers is not a valid JSON", "name=x", "template=x",
        "headers=[1]")]
    [InlineData("POST", "", "Invalid parameter: header Bcc is not supported", "name=x", "template=x",
        "headers={\"Bcc\":\"x\"}")]
    [InlineData("POST", "", "Invalid parameter: header Subject is no line", "name=x", "template=x",
        "headers={\"Subject\":\"a\\r\\nBcc: x\"}")]
    [InlineData("POST", "", "template there already exists", "name=THERE")]
    [InlineData("PUT", "/there", "No fields are provided to update", "x=1")]
    [InlineData("POST", "/there/versions", "Missing mandatory parameter: template", "tag=x")]
    [InlineData("POST", "/there/versions", "Missing mandatory parameter: tag", "template=x")]
    [InlineData("POST", "/there/versions", "template version initial already exists", "template=x",
        "tag=Initial")]
    [InlineData("PUT", "/there/versions/initial", "No fields are provided to update", "x=1")]
    [InlineData("GET", "?limit=1001", "The 'limit' parameter can't be larger than 1000")]
    public async Task Request_ThatIsWrong_Is400_AndChangesNothing(
        string method, string path, string expected, params string[] fields)
    {
        using var http = server.Api("key-mg");
        await http.AskAsync("POST", All, "name=there", "template=as it was");
        Assert.Equal($$"""400 {"message":"{{expected}}"}""", await http.AskAsync(method, All + path, fields));
        Assert.Equal("""404 {"message":"template not found"}""", await http.AskAsync("GET", All + "/x"));
        Assert.Contains(
            "\"template\":\"as it was\",", await http.AskAsync("GET", All + "/there/versions/initial"));
    }

    [Theory]
    [InlineData("GET", "/nobody", "template not found")]
    [InlineData("DELETE", "/nobody", "template not found")]
    [InlineData("PUT", "/nobody", "template not found")]
    [InlineData("GET", "/nobody/versions", "template not found")]
    [InlineData("PUT", "/nobody/versions/a/copy/b", "template not found")]
    [InlineData("GET", "/here/versions/nobody", "template version not found")]
    [InlineData("DELETE", "/here/versions/nobody", "template version not found")]
    [InlineData("PUT", "/here/versions/nobody", "template version not found")]
    [InlineData("PUT", "/here/versions/nobody/copy/b", "template version not found")]
    public async Task What_IsNotThere_Is404(string method, string path, string expected)
    {
        using var http = server.Api("key-mg");
        await http.AskAsync("POST", All, "name=here");
        string[] fields = method == "PUT" ? ["description=x", "comment=x"] : [];
        Assert.Equal($$"""404 {"message":"{{expected}}"}""", await http.AskAsync(method, All + path, fields));
    }

    [Fact]
    public async Task Limits_Are100Templates_40Versions_And100KiB()
    {
        using var http = server.Api("key-account");
        const string all = "v3/other.example.org/templates";
        await http.AskAsync("DELETE", all);
        Assert.StartsWith("200 ", await http.AskAsync(
            "POST", all, "name=t0", "template=" + new string('x', 100 << 10)));
        Assert.Equal(
            """400 {"message":"Invalid parameter: template is larger than 102400 octets"}""",
            await http.AskAsync("POST", all, "name=t1", "template=" + new string('x', (100 << 10) + 1)));
        for (var i = 1; i < 100; i++)
            Assert.StartsWith("200 ", await http.AskAsync("POST", all, $"name=t{i}"));
        Assert.Equal(
            """400 {"message":"a domain may have 100 templates"}""",
            await http.AskAsync("POST", all, "name=t100"));
        for (var i = 0; i < 40; i++)
            Assert.StartsWith("200 ", await http.AskAsync(
                "POST", all + "/t1/versions", $"tag=v{i}", "template=x"));
        Assert.Equal(
            """400 {"message":"a template may have 40 versions"}""",
            await http.AskAsync("POST", all + "/t1/versions", "tag=v40", "template=x"));
        Assert.Equal(
            """400 {"message":"a template may have 40 versions"}""",
            await http.AskAsync("PUT", all + "/t1/versions/v0/copy/v40"));
        Assert.StartsWith("200 ", await http.AskAsync("PUT", all + "/t1/versions/v0/copy/v39"));
        await http.AskAsync("DELETE", all);
    }

    [Fact]
    public async Task Templates_OutliveARestart()
    {
        using (var http = server.Api("key-mg"))
            await http.AskAsync("POST", All, "name=안녕 kept", "template=kept {{x}}", "comment=c");
        await server.RestartAsync();
        using var next = server.Api("key-mg");
        var kept = await next.AskAsync(
            "GET", All + "/" + Uri.EscapeDataString("안녕 kept") + "?active=yes");
        Assert.StartsWith("""200 {"template":{"name":"안녕 kept",""", kept);
        Assert.Contains("\"version\":{\"tag\":\"initial\",\"template\":\"kept {{x}}\",", kept);
    }

    [Fact]
    public async Task Keys_OpenTheirOwnDomainAlone()
    {
        using var other = server.Api("key-other");
        Assert.Equal("401 Forbidden", await other.AskAsync("GET", All));
        using var wrong = server.Api("wrong");
        Assert.Equal("401 Forbidden", await wrong.AskAsync("POST", All, "name=x"));
        using var account = server.Api("key-account");
        Assert.Equal(
            """404 {"message":"domain not found"}""",
            await account.AskAsync("GET", "v3/x.example/templates"));
    }
}
