using Postern.Mta.Events;

namespace Postern.Tests.Events;

/// <summary>What somebody typed into one box.</summary>
public sealed class IndexQueryTests
{
    [Fact]
    public void Prefixes_AreRead_AndTheRestIsWords() => Assert.Equal(
        new IndexQuery
        {
            From = "kim@example.org",
            To = "lee",
            Subject = "your order",
            Tag = "Spring",
            Id = "<1@x>",
            State = Fate.Failed,
            Text = "plain \"in quotes\" words",
        },
        IndexQuery.Parse("from:kim@example.org TO:lee plain subject:\"your order\" \"in quotes\" tag:Spring "
            + "id:<1@x> state:failed words"));

    [Theory]
    [InlineData("", null)]
    [InlineData("   ", null)]
    [InlineData("nobody:knows", "nobody:knows")]
    [InlineData("from:", "from:")]
    [InlineData("state:dead", "state:dead")]
    [InlineData("state:0", "state:0")]
    [InlineData("http://x/", "http://x/")]
    [InlineData("\"never closed", "\"never closed")]
    public void What_IsNotKnown_IsAPlainWord(string typed, string? text) =>
        Assert.Equal(new IndexQuery { Text = text }, IndexQuery.Parse(typed));

    [Fact]
    public void Same_Prefix_Twice_AsksForBoth() =>
        Assert.Equal("a b", IndexQuery.Parse("to:a to:b").To);
}
