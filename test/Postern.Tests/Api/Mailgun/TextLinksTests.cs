using Postern.Api.Mailgun;

namespace Postern.Tests.Api.Mailgun;

public sealed class TextLinksTests
{
    [Theory]
    [InlineData("see https://x.example/a.", "see [https://x.example/a].")]
    [InlineData("https://x.example", "[https://x.example]")]
    [InlineData(
        "(https://x.example/a_(b)), <HTTP://x.example>", "([https://x.example/a_(b)]), <[HTTP://x.example]>")]
    [InlineData("[1]: https://x.example/?a=[b]\nnext", "[1]: [https://x.example/?a=[b]]\nnext")]
    [InlineData("http http://x.example http:", "http [http://x.example] http:")]
    [InlineData("보기: https://x.example/ 감사합니다", "보기: [https://x.example/] 감사합니다")]
    public void Links_OfAText_AreFound(string text, string marked) =>
        Assert.Equal(marked, TextLinks.Rewrite(text, url => $"[{url}]"));

    [Theory]
    [InlineData("xhttps://x.example")]
    [InlineData("https://x.example/에서")]
    [InlineData("https://x.example/{{id}}/a")]
    [InlineData("https://x.example/a|b")]
    [InlineData("https://user@x.example/")]
    [InlineData("https://x.example/%recipient.id%")]
    [InlineData("mailto:a@x.example www.x.example")]
    [InlineData("http")]
    [InlineData("")]
    public void Links_ThatMayBeMeantOtherwise_AreLeft(string text) =>
        Assert.Equal(text, TextLinks.Rewrite(text, url => $"[{url}]"));

    [Fact]
    public void Link_ThatLeadsNowhereElse_StaysAsItIs() =>
        Assert.Equal("a https://x.example b", TextLinks.Rewrite("a https://x.example b", _ => null));
}
