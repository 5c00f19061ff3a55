using System.Net;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Tests.Api;

namespace Postern.Tests.Dashboard;

/// <summary>The start of a Postern that has no users.</summary>
public sealed class FirstLinkTests : IAsyncLifetime
{
    const string Cookie = "postern-session";

    readonly RunningServer server = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    string Token => server.SignIn.FirstLink!.Split("token=")[1];

    static string? LocationOf(HttpResponseMessage response) => response.Headers.Location?.ToString();

    Browser Open() => new(server.AddressOf("http"));

    [Fact]
    public void Link_LeadsToTheFirstListenerThatServesTheDashboard() => Assert.Equal(
        $"http://{server.AddressOf("http")}/login?token={Token}", server.SignIn.FirstLink);

    [Fact]
    public async Task Link_SignsInAsAdmin_UntilThereIsOne_AndNotTwice()
    {
        using var browser = Open();
        Assert.Equal("/", LocationOf(await browser.FollowAsync(Token)));
        var access = server.SignIn.Sessions.Find(browser.Cookies[Cookie]);
        Assert.Equal((UserDirectory.First, OperatorRole.Admin), (access!.User, access.Role));
        Assert.Equal("/login?trouble=link", LocationOf(await Open().FollowAsync(Token)));
        await server.Agent.Users.AddAsync("alice", OperatorRole.Admin, null, Cancel);
        Assert.Null(server.SignIn.Sessions.Find(browser.Cookies[Cookie]));
    }

    [Fact]
    public async Task Link_WithNameAndPassword_MakesTheFirstAdmin()
    {
        using var browser = Open();
        Assert.Equal("/", LocationOf(
            await browser.FollowAsync(Token, ("name", "alice"), ("password", "correct horse"))));
        Assert.Equal("alice", server.SignIn.Sessions.Find(browser.Cookies[Cookie])!.User);
        Assert.True(server.Agent.Users.TryFind("alice", out var user));
        Assert.Equal((OperatorRole.Admin, 600_000), (user.Role, user.Password!.Rounds));
        using var later = Open();
        Assert.Equal("/", LocationOf(await later.LoginAsync("alice", "correct horse")));
    }

    [Theory]
    [InlineData("first", "correct horse", "name")]
    [InlineData("alice", "short", "password")]
    public async Task Link_WithANameOrPasswordThatCannotBe_IsNotUsedUp(
        string name, string password, string trouble)
    {
        using var browser = Open();
        Assert.Equal($"/login?trouble={trouble}&token={Token}", LocationOf(
            await browser.FollowAsync(Token, ("name", name), ("password", password))));
        Assert.Equal("/", LocationOf(await browser.FollowAsync(Token)));
    }

    [Fact]
    public async Task Restart_MakesANewLink_EndsTheOldOne_AndKeepsSessions()
    {
        var (before, old) = (server.SignIn.FirstLink, Token);
        using var browser = Open();
        await server.RestartAsync();
        Assert.NotEqual(before, server.SignIn.FirstLink);
        using var next = Open();
        Assert.Equal("/login?trouble=link", LocationOf(await next.FollowAsync(old)));
        await next.FollowAsync(Token, ("name", "alice"), ("password", "correct horse"));
        await server.RestartAsync();
        Assert.Null(server.SignIn.FirstLink);
        Assert.Equal("alice", server.SignIn.Sessions.Find(next.Cookies[Cookie])!.User);
    }
}

/// <summary>A Postern that knows where it is reached from outside.</summary>
public sealed class PublicOriginTests : IAsyncLifetime
{
    const string Url = "https://postern.example.org";

    readonly RunningServer server = new() { Dashboard = new DashboardOptions { Url = Url } };

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    // UI-11
    [Fact]
    public async Task Links_WhateverTheHostField_BeginWithTheConfiguredOrigin()
    {
        Assert.StartsWith($"{Url}/login?token=", server.SignIn.FirstLink, StringComparison.Ordinal);
        await server.Agent.Users.AddAsync(
            "alice", OperatorRole.Admin, null, TestContext.Current.CancellationToken);
        using var http = server.Http("http", withToken: true);
        using var request = new HttpRequestMessage(HttpMethod.Post, "admin/v1/users/alice/link");
        request.Headers.Host = "localhost";
        request.Headers.Add("X-Forwarded-Host", "evil.example");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Contains(
            $"\"link\":\"{Url}/login?token=",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Login_AtTheConfiguredOrigin_HasASecureCookie()
    {
        using var browser = new Browser(server.AddressOf("http"))
        {
            Host = "postern.example.org",
            Origin = Url,
        };
        var response = await browser.FollowAsync(server.SignIn.FirstLink!.Split("token=")[1]);
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        var cookie = Assert.Single(Browser.SetBy(response), one =>
            one.StartsWith("__Host-postern-session=", StringComparison.Ordinal));
        Assert.Contains("; secure", cookie, StringComparison.OrdinalIgnoreCase);
    }
}
