using System.Globalization;

namespace Postern.Mta.Intake;

/// <summary>How long delivery may take, as Mailgun's <c>o:deliver-within</c> says it: <c>1h30m</c>, between 5
/// minutes and a day.</summary>
public static class DeliveryWindow
{
    public static readonly TimeSpan Min = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan Max = TimeSpan.FromHours(24);

    /// <summary>Hours, minutes and seconds, each at most once, in this order.</summary>
    /// <returns>False: it is something else, or out of bounds.</returns>
    public static bool TryParse(string text, out TimeSpan window)
    {
        window = default;
        var rest = text.AsSpan().Trim();
        foreach (var (unit, length) in
            (ReadOnlySpan<(char, TimeSpan)>)[
                ('h', TimeSpan.FromHours(1)), ('m', TimeSpan.FromMinutes(1)), ('s', TimeSpan.FromSeconds(1))])
        {
            var digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits is <= 0 or > 5 || rest[digits] != unit)
                continue;
            window += length * int.Parse(rest[..digits], CultureInfo.InvariantCulture);
            rest = rest[(digits + 1)..];
        }
        return rest.IsEmpty && window >= Min && window <= Max;
    }

    /// <summary>In whole minutes, none lost.</summary>
    public static string Format(TimeSpan window)
    {
        var minutes = (int)Math.Ceiling(window.TotalMinutes);
        return (minutes / 60, minutes % 60) switch
        {
            (0, var rest) => string.Create(CultureInfo.InvariantCulture, $"{rest}m"),
            (var hours, 0) => string.Create(CultureInfo.InvariantCulture, $"{hours}h"),
            var (hours, rest) => string.Create(CultureInfo.InvariantCulture, $"{hours}h{rest}m"),
        };
    }
}
