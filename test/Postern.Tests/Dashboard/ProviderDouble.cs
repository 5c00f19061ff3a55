using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Postern.Tests.Dashboard;

/// <summary>An OpenID provider on loopback that says what it is told to, true or not.</summary>
sealed class ProviderDouble : IAsyncDisposable
{
    public const string Client = "postern";
    public const string Secret = "a secret: with a colon";

    readonly RSA rsa = RSA.Create(2048);
    readonly WebApplication web;

    ProviderDouble()
    {
        Key = new RsaSecurityKey(rsa) { KeyId = "one" };
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        web = builder.Build();
        web.MapGet("/.well-known/openid-configuration", () => Results.Text($$"""
            {"issuer":"{{Name ?? Issuer}}","authorization_endpoint":"{{Issuer}}/auth",
            "token_endpoint":"{{Issuer}}/token","jwks_uri":"{{KeysAt ?? Issuer + "/keys"}}",
            "userinfo_endpoint":"{{UserInfoAt ?? Issuer + "/me"}}"}
            """, "application/json"));
        web.MapGet("/keys", () => Results.Text($$"""{"keys":[{{PublicKey()}}]}""", "application/json"));
        web.MapGet("/me", () => Results.Text(UserInfo, "application/json"));
        web.MapPost("/token", (Delegate)TokenAsync);
    }

    public string Issuer { get; private set; } = "";

    /// <summary>What it calls itself. Null: the truth.</summary>
    public string? Name { get; set; }

    public string? KeysAt { get; set; }

    public string? UserInfoAt { get; set; }

    public SecurityKey Key { get; set; }

    /// <summary>Claims of the next token.</summary>
    public Dictionary<string, object> Claims { get; } = [];

    public string Audience { get; set; } = Client;
    public TimeSpan Lifetime { get; set; } = TimeSpan.FromMinutes(5);
    public string UserInfo { get; set; } = "{}";

    /// <summary>In the place of the one that was asked with. Null: that one.</summary>
    public string? Nonce { get; set; }

    /// <summary>Of the last authorization request.</summary>
    public Dictionary<string, string> Asked { get; } = [];

    public static async Task<ProviderDouble> StartAsync()
    {
        var provider = new ProviderDouble();
        await provider.web.StartAsync(TestContext.Current.CancellationToken);
        var listening = provider.web.Services.GetRequiredService<IServer>().Features;
        provider.Issuer = listening.Get<IServerAddressesFeature>()!.Addresses.Single();
        return provider;
    }

    /// <summary>Somebody signs in there.</summary>
    /// <returns>The query of the way back.</returns>
    public string Consent(string address)
    {
        var query = HttpUtility.ParseQueryString(new Uri(address).Query);
        Asked.Clear();
        foreach (var name in query.AllKeys)
            Asked[name!] = query[name]!;
        return $"?code=abc&state={Uri.EscapeDataString(Asked["state"])}";
    }

    string PublicKey()
    {
        var known = rsa.ExportParameters(includePrivateParameters: false);
        return $$"""
            {"kty":"RSA","use":"sig","kid":"one","alg":"RS256",
            "n":"{{Base64Url.EncodeToString(known.Modulus)}}",
            "e":"{{Base64Url.EncodeToString(known.Exponent)}}"}
            """;
    }

    /// <summary>Only who shows the secret and the verifier of the challenge gets a token.</summary>
    async Task<IResult> TokenAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync();
        var challenge = Base64Url.EncodeToString(
            SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString())));
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes(
            $"{Client}:{Uri.EscapeDataString(Secret)}"));
        if (form["code"] != "abc" || challenge != Asked["code_challenge"]
            || form["redirect_uri"] != Asked["redirect_uri"]
            || context.Request.Headers.Authorization != $"Basic {login}")
            return Results.Text("""{"error":"invalid_grant"}""", "application/json", null, 400);
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var token = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(
            new SecurityTokenDescriptor
            {
                Issuer = Issuer,
                Audience = Audience,
                Expires = now + Lifetime,
                Claims = new Dictionary<string, object>(Claims)
                {
                    ["sub"] = "42",
                    ["nonce"] = Nonce ?? Asked["nonce"],
                },
                SigningCredentials = new SigningCredentials(
                    Key, Key is SymmetricSecurityKey ? "HS256" : "RS256"),
            });
        return Results.Text(
            string.Create(CultureInfo.InvariantCulture,
                $$"""{"id_token":"{{token}}","access_token":"at","token_type":"Bearer"}"""),
            "application/json");
    }

    public async ValueTask DisposeAsync()
    {
        await web.DisposeAsync();
        rsa.Dispose();
    }
}
