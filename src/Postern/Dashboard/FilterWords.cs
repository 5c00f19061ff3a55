using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>What a filter means, in words.</summary>
static class FilterWords
{
    /// <summary>One sentence for each key; all of them must be true. Never empty.</summary>
    public static IReadOnlyList<string> Of(QueueFilter filter, Words words)
    {
        var sentences = new List<string>();
        if (filter.DeadLetters)
            sentences.Add(words.WhichAreDeadLetters);
        else if (filter.State is { } state)
            sentences.Add(words.WhichAre(words.QueueState(state)));
        Add(filter.Transport, words.WhichGoBy);
        Add(filter.Route, words.WhichTookRoute);
        Add(filter.Sender, words.WhichAreFrom);
        Add(filter.Recipient, words.WhichAreTo);
        Add(filter.Domain, words.WhichAreOfDomain);
        Add(Moment(filter.ArrivedBefore), words.WhichArrivedBefore);
        Add(Moment(filter.ArrivedAfter), words.WhichArrivedAfter);
        return sentences.Count > 0 ? sentences : [words.WhichIsAll];

        void Add(string? value, Func<string, string> sentence)
        {
            if (value is not null)
                sentences.Add(sentence(PeerText.Shown(value)));
        }

        static string? Moment(DateTimeOffset? at) =>
            at?.UtcDateTime.ToString("u", System.Globalization.CultureInfo.InvariantCulture);
    }
}
