using System.Net;
using System.Text;
using Postern.Dashboard;
using Postern.Mta.Accounts;
using Postern.Tests.Api;

namespace Postern.Tests.Dashboard;

public sealed class LoginEndpointsTests(RunningServer server) : IClassFixture<RunningServer>, IAsyncLifetime
{
    const string Password = "correct horse";
    const string Cookie = "postern-session";

    readonly Passwords passwords = new() { NewRounds = 10 };
    string alice = "";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A user of this test alone, whose failures are nobody else's.</summary>
    public async ValueTask InitializeAsync()
    {
        server.Agent.Logins.Succeeded(IPAddress.Loopback);
        alice = $"alice-{server.Agent.Users.All.Count()}";
        await AddAsync(alice, OperatorRole.Admin);
    }

    public ValueTask DisposeAsync()
    {
        passwords.Dispose();
        return ValueTask.CompletedTask;
    }

    async Task<PasswordVerifier> VerifierAsync()
    {
        Assert.True(Passwords.TryPrepare(Password, out var octets, out _));
        return (await passwords.CreateAsync(octets))!;
    }

    async Task AddAsync(string name, OperatorRole role) => Assert.Equal(
        UserChange.Done, await server.Agent.Users.AddAsync(name, role, await VerifierAsync(), Cancel));

    Browser Open(string listener = "http", string scheme = "http") =>
        new(server.AddressOf(listener), scheme);

    static string? LocationOf(HttpResponseMessage response) => response.Headers.Location?.ToString();

    Access? SessionOf(Browser browser, string cookie = Cookie) =>
        browser.Cookies.TryGetValue(cookie, out var token) ? server.SignIn.Sessions.Find(token) : null;

    [Fact]
    public async Task Login_WithTheRightPassword_StartsASessionAndLeadsBack()
    {
        using var browser = Open();
        var response = await browser.LoginAsync(alice, Password, ("return", "/queue?state=held"));
        Assert.Equal((HttpStatusCode.SeeOther, "/queue?state=held"),
            (response.StatusCode, LocationOf(response)));
        Assert.Equal((alice, OperatorRole.Admin), (SessionOf(browser)!.User, SessionOf(browser)!.Role));
        Assert.Equal("127.0.0.1", SessionOf(browser)!.Session.Address);
        Assert.Equal("no-store", response.Headers.CacheControl!.ToString());
    }

    /// <summary>Of a time when more could stand in a name.</summary>
    [Theory]
    [InlineData("team/")]
    [InlineData("team\\")]
    [InlineData("#")]
    public async Task Login_OfSomebodyWhoseNameCouldNotBeGivenAnyMore_StartsASession(string prefix)
    {
        var name = prefix + alice;
        await AddAsync(name, OperatorRole.Reader);
        using var browser = Open();
        await browser.LoginAsync(name, Password);
        Assert.Equal(name, SessionOf(browser)?.User);
    }

    [Theory]
    [InlineData("wrong horse")]
    [InlineData("")]
    [InlineData("short")]
    public async Task Login_WithAWrongPassword_LeadsToThePageAndTheWayBack(string password)
    {
        using var browser = Open();
        var response = await browser.LoginAsync(alice, password, ("return", "/queue"));
        Assert.Equal((HttpStatusCode.SeeOther, "/login?trouble=wrong&return=%2Fqueue"),
            (response.StatusCode, LocationOf(response)));
        Assert.Null(SessionOf(browser));
    }

    [Fact]
    public async Task Login_OfAStranger_IsAnsweredLikeAWrongPassword()
    {
        using var browser = Open();
        Assert.Equal(
            "/login?trouble=wrong", LocationOf(await browser.LoginAsync($"{alice}-unknown", Password)));
    }

    [Fact]
    public async Task Login_ThatLeadsElsewhere_LeadsToTheFrontPage()
    {
        using var browser = Open();
        Assert.Equal(
            "/", LocationOf(await browser.LoginAsync(alice, Password, ("return", "//evil.example"))));
    }

