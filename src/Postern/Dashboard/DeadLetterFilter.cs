using System.Diagnostics.CodeAnalysis;
using Postern.Api;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>Which dead letters a page is about, as its address says it.</summary>
/// <param name="Filter">What the store is asked for.</param>
/// <param name="Query">The same for the admin API: <c>state=dead-letter&amp;route=in</c>.</param>
sealed record DeadLetterFilter(QueueFilter Filter, string Query)
{
    /// <summary>The same once more, of what had arrived by a moment, and with moments for ages: it means
    /// later what it means now.</summary>
    public DeadLetterFilter AsOf(DateTimeOffset now)
    {
        var filter = QueueIntent.AsOf(Filter, now);
        return new DeadLetterFilter(filter, QueueQuery.Write(filter));
    }

    /// <summary>Pages of the queue that are counted before it is said that there are more.</summary>
    const int PagesMax = 8;

    const int PageMax = 500;

    public const int SampleMax = 20;

    /// <summary>Fields of the address.</summary>
    public static readonly IReadOnlyList<string> Fields =
        ["sender", "recipient", "route", "transport", "older", "newer"];

    /// <param name="trouble">What cannot be read, and how it is written.</param>
    public static bool TryRead(
        Func<string, string> field, DateTimeOffset now, [NotNullWhen(true)] out DeadLetterFilter? filter,
        out string trouble)
    {
        filter = null;
        trouble = "";
        foreach (var name in (string[])["sender", "recipient"])
        {
            if (field(name) is { Length: > 0 } pattern
                && !AddressPattern.TryParse(pattern, out _, out var mend))
                trouble = $"{name}: {mend}";
        }
        var (before, after) = (AgeOf("older", ref trouble), AgeOf("newer", ref trouble));
        if (trouble.Length > 0)
            return false;
        var given = Fields.Select(name => KeyValuePair.Create(name, (string?)field(name)))
            .Where(pair => pair.Value!.Length > 0);
        filter = new DeadLetterFilter(
            new QueueFilter
            {
                State = RecipientState.Done,
                DeadLetters = true,
                Sender = Given("sender"),
                Recipient = Given("recipient"),
                Route = Given("route"),
                Transport = Given("transport"),
                ArrivedBefore = before,
                ArrivedAfter = after,
            },
            QueryString.Create(given.Prepend(KeyValuePair.Create("state", (string?)"dead-letter")))
                .Value![1..]);
        return true;

        string? Given(string name) => field(name) is { Length: > 0 } text ? text : null;

        DateTimeOffset? AgeOf(string name, ref string said)
        {
            if (Given(name) is not { } text)
                return null;
            if (Units.TryParseDuration(text, out var age))
                return now - age;
            said = $"{name}: 30m, 4h, 2d";
            return null;
        }
    }

    /// <summary>What of a message is meant.</summary>
    public IEnumerable<Recipient> Of(StoredMessage stored)
    {
        var delimiter = new InboundOptions().Delimiter;
        var to = Filter.Recipient is { } text ? AddressPattern.Parse(text) : null;
        return stored.Message.Door != MailDoors.Mx ? [] : stored.Recipients.Where(row => row.IsDeadLetter
            && (Filter.Route is null || row.Route == Filter.Route)
            && (Filter.Transport is null || row.Transport == Filter.Transport)
            && to?.Matches(row.Address, delimiter) != false);
    }

    /// <summary>How many a replay would hit, and the first of them.</summary>
    public async Task<DeadLetterCount> CountAsync(IMailStore store, CancellationToken cancel)
    {
        var (count, sample) = (0, new List<DeadLetter>());
        QueueId? after = default(QueueId);
        for (var page = 0; after is { } key && page < PagesMax; page++)
        {
            var found = await store.ListAsync(Filter, key, PageMax, cancel);
            foreach (var letter in found.Messages.SelectMany(
                stored => Of(stored).Select(row => DeadLetter.Of(stored, row))))
            {
                if (count++ < SampleMax)
                    sample.Add(letter);
            }
            after = found.Next;
        }
        return new DeadLetterCount(count, IsAll: after is null, sample);
    }
}

/// <summary>A recipient that failed for good, whose content is kept.</summary>
/// <param name="OfMessage">How many of the message there are, whether they fit or not: a replay of it is for
/// all of them.</param>
public sealed record DeadLetter(QueuedMessage Message, Recipient Row, int OfMessage)
{
    internal static DeadLetter Of(StoredMessage stored, Recipient row) =>
        new(stored.Message, row, stored.Recipients.Count(one => one.IsDeadLetter));
}

/// <param name="IsAll">There are no more.</param>
public sealed record DeadLetterCount(int Count, bool IsAll, IReadOnlyList<DeadLetter> Sample)
{
    public static readonly DeadLetterCount None = new(0, IsAll: true, []);
}
