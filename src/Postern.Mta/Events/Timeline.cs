namespace Postern.Mta.Events;

/// <summary>The life of one message, whichever provider it took: what its events tell.</summary>
/// <param name="Events">All of it, in the order of their commits; at least one.</param>
/// <param name="Recipients">By number.</param>
public sealed record Timeline(IReadOnlyList<StoredEvent> Events, IReadOnlyList<RecipientTimeline> Recipients)
{
    public static Timeline Of(IReadOnlyList<StoredEvent> events) => new(
        events,
        [.. events.Select(stored => stored.Event).Where(fact => fact.Recipient is not null)
            .GroupBy(fact => fact.Recipient!.Value).OrderBy(group => group.Key)
            .Select(group => RecipientTimeline.Of(group.Key, [.. group]))]);

    /// <summary>The first of them, which knows the message as it came.</summary>
    public MailEvent First => Events[0].Event;
}

/// <summary>What became of one recipient, as far as is known.</summary>
/// <param name="Original">Before aliases. Null: the same.</param>
/// <param name="Fate"><c>waiting</c>, <c>held</c>, <c>relayed</c>, <c>delayed</c> (the provider tries
/// again), <c>delivered</c>, <c>failed</c>, <c>expanded</c>, <c>cancelled</c>, <c>expired</c>.</param>
/// <param name="At">When it became so, as those say who told it.</param>
/// <param name="Transport">The last one. Null: none was chosen.</param>
/// <param name="RemoteId">The id the next hop gave it. Null: none.</param>
/// <param name="Text">The reply that says why. Null: there is none.</param>
/// <param name="Reactions"><c>opened</c>, <c>clicked</c>, <c>unsubscribed</c>, <c>complained</c>: each once,
/// in the order in which they came.</param>
public sealed record RecipientTimeline(
    int Number, string Address, string? Original, string Fate, DateTimeOffset At, string? Transport,
    string? RemoteId, string? Text, IReadOnlyList<string> Reactions)
{
    internal static RecipientTimeline Of(int number, IReadOnlyList<MailEvent> facts)
    {
        var life = new RecipientTimeline(
            number, facts[0].RecipientAddress ?? "", facts[0].OriginalAddress, "waiting", facts[0].At, null,
            null, null, []);
        return facts.Aggregate(life, (known, fact) => known.Then(fact));
    }

    RecipientTimeline Then(MailEvent fact)
    {
        var known = this with
        {
            Transport = fact.Transport ?? Transport,
            RemoteId = fact.RemoteId ?? RemoteId,
        };
        if (fact.Kind is EventKind.Opened or EventKind.Clicked or EventKind.Unsubscribed
            or EventKind.Complained)
            return known with { Reactions = [.. Reactions.Append(EventNames.Of(fact.Kind)).Distinct()] };
        var at = fact.Remote?.At ?? fact.At;
        return Fates.Of(fact) is { } fate && Fates.TryParse(Fate, out var before)
            && Fates.Gives(before, At, fate, at)
                ? known with { Fate = Fates.Word(fate), At = at, Text = fact.Reply ?? fact.Why } : known;
    }
}
