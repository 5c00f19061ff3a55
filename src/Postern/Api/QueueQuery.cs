using System.Globalization;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;

namespace Postern.Api;

/// <summary>A filter of the queue as the query of an address: one for the admin API and for pages.</summary>
/// <remarks>An unknown key is an error: a mistyped filter must not mean everything.</remarks>
static class QueueQuery
{
    /// <summary>No state of its own: what is Done, failed and kept.</summary>
    public const string DeadLetter = "dead-letter";

    static readonly string[] keys =
    [
        "state", "route", "transport", "sender", "recipient", "domain", "older", "newer", "arrived-before",
        "arrived-after",
    ];

    /// <summary>As browsers send a field for a moment, and as programs write one; UTC where it says
    /// nothing.</summary>
    static readonly string[] moments =
        ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd"];

    /// <param name="others">Keys that mean something else.</param>
    /// <param name="trouble">What is wrong with it; empty when it was read.</param>
    public static bool TryRead(
        IQueryCollection query, ReadOnlySpan<string> others, DateTimeOffset now, out QueueFilter filter,
        out string trouble)
    {
        filter = QueueFilter.All;
        trouble = "";
        foreach (var key in query.Keys)
        {
            if (!keys.Contains(key) && !others.Contains(key))
                trouble = $"{key} is not known: one of {string.Join(", ", [.. keys, .. others])}";
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
            Domain = query["domain"].FirstOrDefault(),
            ArrivedBefore = ReadMoment(query, "arrived-before", ref trouble)
                ?? ReadAge(query, "older", now, ref trouble),
            ArrivedAfter = ReadMoment(query, "arrived-after", ref trouble)
                ?? ReadAge(query, "newer", now, ref trouble),
        };
        return trouble.Length == 0;
    }

    /// <summary>The same filter as a query, without a question mark: ages are moments in it, so that it means
    /// the same later. Empty: everything.</summary>
    public static string Write(QueueFilter filter)
    {
        var pairs = new List<string>();
        Add("state", filter.DeadLetters ? DeadLetter : filter.State?.ToString().ToLowerInvariant());
        Add("route", filter.Route);
        Add("transport", filter.Transport);
        Add("sender", filter.Sender);
        Add("recipient", filter.Recipient);
        Add("domain", filter.Domain);
        Add("arrived-before", Moment(filter.ArrivedBefore));
        Add("arrived-after", Moment(filter.ArrivedAfter));
        return string.Join('&', pairs);

        void Add(string key, string? value)
        {
            if (value is not null)
                pairs.Add($"{key}={Uri.EscapeDataString(value)}");
        }

        static string? Moment(DateTimeOffset? at) =>
            at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
    }

    public static bool TryReadWord<T>(string word, out T value) where T : struct, Enum =>
        Enum.TryParse(word, ignoreCase: true, out value) && word.All(char.IsAsciiLetter);

    static DateTimeOffset? ReadMoment(IQueryCollection query, string key, ref string trouble)
    {
        if (query[key].FirstOrDefault() is not { } text)
            return null;
        if (DateTimeOffset.TryParseExact(
            text, moments, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at))
            return at;
        trouble = $"{key} is no moment, as in 2026-01-31T12:00Z";
        return null;
    }

    static DateTimeOffset? ReadAge(
        IQueryCollection query, string key, DateTimeOffset now, ref string trouble)
    {
        if (query[key].FirstOrDefault() is not { } age)
            return null;
        if (Units.TryParseDuration(age, out var duration))
            return now - duration;
        trouble = $"{key} is no duration, as in 30m or 2d";
        return null;
    }
}
