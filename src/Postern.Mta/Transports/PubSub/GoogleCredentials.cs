using System.Security.Cryptography;
using System.Text.Json;
using Google.Apis.Auth.OAuth2;
using Google.Apis.Auth.OAuth2.Responses;
using Grpc.Core;

namespace Postern.Mta.Transports.PubSub;

/// <summary>Application Default Credentials: the file of GOOGLE_APPLICATION_CREDENTIALS, gcloud's, the
/// metadata server.</summary>
/// <remarks>
/// Looked for at the first call and again after a failure, so that a missing file neither stops the start nor
/// needs a restart; Google's own search remembers its failure for the life of the process, hence this one. A
/// service account signs its own token for the audience (AIP-4111): no token server is asked.
/// </remarks>
sealed class GoogleCredentials(GoogleApi api, TimeProvider clock)
{
    /// <summary>The alarm about having none that work.</summary>
    public const string Alarm = "login";

    static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    GoogleCredential? credential;
    bool everSucceeded;

    /// <summary>Puts the token and what belongs to it into the call's metadata.</summary>
    /// <returns>Null, or why there is no token.</returns>
    public ValueTask<PublishOutcome?> TryAddAsync(Metadata metadata, CancellationToken cancel) =>
        TryAddAsync((name, value) => metadata.Add(name.ToLowerInvariant(), value), cancel);

    /// <inheritdoc cref="TryAddAsync(Metadata, CancellationToken)"/>
    /// <param name="add">Takes name and value of a header field.</param>
    public async ValueTask<PublishOutcome?> TryAddAsync(
        Action<string, string> add, CancellationToken cancel)
    {
        try
        {
            credential ??= Prepare(await FindAsync(cancel).ConfigureAwait(false));
            var token = await ((ITokenAccessWithHeaders)credential)
                .GetAccessTokenWithHeadersForRequestAsync(api.Audience, cancel)
                .WaitAsync(Limit, clock, cancel).ConfigureAwait(false);
            add("Authorization", $"Bearer {token.AccessToken}");
            foreach (var (name, values) in token.Headers)
            {
                foreach (var value in values)
                    add(name, value);
            }
            everSucceeded = true;
            return null;
        }
        // A machine that never gave a token may be no machine of Google's at all: that is no outage.
        catch (Exception e) when (
            IsOutage(e) && (everSucceeded || credential?.UnderlyingCredential is not ComputeCredential))
        {
            return new PublishOutcome.Unavailable($"no access token: {e.Message}", null);
        }
        catch (Exception e) when (e is InvalidOperationException or TokenResponseException or IOException
            or ArgumentException or UnauthorizedAccessException or HttpRequestException or TimeoutException
            or CryptographicException or JsonException or Newtonsoft.Json.JsonException)
        {
            credential = null;
            return new PublishOutcome.Misconfigured(
                Alarm,
                $"no access token: {e.Message}",
                $"set GOOGLE_APPLICATION_CREDENTIALS, or give the machine {api.Account}");
        }
    }

    // AIP-4110: the named file, gcloud's own, the machine's account.
    static async ValueTask<GoogleCredential> FindAsync(CancellationToken cancel)
    {
        if (Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS") is { Length: > 0 } named)
            return await ReadAsync(named, cancel).ConfigureAwait(false);
        var folder = Environment.GetEnvironmentVariable("CLOUDSDK_CONFIG") is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config",
                "gcloud");
        var own = Path.Combine(folder, "application_default_credentials.json");
        return File.Exists(own)
            ? await ReadAsync(own, cancel).ConfigureAwait(false)
            : GoogleCredential.FromComputeCredential(new ComputeCredential());
    }

    // The file is the operator's own, so that whatever type it names is meant.
    static async ValueTask<GoogleCredential> ReadAsync(string path, CancellationToken cancel)
    {
        string? type;
        await using (var file = File.OpenRead(path))
        using (var json = await JsonDocument.ParseAsync(file, default, cancel).ConfigureAwait(false))
        {
            type = json.RootElement.ValueKind is JsonValueKind.Object
                && json.RootElement.TryGetProperty("type", out var member) ? member.ToString() : null;
        }
        if (string.IsNullOrEmpty(type))
            throw new InvalidOperationException($"{path} names no type of credential");
        return await CredentialFactory.FromFileAsync(path, type, cancel).ConfigureAwait(false);
    }

    static bool IsOutage(Exception exception) => exception switch
    {
        TokenResponseException { StatusCode: { } code } => (int)code >= 500,
        HttpRequestException or TimeoutException or OperationCanceledException => true,
        _ => false,
    };

    GoogleCredential Prepare(GoogleCredential found) =>
        found.UnderlyingCredential is not ServiceAccountCredential && found.IsCreateScopedRequired
            ? found.CreateScoped(api.Scope)
            : found;
}

/// <summary>What a token is for.</summary>
/// <param name="Audience">Of a token that an account signs itself.</param>
/// <param name="Scope">Of one that a server gives.</param>
/// <param name="Account">Whose credentials an operator gives the machine, in words.</param>
sealed record GoogleApi(string Audience, string Scope, string Account)
{
    public static readonly GoogleApi PubSub = new(
        "https://pubsub.googleapis.com/", "https://www.googleapis.com/auth/pubsub", "a publisher's account");

    public static readonly GoogleApi Storage = new(
        "https://storage.googleapis.com/", "https://www.googleapis.com/auth/devstorage.read_write",
        "an account that may create and view objects");
}
