using System.Net.Sockets;
using System.Text;

namespace Postern.Tests.Api.Mailgun;

/// <summary>A request with an <c>Idempotency-Key</c> is obeyed once.</summary>
public sealed class MailgunIdempotencyTests(RunningServer server) : IClassFixture<RunningServer>
{
    const string Messages = "v3/mg.example.org/messages";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static FormUrlEncodedContent Form(params string[] fields) => new(
        fields.Select(field => field.Split('=', 2)).Select(pair => KeyValuePair.Create(pair[0], pair[1])));

    static FormUrlEncodedContent Letter(string id, string text = "hi") => Form(
        "from=a@shop.example", "to=b@net.example", $"text={text}", $"h:Message-Id=<{id}@shop.example>");

    async Task<string> SendAsync(
        HttpContent content, string key, string path = Messages, string apiKey = "key-account")
    {
        using var http = server.Api(apiKey);
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        using var response = await http.SendAsync(request, Cancel);
        return $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(Cancel)}";
    }

    async Task<int> CountAsync(string id) => (await server.MailsAsync($"<{id}@shop.example>")).Count;

    [Fact]
    public async Task SameRequest_AlsoAfterARestart_IsAnsweredAgain_AndSendsNothing()
    {
        const string answer = """200 {"id":"<same@shop.example>","message":"Queued. Thank you."}""";
        Assert.Equal(answer, await SendAsync(Letter("same"), "k-same"));
        Assert.Equal(answer, await SendAsync(Letter("same"), "k-same"));
        await server.RestartAsync();
        Assert.Equal(answer, await SendAsync(Letter("same"), "k-same"));
        Assert.Equal(1, await CountAsync("same"));
        // A made Message-ID is the same one, too.
        var fields = (string[])["from=a@shop.example", "to=b@net.example", "text=made"];
        Assert.Equal(await SendAsync(Form(fields), "k-made"), await SendAsync(Form(fields), "k-made"));
        // And one that sends its fields in another order.
        Assert.Equal(await SendAsync(Form(fields), "k-made"),
            await SendAsync(Form([.. Enumerable.Reverse(fields)]), "k-made"));
    }

    [Fact]
    public async Task OtherKeys_AndOtherDomains_AreRequestsOfTheirOwn()
    {
        await SendAsync(Letter("own"), "k-own");
        await SendAsync(Letter("own"), "K-own");
        await SendAsync(Letter("own"), "k-own", "v3/other.example.org/messages");
        Assert.Equal(3, await CountAsync("own"));
        await SendAsync(Letter("own"), "k-own", "v3/MG.example.org/messages");
        Assert.Equal(3, await CountAsync("own"));
    }

    const string Another =
        """422 {"message":"this Idempotency-Key came with another request before"}""";

    [Fact]
    public async Task SameKey_WithAnotherBody_Is422()
    {
        await SendAsync(Letter("body"), "k-body");
        Assert.Equal(Another, await SendAsync(Letter("body", "ho"), "k-body"));
        Assert.Equal(Another, await SendAsync(WithFile("body", "x"), "k-body"));
        Assert.Equal(1, await CountAsync("body"));
    }

    static MultipartFormDataContent WithFile(string id, string octets) => new()
    {
        { new StringContent("a@shop.example"), "from" }, { new StringContent("b@net.example"), "to" },
        { new StringContent("hi"), "text" }, { new StringContent($"<{id}@shop.example>"), "h:Message-Id" },
        { new ByteArrayContent(Encoding.UTF8.GetBytes(octets)), "attachment", "a.txt" },
    };

    [Fact]
    public async Task Files_CountAsTheFieldsDo()
    {
        var first = await SendAsync(WithFile("file", "one"), "k-file");
        Assert.Equal(first, await SendAsync(WithFile("file", "one"), "k-file"));
        Assert.Equal(Another, await SendAsync(WithFile("file", "two"), "k-file"));
        Assert.Equal(1, await CountAsync("file"));
    }

    static MultipartFormDataContent Mime(string subject) => new()
    {
        { new StringContent("b@net.example"), "to" },
        {
            new StringContent(
                "From: a@shop.example\r\nMessage-ID: <mime@shop.example>\r\n"
                + $"Subject: {subject}\r\n\r\nx\r\n"),
            "message", "m.eml"
        },
    };

    [Fact]
    public async Task Mime_IsObeyedOnceToo()
    {
        const string path = "v3/mg.example.org/messages.mime";
        const string answer = """200 {"id":"<mime@shop.example>","message":"Queued. Thank you."}""";
        Assert.Equal(answer, await SendAsync(Mime("one"), "k-mime", path));
        Assert.Equal(answer, await SendAsync(Mime("one"), "k-mime", path));
        Assert.Equal(Another, await SendAsync(Mime("two"), "k-mime", path));
        Assert.Equal(1, await CountAsync("mime"));
    }

    [Fact]
    public async Task RequestThatIsRefused_KeepsNothing()
    {
        Assert.StartsWith(
            "400 ", await SendAsync(Form("to=b@net.example"), "k-free"), StringComparison.Ordinal);
        Assert.StartsWith("200 ", await SendAsync(Letter("free"), "k-free"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("x", 256)]
    public async Task Key_ThatCannotBeOne_Is400_AndSendsNothing(string key, int times = 1)
    {
        Assert.Equal(
            """400 {"message":"Idempotency-Key is one of 1 to 255 characters of visible ASCII"}""",
            await SendAsync(Letter("wrong"), string.Concat(Enumerable.Repeat(key, times))));
        Assert.Equal(0, await CountAsync("wrong"));
    }

    [Fact]
    public async Task LongestKey_IsTaken() => Assert.StartsWith(
        "200 ", await SendAsync(Letter("long"), new string('~', 255)), StringComparison.Ordinal);

    [Fact]
    public async Task KeyInWork_Is409()
    {
        var body = "from=a@shop.example&to=b@net.example&text=x"u8.ToArray();
        using var client = new TcpClient();
        await client.ConnectAsync(server.AddressOf("http"), Cancel);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /{Messages} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            + $"Content-Length: {body.Length}\r\n"
            + "Content-Type: application/x-www-form-urlencoded\r\nIdempotency-Key: k-work\r\n"
            + $"Expect: 100-continue\r\n{RawHttp.Login("key-mg")}\r\n"), Cancel);
        // This comes when the body is asked for.
        Assert.Equal("HTTP/1.1 100 Continue", await reader.ReadLineAsync(Cancel));
        Assert.Equal(
            """409 {"message":"a request with this Idempotency-Key is in work; ask again later"}""",
            await SendAsync(Form("text=x"), "k-work"));
        await client.GetStream().WriteAsync(body, Cancel);
        await reader.ReadLineAsync(Cancel);
        Assert.Equal("HTTP/1.1 200 OK", await reader.ReadLineAsync(Cancel));
    }
}
