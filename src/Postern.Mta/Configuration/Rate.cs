using System.Globalization;

namespace Postern.Mta.Configuration;

/// <summary>How many messages in which time: <c>"100/s"</c>, <c>"5000/day"</c>.</summary>
public readonly record struct Rate(int Count, TimeSpan Per)
{
    static readonly (string Word, TimeSpan Per)[] units =
    [
        ("s", TimeSpan.FromSeconds(1)), ("min", TimeSpan.FromMinutes(1)),
        ("hour", TimeSpan.FromHours(1)), ("day", TimeSpan.FromDays(1)),
    ];

    /// <summary>It counts by the day.</summary>
    public bool IsDaily => Per == TimeSpan.FromDays(1);

    public static bool TryParse(string text, out Rate rate)
    {
        rate = default;
        var slash = text.IndexOf('/');
        if (slash < 1
            || !int.TryParse(
                text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || count == 0)
            return false;
        foreach (var (word, per) in units)
            if (text.AsSpan(slash + 1).SequenceEqual(word))
            {
                rate = new Rate(count, per);
                return true;
            }
        return false;
    }

    public override string ToString()
    {
        foreach (var (word, per) in units)
            if (per == Per)
                return $"{Count}/{word}";
        return $"{Count}/{Per}";
    }
}
