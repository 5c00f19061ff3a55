using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Postern.Interop;

/// <summary>The next hops by themselves: a failure here is the peer's set-up and not Postern.</summary>
public sealed class PeerTests
{
    [Fact]
    public async Task Postfix_WithStartTlsAndLogin_Delivers()
    {
        await using var postfix = await PostfixPeer.NextHopAsync(("relay", "secret:with colon"));
        await SubmitAsync(postfix.Port, postfix.CertificateFile, "relay@relay.test", "secret:with colon");
        await ContentCase.ArrivedAsync(postfix.Maildir, "peer", () => postfix.Log);
        await Assert.ThrowsAsync<AuthenticationException>(
            () => SubmitAsync(postfix.Port, postfix.CertificateFile, "relay@relay.test", "wrong"));
    }

    [Fact]
    public async Task Exim_WithStartTlsAndLogin_Delivers()
    {
        await using var exim = await EximPeer.NextHopAsync("relay", "secret");
        await SubmitAsync(exim.Port, exim.CertificateFile, "relay", "secret");
        await ContentCase.ArrivedAsync(exim.Maildir, "peer", () => exim.Log);
        await Assert.ThrowsAsync<AuthenticationException>(
            () => SubmitAsync(exim.Port, exim.CertificateFile, "relay", "wrong"));
    }

    /// <summary>Under TLS with the one certificate that is expected, after a login by PLAIN.</summary>
    static async Task SubmitAsync(int port, string certificate, string user, string password)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var client = new SmtpClient();
        using var expected = Certificate.Load(certificate);
        client.ServerCertificateValidationCallback = (_, theirs, _, _) => expected.Equals(theirs);
        await client.ConnectAsync("127.0.0.1", port, SecureSocketOptions.StartTls, cancel);
        await client.AuthenticateAsync(new SaslMechanismPlain(user, password), cancel);
        using var message = new MimeMessage();
        message.From.Add(MailboxAddress.Parse("a@sender.test"));
        message.To.Add(MailboxAddress.Parse("box@sink.test"));
        message.Headers.Add("X-Case", "peer");
        message.Body = new TextPart("plain") { Text = "hello" };
        await client.SendAsync(message, cancel);
        await client.DisconnectAsync(true, cancel);
    }
}
