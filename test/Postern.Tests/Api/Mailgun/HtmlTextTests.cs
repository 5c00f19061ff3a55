using CsCheck;
using Postern.Api.Mailgun;

namespace Postern.Tests.Api.Mailgun;

public sealed class HtmlTextTests
{
    [Theory]
    [InlineData("<p>one  <b>two</b>\nthree</p><p>four</p>", "one two three\n\nfour\n")]
    [InlineData("a<br>b<div>c</div>d", "a\nb\nc\nd\n")]
    [InlineData("<ul><li>a</li><li>b</li></ul>", "* a\n* b\n")]
    [InlineData("see <a href=\"https://x.example/?a=1&amp;b=2\">this</a>",
        "see this (https://x.example/?a=1&b=2)\n")]
    [InlineData("<head><title>t</title></head><style>b{}</style><script>if(a<b){}</script>x", "x\n")]
    [InlineData("&lt;b&gt; &amp; 안녕&nbsp;!", "<b> & 안녕\u00a0!\n")]
    [InlineData("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n")]
    [InlineData("", "")]
    [InlineData("<!-- c --><p>", "")]
    public void Html_SaysItAsText(string html, string expected) => Assert.Equal(expected, HtmlText.Of(html));

    [Fact]
    public void AnyHtml_IsSomeText() => Gen.String.Sample(html => Assert.NotNull(HtmlText.Of("<p " + html)));
}
