using Postern.Mta.Events;
using Postern.Mta.Lists;
using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>Mailing lists: a recipient that is one becomes its members.</summary>
public sealed partial class MessageQueue
{
    const string ByList = "a mailing list";

    public MailingLists Lists { get; }

    /// <summary>The list of this address; of a domain that is no sending domain any more there is
    /// none.</summary>
    internal MailingList? FindList(Mailbox address) =>
        Lists.Find(address) is { } list && SendingDomains.Find(list.Domain) is not null ? list : null;

    /// <summary>The domain, as somebody spells it, is the list's.</summary>
    internal bool IsOf(MailingList list, string domain) => SendingDomains.Find(domain) == list.Domain;

    /// <summary>No list before has it for this member. One whose domain may not write to him is told so, and
    /// leaves him to the list of another.</summary>
    static bool IsNew(Placing placing, ListTurn turn, string member) =>
        placing.Suppressed?.ContainsKey(new SuppressedRecipient(turn.Number, member)) == true
            ? !placing.Listed.Contains(member) : placing.Listed.Add(member);

    /// <summary>One message comes to each list once, and to each member by one list only: so one commit
    /// holds no more rows than the lists have members.</summary>
    void PlaceMembers(Placing placing, Recipient row, ListTurn turn)
    {
        var (message, change) = (placing.Message, placing.Change);
        if (row.Parent is null)
            change.Events.Add(AcceptedEvent(message, placing.Count, row, null) with { Why = ByList });
        if (turn.Trouble is { } trouble)
        {
            // A report might loop as well.
            AddFailedRow(placing, row, Statuses.Looping, trouble, why: null);
            return;
        }
        var members = placing.Opened.Add(turn.List.Address)
            ? turn.Members.Where(member => IsNew(placing, turn, SuppressionKey.AddressOf(member))).ToList()
            : [];
        change.Recipients.Add(row with { State = RecipientState.Done, Outcome = RecipientOutcome.Expanded });
        change.Events.Add(EventOf(EventKind.Expanded, message, row, placing.Now) with
        {
            Why = ByList,
            RecipientCount = members.Count,
        });
        foreach (var member in members)
        {
            PlaceOne(placing, row with
            {
                Number = placing.NextNumber(),
                Parent = row.Number,
                Address = member,
                Original = null,
                List = turn.Number,
                // RFC 3461 §5.2.7.3: what the poster asked for ends at the list; one where he alone posts is
                // as an alias of his own.
                Dsn = turn.List.KeepsReports ? RcptParameters.None
                    : row.Dsn with { OriginalRecipient = null },
            });
        }
    }
}
