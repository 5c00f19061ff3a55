namespace Postern.Mta.Configuration;

/// <summary>The known word a mistyped one was meant to be.</summary>
static class Nearest
{
    /// <summary>The closest of <paramref name="known"/>, or null when none is close enough to be meant.</summary>
    public static string? Find(string word, IEnumerable<string> known)
    {
        string? best = null;
        var bestDistance = Math.Max(1, (word.Length + 1) / 3) + 1;
        foreach (var candidate in known)
        {
            var distance = Distance(word.ToLowerInvariant(), candidate.ToLowerInvariant());
            if (distance >= bestDistance)
                continue;
            best = candidate;
            bestDistance = distance;
        }
        return best;
    }

    /// <summary>A hint for an error: the nearest word, or all of them.</summary>
    public static string Hint(string word, IReadOnlyCollection<string> known, string what) =>
        Find(word, known) is { } nearest ? $"did you mean \"{nearest}\"?"
        : known.Count == 0 ? $"there are no {what}"
        : $"the {what} are {string.Join(", ", known)}";

    /// <summary>Insertions, removals, changes and swaps of neighbours between two words.</summary>
    static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
            for (var j = 1; j <= b.Length; j++)
            {
                var change = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        return d[a.Length, b.Length];
    }
}
