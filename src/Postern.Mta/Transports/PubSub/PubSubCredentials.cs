using Google.Apis.Auth.OAuth2;
using Google.Apis.Auth.OAuth2.Responses;
using Grpc.Core;

namespace Postern.Mta.Transports.PubSub;

/// <summary>Application Default Credentials: the file of GOOGLE_APPLICATION_CREDENTIALS, gcloud's, the metadata server.</summary>
/// <remarks>
/// Looked for at the first call and again after a failure, so that a missing file neither stops the start nor needs a
/// restart. A service account signs its own token for this audience (AIP-4111): no token server is asked.
/// </remarks>
sealed class PubSubCredentials(TimeProvider clock)
{
    const string Audience = "https://pubsub.googleapis.com/";
    const string Scope = "https://www.googleapis.com/auth/pubsub";
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    GoogleCredential? credential;

    /// <summary>Puts the token and what belongs to it into the call's metadata.</summary>
    /// <returns>Null, or why there is no token.</returns>
    public async ValueTask<PublishOutcome?> TryAddAsync(Metadata metadata, CancellationToken cancel)
    {
        try
        {
            credential ??= Prepare(await GoogleCredential.GetApplicationDefaultAsync(cancel)
                .WaitAsync(Limit, clock, cancel).ConfigureAwait(false));
            var token = await ((ITokenAccessWithHeaders)credential).GetAccessTokenWithHeadersForRequestAsync(Audience, cancel)
                .WaitAsync(Limit, clock, cancel).ConfigureAwait(false);
            metadata.Add("authorization", $"Bearer {token.AccessToken}");
            foreach (var (name, values) in token.Headers)
            {
                foreach (var value in values)
                    metadata.Add(name.ToLowerInvariant(), value);
            }
            return null;
        }
        catch (Exception e) when (IsOutage(e))
        {
            return new PublishOutcome.Unavailable($"no access token: {e.Message}", null);
        }
        catch (Exception e) when (e is InvalidOperationException or TokenResponseException or IOException
            or ArgumentException or UnauthorizedAccessException or Newtonsoft.Json.JsonException)
        {
            credential = null;
            return new PublishOutcome.Misconfigured(
                "login",
                $"no access token: {e.Message}",
                "see GOOGLE_APPLICATION_CREDENTIALS, or give the machine a service account with roles/pubsub.publisher");
        }
    }

    static bool IsOutage(Exception exception) => exception switch
    {
        TokenResponseException { StatusCode: { } code } => (int)code >= 500,
        HttpRequestException or TimeoutException or OperationCanceledException => true,
        _ => false,
    };

    static GoogleCredential Prepare(GoogleCredential found) =>
        found.UnderlyingCredential is not ServiceAccountCredential && found.IsCreateScopedRequired
            ? found.CreateScoped(Scope)
            : found;
}
