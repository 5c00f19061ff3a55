using System.Globalization;

namespace Postern.Interop.Crash;

/// <summary>What the faults of a run cost, one row for each kind; <c>./do crash</c> prints it.</summary>
static class CrashTable
{
    const string KillsVariable = "POSTERN_CRASH_KILLS";
    const string FileVariable = "POSTERN_CRASH_TABLE";
    const int KillsOfTheSmoke = 15;

    /// <summary>As long as it takes, not as long as a test may.</summary>
    public static bool IsAtLength => Environment.GetEnvironmentVariable(KillsVariable) is not null;

    public static int Kills => Environment.GetEnvironmentVariable(KillsVariable) is { } number
        ? int.Parse(number, CultureInfo.InvariantCulture)
        : KillsOfTheSmoke;

    /// <summary>To be called before the assertions, so that a loss has its row too.</summary>
    public static void Add(CrashRow row)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(row.ToString());
        if (Environment.GetEnvironmentVariable(FileVariable) is { Length: > 0 } file)
            File.AppendAllLines(file, [row.ToString()]);
    }
}

/// <param name="Fault">The kind, in a few words.</param>
/// <param name="Runs">How often it was done.</param>
/// <param name="Acknowledged">Messages that got their 250.</param>
/// <param name="Repeats">Deliveries of a message that had been delivered.</param>
/// <param name="Refused">Messages that got another reply.</param>
sealed record CrashRow(string Fault, int Runs, int Acknowledged, int Lost, int Repeats, int Refused)
{
    /// <summary>As wide as the heading that <c>do</c> prints.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Fault,-36} {Runs,6} {Acknowledged,13} {Lost,6} {Repeats,8} {Refused,8}");
}
