using System.Text;
using System.Text.Json;

namespace Postern.Tests.Api.Mailgun;

/// <summary>What a client may make it say: JSON that has a message, whatever the request.</summary>
public sealed class HostileRequestTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Messages = "/v3/mg.example.org/messages";
    const string Pairs = "Content-Type: application/x-www-form-urlencoded\r\n";
    const string Parts = "Content-Type: multipart/form-data; boundary=b\r\n";
    const string Good = "from=a%40shop.example&to=b%40net.example&text=x";

    async Task<(int Status, string Fields, string Message)> AskAsync(
        string line, string fields = "", string body = "")
    {
        var answer = await RawHttp.AskAsync(
            server.AddressOf("http"), line, RawHttp.Login("key-mg") + fields, Encoding.Latin1.GetBytes(body));
        using var json = JsonDocument.Parse(answer.Body);
        return (answer.Status, answer.Fields, json.RootElement.GetProperty("message").GetString()!);
    }

    [Theory]
    [InlineData("GET " + Messages, "POST")]
    [InlineData("PUT " + Messages, "POST")]
    [InlineData("OPTIONS " + Messages + ".mime", "POST")]
    [InlineData("TRACE " + Messages, "POST")]
    [InlineData("BREW " + Messages, "POST")]
    [InlineData("DELETE /v3/mg.example.org/events", "GET")]
    [InlineData("GET /hooks/mailgun", "POST")]
    public async Task Method_ThatIsNotTaken_Is405AndSaysWhichIs(string line, string allowed)
    {
        var (status, fields, message) = await AskAsync(line);
        Assert.Equal((405, "Method Not Allowed"), (status, message));
        Assert.Contains($"Allow: {allowed}\r\n", fields);
    }

    [Fact]
    public async Task Head_Is405WithoutABody()
    {
        var answer = await RawHttp.AskAsync(
            server.AddressOf("http"), $"HEAD {Messages}", RawHttp.Login("key-mg"), []);
        Assert.Equal((405, ""), (answer.Status, answer.Body));
    }

    [Theory] // A name with a dot at the end is no file here.
    [InlineData("/v3/mg.example.org")]
    [InlineData("/v3/mg.example.org%2fmessages")]
    [InlineData("/v3/mg.example.org/messages.eml")]
    [InlineData("/favicon.ico")]
    [InlineData("//v3/mg.example.org/messages")]
    [InlineData("/v3/%0d%0aX:y/messages")]
    [InlineData("/v3/%ff%fe/messages")]
    [InlineData("/v3/[::1]/messages")]
    public async Task Path_ThatIsNone_Is404InJson(string path) =>
        Assert.Equal(404, (await AskAsync($"POST {path}", Pairs, Good)).Status);

    [Theory]
    [InlineData("/v3/mg%2eexample%2eorg/messages", "key-mg")]
    [InlineData("/v3/%EB%B0%B1.example/messages", "key-account")]
    [InlineData("/v3/xn--3h3b.example/messages", "key-account")]
    [InlineData("/v3/XN--3H3B.Example/messages", "key-account")]
    public async Task Domain_HoweverItIsWritten_IsTheSame(string path, string key)
    {
        // Made once, and told by the second and third that it is there.
        await RawHttp.AskAsync(
            server.AddressOf("http"), "POST /v3/domains", RawHttp.Login("key-account") + Pairs,
            "name=%EB%B0%B1.example"u8.ToArray());
        var answer = await RawHttp.AskAsync(
            server.AddressOf("http"), $"POST {path}", RawHttp.Login(key) + Pairs,
            Encoding.ASCII.GetBytes(Good));
        Assert.Equal(200, answer.Status);
    }

    public static TheoryData<string, string> Bodies() => new()
    {
        { Parts, "--b\r\n\r\nx\r\n--b--" },
        { Parts, "--b\r\nContent-Disposition: form-data; name=to\r\n\r\nx" },
        { Parts, "--b\r\nno colon\r\n\r\nx\r\n--b--" },
        { Parts, "--b\r\n" + string.Concat(Enumerable.Repeat("X: y\r\n", 40)) + "\r\nx\r\n--b--" },
        { Parts, "--b\r\nX: " + new string('y', 20_000) + "\r\n\r\nx\r\n--b--" },
        { Parts, "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--" },
        { "Content-Type: multipart/form-data\r\n", "--b--" },
        { "Content-Type: multipart/form-data; boundary=" + new string('b', 300) + "\r\n", "--b--" },
        { "Content-Type: \u0001;;\r\n", Good },
        { Pairs + Parts, Good },
        { Pairs + "Content-Encoding: gzip\r\n", "no gzip" },
        { Pairs, string.Concat(Enumerable.Repeat("a=b&", 10_000)) },
        { Pairs, Good + "&" + new string('n', 1 << 20) + "=x" },
        { Pairs, Good + "&h:=x" },
        { Pairs, Good + "&h:a:b=x" },
        { Pairs, Good + "&h:X-Mailgun-Variables={\"a\":\"\\ud800\"}" },
        { Pairs, Good + "&h:X-Mailgun-Variables={\"\\ud800\":1}" },
        { Pairs, Good + "&h:X-Mailgun-Variables=" + new string('[', 10_000) },
        { Pairs, Good + "&recipient-variables={\"b\":{\"a\":\"\\udfff\"}}" },
        { Pairs, Good + "&recipient-variables=" + new string('[', 100_000) },
        { Pairs, Good + "&recipient-variables=" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Body_ThatCannotBeUnderstood_Is400InJson(string fields, string body)
    {
        var (status, _, message) = await AskAsync($"POST {Messages}", fields, body);
        Assert.Equal(400, status);
        Assert.NotEmpty(message);
    }

    [Theory] // Half of a surrogate pair is no text.
    [InlineData("/v3/lists", """{"address":"half@mg.example.org","name":"\ud800"}""")]
    [InlineData("/v3/lists", """{"\udfff":"half@mg.example.org"}""")]
    [InlineData("/v3/routes", """{"expression":"catch_all()","action":"stop()","description":"\ud800"}""")]
    [InlineData("/v3/mg.example.org/bounces", """[{"address":"a@net.example","error":"\ud800"}]""")]
    [InlineData("/v3/mg.example.org/unsubscribes", """{"address":"a\ud800@net.example"}""")]
    [InlineData("/v1/analytics/tags", """{"tag":"\ud800","description":"x"}""")]
    [InlineData("/v1/analytics/metrics", """{"metrics":["\ud800"],"dimensions":["time"]}""")]
    public async Task Json_WithHalfACharacter_Is400InJson(string path, string body)
    {
        var answer = await RawHttp.AskAsync(
            server.AddressOf("http"), $"POST {path}",
            RawHttp.Login("key-account") + "Content-Type: application/json\r\n",
            Encoding.ASCII.GetBytes(body));
        Assert.Equal(400, answer.Status);
        Assert.Contains("\"message\":\"Invalid json: ", answer.Body, StringComparison.Ordinal);
    }

    [Theory] // What cannot be read as UTF-8 is taken as well as it can be.
    [InlineData("&v:a=\u00ff\u00fe")]
    [InlineData("&v:a=%ed%a0%80%ff%zz%")]
    [InlineData("&v::x=1&v:=2&o:=3&:=4")]
    [InlineData("&h:X-Mailgun-Variables={\"a\":{\"b\":\"\\ud800\"}}")]
    public async Task Body_WithOddFields_IsTaken(string odd) =>
        Assert.Equal(200, (await AskAsync($"POST {Messages}", Pairs, Good + odd)).Status);

    [Fact]
    public async Task Login_ThatComesTwice_OpensNothing()
    {
        var answer = await RawHttp.AskAsync(
            server.AddressOf("http"), $"POST {Messages}",
            RawHttp.Login("key-mg") + RawHttp.Login("key-mg") + Pairs, Encoding.ASCII.GetBytes(Good));
        Assert.Equal(401, answer.Status);
    }
}
