using System.Buffers.Text;
using Microsoft.AspNetCore.Http;
using Postern.Dashboard;

namespace Postern.Tests.Dashboard;

public sealed class NoticeTests
{
    /// <summary>A notice that was left, on its way back with a request.</summary>
    static DefaultHttpContext Asking(string? destination)
    {
        var context = new DefaultHttpContext();
        var json = """{"IsGood":true,"Link":"https://x/login?token=1"}"""u8;
        context.Request.Headers.Cookie = $"postern-notice={Base64Url.EncodeToString(json)}";
        if (destination is not null)
            context.Request.Headers["Sec-Fetch-Dest"] = destination;
        return context;
    }

    [Theory]
    [InlineData(null)]
    [InlineData("document")]
    public void Notice_IsTakenByThePageThatShowsIt(string? destination)
    {
        var context = Asking(destination);
        Assert.True(Notice.TryTake(context, out var notice));
        Assert.Equal("https://x/login?token=1", notice.Link);
        Assert.Contains(
            "postern-notice=;", context.Response.Headers.SetCookie.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("iframe")]
    public void Notice_IsLeftAlone_ByWhatABrowserFetchesBesides(string destination)
    {
        var context = Asking(destination);
        Assert.False(Notice.TryTake(context, out _));
        Assert.Equal(0, context.Response.Headers.SetCookie.Count);
    }
}
