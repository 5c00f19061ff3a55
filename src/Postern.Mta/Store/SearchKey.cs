using System.Text;
using Postern.Mta.Events;

namespace Postern.Mta.Store;

/// <summary>What the search table knows a text by: a sum of its letters without regard to case.</summary>
public static class SearchKey
{
    /// <summary>64-bit FNV-1a, draft-eastlake-fnv.</summary>
    const ulong Basis = 14695981039346656037;

    const ulong Prime = 1099511628211;

    /// <summary>Null: the text is empty, or there is none.</summary>
    public static long? Of(string? text)
    {
        var rest = Bare(text);
        if (rest.IsEmpty)
            return null;
        var key = Basis;
        foreach (var rune in rest.EnumerateRunes())
            key = (key ^ (uint)Rune.ToLowerInvariant(rune).Value) * Prime;
        return (long)key;
    }

    /// <summary>The id an event can be found by. Null: by none.</summary>
    public static string? IdIn(MailEvent fact) => fact.Kind == EventKind.Accepted ? fact.MessageId
        : fact.Message is null ? fact.Remote?.EventId : null;

    /// <summary>The address an event can be found by. Null: by none.</summary>
    public static string? RecipientIn(MailEvent fact) =>
        fact.Kind == EventKind.Accepted ? fact.RecipientAddress : null;

    public static bool Fits(MailEvent fact, string text) =>
        IsSame(IdIn(fact), text) || IsSame(RecipientIn(fact), text);

    static bool IsSame(string? one, string other) => !string.IsNullOrEmpty(one)
        && Bare(one).Equals(Bare(other), StringComparison.OrdinalIgnoreCase);

    /// <summary>A Message-ID without its angle brackets.</summary>
    static ReadOnlySpan<char> Bare(string? text) => text is ['<', .., '>'] ? text.AsSpan(1, text.Length - 2)
        : text;
}
