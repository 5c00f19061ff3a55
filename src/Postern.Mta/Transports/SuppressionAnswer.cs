using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Mta.Transports;

/// <summary>What a provider answered that was asked for its lists, or given ours.</summary>
public abstract record SuppressionAnswer
{
    SuppressionAnswer()
    {
    }

    /// <summary>This way out has no lists that can be asked for.</summary>
    public static readonly SuppressionAnswer None = new NotOffered();

    public sealed record NotOffered : SuppressionAnswer;

    /// <summary>A page of a list.</summary>
    /// <param name="Unread">Entries that cannot be understood.</param>
    /// <param name="Next">Where the next page is. Null: this is the last one.</param>
    public sealed record Found(
        IReadOnlyList<Named<Suppression>> Entries, int Unread, string? Next) : SuppressionAnswer;

    /// <summary>It has them now, those that it had before too.</summary>
    public sealed record Taken : SuppressionAnswer;

    /// <summary>Not now; the same may be asked again.</summary>
    /// <param name="RetryAfter">When, in the provider's own words. Null: it does not say.</param>
    public sealed record NotNow(string Why, TimeSpan? RetryAfter) : SuppressionAnswer;

    /// <summary>An operator has to mend something first.</summary>
    public sealed record Refused(string Why) : SuppressionAnswer;
}
