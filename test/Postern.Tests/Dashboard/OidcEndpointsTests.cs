using System.Net;
using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;
using Postern.Dashboard;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Routing;
using Postern.Tests.Api;

namespace Postern.Tests.Dashboard;

public sealed class OidcEndpointsTests : IAsyncLifetime
{
    const string Url = "https://postern.example.org";
    const string Cookie = "__Host-postern-session";

    ProviderDouble provider = null!;
    RunningServer server = null!;

    public async ValueTask InitializeAsync()
    {
        provider = await ProviderDouble.StartAsync();
        provider.Claims["email"] = "bob@example.org";
        provider.Claims["email_verified"] = true;
        server = new RunningServer
        {
            Dashboard = new DashboardOptions
            {
                Url = Url,
                Oidc = new OidcOptions
                {
                    Issuer = provider.Issuer,
                    ClientId = ProviderDouble.Client,
                    ClientSecret = new Secret("test:", ProviderDouble.Secret),
                    Operators = [AddressPattern.Parse("bob@example.org")],
                },
            },
        };
        await server.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await provider.DisposeAsync();
    }

    Browser Open() => new(server.AddressOf("http")) { Host = "postern.example.org", Origin = null };

    static async Task<string> BeginAsync(Browser browser, string query = "")
    {
        var response = await browser.SendAsync(HttpMethod.Get, "login/oidc" + query, null);
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        return response.Headers.Location!.ToString();
    }

    static Task<HttpResponseMessage> EndAsync(Browser browser, string query) =>
        browser.SendAsync(HttpMethod.Get, "login/oidc/callback" + query, null);

    async Task<HttpResponseMessage> LoginAsync(Browser browser) =>
        await EndAsync(browser, provider.Consent(await BeginAsync(browser)));

    /// <summary>Nobody is signed in, and the page is told so.</summary>
    static void Refused(HttpResponseMessage response, Browser browser)
    {
        Assert.Equal((HttpStatusCode.SeeOther, "/login?trouble=oidc"),
            (response.StatusCode, response.Headers.Location?.ToString()));
        Assert.False(browser.Cookies.ContainsKey(Cookie));
    }

