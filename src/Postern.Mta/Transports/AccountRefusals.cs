using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>Replies by which providers refuse our account, not the recipient or the message.</summary>
/// <remarks>
/// Their codes are those of a bad address or a bad message, often 5xx; read literally they would bounce
/// everybody's mail. Asked only about relays that the configuration names. Texts are compared without case,
/// as parts.
/// </remarks>
static class AccountRefusals
{
    /// <param name="Source">Where the words stand.</param>
    /// <param name="Code">Null: any of 400 and more.</param>
    /// <param name="Status">Null: any, or none.</param>
    /// <param name="Part">A part of the reply's text, lower case. Empty: the code or status alone says
    /// it.</param>
    internal readonly record struct Row(string Source, int? Code, string? Status, string Part, string Mend);

    const string LogIn = "check the login of this transport";
    const string Account = "look at the account in the provider's console";
    const string Domain = "verify the sender's domain or address at the provider";
    const string Address = "register this server's address in the provider's console";
    const string Quota = "wait for the quota to renew, or raise it at the provider";
    const string Connector = "set up a connector for this server";
    const string SendAs = "give the login the right to send as this sender";

    // RFC 4954 §6: authentication required, mechanism too weak, credentials invalid, encryption required.
    const string Rfc4954 = "RFC 4954 section 6";

    /// <summary>Sendmail, Postfix and Exim, and what runs on them.</summary>
    const string Servers = "texts of Sendmail, Postfix, Exim and hosting panels";

    const string Mailgun = "Mailgun, replies quoted in github.com/coopdevs/timeoverflow/issues/820, "
        + "pivorakmeetup/pivorak-web-app/issues/711 and theoomoregbee/US-visa-appointment-notifier/issues/5";

    const string AmazonSes = "docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html";

    const string SendGrid =
        "sendgrid.com/docs/for-developers/sending-email/smtp-errors-and-troubleshooting";

    const string Postmark = "postmarkapp.com/developer/api/overview#error-codes";
    const string Brevo = "help.brevo.com/hc/articles/115000188150, Troubleshooting issues with Brevo SMTP";
    const string Gmail = "support.google.com/a/answer/3726730";

    const string Microsoft = "learn.microsoft.com/exchange/mail-flow-best-practices/"
        + "non-delivery-reports-in-exchange-online";

    /// <summary>The first row that fits says what to do: what is special stands first.</summary>
    internal static readonly Row[] Rows =
    [
        new(Rfc4954, 530, null, "", LogIn),
        new(Rfc4954, 534, null, "", LogIn),
        new(Rfc4954, 535, null, "", LogIn),
        new(Rfc4954, 538, null, "", LogIn),
        new(Servers, null, null, "relaying denied", LogIn),
        new(Servers, null, null, "relay access denied", LogIn),
        new(Servers, null, null, "relay not permitted", LogIn),
        new(Servers, null, null, "relaying not allowed", LogIn),
        new(Servers, null, null, "account suspended", Account),
        new(Servers, null, null, "account disabled", Account),
        new(Servers, null, null, "account is disabled", Account),
        new(Servers, null, null, "account is suspended", Account),
        new(Servers, null, null, "account has been suspended", Account),
        new(Servers, null, null, "account has been disabled", Account),
        new(Mailgun, null, null, "is not allowed to send: recipient limit exceeded", Quota),
        new(Mailgun, null, null, "account is on probation", Quota),
        new(Mailgun, null, null, "sandbox subdomains are for test purposes only", Domain),
        new(Mailgun, null, null, "domain is unverified", Domain),
        new(Mailgun, null, null, "is not allowed to send", Account),
        new(AmazonSes, null, null, "email address is not verified", Domain),
        new(AmazonSes, null, null, "email address not verified", Domain),
        new(AmazonSes, null, null, "sending paused for this account", Account),
        new(AmazonSes, null, null, "sending suspended for this account", Account),
        new(AmazonSes, null, null, "daily message quota exceeded", Quota),
        new(AmazonSes, null, null, "is not authorized to perform", Account),
        new(SendGrid, null, null, "maximum credits exceeded", Quota),
        new(SendGrid, null, null, "you have exceeded your messaging limits", Quota),
        new(SendGrid, null, null, "unauthenticated senders not allowed", LogIn),
        new(SendGrid, null, null, "does not match a verified sender identity", Domain),
        new(SendGrid, null, null, "not authorized to send from that email address", Domain),
        new(Postmark, null, null, "is not a sender signature", Domain),
        new(Postmark, null, null, "sender signature not", Domain),
        new(Postmark, null, null, "account is pending approval", Account),
        new(Postmark, null, null, "not allowed to send as", Domain),
        new(Brevo, null, null, "smtp account is not yet activated", Account),
        new(Brevo, null, null, "unauthorized ip address", Address),
        new(Brevo, null, null, "sender is not valid", Domain),
        new(Gmail, null, null, "mail relay denied", Address),
        new(Gmail, null, null, "invalid credentials for relay", LogIn),
        new(Gmail, null, null, "daily user sending", Quota),
        new(Gmail, null, null, "daily smtp relay", Quota),
        new(Gmail, null, null, "peak smtp relay limit exceeded", Quota),
        new(Microsoft, null, "5.7.57", "", LogIn),
        new(Microsoft, null, "5.7.139", "", LogIn),
        new(Microsoft, null, "5.7.54", "", Connector),
        new(Microsoft, null, "5.7.64", "", Connector),
        new(Microsoft, null, "5.7.60", "", SendAs),
        new(Microsoft, null, null, "sendasdeniedexception", SendAs),
        new(Microsoft, null, "5.1.8", "access denied, bad outbound sender", Account),
        new(Microsoft, null, null, "outboundspamexception", Account),
        new(Microsoft, null, "5.7.501", "", Account),
        new(Microsoft, null, "5.7.502", "", Account),
        new(Microsoft, null, "5.7.503", "", Account),
        new(Microsoft, null, "5.7.705", "", Account),
        new(Microsoft, null, "5.7.708", "", Account),
        new(Microsoft, null, "5.7.750", "", Domain),
        new(Microsoft, null, null, "banned sending ip", Address),
        new(Microsoft, null, null, "submissionquotaexceededexception", Quota),
    ];

    /// <summary>The alarm to raise when the reply is about our account; null when it is not.</summary>
    public static AlarmNotice? Find(Reply reply)
    {
        if (reply.Code < 400)
            return null;
        var text = string.Join(' ', reply.Lines).ToLowerInvariant();
        var status = reply.Status?.ToString();
        foreach (var row in Rows)
        {
            if (row.Source == Servers && row.Mend == Account && IsAboutAMailbox(reply.Status))
                continue;
            if ((row.Code is null || row.Code == reply.Code)
                && (row.Status is null || row.Status == status)
                && text.Contains(row.Part, StringComparison.Ordinal))
                return new AlarmNotice(row.Mend == LogIn ? "login" : "account", reply.ToString(), row.Mend);
        }
        return null;
    }

    /// <summary>RFC 3463 §3.2 and §3.3: the recipient's address or mailbox. It has an account as
    /// well.</summary>
    static bool IsAboutAMailbox(EnhancedStatus? status) => status is { Subject: 1 or 2 };
}
