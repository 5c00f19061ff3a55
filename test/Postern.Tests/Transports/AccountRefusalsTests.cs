using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Tests.Transports;

public sealed class AccountRefusalsTests
{
    [Theory]
    [InlineData(550, "5.7.1", "Relaying denied", "login")]
    [InlineData(530, "5.7.0", "Authentication Required", "login")]
    [InlineData(535, null, "Authentication failed", "login")]
    [InlineData(421, null, "Domain d.example is not allowed to send: disabled", "account")] // Mailgun
    [InlineData(554, null, "Message rejected: Email address is not verified.", "account")] // SES
    [InlineData(454, null, "Throttling failure: Daily message quota exceeded.", "account")] // SES
    [InlineData(550, null, "The from address does not match a verified Sender Identity", "account")]
    [InlineData(451, null, "Authentication failed: Maximum credits exceeded", "account")] // SendGrid
    [InlineData(550, null, "The 'From' address you supplied is not a Sender Signature", "account")]
    [InlineData(502, "5.7.0", "Your SMTP account is not yet activated.", "account")] // Brevo
    [InlineData(550, "5.7.0", "Mail relay denied [192.0.2.1].", "account")] // Gmail
    [InlineData(550, "5.4.5", "Daily user sending limit exceeded.", "account")] // Gmail
    [InlineData(550, "5.7.501", "Spam abuse detected from IP range.", "account")] // Microsoft 365
    [InlineData(550, "5.7.64", "TenantAttribution; Relay Access Denied", "login")] // Microsoft 365
    public void Find_ProvidersWords_RaiseAnAlarm(int code, string? status, string text, string kind) =>
        Assert.Equal(kind, AccountRefusals.Find(Reply(code, status, text))?.Kind);

    [Theory]
    [InlineData(250, "2.0.0", "Ok: relaying denied is a funny id")]
    [InlineData(550, "5.1.1", "No such user")]
    [InlineData(550, "5.7.1", "Message refused as spam")]
    [InlineData(450, "4.7.1", "Greylisted, please try again")]
    [InlineData(552, "5.2.2", "Mailbox full")]
    public void Find_OrdinaryReply_IsNone(int code, string status, string text) =>
        Assert.Null(AccountRefusals.Find(Reply(code, status, text)));

    static Reply Reply(int code, string? status, string text)
    {
        EnhancedStatus? parsed = null;
        if (status is not null && EnhancedStatus.TryParse(
            System.Text.Encoding.ASCII.GetBytes(status), out var given, out _))
            parsed = given;
        return new Reply(code, parsed, text);
    }
}
