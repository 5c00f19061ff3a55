using Microsoft.Extensions.Time.Testing;
using Postern.Smtp;
using Postern.Smtp.Client;
using Postern.Tests.Doubles;

namespace Postern.Tests.Smtp.Client;

/// <summary>
/// What the client tests share: envelopes, options, and a client over a scripted connection in memory.
/// </summary>
static class Relays
{
    public const string Content = "Subject: t\r\n\r\nhello\r\n";

    public static readonly SmtpClientOptions Plain = new()
    {
        HeloName = "postern.example",
        RelayName = "mx.relay.example",
        Tls = TlsMode.None,
    };

    public static SmtpClientOptions Required => Plain with
    {
        Tls = TlsMode.Required,
        Authorities = TestCertificates.Shared.Authorities,
    };

    public static Mailbox Address(string text) =>
        Mailbox.TryParse(text, out var mailbox) ? mailbox : throw new ArgumentException(text);

    public static Envelope To(params string[] recipients) => new(
        new ReversePath(Address("a@sender.example")),
        MailParameters.None,
        [.. recipients.Select(r => new EnvelopeRecipient(new ForwardPath(Address(r)), RcptParameters.None))]);

    /// <summary>Greeting and EHLO of a relay with these extensions.</summary>
    public static async Task GreetAsync(this RelayConversation relay, params string[] extensions)
    {
        await relay.SayAsync("220 relay ready");
        await relay.OfferAsync(extensions);
    }

    /// <summary>The reply to EHLO.</summary>
    public static async Task OfferAsync(this RelayConversation relay, params string[] extensions)
    {
        string[] lines = ["relay", .. extensions];
        await relay.ExpectAsync(
            "EHLO ", [.. lines.Select((l, i) => $"250{(i == lines.Length - 1 ? ' ' : '-')}{l}")]);
    }

    /// <summary>
    /// Opens a session and sends one message, all in memory; the script must have run to its end.
    /// </summary>
    public static async Task<TransactionResult> SendOneAsync(
        Func<RelayConversation, Task> script, Envelope? envelope = null, string content = Content)
    {
        var (stream, played) = ScriptedRelay.PlayInMemory(script);
        var connection = await OpenAsync(stream, Plain);
        TransactionResult result;
        await using (connection)
            result = await connection.SendAsync(envelope ?? To("b@d.example"), new BytesContent(content));
        await played;
        return result;
    }

    /// <summary>Sends one message that none follows.</summary>
    public static ValueTask<TransactionResult> SendAsync(
        this SmtpClientConnection connection, Envelope envelope, ContentSource content) =>
        connection.SendAsync(
            new OutgoingMessage(envelope, content), next: null, TestContext.Current.CancellationToken);

    public static async Task<SmtpClientConnection> OpenAsync(
        Stream stream, SmtpClientOptions options, FakeTimeProvider? clock = null)
    {
        var opened = await SmtpClientConnection.OpenAsync(
            stream, options, clock ?? new FakeTimeProvider(), TestContext.Current.CancellationToken);
        return Assert.IsType<OpenResult.Ready>(opened).Connection;
    }

    /// <summary>Opens a session that must not get ready.</summary>
    public static async Task<OpenResult> OpenOnlyAsync(
        Func<RelayConversation, Task> script, SmtpClientOptions? options = null)
    {
        var (stream, played) = ScriptedRelay.PlayInMemory(script);
        var result = await SmtpClientConnection.OpenAsync(
            stream, options ?? Plain, new FakeTimeProvider(), TestContext.Current.CancellationToken);
        await played;
        return result;
    }
}
