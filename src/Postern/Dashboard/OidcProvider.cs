using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Postern.Mta;

namespace Postern.Dashboard;

/// <summary>The provider of <c>[dashboard.oidc]</c>: where it is, what its keys are, and what it says of
/// somebody.</summary>
/// <remarks>
/// Metadata and keys are kept for an hour, and fetched again at most once a minute when a token was signed
/// with a key that is not among them. Everything it answers is bounded and none of it is followed elsewhere.
/// </remarks>
sealed class OidcProvider(TimeProvider clock) : IDisposable
{
    /// <summary>Octets of one answer: keys with their certificate chains fit.</summary>
    const int AnswerOctetsMax = 256 * 1024;

    /// <summary>Logins that ask the provider at the same time.</summary>
    const int AskingMax = 8;

    const string WithoutTls = "the metadata of the provider names an endpoint without https";

    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    static readonly TimeSpan KeepFor = TimeSpan.FromHours(1);
    static readonly TimeSpan RenewAfter = TimeSpan.FromMinutes(1);
    static readonly TimeSpan Skew = TimeSpan.FromMinutes(1);

    /// <summary>Asymmetric ones: nobody but the provider can sign.</summary>
    static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384,
    ];

    readonly SemaphoreSlim asking = new(AskingMax, AskingMax);

    readonly HttpClient http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = Patience,
    })
    {
        Timeout = Patience,
        MaxResponseContentBufferSize = AnswerOctetsMax,
    };

    Metadata? kept;

    /// <summary>Where a browser is sent to sign in.</summary>
    /// <exception cref="OidcException">The provider is not there, or is another one.</exception>
    public async ValueTask<string> AddressAsync(
        OidcOptions options, string redirect, OidcState state, CancellationToken cancel)
    {
        var metadata = await MetadataAsync(options, KeepFor, cancel);
        var place = metadata.Configuration.AuthorizationEndpoint;
        return new StringBuilder(place).Append(place.Contains('?', StringComparison.Ordinal) ? '&' : '?')
            .Append("response_type=code&scope=openid%20email&code_challenge_method=S256")
            .Append("&client_id=").Append(Uri.EscapeDataString(options.ClientId!))
            .Append("&redirect_uri=").Append(Uri.EscapeDataString(redirect))
            .Append("&state=").Append(state.State).Append("&nonce=").Append(state.Nonce)
            .Append("&code_challenge=").Append(state.Challenge).ToString();
    }

    /// <summary>Whom the provider means by a code.</summary>
    /// <returns>Null: somebody without a verified address.</returns>
    /// <exception cref="OidcException">It does not say, or not so that it can be believed.</exception>
    public async ValueTask<string?> FindAddressAsync(
        OidcOptions options, string redirect, OidcState state, string code, CancellationToken cancel)
    {
        if (!await asking.WaitAsync(TimeSpan.Zero, CancellationToken.None))
            throw new OidcException("too many are signing in at this moment");
        try
        {
            var metadata = await MetadataAsync(options, KeepFor, cancel);
            var answer = await FetchAsync(
                TokenRequest(metadata.Configuration, options, redirect, state, code), cancel);
            var token = await ValidateAsync(options, TextOf(answer, "id_token"), cancel);
            if (!token.TryGetClaim("nonce", out var nonce) || !state.HasNonce(nonce.Value))
                throw new OidcException("the token answers another login");
            if (token.TryGetClaim("email", out var email))
                return IsTrue(token.TryGetClaim("email_verified", out var verified) ? verified.Value : null)
                    ? email.Value : null;
            return await AskAsync(metadata.Configuration, token.Subject, answer, cancel);
        }
        finally
        {
            asking.Release();
        }
    }

    static HttpRequestMessage TokenRequest(
        OpenIdConnectConfiguration metadata, OidcOptions options, string redirect, OidcState state,
        string code)
    {
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code",
            ["code"] = code,
            ["redirect_uri"] = redirect,
            ["client_id"] = options.ClientId!,
            ["code_verifier"] = state.Verifier,
        };
        var request = new HttpRequestMessage(HttpMethod.Post, metadata.TokenEndpoint);
        var methods = metadata.TokenEndpointAuthMethodsSupported;
        if (options.ClientSecret is { } secret && methods.Count > 0
            && !methods.Contains("client_secret_basic"))
            form["client_secret"] = secret.Value;
        else if (options.ClientSecret is { } other)
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(
                Encoding.UTF8.GetBytes(
                    $"{Uri.EscapeDataString(options.ClientId!)}:{Uri.EscapeDataString(other.Value)}")));
        request.Content = new FormUrlEncodedContent(form);
        return request;
    }

    async ValueTask<JsonWebToken> ValidateAsync(OidcOptions options, string text, CancellationToken cancel)
    {
        var metadata = await MetadataAsync(options, KeepFor, cancel);
        var result = await ValidateAsync(metadata, options, text);
        if (result.Exception is SecurityTokenSignatureKeyNotFoundException)
            result = await ValidateAsync(
                await MetadataAsync(options, RenewAfter, cancel), options, text);
        if (!result.IsValid || result.SecurityToken is not JsonWebToken token)
            throw new OidcException($"the token is not valid: {result.Exception?.GetType().Name}");
        if (token.Audiences.Count() > 1 && token.Azp != options.ClientId)
            throw new OidcException("the token was made for others");
        return token;
    }

    Task<TokenValidationResult> ValidateAsync(Metadata metadata, OidcOptions options, string text) =>
        new JsonWebTokenHandler { MaximumTokenSizeInBytes = AnswerOctetsMax }.ValidateTokenAsync(
            text, new TokenValidationParameters
            {
                ValidIssuer = options.Issuer,
                ValidAudience = options.ClientId,
                IssuerSigningKeys = metadata.Configuration.SigningKeys,
                ValidAlgorithms = Algorithms,
                LifetimeValidator = IsOfNow,
                LogValidationExceptions = false,
            });

    bool IsOfNow(
        DateTime? notBefore, DateTime? expires, SecurityToken token, TokenValidationParameters parameters)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        return expires is { } end && now < end + Skew && !(notBefore > now + Skew);
    }

    /// <summary>Of a provider that keeps addresses out of its tokens.</summary>
    async ValueTask<string?> AskAsync(
        OpenIdConnectConfiguration metadata, string subject, JsonElement answer, CancellationToken cancel)
    {
        if (string.IsNullOrEmpty(metadata.UserInfoEndpoint))
            return null;
        var request = new HttpRequestMessage(HttpMethod.Get, metadata.UserInfoEndpoint);
        request.Headers.Authorization =
            new AuthenticationHeaderValue("Bearer", TextOf(answer, "access_token"));
        var told = await FetchAsync(request, cancel);
        if (TextOf(told, "sub") != subject)
            throw new OidcException("the provider tells of somebody else");
        return told.TryGetProperty("email", out var email) && email.ValueKind == JsonValueKind.String
            && told.TryGetProperty("email_verified", out var verified) && IsTrue(verified.ToString())
            ? email.GetString() : null;
    }

    /// <summary>Some providers write it as text.</summary>
    static bool IsTrue(string? text) => "true".Equals(text, StringComparison.OrdinalIgnoreCase);

    async ValueTask<Metadata> MetadataAsync(OidcOptions options, TimeSpan age, CancellationToken cancel)
    {
        var issuer = options.Issuer!;
        if (kept is { } known && known.Configuration.Issuer == issuer
            && clock.GetElapsedTime(known.FetchedAt) < age)
            return known;
        var found = await TextAsync(
            new HttpRequestMessage(
                HttpMethod.Get, issuer.TrimEnd('/') + "/.well-known/openid-configuration"), cancel);
        try
        {
            var configuration = OpenIdConnectConfiguration.Create(found);
            if (configuration.Issuer != issuer)
                throw new OidcException("the provider has another name than the issuer of the configuration");
            foreach (var place in (string?[])[configuration.AuthorizationEndpoint,
                configuration.TokenEndpoint, configuration.JwksUri])
            {
                if (!IsGood(place))
                    throw new OidcException(WithoutTls);
            }
            if (configuration.UserInfoEndpoint is { Length: > 0 } asked && !IsGood(asked))
                throw new OidcException(WithoutTls);
            var keys = await TextAsync(
                new HttpRequestMessage(HttpMethod.Get, configuration.JwksUri), cancel);
            foreach (var key in new JsonWebKeySet(keys).GetSigningKeys())
                configuration.SigningKeys.Add(key);
            return kept = new Metadata(configuration, clock.GetTimestamp());
        }
        catch (Exception e) when (e is ArgumentException or JsonException or CryptographicException)
        {
            throw new OidcException("the metadata of the provider cannot be read", e);
        }
    }

    static bool IsGood(string? place) => Uri.TryCreate(place, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttps
            || (url.Scheme == Uri.UriSchemeHttp && url.IsLoopback));

    async ValueTask<JsonElement> FetchAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        try
        {
            using var document = JsonDocument.Parse(await TextAsync(request, cancel));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone() : throw new OidcException("the provider gave no object");
        }
        catch (JsonException e)
        {
            throw new OidcException("the provider gave no JSON", e);
        }
    }

    async ValueTask<string> TextAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        using (request)
        {
            try
            {
                using var response = await http.SendAsync(request, cancel);
                return response.IsSuccessStatusCode ? await response.Content.ReadAsStringAsync(cancel)
                    : throw new OidcException($"the provider answered {(int)response.StatusCode}");
            }
            catch (Exception e) when (e is HttpRequestException
                || (e is TaskCanceledException && !cancel.IsCancellationRequested))
            {
                throw new OidcException($"the provider does not answer: {e.Message}", e);
            }
        }
    }

    static string TextOf(JsonElement answer, string name) =>
        answer.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()! : throw new OidcException($"the provider gave no {name}");

    public void Dispose()
    {
        http.Dispose();
        asking.Dispose();
    }

    /// <param name="FetchedAt">By <see cref="TimeProvider.GetTimestamp"/>.</param>
    sealed record Metadata(OpenIdConnectConfiguration Configuration, long FetchedAt);
}

/// <summary>The provider did not say who somebody is; the words are for the log.</summary>
sealed class OidcException(string message, Exception? inner = null) : Exception(message, inner);
