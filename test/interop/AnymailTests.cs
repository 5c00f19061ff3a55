using System.Text;
using System.Text.Json;

namespace Postern.Interop;

/// <summary>Inbound mail in Mailgun's form, read by an application that knows Mailgun alone:
/// django-anymail.</summary>
public sealed class AnymailTests
{
    const string Python = "/usr/bin/python3";
    const string Key = "key-of-the-application";

    const string Mail = "From: =?utf-8?b?6rmA7Lmg7IiY?= <kim@sender.test>\r\nTo: box@in.test\r\n"
        + "Subject: =?euc-kr?b?v+TDuw==?=\r\nMessage-ID: <1@sender.test>\r\nMIME-Version: 1.0\r\n"
        + "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + "64S1LgoKT24gTW9uLCBKYW4gNSwgMjAyNiBhdCA5OjAwIEFNIFggPHhAeS5leGFtcGxlPiB3cm90ZToKPiBvbGQK\r\n"
        + "--b\r\nContent-Type: application/pdf; name=a.pdf\r\n"
        + "Content-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + "AP+A\r\n--b--\r\n";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("mailgun")]
    [InlineData("mailgun-mime")]
    public async Task Form_IsReadWhole(string form)
    {
        await using var application = await StartAsync();
        await using var postern = await SendAsync(form, application.Port, Key);
        await Eventually.TrueAsync(
            () => application.Said.Contains("\"esp\"", StringComparison.Ordinal), "it is told",
            evidence: () => application.Said + postern.Said);
        using var told = JsonDocument.Parse(application.Said.Split('\n').First(line => line.StartsWith('{')));
        var mail = told.RootElement;
        Assert.Equal("Mailgun", mail.GetProperty("esp").GetString());
        Assert.Equal("bounce@sender.test", mail.GetProperty("sender").GetString());
        Assert.Equal("box@in.test", mail.GetProperty("recipient").GetString());
        Assert.Equal(
            ["김칠수", "kim@sender.test"],
            mail.GetProperty("from").EnumerateArray().Select(one => one.GetString()));
        Assert.Equal("요청", mail.GetProperty("subject").GetString());
        Assert.StartsWith("넵.", mail.GetProperty("text").GetString());
        Assert.Equal(
            """[["a.pdf","application/pdf","00ff80"]]""",
            JsonSerializer.Serialize(mail.GetProperty("attachments")));
        // Whoever has the message parses it himself.
        if (form == "mailgun")
            Assert.Equal("넵.", mail.GetProperty("stripped").GetString()!.Trim());
    }

    [Fact]
    public async Task Form_SignedWithAnotherKey_IsRefused_AndTheMailIsKept()
    {
        await using var application = await StartAsync();
        await using var postern = await SendAsync("mailgun", application.Port, "another-key");
        await postern.AlarmAsync();
        Assert.Contains(
            "box@in.test", (await postern.CommandAsync("queue", "list", "--json")).Succeeded().Output);
        Assert.DoesNotContain("\"esp\"", application.Said);
    }

    static async Task<Application> StartAsync()
    {
        Tool.RequireFile("/usr/lib/python3/dist-packages/anymail/inbound.py", "python3-django-anymail");
        var port = PosternProcess.FreePort();
        var application = new Application(port, new Daemon(
            Python, [Path.Combine(Tool.InteropDirectory, "application.py"), $"{port}", Key]));
        await Eventually.TrueAsync(
            () => SmtpWire.IsOpenAsync(port), "the application listens", evidence: () => application.Said);
        return application;
    }

    /// <summary>A Postern that has just taken the mail.</summary>
    static async Task<PosternProcess> SendAsync(string form, int port, string key)
    {
        var postern = new PosternProcess("");
        postern.Settings = $"""
            [transports.application]
            kind = "webhook"
            url = "http://127.0.0.1:{port}/anymail/mailgun/inbound{(form == "mailgun" ? "" : "_mime")}/"
            form = "{form}"
            key = "file:{postern.Directory.WriteSecret("signing.key", key)}"

            [[routes]]
            name = "inbound"
            to = ["*@in.test"]
            accepts = "mx"
            via = ["application"]
            """;
        await postern.StartAsync();
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), Cancel);
        Assert.StartsWith("250", await wire.SendAsync(
            new Letter("bounce@sender.test", "box@in.test", Encoding.ASCII.GetBytes(Mail)), Cancel));
        return postern;
    }

    sealed record Application(int Port, Daemon Process) : IAsyncDisposable
    {
        public string Said => Process.Said;

        public ValueTask DisposeAsync() => Process.DisposeAsync();
    }
}
