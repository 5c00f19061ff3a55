using Postern.Mta;
using Postern.Mta.Accounts;

namespace Postern.Dashboard;

/// <summary>An account as the page shows it.</summary>
/// <param name="UsedToday">Recipients that count against its quota. Null: it has none.</param>
public sealed record AccountLook(Account Account, int? UsedToday)
{
    internal static AccountLook Of(MailTransferAgent agent, Account account) => new(
        account, account.Quota is null ? null : agent.Limits.RecipientsToday(account.Name));

    /// <summary>Those behind a name, by name; and the name that the next page begins behind.</summary>
    internal static (IReadOnlyList<AccountLook> Accounts, string? Next) Page(
        MailTransferAgent agent, string after, int limit)
    {
        var found = agent.Accounts.All.Where(one => string.CompareOrdinal(one.Name, after) > 0)
            .Take(limit + 1).ToList();
        return ([.. found.Take(limit).Select(one => Of(agent, one))],
            found.Count > limit ? found[limit - 1].Name : null);
    }
}
