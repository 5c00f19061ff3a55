using System.Globalization;
using System.Text;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Postern.Interop;

/// <summary>Clients that people have submit mail; each test ends when the mail is at the next hop.</summary>
public sealed class ClientTests : IAsyncLifetime
{
    public const string User = "shop";
    public const string Password = "sesame-street";
    const string Sender = "shop@sender.test";

    readonly SmtpSink sink = new();
    readonly PosternProcess postern = new("");

    /// <summary>One account and a plain next hop; an empty <paramref name="trusted"/> makes everyone log
    /// in.</summary>
    internal static string Settings(int sinkPort, TemporaryDirectory directory, string trusted)
    {
        var (certificate, key) = Certificate.Make(directory);
        return $"""
            [submission]
            trusted = [{trusted}]

            [tls]
            certificate = "{certificate}"
            key = "{key}"

            [accounts.{User}]
            password = "file:{directory.WriteSecret("shop.secret", Password)}"

            [transports.relay]
            kind = "smtp"
            host = "[127.0.0.1]:{sinkPort}"
            tls = "none"

            [[routes]]
            name = "everything"
            via = ["relay"]
            """;
    }

    public async ValueTask InitializeAsync()
    {
        postern.Settings = Settings(sink.Port, postern.Directory, trusted: "");
        await postern.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await postern.DisposeAsync();
        await sink.DisposeAsync();
    }

    [Theory]
    [InlineData("--tls", "--auth", "PLAIN")]
    [InlineData("--tls", "--auth", "LOGIN")]
    [InlineData("--tlsc", "--auth", "PLAIN")]
    [InlineData("--tlsc", "--auth", "LOGIN")]
    [InlineData("--tls", "--auth", "PLAIN", "--pipeline")]
    public async Task Swaks_LoggedInUnderTls_Submits(params string[] options)
    {
        Tool.Require("swaks");
        var run = await SwaksAsync(
            "swaks@sink.test", [.. options, "--auth-user", User, "--auth-password", Password]);
        run.Succeeded();
        await ArrivesAsync("swaks@sink.test");
    }

    [Fact]
    public async Task Swaks_WrongPassword_IsRefusedWith535()
    {
        Tool.Require("swaks");
        var run = await SwaksAsync(
            "x@sink.test", ["--tls", "--auth", "PLAIN", "--auth-user", User, "--auth-password", "no"]);
        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("535 5.7.8", run.Output);
    }

    [Fact]
    public async Task Swaks_WithoutTls_IsNotOfferedAuth()
    {
        Tool.Require("swaks");
        var run = await SwaksAsync(
            "x@sink.test", ["--auth", "PLAIN", "--auth-user", User, "--auth-password", Password]);
        Assert.NotEqual(0, run.ExitCode);
        Assert.DoesNotContain("250-AUTH", run.Output);
    }

    [Fact]
    public async Task Swaks_SpeakingLmtp_IsRefusedAndMayGoOn()
    {
        Tool.Require("swaks");
        var run = await SwaksAsync("x@sink.test", ["--protocol", "LMTP"]);
        Assert.NotEqual(0, run.ExitCode);
        Assert.Matches(@"<\*\* 50[02] 5\.5\.[12]", run.Output);
        Assert.Contains("221 2.0.0", run.Output);
    }

    // TLS-20: no client of the platform can ask for it.
    [Theory]
    [InlineData("QUIT\n", true)]
    [InlineData("R\nQUIT\n", false)]
    public async Task OpensslClient_ThatRenegotiates_IsRefused(string input, bool goesOn)
    {
        var port = postern.Port("submissions").ToString(CultureInfo.InvariantCulture);
        var run = await Command.RunAsync(
            Tool.Require("openssl"), ["s_client", "-tls1_2", "-crlf", "-connect", $"127.0.0.1:{port}"],
            Encoding.ASCII.GetBytes(input));
        Assert.Contains("TLSv1.2", run.Output);
        Assert.Equal(goesOn ? 0 : 1, run.ExitCode);
        Assert.Equal(!goesOn, run.Error.Contains("RENEGOTIATING"));
        Assert.Equal(!goesOn, run.Error.Contains(":error:"));
    }

    [Theory]
    [InlineData("plain", "submission")]
    [InlineData("login", "submission")]
    [InlineData("scram-sha-256", "submission")]
    [InlineData("plain", "submissions")]
    public async Task Msmtp_EachMechanism_Submits(string mechanism, string listener)
    {
        var configuration = postern.Directory.Write("msmtprc", $"""
            account default
            host 127.0.0.1
            port {postern.Port(listener)}
            from {Sender}
            auth {mechanism}
            user {User}
            password {Password}
            tls on
            tls_starttls {(listener == "submission" ? "on" : "off")}
            tls_certcheck off
            """);
        (await Command.RunAsync(
            Tool.Require("msmtp"), ["-C", configuration, "msmtp@sink.test"],
            "Subject: msmtp\n\nhello\n.\n..x\n"u8.ToArray())).Succeeded();
        await ArrivesAsync("msmtp@sink.test");
    }

