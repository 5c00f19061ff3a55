using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Mta.Lists;

/// <summary>What mailing lists make of the recipients of one message, read before its commit.</summary>
/// <param name="Lists">By address.</param>
public sealed record ListExpansion(IReadOnlyDictionary<string, ListTurn> Lists)
{
    /// <summary>So deep may lists lie in one another; what lies deeper gets nothing.</summary>
    public const int DepthMax = 3;

    /// <summary>Null: it is no list.</summary>
    internal ListTurn? Find(Mailbox address) => Lists.GetValueOrDefault(SuppressionKey.AddressOf(address));
}

/// <summary>A list and what becomes of mail to it.</summary>
/// <param name="Number">Its place in <see cref="Queue.QueuedMessage.Lists"/>, from 1.</param>
/// <param name="Members">Those who are subscribed, in the order of their addresses.</param>
/// <param name="Trouble">Why it gets nothing, in words. Null: it gets the mail.</param>
public sealed record ListTurn(
    MailingList List, int Number, IReadOnlyList<Mailbox> Members, string? Trouble);

/// <summary>Reads what lists make of messages that come in together.</summary>
/// <remarks>All of it goes into one commit, so there is one room for all of them.</remarks>
sealed class ListReading(MailingLists lists, Func<Mailbox, MailingList?> find)
{
    /// <summary>Members of whatever list that may still be added.</summary>
    int room = MailingList.MembersMax;

    /// <summary>There is more than one commit takes.</summary>
    public bool IsTooMuch => room < 0;

    /// <param name="addresses">What the message is for.</param>
    /// <param name="seen">Ids in its List-Id fields: lists it has been through.</param>
    /// <returns>Null: none of them is a list.</returns>
    public async ValueTask<ListExpansion?> ReadAsync(
        IEnumerable<Mailbox> addresses, IReadOnlyList<string> seen, CancellationToken cancel)
    {
        List<MailingList> wave = [.. addresses.Select(find).OfType<MailingList>().Distinct()];
        if (wave.Count == 0)
            return null;
        var turns = new Dictionary<string, ListTurn>(StringComparer.Ordinal);
        for (var depth = 1; wave.Count > 0; depth++)
        {
            var inner = new List<MailingList>();
            foreach (var list in wave.Where(list => !turns.ContainsKey(list.Address)))
            {
                var turn = new ListTurn(list, turns.Count + 1, [], TroubleOf(list, depth, seen));
                if (turn.Trouble is null)
                    turn = turn with { Members = await ReadMembersAsync(list, cancel).ConfigureAwait(false) };
                turns.Add(list.Address, turn);
                inner.AddRange(turn.Members.Select(find).OfType<MailingList>());
                if (IsTooMuch)
                    return null;
            }
            wave = inner;
        }
        return new ListExpansion(turns);
    }

    static string? TroubleOf(MailingList list, int depth, IReadOnlyList<string> seen)
    {
        if (seen.Contains(list.Id, StringComparer.OrdinalIgnoreCase))
            return $"mail is looping: it has been through the list {list.Address} before";
        return depth <= ListExpansion.DepthMax ? null
            : $"the list {list.Address} lies more than {ListExpansion.DepthMax} deep in other lists";
    }

    async ValueTask<List<Mailbox>> ReadMembersAsync(MailingList list, CancellationToken cancel)
    {
        var members = new List<Mailbox>();
        await foreach (var (address, member) in lists.ReadMembersAsync(list.Address, cancel)
            .ConfigureAwait(false))
        {
            if (!member.IsSubscribed || !Mailbox.TryParse(address, out var mailbox))
                continue;
            if (--room < 0)
                break;
            members.Add(mailbox);
        }
        return members;
    }
}
