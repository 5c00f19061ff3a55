using Postern.Api.Mailgun;

namespace Postern.Tests.Api.Mailgun;

public sealed class FilterExpressionTests
{
    [Theory]
    [InlineData("delivered", "delivered", true)]
    [InlineData("delivered", "failed", false)]
    [InlineData("delivered OR failed", "failed", true)]
    [InlineData("delivered or opened OR failed", "opened", true)]
    [InlineData("NOT delivered", "failed", true)]
    [InlineData("NOT (delivered OR failed)", "failed", false)]
    [InlineData("(delivered) OR (NOT failed AND NOT opened)", "clicked", true)]
    [InlineData("delivered failed", "delivered", false)]
    [InlineData("ORANGE", "orange", true)]
    public void Word_OfAWholeValue(string expression, string value, bool fits) =>
        Assert.Equal(fits, FilterExpression.Parse(expression).Fits(value, isWhole: true));

    [Theory]
    [InlineData("\"weekly news\"", "our weekly news today", true)]
    [InlineData("weekly news", "news, weekly", true)]
    [InlineData("example.org AND NOT bob", "bob@example.org", false)]
    [InlineData("bob", null, false)]
    public void Word_InAValue(string expression, string? value, bool fits) =>
        Assert.Equal(fits, FilterExpression.Parse(expression).Fits(value, isWhole: false));

    [Theory]
    [InlineData(">100", "101", true)]
    [InlineData(">100", "100", false)]
    [InlineData(">= 100", "100", true)]
    [InlineData("<100 OR >200", "150", false)]
    [InlineData("<=100", "100", true)]
    public void Number_IsCompared(string expression, string value, bool fits) =>
        Assert.Equal(fits, FilterExpression.Parse(expression).Fits(value, isWhole: true));

    [Theory]
    [InlineData("")]
    [InlineData("(a")]
    [InlineData("a)")]
    [InlineData("NOT")]
    [InlineData("a OR")]
    [InlineData("\"a")]
    [InlineData(">b")]
    public void Text_ThatIsNoExpression_Is400(string text) =>
        Assert.Equal(400, Assert.Throws<ApiException>(() => FilterExpression.Parse(text)).Status);

    [Fact]
    public void Expression_TooDeep_Is400() => Assert.Equal(400, Assert.Throws<ApiException>(
        () => FilterExpression.Parse(new string('(', 2000) + "a" + new string(')', 2000))).Status);
}
