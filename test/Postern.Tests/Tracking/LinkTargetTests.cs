using Postern.Mta.Tracking;

namespace Postern.Tests.Tracking;

public sealed class LinkTargetTests
{
    [Theory]
    [InlineData("https://x.example", "https://x.example")]
    [InlineData("HTTPS://X.example/A%20b?c=d&e#f", "HTTPS://X.example/A%20b?c=d&e#f")]
    [InlineData("http://[2001:db8::1]:8080/~a/../b", "http://[2001:db8::1]:8080/~a/../b")]
    [InlineData("https://x.example/길 1?q=값", "https://x.example/%EA%B8%B8%201?q=%EA%B0%92")]
    [InlineData("https://한국.example:8443/길", "https://xn--3e0b707e.example:8443/%EA%B8%B8")]
    [InlineData("http://[::1]:8080/길", "http://[::1]:8080/%EA%B8%B8")]
    [InlineData("https://한국.example?q", "https://xn--3e0b707e.example?q")]
    public void Target_OfTheWeb_IsFollowedAsItStands(string url, string location)
    {
        Assert.True(LinkTarget.IsOne(url));
        Assert.Equal(location, LinkTarget.LocationOf(url));
    }

    [Theory]
    [InlineData("")]
    [InlineData("#top")]
    [InlineData("/path")]
    [InlineData("//x.example/")]
    [InlineData("mailto:a@b.example")]
    [InlineData("tel:+82")]
    [InlineData("ftp://x.example/")]
    [InlineData("javascript:alert(1)")]
    [InlineData("https:x.example")]
    [InlineData("https://")]
    [InlineData("https:///x")]
    [InlineData("https://user@x.example/")]
    [InlineData("https://x.example\\@evil.example/")]
    [InlineData("https://x.example/%recipient.id%")]
    [InlineData("https://x.example/100%")]
    [InlineData("https://x.example/a\r\nSet-Cookie: b")]
    [InlineData("https://x.example/\"onclick")]
    [InlineData("https://x .example/")]
    public void Target_OfAnythingElse_IsNone(string url) => Assert.False(LinkTarget.IsOne(url));

    /// <summary>No row of a theory: it would arrive as another text.</summary>
    [Fact]
    public void Target_OfHalfALetter_IsNone() => Assert.False(LinkTarget.IsOne("https://x.example/\ud800"));

    [Fact]
    public void Target_LongerThanATokenHolds_IsNone()
    {
        var longest = "https://x.example/" + new string('a', TrackingTokens.TextOctetsMax - 18);
        Assert.True(LinkTarget.IsOne(longest));
        Assert.False(LinkTarget.IsOne(longest + "a"));
        Assert.False(LinkTarget.IsOne(longest[..^1] + "길"));
    }
}
