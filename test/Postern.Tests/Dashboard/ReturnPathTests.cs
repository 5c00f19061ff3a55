using Postern.Dashboard;

namespace Postern.Tests.Dashboard;

public sealed class ReturnPathTests
{
    [Theory]
    [InlineData("/queue", "/queue")]
    [InlineData("/queue?state=held&after=1", "/queue?state=held&after=1")]
    [InlineData("", "/")]
    [InlineData("queue", "/")]
    [InlineData("//evil.example", "/")]
    [InlineData("/\\evil.example", "/")]
    [InlineData("/a//b", "/")]
    [InlineData("https://evil.example", "/")]
    [InlineData("/a\r\nSet-Cookie: x", "/")]
    [InlineData("/\ud55c", "/")]
    public void Path_OfThisHostAlone_IsLedBackTo(string typed, string path) =>
        Assert.Equal(path, ReturnPath.Of(typed));

    [Fact]
    public void Path_ThatIsTooLong_IsTheFrontPage() =>
        Assert.Equal("/", ReturnPath.Of("/" + new string('x', 500)));
}
