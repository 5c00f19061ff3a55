using System.Text;

namespace Postern.Interop;

/// <summary>A Postfix that was set up for Mailgun changes its relayhost to Postern, and nothing
/// else.</summary>
public sealed class RelayhostTests
{
    [Fact]
    public async Task Postfix_WithTheUsualMailgunRecipe_SubmitsThroughPostern()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var sink = new SmtpSink();
        await using var postern = new PosternProcess("");
        postern.Settings = ClientTests.Settings(sink.Port, postern.Directory, trusted: "");
        await postern.StartAsync();
        var port = postern.Port("submission");
        var login = ClientTests.User + ":" + ClientTests.Password;
        await using var postfix = await PostfixPeer.SubmitterAsync($$"""
            relayhost = [127.0.0.1]:{{port}}
            smtp_sasl_auth_enable = yes
            smtp_sasl_password_maps = inline:{ [127.0.0.1]:{{port}}={{login}} }
            smtp_sasl_security_options = noanonymous
            smtp_tls_security_level = encrypt
            smtp_tls_note_starttls_offer = yes
            """);
        await using (var wire = await SmtpWire.ConnectAsync(postfix.Port, cancel))
        {
            for (var i = 0; i < 20; i++)
            {
                var content = Encoding.ASCII.GetBytes("From: <a@sender.test>\r\nSubject: x\r\n\r\nhello\r\n");
                Assert.StartsWith("250", await wire
                    .SendAsync(new Letter("a@sender.test", $"r{i}@sink.test", content), cancel));
            }
        }
        await Eventually.TrueAsync(
            () => sink.Deliveries.Select(d => d.Recipient).Distinct().Count() == 20, "all 20 arrive",
            evidence: () => postfix.Log + postern.Said);
        await Eventually.TrueAsync(
            () => postfix.QueueCount() == 0, "Postfix has nothing left", evidence: () => postfix.Log);
        Assert.Contains("status=sent (250 2.0.0 Ok: queued as ", postfix.Log);
    }
}
