using System.Security.Cryptography.X509Certificates;
using Postern.Smtp.Client;
using Postern.Tests.Doubles;

namespace Postern.Tests.Smtp.Client;

public sealed class TlsTests
{
    [Fact]
    public async Task StartTls_GoodCertificate_IsVerifiedAndEhloComesAgain()
    {
        await using var relay = ScriptedRelay.Start(async peer =>
        {
            await peer.GreetAsync("STARTTLS", "SIZE 5");
            await peer.ExpectAsync("STARTTLS", "220 go");
            await peer.StartTlsAsync(TestCertificates.Shared.Good);
            await peer.OfferAsync("8BITMIME");
            await peer.ExpectEndAsync();
        });
        await using var connection = await OpenAsync(relay, Relays.Required);
        Assert.Equal(TlsTrust.Verified, connection.Tls!.Trust);
        Assert.Equal(Extensions.EightBitMime, connection.Capabilities.Extensions);
        Assert.Null(connection.Capabilities.OctetsMax);
        Assert.Empty(relay.Failures);
    }

    [Theory]
    [InlineData("OtherName")]
    [InlineData("SelfSigned")]
    public async Task Opportunistic_AnyCertificate_IsEncryptedButUntrusted(string certificate)
    {
        await using var relay = ScriptedRelay.Start(async peer =>
        {
            await peer.GreetAsync("STARTTLS");
            await peer.ExpectAsync("STARTTLS", "220 go");
            await peer.StartTlsAsync(Certificate(certificate));
            await peer.OfferAsync();
            await peer.ExpectEndAsync();
        });
        await using var connection = await OpenAsync(
            relay, Relays.Plain with { Tls = TlsMode.Opportunistic });
        Assert.Equal(TlsTrust.Untrusted, connection.Tls!.Trust);
    }

    [Fact]
    public async Task Immediate_Handshake_ComesBeforeTheGreeting()
    {
        await using var relay = ScriptedRelay.Start(async peer =>
        {
            await peer.StartTlsAsync(TestCertificates.Shared.Good);
            await peer.GreetAsync("PIPELINING", "CHUNKING");
            for (var i = 0; i < 3; i++)
                await peer.ReadLineAsync();
            await peer.ReadOctetsAsync(Relays.Content.Length);
            await peer.SayRawAsync("250 ok\r\n250 ok\r\n250 done\r\n");
            await peer.ExpectEndAsync();
        });
        await using var connection = await OpenAsync(relay, Relays.Required with { Tls = TlsMode.Immediate });
        var sent = await connection.SendAsync(Relays.To("b@d.example"), new BytesContent(Relays.Content));
        Assert.IsType<TransactionResult.Completed>(sent);
        Assert.Empty(relay.Failures);
    }

    static X509Certificate2 Certificate(string name) => name switch
    {
        "OtherName" => TestCertificates.Shared.OtherName,
        "NameOnlyInCommonName" => TestCertificates.Shared.NameOnlyInCommonName,
        "Expired" => TestCertificates.Shared.Expired,
        _ => TestCertificates.Shared.SelfSigned,
    };

    static async Task<OpenResult> TryOpenAsync(ScriptedRelay relay, SmtpClientOptions options) =>
        await SmtpClientConnection.OpenAsync(
            await relay.ConnectAsync(), options, TimeProvider.System, TestContext.Current.CancellationToken);

    static async Task<SmtpClientConnection> OpenAsync(ScriptedRelay relay, SmtpClientOptions options) =>
        Assert.IsType<OpenResult.Ready>(await TryOpenAsync(relay, options)).Connection;
}
