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
    /// <param name="Part">A part of the reply's text, lower case. Empty: the code or status alone says
    /// it.</param>
    readonly record struct Row(string Provider, int? Code, string? Status, string Part, string Mend);

    const string LogIn = "check the login of this transport";
    const string Account = "look at the account in the provider's console";
    const string Domain = "verify the sender's domain or address at the provider";
    const string Address = "register this server's address in the provider's console";
    const string Quota = "wait for the quota to renew, or raise it at the provider";

    static readonly Row[] Rows =
    [
        // RFC 4954 §6: authentication required, mechanism too weak, credentials invalid, encryption required.
        new("any", 530, null, "", LogIn),
        new("any", 534, null, "", LogIn),
        new("any", 535, null, "", LogIn),
        new("any", 538, null, "", LogIn),
        new("any", null, null, "relaying denied", LogIn),
        new("any", null, null, "relay access denied", LogIn),
        new("any", null, null, "relay not permitted", LogIn),
        new("any", null, null, "relaying not allowed", LogIn),
        new("any", null, null, "account suspended", Account),
        new("any", null, null, "account disabled", Account),
        new("any", null, null, "account is disabled", Account),
        new("any", null, null, "account has been suspended", Account),
        new("any", null, null, "account has been disabled", Account),
        new("Mailgun", null, null, "is not allowed to send", Account),
        new("Mailgun", null, null, "domain is unverified", Domain),
        new("Mailgun", null, null, "sandbox subdomains are for test purposes only", Domain),
        new("Amazon SES", null, null, "email address is not verified", Domain),
        new("Amazon SES", null, null, "email address not verified", Domain),
        new("Amazon SES", null, null, "sending paused for this account", Account),
        new("Amazon SES", null, null, "daily message quota exceeded", Quota),
        new("Amazon SES", null, null, "is not authorized to perform", Account),
        new("SendGrid", null, null, "maximum credits exceeded", Quota),
        new("SendGrid", null, null, "unauthenticated senders not allowed", LogIn),
        new("SendGrid", null, null, "does not match a verified sender identity", Domain),
        new("SendGrid", null, null, "you have exceeded your messaging limits", Quota),
        new("Postmark", null, null, "is not a sender signature", Domain),
        new("Postmark", null, null, "sender signature not", Domain),
        new("Postmark", null, null, "account is pending approval", Account),
        new("Postmark", null, null, "not allowed to send as", Domain),
        new("Brevo", null, null, "smtp account is not yet activated", Account),
        new("Brevo", null, null, "unauthorized ip address", Address),
        new("Brevo", null, null, "sender is not valid", Domain),
        new("Gmail", null, null, "mail relay denied", Address),
        new("Gmail", null, null, "invalid credentials for relay", LogIn),
        new("Gmail", null, "5.4.5", "", Quota),
        new("Gmail", null, null, "daily user sending quota exceeded", Quota),
        new("Gmail", null, null, "daily smtp relay", Quota),
        new("Microsoft 365", null, "5.7.57", "", LogIn),
        new("Microsoft 365", null, "5.7.139", "", LogIn),
        new("Microsoft 365", null, "5.7.54", "", "set up a connector for this server"),
        new("Microsoft 365", null, "5.7.64", "", "set up a connector for this server"),
        new("Microsoft 365", null, "5.7.60", "", "give the login the right to send as this sender"),
        new("Microsoft 365", null, "5.1.8", "access denied, bad outbound sender", Account),
        new("Microsoft 365", null, "5.7.501", "", Account),
        new("Microsoft 365", null, "5.7.502", "", Account),
        new("Microsoft 365", null, "5.7.503", "", Account),
        new("Microsoft 365", null, "5.7.705", "", Account),
        new("Microsoft 365", null, "5.7.708", "", Account),
        new("Microsoft 365", null, "5.7.750", "", Domain),
        new("Microsoft 365", null, null, "submissionquotaexceededexception", Quota),
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
            if ((row.Code is null || row.Code == reply.Code)
                && (row.Status is null || row.Status == status)
                && text.Contains(row.Part, StringComparison.Ordinal))
                return new AlarmNotice(row.Mend == LogIn ? "login" : "account", reply.ToString(), row.Mend);
        }
        return null;
    }
}
