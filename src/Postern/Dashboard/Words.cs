using Postern.Mta.Accounts;

namespace Postern.Dashboard;

/// <summary>Every text of the pages, in one language. A text that a language lacks does not
/// compile.</summary>
/// <remarks>What peers say and what the queue explains is shown as it is.</remarks>
abstract partial class Words
{
    static readonly Words[] Known = [new EnglishWords(), new KoreanWords()];

    /// <summary>The one the browser likes best; English where it knows none of ours.</summary>
    /// <param name="accepted">The field Accept-Language.</param>
    public static Words For(string accepted)
    {
        var best = Known[0];
        var weight = 0.0;
        foreach (var part in accepted.Split(',', StringSplitOptions.TrimEntries).Take(20))
        {
            var language = part.Split(';')[0].Trim();
            var known = Known.FirstOrDefault(words => IsOf(language, words.Language));
            if (known is not null && WeightOf(part) > weight)
                (best, weight) = (known, WeightOf(part));
        }
        return best;
    }

    static bool IsOf(string language, string ours) =>
        language.Equals(ours, StringComparison.OrdinalIgnoreCase)
        || language.StartsWith(ours + "-", StringComparison.OrdinalIgnoreCase);

    static double WeightOf(string part)
    {
        var place = part.IndexOf("q=", StringComparison.OrdinalIgnoreCase);
        return place < 0 ? 1 : double.TryParse(
            part.AsSpan(place + 2), System.Globalization.NumberStyles.AllowDecimalPoint,
            System.Globalization.CultureInfo.InvariantCulture, out var weight) ? weight : 0;
    }

    /// <summary><c>en</c>, <c>ko</c>.</summary>
    public abstract string Language { get; }

    public abstract string SkipToContent { get; }
    public abstract string Menu { get; }
    public abstract string Overview { get; }
    public abstract string Messages { get; }
    public abstract string Queue { get; }
    public abstract string Transports { get; }
    public abstract string Routes { get; }
    public abstract string Inbound { get; }
    public abstract string Suppressions { get; }
    public abstract string Domains { get; }
    public abstract string Sandbox { get; }
    public abstract string Settings { get; }
    public abstract string Audit { get; }
    public abstract string Users { get; }
    public abstract string SignOut { get; }
    public abstract string NameOf(OperatorRole role);

    public abstract string Done { get; }
    public abstract string DoneTo(long count);
    public abstract string Refused { get; }
    public abstract string NotFoundTitle { get; }
    public abstract string NotFound { get; }
    public abstract string NotAllowedTitle { get; }
    public abstract string NotAllowed { get; }

    public abstract string No { get; }
    public abstract string None { get; }
    public abstract string Next { get; }
    public abstract string First { get; }
    public abstract string Show { get; }
    public abstract string State { get; }
    public abstract string Since { get; }
    public abstract string Until { get; }
    public abstract string Time { get; }
    public abstract string Sender { get; }
    public abstract string Recipient { get; }
    public abstract string Subject { get; }
    public abstract string Transport { get; }
    public abstract string Route { get; }
    public abstract string Why { get; }
    public abstract string Number(long number);

    /// <summary>A length of time in the two units that matter: <c>3 min 20 s</c>.</summary>
    public abstract string Length(TimeSpan length);
}
