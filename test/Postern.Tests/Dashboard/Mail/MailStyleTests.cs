using Postern.Dashboard.Mail;

namespace Postern.Tests.Dashboard.Mail;

/// <summary>What stays of a mail's CSS (UI-02, UI-04).</summary>
public sealed class MailStyleTests
{
    [Theory]
    [InlineData("color: red; margin:0 4px", "color:red;margin:0 4px;")]
    [InlineData("font-family:'맑은 고딕', Arial !important", "font-family:'맑은 고딕', Arial !important;")]
    [InlineData("width:calc(100% - 2px)", "width:calc(100% - 2px);")]
    [InlineData("background:#fff url(http://t.test/p.gif) no-repeat", "background:#fff  none  no-repeat;")]
    [InlineData("background:#fff URL( \"http://t.test/a)b\" ) ", "background:#fff  none;")]
    [InlineData("background:url(http://t.test", "")]
    [InlineData("background:u\\72l(http://t.test/p)", "")]
    [InlineData("background:ur/**/l(http://t.test/p)", "")]
    [InlineData("background:image-set('http://t.test/p' 1x)", "")]
    [InlineData("position:fixed;top:0", "top:0;")]
    [InlineData("position:-webkit-sticky", "")]
    [InlineData("position:fix\\65 d", "")]
    [InlineData("position:absolute", "position:absolute;")]
    [InlineData("--x:fixed;position:var(--x)", "")]
    [InlineData("-moz-binding:url(x)", "")]
    [InlineData("behavior:url(x)", "")]
    [InlineData("width:expression(alert(1))", "")]
    [InlineData("color:red}*{color:blue", "")]
    [InlineData("color:'red", "")]
    [InlineData("color:red</style><script>", "")]
    public void Declarations_KeepWhatIsHarmless(string text, string kept) =>
        Assert.Equal(kept, MailStyle.Declarations(text));

    [Theory]
    [InlineData("p.a > b{color:red}", "p.a > b{color:red;}\n")]
    [InlineData("<!-- p{color:red} -->", "p{color:red;}\n")]
    [InlineData("@import url(http://t.test/x.css); p{color:red}", "p{color:red;}\n")]
    [InlineData("@import 'http://t.test/x;y.css'; p{color:red}", "p{color:red;}\n")]
    [InlineData("@font-face{src:url(http://t.test/f)} p{color:red}", "p{color:red;}\n")]
    [InlineData("@media screen and (max-width:600px){p{color:red}}",
        "@media screen and (max-width:600px){p{color:red;}\n}\n")]
    [InlineData("@media x{@media y{p{color:red}}}", "")]
    [InlineData("@supports (x:y){p{color:red}} b{top:1px}", "b{top:1px;}\n")]
    [InlineData("p{background:url(http://t.test/p)}", "p{background:none;}\n")]
    [InlineData("p{position:fixed}", "")]
    [InlineData("p{color:red}</style><script>alert(1)</script>", "p{color:red;}\n")]
    [InlineData("/* { */ p{color:red}", "p{color:red;}\n")]
    [InlineData("} p{color:red}", "p{color:red;}\n")]
    public void Sheet_KeepsWhatIsHarmless(string text, string kept) =>
        Assert.Equal(kept, MailStyle.Sheet(text));

    /// <summary>Each of them takes a library that makes objects of CSS a stack or seconds.</summary>
    [Theory]
    [InlineData("p{width:", "calc(")]
    [InlineData("", "@media x{")]
    [InlineData("", "a{")]
    [InlineData("", ":not(")]
    [InlineData("", "a;")]
    [InlineData("", "/*")]
    [InlineData("p{background:", "url(")]
    [InlineData("", "'")]
    public void Sheet_OfHostileNesting_KeepsNothing(string head, string unit)
    {
        var text = head + string.Concat(Enumerable.Repeat(unit, 200_000 / unit.Length));
        Assert.Equal("", MailStyle.Sheet(text));
        Assert.Equal("", MailStyle.Declarations(text));
    }
}
