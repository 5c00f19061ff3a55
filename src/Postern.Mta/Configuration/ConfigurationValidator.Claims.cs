using Postern.Mta.Transports.Claims;
using Postern.Mta.Transports.Forward;
using Postern.Mta.Transports.PubSub;

namespace Postern.Mta.Configuration;

sealed partial class ConfigurationValidator
{
    static readonly TransportOptions ClaimDefaults = new();

    /// <summary>Where large messages are put. One place: what belongs to the other is an error.</summary>
    void CheckClaims(string path, TransportOptions transport)
    {
        if (!transport.HasClaimDirectory && transport.ClaimBucket is null)
            return;
        if (transport.InlineMax < 0)
            at.Error($"{path}.inline-max", "must be 0 or more");
        if (transport.ClaimBucket is { } bucket)
            CheckBucket(path, transport, bucket);
        else
        {
            CheckAbsent(path, "has no effect without claim-bucket",
                ("claim-endpoint", transport.ClaimEndpoint is not null),
                ("claim-login", transport.ClaimLogin is not null),
                ("claim-region", transport.ClaimRegion != ClaimDefaults.ClaimRegion));
            CheckLinks(path, transport);
        }
    }

    void CheckBucket(string path, TransportOptions transport, string bucket)
    {
        CheckAbsent(path, "is of files, and claim-bucket puts none",
            ("claim-directory", transport.ClaimDirectory is not null),
            ("claim-url", transport.ClaimUrl is not null),
            ("claim-expires", transport.ClaimExpires != ClaimDefaults.ClaimExpires),
            ("claim-keep", transport.ClaimKeep is not null));
        if (transport.ClaimEndpoint is { } endpoint)
            CheckEndpoint($"{path}.claim-endpoint", endpoint);
        if (!BucketAddress.TryParse(bucket, out var address, out var mend))
        {
            at.Error($"{path}.claim-bucket", mend);
            return;
        }
        if (address.IsGoogle)
        {
            CheckAbsent(path, "is of s3; Google Cloud Storage takes the credentials of the machine",
                ("claim-login", transport.ClaimLogin is not null),
                ("claim-region", transport.ClaimRegion != ClaimDefaults.ClaimRegion));
            return;
        }
        CheckS3(path, transport);
    }

    void CheckS3(string path, TransportOptions transport)
    {
        if (!at.Has($"{path}.claim-login"))
            at.Error($"{path}.claim-bucket",
                "needs claim-login beside it, access key:secret by reference");
        else if (transport.ClaimLogin is { Value: var login }
            && (login.Split(':', 2) is not [{ Length: > 0 }, { Length: > 0 }]
                || login.Any(static c => c is <= ' ' or > '~')))
            at.Error($"{path}.claim-login", "must hold one line, access key:secret");
        if (transport.ClaimRegion.Any(static c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c)
            && c != '-'))
            at.Error(
                $"{path}.claim-region", $"\"{transport.ClaimRegion}\" is no region; write \"us-east-1\"");
    }

    void CheckEndpoint(string path, string endpoint)
    {
        if (!WebTarget.IsUrl(endpoint) || endpoint.Contains('?', StringComparison.Ordinal))
            at.Error(path, $"\"{endpoint}\" is no URL; write \"https://minio.example.net:9000\"");
        else if (new Uri(endpoint) is var url && url.Scheme != Uri.UriSchemeHttps
            && !PubSubEndpoint.IsLoopback(url))
            at.Error(path, "must be https off loopback; the mail would be readable on the way");
    }

    void CheckLinks(string path, TransportOptions transport)
    {
        // A link stands in an attribute of 1,024 octets.
        const int charactersMax = 400;
        CheckPositive($"{path}.claim-expires", transport.ClaimExpires);
        if (transport.ClaimKeep is { } keep)
            CheckPositive($"{path}.claim-keep", keep);
        if (transport.ClaimUrl is not { } url)
        {
            CheckAbsent(path, "has no effect without claim-url",
                ("claim-expires", transport.ClaimExpires != ClaimDefaults.ClaimExpires));
            return;
        }
        if (!WebTarget.IsUrl(url) || url.Length > charactersMax
            || url.Contains('?', StringComparison.Ordinal))
            at.Error($"{path}.claim-url", $"\"{url}\" is no URL; write \"https://mx.example.org/claims\"");
        else if (new Uri(url) is var root && root.Scheme != Uri.UriSchemeHttps
            && !PubSubEndpoint.IsLoopback(root))
            at.Error($"{path}.claim-url",
                "must be https off loopback; who reads a link on the way can fetch the mail");
        if (transport.ClaimKeep < transport.ClaimExpires)
            at.Error($"{path}.claim-keep",
                "must not be shorter than claim-expires: links would lead nowhere");
    }

    void CheckAbsent(string path, string why, params ReadOnlySpan<(string Key, bool IsSet)> settings)
    {
        foreach (var (key, isSet) in settings)
            if (isSet)
                at.Error($"{path}.{key}", why);
    }
}
