using Postern.Api;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>A message that came in from another server, and what was decided about it.</summary>
/// <param name="Recipients">The first ones.</param>
/// <param name="RecipientCount">All of them.</param>
/// <param name="Rule">The verdict that matched. Null: none did.</param>
/// <param name="Verdict">Null: the rule is not configured any more.</param>
public sealed record InboundMail(
    QueueId Id, DateTimeOffset At, string Sender, IReadOnlyList<string> Recipients, int RecipientCount,
    ClientFacts Client, IReadOnlyList<CheckFound> Checks, string? Rule, VerdictAction? Verdict);

/// <summary>Some of the last messages, newest first.</summary>
/// <param name="Next">What to go on before. Null: all were looked at.</param>
public sealed record InboundMailPage(IReadOnlyList<InboundMail> Mails, long? Next)
{
    const int RecipientsMax = 3;

    /// <summary>Events that one page looks at; most of them may be of other mail.</summary>
    internal const int EventsMax = 2000;

    internal const int MailsMax = 50;

    /// <summary>What came through the doors of other servers, from the newest events of the store.</summary>
    /// <param name="before">A place among the events. Null: from the newest.</param>
    internal static async Task<InboundMailPage> ReadAsync(
        IMailStore store, PosternOptions options, long? before, CancellationToken cancel)
    {
        var reader = new EventReader(store);
        // A place beyond the last event is somebody's own invention.
        var place = Math.Min(before ?? long.MaxValue, await reader.LastAsync(cancel) + 1);
        var (order, facts, held) =
            (new List<QueueId>(), new Dictionary<QueueId, List<MailEvent>>(), new HashSet<QueueId>());
        var doors = DoorsOf(options);
        var looked = 0;
        long? next = null;
        await foreach (var stored in reader.DownAsync(place, cancel))
        {
            if (++looked > EventsMax || IsOneMore(stored.Event))
            {
                next = place;
                break;
            }
            place = stored.Seq;
            Take(stored.Event);
        }
        return new InboundMailPage(
            [.. order.Select(id => Of(id, facts[id], held.Contains(id), options))], next);

        bool IsOurs(MailEvent fact) => fact is { Kind: EventKind.Accepted, Message: not null }
            && fact.Client is { } client && doors(client.Listener);

        bool IsOneMore(MailEvent fact) =>
            order.Count == MailsMax && IsOurs(fact) && !facts.ContainsKey(fact.Message!.Value);

        void Take(MailEvent fact)
        {
            if (fact is { Kind: EventKind.Held, Actor: null, Message: { } kept })
                held.Add(kept);
            if (!IsOurs(fact))
                return;
            var id = fact.Message!.Value;
            if (!facts.TryGetValue(id, out var known))
            {
                order.Add(id);
                facts.Add(id, known = []);
            }
            known.Add(fact);
        }
    }

    /// <summary>Names of listeners that other servers come to; without a name it is made of the
    /// port.</summary>
    static Func<string, bool> DoorsOf(PosternOptions options)
    {
        var names = options.Listen.Where(one => one is { For: ListenFor.Mx, Name: not null })
            .Select(one => one.Name!).Append("deliver").ToHashSet(StringComparer.Ordinal);
        return name => names.Contains(name) || name.StartsWith("mx-", StringComparison.Ordinal);
    }

    /// <param name="facts">Of the recipients, the last one first.</param>
    static InboundMail Of(
        QueueId id, List<MailEvent> facts, bool isHeld, PosternOptions options)
    {
        var first = facts[^1];
        var checks = CheckFound.All(first.Checks);
        var rule = checks.FirstOrDefault(check => check.Name == "rule")?.Result;
        return new InboundMail(
            id, first.At, first.Sender ?? "",
            [.. Enumerable.Reverse(facts).Select(fact => fact.RecipientAddress).OfType<string>()
                .Take(RecipientsMax)],
            Math.Max(first.RecipientCount ?? 0, facts.Count), first.Client!,
            [.. checks.Where(check => check.Name != "rule")], rule, VerdictOf(rule, isHeld, options));
    }

    static VerdictAction? VerdictOf(string? rule, bool isHeld, PosternOptions options) =>
        isHeld ? VerdictAction.Quarantine : rule is null ? VerdictAction.Accept
            : options.Inbound.Verdicts.FirstOrDefault(verdict => verdict.Name == rule)?.Action;
}

/// <summary>What one check found: <c>spf</c> and <c>pass</c>.</summary>
public sealed record CheckFound(string Name, string Result)
{
    /// <summary><c>good</c>, <c>warn</c>, <c>bad</c>, or nothing.</summary>
    public string Tone => Result switch
    {
        "pass" or "ham" or "clean" => "good",
        "fail" or "permerror" or "spam" or "infected" or "policy" => "bad",
        "softfail" or "temperror" or "suspect" or "error" => "warn",
        _ => Name == "listed" ? "bad" : "",
    };

    /// <summary>Of a line like <c>spf=pass dkim=none rule=listed</c>. The name of a rule may have blanks: it
    /// stands last.</summary>
    internal static IReadOnlyList<CheckFound> All(string? line)
    {
        var found = new List<CheckFound>();
        for (var rest = line ?? ""; rest.Length > 0;)
        {
            var isRule = rest.StartsWith("rule=", StringComparison.Ordinal);
            var end = isRule ? -1 : rest.IndexOf(' ', StringComparison.Ordinal);
            var word = end < 0 ? rest : rest[..end];
            rest = end < 0 ? "" : rest[(end + 1)..];
            if (word.Split('=', 2) is [var name, var result])
                found.Add(new CheckFound(name, result));
        }
        return found;
    }
}
