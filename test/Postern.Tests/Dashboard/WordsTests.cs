using System.Text.RegularExpressions;
using Postern.Dashboard;
using Postern.Mta.Queue;

namespace Postern.Tests.Dashboard;

public sealed partial class WordsTests
{
    static readonly Words korean = Words.For("ko");

    /// <summary>Their texts are English; a page in another language says what they mean.</summary>
    [Fact]
    public void Alarm_OfEveryKindInTheManual_HasItsMeaning()
    {
        var manual = File.ReadAllText(Repository.PathOf("docs/operate/run.md"));
        var table = manual[manual.IndexOf("| kind | subject |", StringComparison.Ordinal)..];
        var kinds = Row().Matches(table[..table.IndexOf("\n\n", StringComparison.Ordinal)])
            .Select(row => row.Groups[1].Value).ToList();
        Assert.Contains("login", kinds);
        Assert.All(kinds, kind => Assert.NotNull(korean.AlarmMeans(kind)));
        Assert.All(kinds, kind => Assert.Null(Words.For("en").AlarmMeans(kind)));
    }

    /// <summary>How it ended is no cause of anything.</summary>
    [Fact]
    public void Cause_OfEveryKind_HasItsMeaning() => Assert.All(
        Enum.GetValues<WaitCause>(),
        cause => Assert.Equal(cause == WaitCause.Done, korean.QueueCauseMeans(cause) is null));

    [GeneratedRegex("^\\| `([a-z-]+)` \\|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
