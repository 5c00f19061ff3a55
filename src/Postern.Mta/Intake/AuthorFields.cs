using System.Text;
using MimeKit;
using Postern.Mta.Accounts;
using Postern.Smtp;

namespace Postern.Mta.Intake;

/// <summary>Who a message says it is from: every mailbox of From and Sender must be the account's (DESIGN
/// §9.5).</summary>
static class AuthorFields
{
    /// <summary>False also when they cannot be read for certain: two readers might see two different
    /// authors.</summary>
    public static bool AreAllowed(HeaderScan header, SenderRules rules)
    {
        // RFC 5322 §3.6: one From field. A missing one is nobody's name, unless it may stand further down.
        if (header.FromCount > 1 || header.IsTorn)
            return false;
        foreach (var field in header.Authors)
        {
            if (!InternetAddressList.TryParse(Encoding.UTF8.GetBytes(field), out var list))
                return false;
            foreach (var address in list.Mailboxes)
            {
                if (!Mailbox.TryParse(address.Address, out var mailbox) || !rules.AllowsMailbox(mailbox))
                    return false;
            }
        }
        return true;
    }
}
