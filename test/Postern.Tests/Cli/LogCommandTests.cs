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

    [Fact]
    public void Conversation_HasALineForEachLine_WithControlsEscaped() => Assert.Equal(
        "                > EHLO mx\n         12 ms  < 250-a\n                < 250 \\u{1b}b\n"
        + "                > (gone)\n",
        LogCommand.DescribeConversation("""
            {"event":"attempted","postern":{"conversation":[
            {"said":"EHLO mx","answer":"250-a\n250 \u001bb","ms":12},{"said":"(gone)"}]}}
            """));

    [Fact]
    public void Conversation_ThatWasNotKept_IsNothing() =>
        Assert.Equal("", LogCommand.DescribeConversation("""{"event":"attempted","postern":{}}"""));
}