    [Theory]
    [InlineData("smtp", "submission", "plain")]
    [InlineData("smtp", "submission", "login")]
    [InlineData("smtps", "submissions", "plain")]
    public async Task SNail_LoggedIn_Submits(string scheme, string listener, string mechanism)
    {
        var url = string.Create(
            CultureInfo.InvariantCulture, $"{scheme}://{User}:{Password}@127.0.0.1:{postern.Port(listener)}");
        (await Command.RunAsync(
            Tool.Require("s-nail"),
            [
                "-:/", "-S", "v15-compat", "-S", $"mta={url}", "-S", $"smtp-auth={mechanism}",
                "-S", "smtp-use-starttls", "-S", "tls-verify=ignore", "-S", $"from={Sender}",
                "-S", "hostname=client.test", "-S", "sendwait",
                "-s", "s-nail", "snail@sink.test",
            ],
            "hello\n"u8.ToArray())).Succeeded();
        await ArrivesAsync("snail@sink.test");
    }

    [Theory]
    [InlineData("SMTP", "submission")]
    [InlineData("SMTP_SSL", "submissions")]
    public async Task Smtplib_LoggedIn_Submits(string type, string listener)
    {
        var more = type == "SMTP" ? "" : ", context=tls";
        var script = $"""
            import smtplib, ssl
            from email.message import EmailMessage
            tls = ssl._create_unverified_context()
            client = smtplib.{type}("127.0.0.1", {postern.Port(listener)}{more})
            {(type == "SMTP" ? "client.starttls(context=tls)" : "")}
            client.login("{User}", "{Password}")
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = "{Sender}", "python@sink.test", "안녕"
            message.set_content("hello 안녕\n.dot\n")
            client.send_message(message)
            client.quit()
            """;
        (await Command.RunAsync(Tool.Require("python3"), "-c", script)).Succeeded();
        await ArrivesAsync("python@sink.test");
    }

    [Theory]
    [InlineData("submission", "PLAIN")]
    [InlineData("submission", "LOGIN")]
    [InlineData("submission", "SCRAM-SHA-256")]
    [InlineData("submissions", "SCRAM-SHA-256")]
    public async Task MailKit_EachMechanism_Submits(string listener, string mechanism)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var ours = Certificate.Load(postern.Directory.PathOf("peer.pem"));
        using var client = new SmtpClient();
        client.ServerCertificateValidationCallback = (_, theirs, _, _) => ours.Equals(theirs);
        var tls = listener == "submission" ? SecureSocketOptions.StartTls : SecureSocketOptions.SslOnConnect;
        await client.ConnectAsync("127.0.0.1", postern.Port(listener), tls, cancel);
        var login = new System.Net.NetworkCredential(User, Password);
        await client.AuthenticateAsync(SaslMechanism.Create(mechanism, login)!, cancel);
        using var message = new MimeMessage();
        message.From.Add(MailboxAddress.Parse(Sender));
        message.To.Add(MailboxAddress.Parse("mailkit@sink.test"));
        message.Body = new TextPart("plain") { Text = "hello 안녕" };
        Assert.StartsWith("2.0.0 Ok: ", await client.SendAsync(message, cancel));
        await client.DisconnectAsync(true, cancel);
        await ArrivesAsync("mailkit@sink.test");
    }

    [Theory]
    [InlineData("submission", "false")]
    [InlineData("submissions", "true")]
    public async Task Nodemailer_LoggedIn_Submits(string listener, string secure)
    {
        var run = await Command.RunAsync(
            Tool.Require("node", "nodejs"), Tool.RequireNode("submit.js"),
            postern.Port(listener)
                .ToString(CultureInfo.InvariantCulture), secure, User, Password, Sender, "node@sink.test");
        Assert.Contains("queued as ", run.Succeeded().Output);
        await ArrivesAsync("node@sink.test");
    }

    Task<Command> SwaksAsync(string recipient, string[] options) => Command.RunAsync(
        Tool.Require("swaks"),
        [
            "--server", "127.0.0.1", "--port",
            postern.Port(options.Contains("--tlsc") ? "submissions" : "submission")
                .ToString(CultureInfo.InvariantCulture),
            "--from", Sender, "--to", recipient, "--helo", "client.test", .. options,
        ],
        input: null);

    Task ArrivesAsync(string recipient) => Eventually.TrueAsync(
        () => sink.Deliveries.Any(delivery => delivery.Recipient == recipient), $"{recipient} gets it",
        evidence: () => postern.Said);
}
