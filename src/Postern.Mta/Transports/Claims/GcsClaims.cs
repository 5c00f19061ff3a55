using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Postern.Mta.Inbound;
using Postern.Mta.Transports.Forward;
using Postern.Mta.Transports.Mailgun;
using Postern.Mta.Transports.PubSub;

namespace Postern.Mta.Transports.Claims;

/// <summary>Google Cloud Storage, through its JSON API.</summary>
/// <remarks>The sum goes along with the octets, so that what was spoilt on the way is refused; what the
/// answer says of the object is compared all the same, since emulators do not look.</remarks>
sealed class GcsClaims : ClaimBucket
{
    /// <summary>Google's convention: where an emulator answers, plain text.</summary>
    public const string EmulatorVariable = "STORAGE_EMULATOR_HOST";

    /// <summary>Of the emulator that is usual.</summary>
    const int EmulatorPort = 4443;

    const string Host = "https://storage.googleapis.com/";
    const string Facts = "fields=generation,size,md5Hash";
    const int PreconditionFailed = 412, NotFound = 404;

    readonly GoogleCredentials? credentials;

    /// <exception cref="ArgumentException"><see cref="FindProblem"/> says why.</exception>
    public GcsClaims(BucketAddress bucket, TransportOptions options, InboundSource source, ClaimParts parts)
        : this(bucket, EndpointOf(options, out var isEmulator), isEmulator ? null
            : new GoogleCredentials(GoogleApi.Storage, parts.Clock), options, source, parts)
    {
    }

    /// <param name="credentials">Null: nobody is asked for any.</param>
    internal GcsClaims(
        BucketAddress bucket, Uri endpoint, GoogleCredentials? credentials, TransportOptions options,
        InboundSource source, ClaimParts parts)
        : base(bucket, endpoint, options, source, parts) => this.credentials = credentials;

    /// <summary>What is wrong with <see cref="EmulatorVariable"/> (exit 78 at start). Null:
    /// nothing.</summary>
    public static string? FindProblem() => PubSubEndpoint.TryFindEmulator(
        EmulatorVariable, Environment.GetEnvironmentVariable(EmulatorVariable), EmulatorPort, out _,
        out var problem) ? null : problem;

    static Uri EndpointOf(TransportOptions options, out bool isEmulator)
    {
        if (!PubSubEndpoint.TryFindEmulator(
            EmulatorVariable, Environment.GetEnvironmentVariable(EmulatorVariable), EmulatorPort,
            out var emulator, out var problem))
            throw new ArgumentException(problem, nameof(options));
        isEmulator = emulator is not null;
        return emulator ?? new Uri($"{(options.ClaimEndpoint ?? Host).TrimEnd('/')}/");
    }

    protected override async ValueTask<ObjectFinding> MakeAsync(
        Attempt attempt, string key, ClaimSums sums, CancellationToken cancel)
    {
        // Who can put it into his message would have to know the sum of the whole beforehand.
        var boundary = $"postern-{sums.Sha256}";
        using var body = new ClaimUpload(
            attempt.Content, HeadOf(boundary, key, sums), Encoding.ASCII.GetBytes($"\r\n--{boundary}--\r\n"));
        body.Headers.ContentType = MediaTypeHeaderValue.Parse($"multipart/related; boundary={boundary}");
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(
            Endpoint, $"upload/storage/v1/b/{Bucket.Bucket}/o?uploadType=multipart"
            + $"&ifGenerationMatch=0&{Facts}"))
        {
            Content = body,
        };
        // Who has it already, or takes none of us, says so before it is sent.
        request.Headers.ExpectContinue = true;
        return await TellAsync(request, body, key, sums, cancel).ConfigureAwait(false);
    }

    protected override async ValueTask<ObjectFinding> LookAsync(
        string key, ClaimSums sums, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(
            Endpoint, $"storage/v1/b/{Bucket.Bucket}/o/{Uri.EscapeDataString(key)}?{Facts}"));
        return await TellAsync(request, null, key, sums, cancel).ConfigureAwait(false);
    }

    async ValueTask<ObjectFinding> TellAsync(
        HttpRequestMessage request, ClaimUpload? body, string key, ClaimSums sums, CancellationToken cancel)
    {
        if (await AuthorizeAsync(request, cancel).ConfigureAwait(false) is { } withoutToken)
            return withoutToken;
        var outcome = await AskAsync(request, body, cancel).ConfigureAwait(false);
        return outcome switch
        {
            WebOutcome.Answered { Answer: { Status: < 300 } answer } => Compare(answer, key, sums),
            WebOutcome.Answered { Answer.Status: PreconditionFailed } => new ObjectFinding.None(),
            WebOutcome.Answered { Answer.Status: NotFound } when body is null => new ObjectFinding.None(),
            WebOutcome.Answered { Answer: var answer } => JudgeByReason(answer),
            WebOutcome.Broken { Reason: var reason } => Broken(reason),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    async ValueTask<ObjectFinding?> AuthorizeAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        if (credentials is null)
            return null;
        return await credentials.TryAddAsync(
            (name, value) => request.Headers.TryAddWithoutValidation(name, value), cancel)
            .ConfigureAwait(false) switch
        {
            null => null,
            PublishOutcome.Misconfigured wrong => new ObjectFinding.Trouble(Wrong(wrong.Text, wrong.Mend)),
            PublishOutcome.Unavailable { Text: var text } => new ObjectFinding.Trouble(Down(text)),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    ObjectFinding Compare(MailgunAnswer answer, string key, ClaimSums sums)
    {
        var (generation, size, md5) = (
            answer.Json.TextOf("generation"), answer.Json.TextOf("size"), answer.Json.TextOf("md5Hash"));
        if (generation is null || size is null || md5 is null)
            return Broken("an answer that says nothing of the object");
        return size == sums.Octets.ToString(CultureInfo.InvariantCulture) && md5 == sums.Md5
            ? new ObjectFinding.Same(generation)
            : IsAnother(key);
    }

    ObjectFinding.Trouble JudgeByReason(MailgunAnswer answer)
    {
        // Google's own quotas come with 403 too.
        if (answer.Status == 403 && ReasonOf(answer.Json) is "rateLimitExceeded" or "userRateLimitExceeded")
            return Broken($"said: {answer.Reply}");
        return Judge(answer, answer.Status switch
        {
            401 => "see that the credentials are valid and the clock is right",
            403 => "give the account roles/storage.objectCreator and roles/storage.objectViewer "
                + "on the bucket",
            404 => $"create the bucket {Bucket.Bucket}, or correct claim-bucket",
            _ => "see claim-bucket and claim-endpoint of the transport",
        });
    }

    static string? ReasonOf(JsonElement? json) =>
        json.Find("error").Find("errors") is { ValueKind: JsonValueKind.Array } errors
        && errors.GetArrayLength() > 0 ? ((JsonElement?)errors[0]).TextOf("reason") : null;

    static byte[] HeadOf(string boundary, string key, ClaimSums sums)
    {
        using var stream = new MemoryStream();
        stream.Write(Encoding.ASCII.GetBytes(
            $"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"));
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("name", key);
            json.WriteString("contentType", "message/rfc822");
            json.WriteString("md5Hash", sums.Md5);
            json.WriteStartObject("metadata");
            json.WriteString("sha256", sums.Sha256);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        stream.Write(Encoding.ASCII.GetBytes($"\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n"));
        return stream.ToArray();
    }
}
