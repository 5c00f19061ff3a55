using System.Globalization;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Tests.Transports;

public sealed class AccountRefusalsTests
{
    static readonly string[] Replies =
    [
        "530 5.7.0 Authentication Required",
        "534 5.7.9 Application-specific password required",
        "535 Authentication failed",
        "538 5.7.11 Encryption required for requested authentication mechanism",
        "550 5.7.1 Relaying denied",
        "554 5.7.1 <b@example.net>: Relay access denied",
        "550 relay not permitted",
        "553 sorry, relaying not allowed from this address",
        "550 Account suspended, contact support",
        "550 5.7.0 Account disabled",
        "550 5.7.0 Your account is disabled",
        "550 Your account is suspended",
        "550 Your account has been suspended",
        "550 This account has been disabled for abuse",
        "421 Domain d.example is not allowed to send: recipient limit exceeded, try again after Sun, 05 Oct",
        "554 Your account is on probation and domains are limited to 100 messages / hour.",
        "421 Domain d.example is not allowed to send: Sandbox subdomains are for test purposes only.",
        "421 Domain is unverified and requires DNS configuration",
        "421 Domain d.example is not allowed to send: Please activate your Mailgun account.",
        "554 Message rejected: Email address is not verified. The following identities failed the check",
        "554 Message rejected: Email address not verified",
        "554 Message rejected: Sending paused for this account.",
        "554 Message rejected: Sending suspended for this account.",
        "454 Throttling failure: Daily message quota exceeded.",
        "554 Access denied: User `x' is not authorized to perform `ses:SendRawEmail'",
        "451 Authentication failed: Maximum credits exceeded",
        "451 You have exceeded your messaging limits",
        "550 Unauthenticated senders not allowed",
        "550 The from address does not match a verified Sender Identity.",
        "550 You are not authorized to send from that email address",
        "550 5.7.1 The 'From' address you supplied is not a Sender Signature on your account.",
        "550 Sender Signature not found",
        "550 While your account is pending approval, recipients must share the domain of the sender",
        "550 You are not allowed to send as this address",
        "502 5.7.0 Your SMTP account is not yet activated.",
        "525 5.7.1 Unauthorized IP address",
        "550 5.7.1 Sender is not valid",
        "550 5.7.0 Mail relay denied [192.0.2.1].",
        "550 5.7.1 Invalid credentials for relay [192.0.2.1].",
        "550 5.4.5 Daily user sending limit exceeded.",
        "550 5.7.1 Daily SMTP relay sending limit exceeded for customer.",
        "450 4.2.1 Peak SMTP relay limit exceeded for customer.",
        "530 5.7.57 Client not authenticated to send mail",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        "550 5.7.64 TenantAttribution; Unable to relay",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "554 5.2.252 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
        "550 5.1.8 Access denied, bad outbound sender",
        "554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message",
        "550 5.7.501 Access denied, spam abuse detected",
        "550 5.7.502 Access denied, banned sender",
        "550 5.7.503 Access denied, banned sender",
        "550 5.7.705 Access denied, tenant has exceeded threshold",
        "550 5.7.708 Access denied, traffic not accepted from this IP",
        "550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
    ];

    public static TheoryData<string, string> RowsWithReplies =>
        [.. AccountRefusals.Rows.Zip(Replies, (row, reply) => (row.ToString(), reply))];

    [Fact]
    public void Table_HasAReplyForEachRow_AndASourceInEach()
    {
        Assert.Equal(AccountRefusals.Rows.Length, Replies.Length);
        Assert.All(AccountRefusals.Rows, row => Assert.NotEmpty(row.Source));
    }

    [Theory]
    [MemberData(nameof(RowsWithReplies))]
    public void Row_FitsItsReply_WithTheMendOfTheFirstThatDoes(string row, string reply)
    {
        var mine = AccountRefusals.Rows.Single(known => known.ToString() == row);
        var alarm = AccountRefusals.Find(Read(reply));
        Assert.NotNull(alarm);
        Assert.Contains(mine.Part, reply, StringComparison.OrdinalIgnoreCase);
        Assert.True(mine.Status is null || reply[4..].StartsWith(mine.Status, StringComparison.Ordinal));
        Assert.True(
            mine.Code is null || mine.Code == int.Parse(reply[..3], CultureInfo.InvariantCulture));
        // Microsoft's login texts come with 530 and 535, which fit already: the mend is the same.
        Assert.Equal(mine.Mend, alarm.Mend);
    }

    [Theory]
    [InlineData("250 2.0.0 Ok: relaying denied is a funny id")]
    [InlineData("550 5.1.1 No such user")]
    [InlineData("550 5.1.1 <b@example.net>: Recipient address rejected: User unknown")]
    [InlineData("550 5.2.1 The email account that you tried to reach is disabled.")]
    [InlineData("550 5.2.1 User account is disabled")]
    [InlineData("550 5.1.6 Account suspended, it has moved")]
    [InlineData("550 5.2.2 The recipient's inbox is out of storage space")]
    [InlineData("552 5.2.2 Mailbox full")]
    [InlineData("550 5.7.1 Message refused as spam")]
    [InlineData("550 5.7.1 Our system has detected that this message is likely unsolicited mail.")]
    [InlineData("550 5.7.26 This mail has been blocked because the sender is unauthenticated.")]
    [InlineData("554 5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org")]
    [InlineData("550 5.7.703 Your message can't be delivered, blocked by the Tenant Allow Block List.")]
    [InlineData("550 5.4.5 Next hop is congested")]
    [InlineData("450 4.7.1 Greylisted, please try again")]
    [InlineData("450 4.2.1 The user you are trying to contact is receiving mail too quickly.")]
    [InlineData("421 4.7.0 Try again later, closing connection.")]
    [InlineData("454 Throttling failure: Maximum sending rate exceeded.")]
    [InlineData("452 4.5.3 Too many recipients")]
    [InlineData("552 5.3.4 Message size exceeds fixed limit")]
    public void OrdinaryReply_FitsNoRow(string reply) => Assert.Null(AccountRefusals.Find(Read(reply)));

    [Theory]
    [InlineData("550 5.7.1 Relaying denied", "login")]
    [InlineData("421 Domain d.example is not allowed to send: disabled", "account")]
    public void Alarm_OfALogin_IsAnotherThanOfAnAccount(string reply, string kind) =>
        Assert.Equal(kind, AccountRefusals.Find(Read(reply))?.Kind);

    static Reply Read(string text)
    {
        var words = text.Split(' ', 3);
        var status = EnhancedStatus.TryParse(
            System.Text.Encoding.ASCII.GetBytes(words[1]), out var given, out _) ? given
            : default(EnhancedStatus?);
        return new Reply(
            int.Parse(words[0], CultureInfo.InvariantCulture), status, status is null ? text[4..] : words[2]);
    }
}
