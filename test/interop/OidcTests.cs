using System.Net;

namespace Postern.Interop;

/// <summary>Signing in to the dashboard through a real OpenID provider.</summary>
public sealed class OidcTests
{
    const string Secret = "a secret: with a colon, and %";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static string Settings(string issuer) => $"""
        [dashboard]
        url = "http://127.0.0.1:1"
        [dashboard.oidc]
        issuer = "{issuer}"
        client-id = "postern"
        client-secret = "env:OIDC_SECRET"
        operators = ["bob@example.org"]
        """;

    [Theory]
    [InlineData("bob@example.org", "yes", HttpStatusCode.OK)]
    [InlineData("bob@example.org", "no", HttpStatusCode.Forbidden)]
    [InlineData("eve@example.org", "yes", HttpStatusCode.Forbidden)]
    public async Task Login_ThroughOidcProvider_IsByVerifiedAddress(
        string address, string verified, HttpStatusCode expected)
    {
        var port = PosternProcess.FreePort();
        var issuer = $"http://127.0.0.1:{port}";
        await using var provider = new Daemon(
            Tool.Require("node", "nodejs"),
            [Tool.RequireNode("oidc.js"), $"{port}", "http://127.0.0.1:1/login/oidc/callback", Secret,
                address, verified]);
        await Eventually.TrueAsync(
            () => provider.Said.Contains("ready", StringComparison.Ordinal), "the provider is ready",
            evidence: () => provider.Said);
        await using var postern = new PosternProcess(Settings(issuer));
        postern.Environment["OIDC_SECRET"] = Secret;
        await postern.StartAsync();

        var cookies = new CookieContainer();
        using var http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            CookieContainer = cookies,
        });
        var place = new Uri($"http://127.0.0.1:{postern.Port("http")}/login/oidc");
        var wayBack = await FollowAsync(http, place);
        Assert.Equal("/login/oidc/callback", wayBack.AbsolutePath);
        // The port of the configured origin is the operator's affair; here it is this one.
        using var answer = await http.GetAsync(new Uri(place, wayBack.PathAndQuery), Cancel);
        Assert.True(expected == answer.StatusCode, $"{answer.StatusCode}\n{postern.Said}\n{provider.Said}");
        Assert.Equal(
            expected == HttpStatusCode.OK, cookies.GetCookies(place)["postern-session"] is not null);
        using var again = await http.GetAsync(new Uri(place, wayBack.PathAndQuery), Cancel);
        Assert.Equal("/login?trouble=oidc", again.Headers.Location?.ToString());
    }

    /// <summary>As a browser, until the provider sends it back.</summary>
    static async Task<Uri> FollowAsync(HttpClient http, Uri place)
    {
        for (var hops = 0; hops < 10; hops++)
        {
            using var answer = await http.GetAsync(place, Cancel);
            Assert.True(
                answer.Headers.Location is not null,
                $"{place}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(Cancel)}");
            place = new Uri(place, answer.Headers.Location);
            if (place.Port == 1)
                return place;
        }
        throw new InvalidOperationException("the provider never sends it back");
    }
}
