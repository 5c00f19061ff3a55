using System.Globalization;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Api;

/// <summary>Messages by words, state and time, from the index of messages.</summary>
sealed partial class WebApi
{
    static readonly string[] searchKeys = ["q", "state", "since", "until", "after", "limit"];

    async Task SearchAsync(HttpContext context)
    {
        if (agent.Index is not { } index)
        {
            await ErrorAsync(context, 404, "there is no index of messages here", null);
            return;
        }
        if (!TryReadSearch(context.Request.Query, out var query, out var trouble))
        {
            await ErrorAsync(context, 400, trouble, "see /admin/v1/openapi.json");
            return;
        }
        var page = await index.FindAsync(
            query with { Limit = LimitOf(context) }, context.RequestAborted);
        await AnswerAsync(context, SearchPage.Of(page), AdminJson.Default.SearchPage);
    }

    /// <summary>An unknown key is an error: a mistyped one must not mean everything.</summary>
    bool TryReadSearch(IQueryCollection asked, out IndexQuery query, out string trouble)
    {
        trouble = "";
        query = IndexQuery.Parse(asked["q"].ToString());
        foreach (var key in asked.Keys)
        {
            if (!searchKeys.Contains(key))
                trouble = $"{key} is not known: one of {string.Join(", ", searchKeys)}";
        }
        if (asked["state"].FirstOrDefault() is { } word)
        {
            if (!Fates.TryParse(word, out var state))
                trouble = "state is not known: one of "
                    + string.Join(", ", Enum.GetValues<Fate>().Select(Fates.Word));
            query = query with { State = state };
        }
        if (asked["after"].FirstOrDefault() is { } text)
        {
            if (!QueueId.TryParse(text, out var after))
                trouble = "after is no queue id: those are 13 letters and digits";
            query = query with { After = after };
        }
        query = query with
        {
            Since = ReadMoment(asked, "since", ref trouble),
            Until = ReadMoment(asked, "until", ref trouble),
        };
        return trouble.Length == 0;
    }

    /// <summary>A moment, or how long ago.</summary>
    DateTimeOffset? ReadMoment(IQueryCollection asked, string key, ref string trouble)
    {
        if (asked[key].FirstOrDefault() is not { } text)
            return null;
        if (Units.TryParseDuration(text, out var ago) && ago < clock.GetUtcNow() - DateTimeOffset.UnixEpoch)
            return clock.GetUtcNow() - ago;
        if (DateTimeOffset.TryParse(
            text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment))
            return moment;
        trouble = $"{key} is neither a moment, as in 2026-05-04T06:03:39Z, nor how long ago, as in 2d";
        return null;
    }
}

/// <summary>Messages that were looked for, newest first.</summary>
/// <param name="Next">What <c>after</c> goes on with. Null: all were looked at.</param>
/// <param name="LookedTo">How far back it looked, where time ran out. Null: it did not.</param>
/// <param name="IndexedTo">The last event the index knows. Null: none.</param>
/// <param name="Behind">Events it does not know yet.</param>
/// <param name="TooBroad">So many words begin so that no message was looked at.</param>
sealed record SearchPage(
    IReadOnlyList<SearchEntry> Messages, string? Next, DateTimeOffset? LookedTo, DateTimeOffset? IndexedTo,
    long Behind, bool TooBroad)
{
    public static SearchPage Of(IndexPage page) => new(
        [.. page.Cards.Select(SearchEntry.Of)], page.Next?.ToString(), page.LookedTo,
        page.Progress.IndexedTo, page.Progress.Behind, page.IsTooBroad);
}

/// <summary>One message of them.</summary>
/// <param name="Recipients">The first ten.</param>
/// <param name="State">Of the recipient who wants attention first.</param>
/// <param name="Fates">How many recipients have which state; those that none has are left out.</param>
/// <param name="Marks"><c>opened</c>, <c>clicked</c>, <c>complained</c>, <c>unsubscribed</c>,
/// <c>uncertain</c>, <c>dead-letter</c>.</param>
sealed record SearchEntry(
    string Id, DateTimeOffset At, string Sender, IReadOnlyList<string> Recipients, string? Subject,
    IReadOnlyList<string> Tags, string Door, string? Account, long? Octets, string MessageId, string State,
    int Total, IReadOnlyDictionary<string, int> Fates, IReadOnlyList<string> Marks)
{
    public static SearchEntry Of(IndexCard card) => new(
        card.Id.ToString(), card.At, card.Sender, card.Recipients, card.Subject, card.Tags, card.Door,
        card.Account, card.Octets, card.MessageId, Mta.Events.Fates.Word(card.State), card.Total,
        Enum.GetValues<Fate>().Where(fate => card.Of(fate) > 0)
            .ToDictionary(Mta.Events.Fates.Word, card.Of),
        [.. Enum.GetValues<CardMarks>().Where(mark => mark != CardMarks.None && card.Marks.HasFlag(mark))
            .Select(mark => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(mark.ToString()))]);
}
