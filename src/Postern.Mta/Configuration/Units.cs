using System.Globalization;

namespace Postern.Mta.Configuration;

/// <summary>Durations and sizes as configuration and commands write them.</summary>
public static class Units
{
    /// <summary>Longer than any wait that makes sense, far below what a <see cref="TimeSpan"/> holds.</summary>
    const int DaysMax = 36500;

    static readonly (string Unit, TimeSpan Length)[] times =
    [
        ("d", TimeSpan.FromDays(1)), ("h", TimeSpan.FromHours(1)), ("m", TimeSpan.FromMinutes(1)),
        ("s", TimeSpan.FromSeconds(1)), ("ms", TimeSpan.FromMilliseconds(1)),
    ];

    static readonly (string Unit, long Octets)[] sizes =
    [
        ("GiB", 1L << 30), ("GB", 1_000_000_000), ("MiB", 1L << 20), ("MB", 1_000_000), ("KiB", 1L << 10),
        ("kB", 1_000), ("KB", 1_000), ("B", 1),
    ];

    /// <summary>Reads <c>"5m"</c>, <c>"4h"</c>, <c>"5d"</c>, <c>"30s"</c>, <c>"100ms"</c>: a whole number and its unit.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (!TrySplit(text, out var number, out var unit))
            return false;
        foreach (var (name, length) in times)
            if (unit.SequenceEqual(name) && number <= TimeSpan.FromDays(DaysMax) / length)
            {
                duration = length * number;
                return true;
            }
        return false;
    }

    /// <summary>In the greatest unit that divides it.</summary>
    public static string FormatDuration(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
            return "0s";
        foreach (var (unit, length) in times)
            if (duration.Ticks % length.Ticks == 0)
                return string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / length.Ticks}{unit}");
        return string.Create(CultureInfo.InvariantCulture, $"{(long)Math.Ceiling(duration.TotalMilliseconds)}ms");
    }

    /// <summary>Reads <c>"25MB"</c> (10^6 octets) and <c>"50MiB"</c> (2^20).</summary>
    public static bool TryParseSize(string text, out long octets)
    {
        octets = 0;
        if (!TrySplit(text, out var number, out var unit))
            return false;
        foreach (var (name, size) in sizes)
            if (unit.SequenceEqual(name) && number <= long.MaxValue / size)
            {
                octets = number * size;
                return true;
            }
        return false;
    }

    /// <summary>In the greatest unit that divides it.</summary>
    public static string FormatSize(long octets)
    {
        foreach (var (unit, size) in sizes)
            if (octets >= size && octets % size == 0)
                return string.Create(CultureInfo.InvariantCulture, $"{octets / size}{unit}");
        return string.Create(CultureInfo.InvariantCulture, $"{octets}B");
    }

    static bool TrySplit(string text, out long number, out ReadOnlySpan<char> unit)
    {
        var digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
            digits++;
        unit = text.AsSpan(digits);
        return long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && unit.Length > 0;
    }
}
