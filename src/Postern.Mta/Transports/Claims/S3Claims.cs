using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Postern.Mta.Inbound;
using Postern.Mta.Transports.Forward;

namespace Postern.Mta.Transports.Claims;

/// <summary>Amazon's S3, or a store that speaks it.</summary>
/// <remarks>
/// The sum of the octets is signed with each request, in the clear and over HTTPS alike: the store refuses
/// what was spoilt on the way. It stands beside the object too, for who has to know one that is there. A
/// store that does not know conditions replaces an object by itself: its name is the message's.
/// </remarks>
sealed class S3Claims : ClaimBucket
{
    const string SumField = "x-amz-meta-sha256";
    const int PreconditionFailed = 412, NotFound = 404, NotImplemented = 501;

    static readonly string NothingHash = Convert.ToHexStringLower(SHA256.HashData([]));

    readonly AwsSignature signature;
    bool knowsNoConditions;

    /// <exception cref="ArgumentException">There is no login.</exception>
    public S3Claims(BucketAddress bucket, TransportOptions options, InboundSource source, ClaimParts parts)
        : base(bucket, EndpointOf(bucket, options), options, source, parts)
    {
        if (options.ClaimLogin is not { Value: var login })
            throw new ArgumentException("claim-login is missing", nameof(options));
        var colon = login.IndexOf(':', StringComparison.Ordinal);
        signature = new AwsSignature(login[..colon], login[(colon + 1)..], options.ClaimRegion);
    }

    /// <summary>With the bucket: Amazon's has it in the host, where it fits a certificate, others in the
    /// path.</summary>
    static Uri EndpointOf(BucketAddress bucket, TransportOptions options)
    {
        if (options.ClaimEndpoint is { } endpoint)
            return new Uri($"{endpoint.TrimEnd('/')}/{bucket.Bucket}/");
        return bucket.Bucket.Contains('.', StringComparison.Ordinal)
            ? new Uri($"https://s3.{options.ClaimRegion}.amazonaws.com/{bucket.Bucket}/")
            : new Uri($"https://{bucket.Bucket}.s3.{options.ClaimRegion}.amazonaws.com/");
    }

    protected override async ValueTask<ObjectFinding> MakeAsync(
        Attempt attempt, string key, ClaimSums sums, CancellationToken cancel)
    {
        using var body = new ClaimUpload(attempt.Content);
        body.Headers.ContentType = new MediaTypeHeaderValue("message/rfc822");
        using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(Endpoint, key)) { Content = body };
        request.Headers.ExpectContinue = true;
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["content-md5"] = sums.Md5,
            [SumField] = sums.Sha256,
        };
        var isConditional = !Volatile.Read(ref knowsNoConditions);
        if (isConditional)
            fields["if-none-match"] = "*";
        Sign(request, sums.Sha256, fields);
        switch (await AskAsync(request, body, cancel).ConfigureAwait(false))
        {
            case WebOutcome.Answered { Answer.Status: < 300 }:
                return new ObjectFinding.Same(null);
            case WebOutcome.Answered { Answer.Status: PreconditionFailed }:
                return new ObjectFinding.None();
            case WebOutcome.Answered { Answer.Status: NotImplemented } when isConditional:
                Volatile.Write(ref knowsNoConditions, true);
                return await MakeAsync(attempt, key, sums, cancel).ConfigureAwait(false);
            // It waited too long for octets of ours, and calls that a bad request.
            case WebOutcome.Answered { Answer: { Status: 400 } slow }
                when slow.Reply.ToString().Contains("<Code>RequestTimeout<", StringComparison.Ordinal):
                return Broken($"said: {slow.Reply}");
            case WebOutcome.Answered { Answer: var answer }:
                return Judge(answer, MendOf(answer.Status));
            case WebOutcome.Broken { Reason: var reason }:
                return Broken(reason);
            default:
                throw new UnreachableException();
        }
    }

    protected override async ValueTask<ObjectFinding> LookAsync(
        string key, ClaimSums sums, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, new Uri(Endpoint, key));
        Sign(request, NothingHash, new SortedDictionary<string, string>(StringComparer.Ordinal));
        return await AskAsync(request, null, cancel).ConfigureAwait(false) switch
        {
            WebOutcome.Answered { Answer.Status: < 300 } answered =>
                answered.FieldOf("Content-Length") == sums.Octets.ToString(CultureInfo.InvariantCulture)
                    && answered.FieldOf(SumField) == sums.Sha256
                    ? new ObjectFinding.Same(null)
                    : IsAnother(key),
            WebOutcome.Answered { Answer.Status: NotFound } => new ObjectFinding.None(),
            WebOutcome.Answered { Answer: var answer } => Judge(answer, MendOf(answer.Status)),
            WebOutcome.Broken { Reason: var reason } => Broken(reason),
            _ => throw new UnreachableException(),
        };
    }

    void Sign(HttpRequestMessage request, string hash, SortedDictionary<string, string> fields)
    {
        fields["x-amz-content-sha256"] = hash;
        fields["x-amz-date"] = AwsSignature.TimeOf(Now);
        foreach (var (name, value) in fields)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                request.Content!.Headers.TryAddWithoutValidation(name, value);
        }
        fields["host"] = request.RequestUri!.Authority;
        request.Headers.TryAddWithoutValidation(
            "Authorization", signature.Sign(request.Method.Method, request.RequestUri, fields));
    }

    string MendOf(int status) => status switch
    {
        401 or 403 => "see claim-login, and that it may s3:PutObject and s3:GetObject in the bucket; "
            + "also claim-region and the clock",
        NotFound => $"create the bucket {Bucket.Bucket}, or correct claim-bucket",
        >= 300 and < 400 => "the bucket is elsewhere; correct claim-region or claim-endpoint",
        _ => "see claim-bucket, claim-endpoint and claim-region of the transport",
    };
}
