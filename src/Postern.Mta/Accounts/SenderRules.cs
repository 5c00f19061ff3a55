using Postern.Mta.Routing;
using Postern.Smtp;

namespace Postern.Mta.Accounts;

/// <summary>Whom an account may send as (DESIGN §9.5).</summary>
/// <param name="patterns">Empty: any sender.</param>
/// <param name="delimiter">Between user and extension. Empty: none.</param>
public sealed class SenderRules(IReadOnlyList<AddressPattern> patterns, string delimiter)
{
    /// <summary>
    /// Whether the reverse-path is allowed; the null sender always is, since reports have no other.
    /// </summary>
    /// <param name="sender">Null: the null sender.</param>
    public bool AllowsReversePath(Mailbox? sender) => sender is null || AllowsMailbox(sender);

    /// <summary>Whether a mailbox of From or Sender is allowed.</summary>
    public bool AllowsMailbox(Mailbox mailbox)
    {
        if (patterns.Count == 0)
            return true;
        foreach (var pattern in patterns)
            if (pattern.Matches(mailbox, delimiter))
                return true;
        return false;
    }
}
