using Postern.Cli;

namespace Postern.Tests.Cli;

/// <summary>Events as a person reads them.</summary>
public sealed class LogCommandTests
{
    [Fact]
    public void Alarm_SaysWhichItIs_AndWhetherItBeganOrEnded() => Assert.EndsWith(
        "  alarm       raised: login relay: 535 no", LogCommand.Describe("""
            {"event":"alarm","timestamp":1.5,"postern":{"alarm":{"state":"raised","kind":"login",
            "subject":"relay","since":1.5,"text":"535 no","mend":"mend the password"}}}
            """), StringComparison.Ordinal);
}
