using Postern.Mta.Routing;
using Postern.Tests.Doubles;

namespace Postern.Tests.Routing;

/// <summary>What routes of the API make of a recipient.</summary>
public sealed class InboundRoutesTests : IAsyncLifetime
{
    readonly MailHall hall = new();
    InboundRoutes routes = null!;
    int count;

    public ValueTask InitializeAsync()
    {
        routes = new InboundRoutes(hall.Store);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        routes.Dispose();
        await hall.DisposeAsync();
    }

    async Task AddAsync(int priority, string expression, params string[] actions)
    {
        await hall.Queue.PutObjectAsync(routes.Table.Put($"r{++count}", new StoredRoute
        {
            Priority = priority,
            Expression = expression,
            Actions = actions,
            CreatedAt = hall.Clock.GetUtcNow(),
        }));
        await routes.ReloadAsync(CancellationToken.None);
    }

    string? Expand(string recipient, string subject = "hello") =>
        routes.Expand(MailHall.Mailbox(recipient), [new("Subject", subject)]) is { } made
            ? string.Join("; ", made.To.Select(child => $"{child.Route} {child.Key}")) : null;

    [Fact]
    public async Task Routes_AllThatMatch_ActInOrderOfPriority_UpToOneThatStops()
    {
        await AddAsync(2, "match_recipient('a@')", "forward('late@x.example')");
        await AddAsync(1, "match_recipient('a@')", "forward('https://h.example/in, me@x.example')");
        await AddAsync(3, "match_header('subject','hello')", "store()", "stop()");
        await AddAsync(4, "match_recipient('.*')", "forward('never@x.example')");
        Assert.Equal(
            "api:r2 web https://h.example/in; api:r2 address me@x.example; api:r1 address late@x.example;"
            + " api:r3 kept",
            Expand("a@mg.example.org"));
        Assert.Equal("api:r4 address never@x.example", Expand("b@mg.example.org", "other"));
    }

    [Fact]
    public async Task CatchAll_TakesTheRest()
    {
        await AddAsync(1, "match_recipient('a@')", "forward('a@x.example')");
        await AddAsync(2, "catch_all()", "store(notify='https://h.example/n')");
        Assert.Equal("api:r1 address a@x.example", Expand("a@mg.example.org"));
        Assert.Equal("api:r2 kept; api:r2 web notify https://h.example/n", Expand("b@mg.example.org"));
    }

    [Fact]
    public async Task Captures_FillPathsAndLocalParts_Escaped()
    {
        await AddAsync(
            1, "match_recipient('(?P<user>.*)@') and match_header('subject','(.*)')",
            @"forward(""https://h.example/u/\g<user>?s=\2, box+\1@x.example"")");
        Assert.Equal(
            "api:r1 web https://h.example/u/a?s=x%26y%3Dz%2F..%20%ED%95%9C;"
            + " api:r1 address box+a@x.example",
            Expand("a@mg.example.org", "x&y=z/.. 한"));
        // What makes no address is not acted on by half.
        await AddAsync(2, @"match_header('subject','(.*)')", @"forward('\1@x.example')", "store()");
        Assert.Equal("api:r1 web https://h.example/u/b?s=a%20b%40evil;"
            + " api:r1 address box+b@x.example", Expand("b@mg.example.org", "a b@evil"));
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    public async Task Capture_ThatClimbsUpAPath_IsNotTaken(string subject)
    {
        await AddAsync(1, "match_header('subject','(.*)')", @"forward('https://h.example/in/\1')");
        Assert.Null(Expand("a@mg.example.org", subject));
    }

    [Fact]
    public async Task OnePlace_NamedTwice_GetsItOnce()
    {
        await AddAsync(1, "catch_all()", "forward('A@x.example')", "forward('a@X.example')", "store()");
        await AddAsync(2, "match_recipient('a')", "store()");
        Assert.Equal("api:r1 address a@x.example; api:r1 kept", Expand("a@mg.example.org"));
    }

    [Fact]
    public async Task Recipient_IsJudgedByItsAddress_AndWhereCapturesLeadIsNeverSure()
    {
        await AddAsync(1, "match_recipient('a@')", "store()");
        await AddAsync(2, "match_recipient('(b)@')", @"forward('\1@x.example')");
        await AddAsync(3, "match_recipient('c@') and match_header('subject','x')", "store()");
        Assert.Equal(RouteVerdict.Yes, routes.Judge(MailHall.Mailbox("a@mg.example.org")));
        Assert.Equal(RouteVerdict.Maybe, routes.Judge(MailHall.Mailbox("b@mg.example.org")));
        Assert.Equal(RouteVerdict.Maybe, routes.Judge(MailHall.Mailbox("c@mg.example.org")));
        Assert.Equal(RouteVerdict.No, routes.Judge(MailHall.Mailbox("d@mg.example.org")));
        Assert.Equal("r3", routes.Find(MailHall.Mailbox("c@mg.example.org"))!.Id);
        Assert.Null(routes.Find(MailHall.Mailbox("d@mg.example.org")));
    }

    [Theory]
    [InlineData("forward('x')", "\"x\" is neither an address nor a URL")]
    [InlineData(@"forward('a@\1')", "\"a@\\1\" is neither an address nor a URL")]
    [InlineData(@"forward('https://\1/in')",
        "\"https://\\1/in\": a group may stand in path or query alone")]
    [InlineData(@"forward('\1://h.example/in')",
        "\"\\1://h.example/in\": a group may stand in path or query alone")]
    [InlineData("forward('https://u:p@h.example/')",
        "\"https://u:p@h.example/\" is no URL of http or https, without user and fragment")]
    [InlineData("forward('ftp://h.example/')",
        "\"ftp://h.example/\" is no URL of http or https, without user and fragment")]
    [InlineData("forward('https://h.example/a/../b')",
        "\"https://h.example/a/../b\" is no URL of http or https, without user and fragment")]
    [InlineData("store(notify='a@x.example')", "\"a@x.example\" is no URL that could be notified")]
    [InlineData("drop()", "\"drop()\" is no action; forward(\"...\"), store() and stop() are")]
    [InlineData("stop() stop()",
        "\"stop() stop()\" is no action; forward(\"...\"), store() and stop() are")]
    public void Action_ThatIsWrong_IsRefusedInWords(string text, string expected)
    {
        Assert.True(RouteFilter.TryParse("match_recipient('(.*)')", out var filter, out _));
        Assert.False(RouteAction.TryParse(text, filter, out _, out var problem));
        Assert.Equal(expected, problem);
    }

    [Theory]
    [InlineData("https://h.example/in", WebTargetText.Same)]
    [InlineData("notify https://h.example/in", WebTargetText.Same)]
    [InlineData("relay", WebTargetText.None)]
    [InlineData("notify", WebTargetText.None)]
    [InlineData("https://h.example/a b", WebTargetText.None)]
    public void Target_IsReadBackFromItsText(string text, WebTargetText expected)
    {
        var isRead = Postern.Mta.Transports.Forward.WebTarget.TryParse(text, out var target);
        Assert.Equal(expected == WebTargetText.Same, isRead);
        Assert.Equal(isRead ? text : null, target?.ToString());
        Assert.Equal(isRead ? "forward() h.example:443" : null, target?.Lane);
    }

    public enum WebTargetText { Same, None }
}
