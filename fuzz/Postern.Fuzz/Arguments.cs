using System.Globalization;

namespace Postern.Fuzz;

/// <summary>The command line: <c>SECONDS [TARGET] [--seed N]</c>, or <c>--replay FILE TARGET</c>.</summary>
sealed record Arguments(TimeSpan Duration, string? Target, int Seed, string? Replay)
{
    /// <summary>The seed where every run must be like the last.</summary>
    const int FixedSeed = 1;

    public const string Usage = """
        Postern.Fuzz SECONDS [TARGET] [--seed N]   every target, or one, for so long
        Postern.Fuzz --replay FILE TARGET          one input again
        """;

    /// <summary>Null: not understood.</summary>
    public static Arguments? Read(string[] words, TimeProvider clock)
    {
        if (words is ["--replay", var file, var replayed])
            return new Arguments(default, replayed, 0, file);
        var seed = Environment.GetEnvironmentVariable("CI") == "true"
            ? FixedSeed
            : (int)(clock.GetUtcNow().ToUnixTimeMilliseconds() & int.MaxValue);
        if (words is [.. var before, "--seed", var number])
        {
            if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out seed))
                return null;
            words = before;
        }
        if (words is not [var time, .. var names] || names.Length > 1
            || !int.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return null;
        }
        return new Arguments(TimeSpan.FromSeconds(seconds), names.FirstOrDefault(), seed, null);
    }
}