    // UI-09
    [Theory]
    [InlineData("http", "http", "postern-session", false)]
    [InlineData("https", "https", "__Host-postern-session", true)]
    [InlineData("proxied", "http", "__Host-postern-session", true)]
    public async Task Cookie_OfASession_HasItsFlags(
        string listener, string scheme, string name, bool isSecure)
    {
        using var browser = Open(listener, scheme);
        if (listener == "proxied")
            browser.Origin = $"https://{browser.Host}";
        var response = await browser.LoginAsync(alice, Password);
        var cookie = Assert.Single(
            Browser.SetBy(response), one => one.StartsWith(name + "=", StringComparison.Ordinal));
        Assert.Contains("; path=/", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("; httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("; samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(isSecure, cookie.Contains("; secure", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("domain", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.NotNull(SessionOf(browser, name));
    }

    // UI-09
    [Fact]
    public async Task Login_WithASessionOfBefore_GivesAnotherOneAndEndsIt()
    {
        using var browser = Open();
        browser.Cookies[Cookie] = new string('A', 43);
        await browser.LoginAsync(alice, Password);
        var before = browser.Cookies[Cookie];
        Assert.NotEqual(new string('A', 43), before);
        browser.Cookies["postern-login"] = Browser.FormCookie;
        await browser.LoginAsync(alice, Password);
        Assert.NotEqual(before, browser.Cookies[Cookie]);
        Assert.Null(server.SignIn.Sessions.Find(before));
        Assert.NotNull(SessionOf(browser));
    }

    // UI-09
    [Fact]
    public async Task Logout_EndsTheSession()
    {
        using var browser = Open();
        await browser.LoginAsync(alice, Password);
        var token = browser.Cookies[Cookie];
        var response = await browser.PostAsync("logout", ("csrf", SessionOf(browser)!.Csrf));
        Assert.Equal((HttpStatusCode.SeeOther, "/login"), (response.StatusCode, LocationOf(response)));
        Assert.False(browser.Cookies.ContainsKey(Cookie));
        Assert.Null(server.SignIn.Sessions.Find(token));
    }

    // UI-09
    [Fact]
    public async Task Password_ThatIsChanged_EndsSessions()
    {
        using var browser = Open();
        await browser.LoginAsync(alice, Password);
        Assert.NotNull(SessionOf(browser));
        await server.Agent.Users.ChangePasswordAsync(alice, await VerifierAsync(), Cancel);
        Assert.Null(SessionOf(browser));
    }

    // UI-07
    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("null")]
    [InlineData("http://127.0.0.1")]
    [InlineData("")]
    [InlineData(null)]
    public async Task Login_FromAnotherOrigin_Is403(string? origin)
    {
        using var browser = Open();
        browser.Origin = origin;
        var response = await browser.LoginAsync(alice, Password);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Empty(Browser.SetBy(response));
    }

    [Theory]
    [InlineData("same-origin", HttpStatusCode.SeeOther)]
    [InlineData("same-site", HttpStatusCode.Forbidden)]
    [InlineData("cross-site", HttpStatusCode.Forbidden)]
    [InlineData("none", HttpStatusCode.Forbidden)]
    public async Task Login_WithoutAnOrigin_IsJudgedByFetchMetadata(string site, HttpStatusCode expected)
    {
        using var browser = Open();
        browser.Origin = null;
        browser.Fields["Sec-Fetch-Site"] = site;
        Assert.Equal(expected, (await browser.LoginAsync(alice, Password)).StatusCode);
    }

    // UI-07: login CSRF
    [Theory]
    [InlineData(null, true)]
    [InlineData("BBBBBBBBBBBBBBBBBBBBBB", true)]
    [InlineData("", true)]
    [InlineData(Browser.FormCookie, false)]
    public async Task Login_WhoseFormIsNotThisBrowsers_Is403(string? cookie, bool hasField)
    {
        using var browser = Open();
        browser.Cookies.Clear();
        if (cookie is not null)
            browser.Cookies["postern-login"] = cookie;
        (string, string)[] login = [("name", alice), ("password", Password)];
        var response = await browser.PostAsync(
            "login", hasField ? [("csrf", Browser.LoginCsrf), .. login] : login);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Null(SessionOf(browser));
    }

    // UI-07
    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/json")]
    [InlineData("multipart/form-data; boundary=x")]
    public async Task Login_ByABodyThatIsNoForm_Is403(string type)
    {
        using var browser = Open();
        var body = new ByteArrayContent(Encoding.UTF8.GetBytes(
            $"csrf={Browser.LoginCsrf}&name={alice}&password=correct+horse"));
        body.Headers.TryAddWithoutValidation("Content-Type", type);
        var response = await browser.SendAsync(HttpMethod.Post, "login", body);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    // UI-07
    [Theory]
    [InlineData("https://evil.example", true)]
    [InlineData(null, false)]
    public async Task Logout_FromElsewhere_Is403AndEndsNothing(string? origin, bool hasField)
    {
        using var browser = Open();
        await browser.LoginAsync(alice, Password);
        browser.Origin = origin ?? browser.Origin;
        var csrf = hasField ? SessionOf(browser)!.Csrf : Browser.LoginCsrf;
        Assert.Equal(
            HttpStatusCode.Forbidden, (await browser.PostAsync("logout", ("csrf", csrf))).StatusCode);
        Assert.NotNull(SessionOf(browser));
    }

    // UI-07: a GET that changes state
    [Fact]
    public async Task Get_OfLoginAndLogout_ChangesNothing()
    {
        using var browser = Open();
        var query = $"?csrf={Browser.LoginCsrf}&name={alice}&password=correct+horse";
        var response = await browser.SendAsync(HttpMethod.Get, "login" + query, null);
        Assert.DoesNotContain(Browser.SetBy(response), cookie => cookie.Contains(
            Cookie, StringComparison.Ordinal));
        await browser.LoginAsync(alice, Password);
        await browser.SendAsync(HttpMethod.Get, $"logout?csrf={SessionOf(browser)!.Csrf}", null);
        Assert.NotNull(SessionOf(browser));
    }

    // UI-10
    [Fact]
    public async Task Guesses_OfOneAddress_AreRefusedWithATimeToComeBack()
    {
        for (var i = 0; i < LoginThrottle.AddressFailuresMax; i++)
            server.Agent.Logins.Failed(IPAddress.Loopback, "an account of SMTP");
        using var browser = Open();
        var response = await browser.LoginAsync(alice, Password);
        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.InRange(response.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromMinutes(9),
            LoginThrottle.Window);
        Assert.Null(SessionOf(browser));
    }

    // UI-10
    [Fact]
    public async Task Guesses_OfOneUser_AreRefusedFromAnywhere()
    {
        for (var i = 0; i < LoginThrottle.AccountFailuresMax; i++)
            server.Agent.Logins.Failed(new IPAddress([10, 0, 0, (byte)i]), $"dashboard {alice}");
        using var browser = Open();
        var response = await browser.LoginAsync(alice, Password);
        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.True(server.Agent.Users.TryFind(alice, out _));
    }

    // UI-10
    [Fact]
    public async Task Guesses_OfOneUser_AreCountedTogether_HoweverHisNameIsTyped()
    {
        const string name = "김철수";
        for (var i = 1; i < LoginThrottle.AccountFailuresMax; i++)
            server.Agent.Logins.Failed(new IPAddress([10, 0, 0, (byte)i]), $"dashboard {name}");
        using var browser = Open();
        await browser.LoginAsync(name.Normalize(System.Text.NormalizationForm.FormD), "wrong horse");
        Assert.NotNull(
            server.Agent.Logins.RefusedFor(new IPAddress([10, 0, 1, 1]), $"dashboard {name}"));
    }

    // UI-10
    [Fact]
    public async Task WrongPassword_CountsForAddressAndUser()
    {
        for (var i = 1; i < LoginThrottle.AddressFailuresMax; i++)
            server.Agent.Logins.Failed(new IPAddress([10, 1, 0, 1]), "x");
        using var browser = Open("proxied");
        browser.Origin = $"https://{browser.Host}";
        browser.Fields["X-Forwarded-For"] = "198.51.100.7, 10.1.0.2";
        await browser.LoginAsync(alice, "wrong horse");
        server.Agent.Logins.Failed(new IPAddress([10, 1, 0, 1]), "x");
        Assert.NotNull(server.Agent.Logins.RefusedFor(new IPAddress([10, 1, 0, 1]), alice));
        for (var i = 1; i < LoginThrottle.AddressFailuresMax; i++)
            server.Agent.Logins.Failed(new IPAddress([10, 1, 0, 2]), "x");
        Assert.NotNull(server.Agent.Logins.RefusedFor(new IPAddress([10, 1, 0, 2]), alice));
        Assert.Null(server.Agent.Logins.RefusedFor(IPAddress.Parse("198.51.100.7"), alice));
    }

    // UI-11
    [Fact]
    public async Task ForwardedFor_OfSomebodyWhoIsNoProxy_CountsForNothing()
    {
        for (var i = 0; i < LoginThrottle.AddressFailuresMax; i++)
            server.Agent.Logins.Failed(IPAddress.Loopback, "x");
        using var browser = Open();
        browser.Fields["X-Forwarded-For"] = "198.51.100.8";
        browser.Fields["X-Forwarded-Proto"] = "https";
        browser.Fields["X-Forwarded-Host"] = "evil.example";
        Assert.Equal(
            HttpStatusCode.TooManyRequests, (await browser.LoginAsync(alice, Password)).StatusCode);
    }

    // UI-11
    [Fact]
    public async Task Host_ThatIsNotOurs_IsMisdirected()
    {
        using var browser = Open();
        (browser.Host, browser.Origin) = ("evil.example", "http://evil.example");
        Assert.Equal(
            HttpStatusCode.MisdirectedRequest, (await browser.LoginAsync(alice, Password)).StatusCode);
    }

    [Fact]
    public async Task Listener_ThatServesNoDashboard_HasNoLogin()
    {
        using var browser = Open("only-metrics");
        Assert.Equal(HttpStatusCode.NotFound, (await browser.LoginAsync(alice, Password)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await browser.PostAsync("logout")).StatusCode);
    }

    [Fact]
    public async Task Form_ThatIsTooLong_Is413()
    {
        using var browser = Open();
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge,
            (await browser.LoginAsync(alice, new string('x', 20_000))).StatusCode);
    }

    [Fact]
    public async Task Link_OfAUser_SignsHimInOnce()
    {
        Assert.True(server.Agent.Users.TryFind(alice, out var user));
        var link = await server.SignIn.Links.CreateAsync(user, Cancel);
        using var browser = Open();
        Assert.Equal("/", LocationOf(await browser.FollowAsync(link.Token)));
        Assert.Equal(alice, SessionOf(browser)!.User);
        using var other = Open();
        Assert.Equal("/login?trouble=link", LocationOf(await other.FollowAsync(link.Token)));
        Assert.Null(SessionOf(other));
    }
}