    static async Task ForbiddenAsync(HttpResponseMessage response, Browser browser)
    {
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains(
            "role", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
        Assert.False(browser.Cookies.ContainsKey(Cookie));
    }

    [Fact]
    public async Task Login_OfAnAddressWithARole_StartsASessionAndLeadsBack()
    {
        using var browser = Open();
        var query = provider.Consent(await BeginAsync(browser, "?return=/queue"));
        Assert.Equal($"{Url}/login/oidc/callback", provider.Asked["redirect_uri"]);
        Assert.Equal(("code", "openid email", "S256"), (provider.Asked["response_type"],
            provider.Asked["scope"], provider.Asked["code_challenge_method"]));
        var response = await EndAsync(browser, query);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains(
            "0;url=/queue", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
        var access = server.SignIn.Sessions.Find(browser.Cookies[Cookie]);
        Assert.Equal(("bob@example.org", OperatorRole.Operator), (access!.User, access.Role));
    }

    [Fact]
    public async Task Cookie_OfTheWay_ComesBackFromAnotherSite_AndCountsOnce()
    {
        using var browser = Open();
        var response = await browser.SendAsync(HttpMethod.Get, "login/oidc", null);
        var cookie = Assert.Single(Browser.SetBy(response));
        Assert.StartsWith("__Host-postern-oidc=", cookie, StringComparison.Ordinal);
        Assert.Contains("samesite=lax", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        var query = provider.Consent(response.Headers.Location!.ToString());
        await EndAsync(browser, query);
        browser.Cookies.Remove(Cookie);
        Refused(await EndAsync(browser, query), browser);
    }

    [Fact]
    public async Task State_OfAnotherBrowser_IsRefused()
    {
        using var mallory = Open();
        var query = provider.Consent(await BeginAsync(mallory));
        using var browser = Open();
        Refused(await EndAsync(browser, query), browser);
        await BeginAsync(browser);
        Refused(await EndAsync(browser, query), browser);
    }

    [Fact]
    public async Task Nonce_OfAnotherLogin_IsRefused()
    {
        provider.Nonce = "another";
        using var browser = Open();
        Refused(await LoginAsync(browser), browser);
    }

    [Theory]
    [InlineData("bob@example.org", false)]
    [InlineData("bob@example.org", "false")]
    [InlineData("bob@example.org", null)]
    [InlineData("eve@example.org", true)]
    [InlineData("no address", true)]
    [InlineData("<script>@example.org", true)]
    public async Task Address_UnverifiedOrWithoutARole_Is403(string address, object? verified)
    {
        provider.Claims["email"] = address;
        provider.Claims.Remove("email_verified");
        if (verified is not null)
            provider.Claims["email_verified"] = verified;
        using var browser = Open();
        await ForbiddenAsync(await LoginAsync(browser), browser);
    }

    [Theory]
    [InlineData("{\"sub\":\"42\",\"email\":\"bob@example.org\",\"email_verified\":true}", HttpStatusCode.OK)]
    [InlineData("{\"sub\":\"42\",\"email\":\"bob@example.org\",\"email_verified\":false}",
        HttpStatusCode.Forbidden)]
    [InlineData("{\"sub\":\"42\"}", HttpStatusCode.Forbidden)]
    [InlineData("{\"sub\":\"43\",\"email\":\"bob@example.org\",\"email_verified\":true}",
        HttpStatusCode.SeeOther)]
    [InlineData("[]", HttpStatusCode.SeeOther)]
    public async Task Address_ThatIsNotInTheToken_IsAskedFor(string userInfo, HttpStatusCode expected)
    {
        provider.Claims.Clear();
        provider.UserInfo = userInfo;
        using var browser = Open();
        Assert.Equal(expected, (await LoginAsync(browser)).StatusCode);
        Assert.Equal(expected == HttpStatusCode.OK, browser.Cookies.ContainsKey(Cookie));
    }

    [Fact]
    public async Task Token_ForSomebodyElse_IsRefused()
    {
        provider.Audience = "another";
        using var browser = Open();
        Refused(await LoginAsync(browser), browser);
    }

    [Fact]
    public async Task Token_OfThePast_IsRefused()
    {
        provider.Lifetime = TimeSpan.FromMinutes(-2);
        using var browser = Open();
        Refused(await LoginAsync(browser), browser);
    }

    [Fact]
    public async Task Token_SignedByAnother_IsRefused()
    {
        using var rsa = RSA.Create(2048);
        provider.Key = new RsaSecurityKey(rsa) { KeyId = "one" };
        using var browser = Open();
        Refused(await LoginAsync(browser), browser);
    }

    [Fact]
    public async Task Token_SignedWithTheSecret_IsRefused()
    {
        provider.Key = new SymmetricSecurityKey(new byte[32]) { KeyId = "one" };
        using var browser = Open();
        Refused(await LoginAsync(browser), browser);
    }

    [Fact]
    public async Task Provider_WithAnotherName_IsRefused()
    {
        provider.Name = "https://id.example.org";
        using var browser = Open();
        Assert.Equal("/login?trouble=oidc", await BeginAsync(browser));
    }

    [Fact]
    public async Task Provider_WhoseKeysAreElsewhereInTheClear_IsRefused()
    {
        provider.KeysAt = "http://keys.example.org/";
        using var browser = Open();
        Assert.Equal("/login?trouble=oidc", await BeginAsync(browser));
    }

    [Fact]
    public async Task Provider_WhoIsAskedForAddressesInTheClear_IsRefused()
    {
        provider.UserInfoAt = "http://id.example.org/me";
        using var browser = Open();
        Assert.Equal("/login?trouble=oidc", await BeginAsync(browser));
    }

    [Fact]
    public async Task Provider_ThatIsNotThere_LeadsToThePage()
    {
        await provider.DisposeAsync();
        using var browser = Open();
        Assert.Equal("/login?trouble=oidc", await BeginAsync(browser));
    }

    [Theory]
    [InlineData("?error=access_denied")]
    [InlineData("?iss=https://evil.example&code=abc")]
    [InlineData("?code=wrong")]
    [InlineData("?")]
    public async Task Callback_WithoutAGoodAnswer_IsRefused(string query)
    {
        using var browser = Open();
        provider.Consent(await BeginAsync(browser));
        Refused(await EndAsync(browser, $"{query}&state={provider.Asked["state"]}"), browser);
    }
}

public sealed class OidcStateTests
{
    static readonly DateTimeOffset now = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void State_IsReadAsItWasWritten_UntilItsEnd()
    {
        var state = OidcState.Create("/queue?state=held", now);
        Assert.True(OidcState.TryRead(state.Write(), now + TimeSpan.FromMinutes(9), out var read));
        Assert.Equal((state.State, state.Nonce, state.Verifier, "/queue?state=held"),
            (read.State, read.Nonce, read.Verifier, read.ReturnPath));
        Assert.False(OidcState.TryRead(state.Write(), now + OidcState.Lifetime, out _));
    }

    [Fact]
    public void Cookie_ThatWasChanged_IsNotRead()
    {
        var cookie = OidcState.Create("/", now).Write();
        for (var i = 0; i < cookie.Length; i++)
        {
            var other = cookie[..i] + (cookie[i] == 'x' ? 'y' : 'x') + cookie[(i + 1)..];
            Assert.False(OidcState.TryRead(other, now, out _), other);
        }
        Assert.False(OidcState.TryRead(null, now, out _));
        Assert.False(OidcState.TryRead("", now, out _));
        Assert.False(OidcState.TryRead(new string('.', 2000), now, out _));
    }

    [Fact]
    public void Words_OfOneWay_AreEachTheirOwn()
    {
        var (one, other) = (OidcState.Create("/", now), OidcState.Create("/", now));
        string[] words = [one.State, one.Nonce, one.Verifier, other.State, other.Nonce, other.Verifier];
        Assert.Equal(words.Length, words.Distinct().Count());
        Assert.All(words, word => Assert.InRange(word.Length, 43, 128));
        Assert.All(words, word => Assert.DoesNotContain(word, one.Write(), StringComparison.Ordinal));
    }
}
