using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;

namespace Postern.Api;

/// <summary>What a list, totals or a bulk command is asked for.</summary>
/// <remarks>An unknown key is an error: a mistyped filter must not mean everything.</remarks>
sealed partial class WebApi
{
    static readonly string[] filterKeys =
        ["state", "route", "transport", "sender", "recipient", "older", "newer"];

    /// <summary>No state of its own: what is Done, failed and kept.</summary>
    const string DeadLetter = "dead-letter";

    /// <summary>One message, what fits a filter, or all of them by that word alone.</summary>
    /// <param name="others">Keys that mean something else.</param>
    bool TryReadSelection(
        HttpContext context, IReadOnlyList<string> others, out QueueSelection which, out string trouble)
    {
        var query = context.Request.Query;
        which = new QueueSelection.Matching(QueueFilter.All);
        if (!TryReadFilter(context, ["id", "all", .. others], out var filter, out trouble))
            return false;
        var isAll = query["all"] == "true";
        var text = query["id"].FirstOrDefault();
        if (!isAll && text is null && filter == QueueFilter.All)
            trouble = "nothing is named";
        else if (text is null)
            which = new QueueSelection.Matching(filter);
        else if (isAll || filter != QueueFilter.All)
            trouble = "an id and a filter exclude each other";
        else if (QueueId.TryParse(text, out var id))
            which = new QueueSelection.One(id);
        else
            trouble = "this is no queue id: those are 13 letters and digits";
        return trouble.Length == 0;
    }

    /// <param name="others">Keys that mean something else.</param>
    bool TryReadFilter(
        HttpContext context, ReadOnlySpan<string> others, out QueueFilter filter, out string trouble)
    {
        var query = context.Request.Query;
        filter = QueueFilter.All;
        trouble = "";
        foreach (var key in query.Keys)
        {
            if (!filterKeys.Contains(key) && !others.Contains(key))
                trouble = $"{key} is not known: one of {string.Join(", ", [.. filterKeys, .. others])}";
        }
        if (query["state"].FirstOrDefault() is { } word)
        {
            var isDead = word == DeadLetter;
            var state = RecipientState.Done;
            if (!isDead && !TryReadWord(word, out state))
                trouble = $"state is not known: one of ready, active, deferred, held, done, {DeadLetter}";
            filter = filter with { State = state, DeadLetters = isDead };
        }
        foreach (var key in (string[])["sender", "recipient"])
        {
            if (query[key].FirstOrDefault() is { } pattern
                && !AddressPattern.TryParse(pattern, out _, out var mend))
                trouble = $"{key} is no address pattern: {mend}";
        }
        filter = filter with
        {
            Route = query["route"].FirstOrDefault(),
            Transport = query["transport"].FirstOrDefault(),
            Sender = query["sender"].FirstOrDefault(),
            Recipient = query["recipient"].FirstOrDefault(),
            ArrivedBefore = ReadAge(query, "older", ref trouble),
            ArrivedAfter = ReadAge(query, "newer", ref trouble),
        };
        return trouble.Length == 0;
    }

    DateTimeOffset? ReadAge(IQueryCollection query, string key, ref string trouble)
    {
        if (query[key].FirstOrDefault() is not { } age)
            return null;
        if (Units.TryParseDuration(age, out var duration))
            return clock.GetUtcNow() - duration;
        trouble = $"{key} is no duration, as in 30m or 2d";
        return null;
    }

    static bool TryReadWord<T>(string word, out T value) where T : struct, Enum =>
        Enum.TryParse(word, ignoreCase: true, out value) && word.All(char.IsAsciiLetter);
}
