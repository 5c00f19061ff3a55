using Postern.Mta.Inbound;

namespace Postern.Tests.Inbound;

public sealed class QuotedTextTests
{
    [Theory]
    [InlineData("hi\r\nthere\r\n", "hi|there", "")]
    [InlineData("yes\r\n\r\nOn Fri, 2 Jan 2026, Ann wrote:\r\n> old\r\n> older\r\n", "yes", "")]
    [InlineData("yes\n\nOn Fri, 2 Jan 2026 at 3:04 Ann B\n<ann@x.example> wrote:\n\n> old", "yes", "")]
    [InlineData("네\n\n2026년 1월 2일 오후 3:04, 홍길동 <a@b.example>님이 작성:\n> 안녕", "네", "")]
    [InlineData("> q\nanswer\n> q2\nanswer 2", "answer|answer 2", "")]
    [InlineData("hi\n-- \nAnn\nShop\n", "hi", "Ann|Shop")]
    [InlineData("hi\n--\nAnn\n\nOn Monday Bob wrote:\n> x", "hi", "Ann")]
    [InlineData("fyi\n-----Original Message-----\nFrom: Bob\nsecret", "fyi", "")]
    [InlineData("On Monday Bob wrote:\nnothing is quoted", "On Monday Bob wrote:|nothing is quoted", "")]
    [InlineData("answer\nBob wrote:\n> q", "answer", "")]
    [InlineData("", "", "")]
    public void Text_IsLeftWithoutQuotesAndSignature(string body, string text, string signature)
    {
        var split = QuotedText.Of(body);
        Assert.Equal((text, signature), (
            split.Text.Replace("\r\n", "|", StringComparison.Ordinal),
            split.Signature.Replace("\r\n", "|", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("<p>one<p>two &amp; three<br>four", "one|two & three|four")]
    [InlineData("<style>p{}</style><script>if (a<b) x()</script>  a\n b<td>c", "a bc")]
    [InlineData("<p", "<p")]
    public void Page_BecomesWords(string html, string expected) =>
        Assert.Equal(expected, HtmlText.Of(html).Replace("\r\n", "|", StringComparison.Ordinal));
}
