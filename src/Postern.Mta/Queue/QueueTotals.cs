using System.Diagnostics;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>How many recipients there are, by group and age of their message: what Postfix's qshape
/// shows.</summary>
/// <param name="filter">Without a state: all that are not done.</param>
/// <remarks>Fed message by message; its memory is bounded by <see cref="GroupsMax"/>.</remarks>
public sealed class QueueTotals(QueueFilter filter, QueueGroup by, DateTimeOffset now)
{
    /// <summary>Groups beyond so many are counted as <see cref="Others"/>.</summary>
    const int GroupsMax = 10_000;

    const string Others = "(others)";

    readonly QueueFilterMatch match = new(filter);
    readonly Dictionary<string, long[]> groups = new(StringComparer.Ordinal);

    /// <summary>Upper bounds of the columns, in minutes; one more column has what is older.</summary>
    public static IReadOnlyList<int> AgesMinutes { get; } = [5, 10, 20, 40, 80, 160, 320, 640, 1280];

    /// <summary>The largest group first.</summary>
    public IReadOnlyList<QueueTotal> Rows =>
    [
        .. groups.Select(group => new QueueTotal(group.Key, group.Value.Sum(), group.Value))
            .OrderByDescending(row => row.Total).ThenBy(row => row.Name, StringComparer.Ordinal),
    ];

    /// <summary>Counts those of its recipients that fit the filter.</summary>
    public void Add(StoredMessage stored)
    {
        var age = (now - stored.Message.ArrivedAt).TotalMinutes;
        var column = AgesMinutes.Count(bound => age > bound);
        foreach (var row in stored.Recipients)
        {
            if (match.Fits(row) && (filter.State is not null || row.State != RecipientState.Done))
                RowOf(NameOf(stored.Message, row))[column]++;
        }
    }

    long[] RowOf(string name)
    {
        if (groups.TryGetValue(name, out var row))
            return row;
        if (groups.Count >= GroupsMax && name != Others)
            return RowOf(Others);
        return groups[name] = new long[AgesMinutes.Count + 1];
    }

    string NameOf(QueuedMessage message, Recipient row)
    {
        var name = by switch
        {
            QueueGroup.Lane => row.Lane,
            QueueGroup.Route => row.Route,
            QueueGroup.Transport => row.Transport,
            QueueGroup.Sender => message.Sender.Mailbox is { } sender ? sender.Domain : "<>",
            QueueGroup.Recipient => row.Address.Domain,
            _ => throw new UnreachableException(),
        };
        return string.IsNullOrEmpty(name) ? "(none)" : name;
    }
}

/// <summary>Which column of <see cref="QueueTotals.AgesMinutes"/> a message belongs to, by its id
/// alone.</summary>
sealed class AgeColumns(DateTimeOffset now)
{
    /// <summary>The last one is for what is older than all bounds.</summary>
    public static int Count => QueueTotals.AgesMinutes.Count + 1;

    readonly long[] firstIds =
    [
        .. QueueTotals.AgesMinutes.Select(age => QueueId.FirstAt(now - TimeSpan.FromMinutes(age)).Value),
    ];

    public int ColumnOf(long id)
    {
        var column = 0;
        while (column < firstIds.Length && id < firstIds[column])
            column++;
        return column;
    }
}

/// <summary>What shares a row of totals.</summary>
public enum QueueGroup
{
    /// <summary>Those that wait for one next hop.</summary>
    Lane,
    Route,
    Transport,

    /// <summary>The sender's domain.</summary>
    Sender,

    /// <summary>The recipient's domain.</summary>
    Recipient,
}

/// <summary>Recipients of one group.</summary>
/// <param name="ByAge">A column for each of <see cref="QueueTotals.AgesMinutes"/>, and one for what is
/// older.</param>
public sealed record QueueTotal(string Name, long Total, IReadOnlyList<long> ByAge);
