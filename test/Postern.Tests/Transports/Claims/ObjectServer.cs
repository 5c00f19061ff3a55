using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace Postern.Tests.Transports.Claims;

/// <summary>Google's and Amazon's stores of objects in this process, on a free port of loopback, as strict as
/// the real ones are about what Postern uses of them.</summary>
sealed class ObjectServer : IAsyncDisposable
{
    public const string Bucket = "mail-claims";
    public const string Key = "AKIAIOSFODNN7EXAMPLE";
    public const string Secret = "wJalrXUtnFEMI/K7MDENG:bPxRfiCYEXAMPLEKEY";
    public const string Region = "eu-west-3";

    readonly WebApplication application;
    int generation = 100;

    ObjectServer(WebApplication application) => this.application = application;

    public Uri Address => new(application.Urls.Single());

    /// <summary>Method, and what came of it: a status, or how it broke.</summary>
    public ConcurrentQueue<string> Calls { get; } = [];

    public ConcurrentDictionary<string, StoredObject> Objects { get; } = [];

    /// <summary>Answers in the place of the store; false leaves it to the store.</summary>
    public Func<HttpContext, Task<bool>> Fault { get; set; } = static _ => Task.FromResult(false);

    /// <summary>The answer is lost once the request has had its effect.</summary>
    public bool LosesAnswers { get; set; }

    /// <summary>Of S3: conditions are unknown to it.</summary>
    public bool KnowsNoConditions { get; set; }

    /// <summary>Of Google: an octet is spoilt on the disk.</summary>
    public bool Spoils { get; set; }

    public static async Task<ObjectServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Limits.MaxRequestBodySize = 60 << 20);
        var application = builder.Build();
        application.Urls.Add("http://127.0.0.1:0");
        var server = new ObjectServer(application);
        application.Run(server.AnswerAsync);
        await application.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await application.StopAsync(now.Token);
        await application.DisposeAsync();
    }

    async Task AnswerAsync(HttpContext context)
    {
        if (await Fault(context))
        {
            Calls.Enqueue($"{context.Request.Method} fault");
            return;
        }
        var path = context.Request.Path.Value!;
        var (status, body) = path.StartsWith("/upload/storage/v1/", StringComparison.Ordinal)
            || path.StartsWith("/storage/v1/", StringComparison.Ordinal)
            ? await AnswerGoogleAsync(context, path)
            : await AnswerAmazonAsync(context, path);
        Calls.Enqueue(string.Create(null, $"{context.Request.Method} {status}"));
        if (LosesAnswers)
        {
            context.Abort();
            return;
        }
        context.Response.StatusCode = status;
        if (body.Length > 0)
            await context.Response.WriteAsync(body);
    }

    async Task<(int Status, string Body)> AnswerGoogleAsync(HttpContext context, string path)
    {
        var request = context.Request;
        if (request.Method == "GET")
        {
            // The name of an object is one part of the path, however many it has.
            var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget.Split('?')[0];
            return target.Split('/') is not ["", "storage", "v1", "b", Bucket, "o", var escaped]
                ? GoogleError(404, "notFound")
                : Objects.TryGetValue(Uri.UnescapeDataString(escaped), out var there)
                    ? (200, FactsOf(there)) : GoogleError(404, "notFound");
        }
        if (request.Method != "POST" || path != $"/upload/storage/v1/b/{Bucket}/o")
            return GoogleError(404, "notFound");
        if (request.Query["uploadType"] != "multipart" || request.Query["ifGenerationMatch"] != "0")
            return GoogleError(400, "invalid");
        var boundary = request.ContentType!.Split("boundary=")[1];
        var reader = new MultipartReader(boundary, request.Body);
        using var facts = await JsonDocument.ParseAsync((await reader.ReadNextSectionAsync())!.Body);
        var section = (await reader.ReadNextSectionAsync())!;
        using var octets = new MemoryStream();
        await section.Body.CopyToAsync(octets);
        if (await reader.ReadNextSectionAsync() is not null)
            return GoogleError(400, "invalid");
        var content = octets.ToArray();
        if (facts.RootElement.GetProperty("md5Hash").GetString() != Md5Of(content)
            || section.ContentType != "message/rfc822")
            return GoogleError(400, "invalid");
        if (Spoils)
            content[^1] ^= 1;
        var made = new StoredObject(
            content, facts.RootElement.GetProperty("metadata").GetProperty("sha256").GetString()!,
            Interlocked.Increment(ref generation));
        return Objects.TryAdd(facts.RootElement.GetProperty("name").GetString()!, made)
            ? (200, FactsOf(made)) : GoogleError(412, "conditionNotMet");
    }

    static string FactsOf(StoredObject there) => string.Create(CultureInfo.InvariantCulture,
        $"{{\"generation\":\"{there.Generation}\",\"size\":\"{there.Octets.Length}\","
        + $"\"md5Hash\":\"{Md5Of(there.Octets)}\"}}");

    public static (int Status, string Body) GoogleError(int status, string reason) => (status,
        string.Create(CultureInfo.InvariantCulture,
            $"{{\"error\":{{\"code\":{status},\"message\":\"so it is\",")
        + $"\"errors\":[{{\"reason\":\"{reason}\"}}]}}}}");

    async Task<(int Status, string Body)> AnswerAmazonAsync(HttpContext context, string path)
    {
        var request = context.Request;
        var parts = path.Split('/', 3);
        if (parts is not ["", Bucket, { Length: > 0 } name])
            return AmazonError(404, "NoSuchBucket");
        if (await S3Request.FindForgeryAsync(context) is { } forgery)
            return AmazonError(403, forgery);
        if (request.Method == "HEAD")
        {
            if (!Objects.TryGetValue(name, out var there))
                return (404, "");
            context.Response.ContentLength = there.Octets.Length;
            context.Response.Headers["x-amz-meta-sha256"] = there.Sha256;
            return (200, "");
        }
        if (KnowsNoConditions && request.Headers.ContainsKey("If-None-Match"))
            return AmazonError(501, "NotImplemented");
        using var octets = new MemoryStream();
        await request.Body.CopyToAsync(octets);
        var content = octets.ToArray();
        if (Convert.ToHexStringLower(SHA256.HashData(content)) != request.Headers["x-amz-content-sha256"])
            return AmazonError(400, "XAmzContentSHA256Mismatch");
        if (Md5Of(content) != request.Headers["Content-MD5"])
            return AmazonError(400, "BadDigest");
        var made = new StoredObject(content, request.Headers["x-amz-meta-sha256"].ToString(), 0);
        if (request.Headers["If-None-Match"] == "*")
            return Objects.TryAdd(name, made) ? (200, "") : AmazonError(412, "PreconditionFailed");
        Objects[name] = made;
        return (200, "");
    }

    static (int Status, string Body) AmazonError(int status, string code) =>
        (status, $"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>so it is</Message></Error>");

    static string Md5Of(byte[] octets)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        hash.AppendData(octets);
        return Convert.ToBase64String(hash.GetHashAndReset());
    }
}

sealed record StoredObject(byte[] Octets, string Sha256, int Generation);

/// <summary>The store's side of Amazon's signature, written from the request as it arrived.</summary>
static class S3Request
{
    /// <summary>The code of the error. Null: the request is what its sender signed.</summary>
    public static Task<string?> FindForgeryAsync(HttpContext context)
    {
        var said = context.Request.Headers.Authorization.ToString();
        const string scheme = "AWS4-HMAC-SHA256 ";
        if (!said.StartsWith(scheme, StringComparison.Ordinal))
            return Task.FromResult<string?>("AccessDenied");
        var parts = said[scheme.Length..].Split(", ").Select(static part => part.Split('=', 2))
            .ToDictionary(static part => part[0], static part => part[1]);
        var credential = parts["Credential"].Split('/');
        if (credential is not [ObjectServer.Key, var day, ObjectServer.Region, "s3", "aws4_request"])
            return Task.FromResult<string?>("InvalidAccessKeyId");
        var headers = context.Request.Headers;
        var time = DateTimeOffset.ParseExact(
            headers["x-amz-date"].ToString(), "yyyyMMddTHHmmssZ", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal);
        if ((TimeProvider.System.GetUtcNow() - time).Duration() > TimeSpan.FromMinutes(15)
            || !headers["x-amz-date"].ToString().StartsWith(day, StringComparison.Ordinal))
            return Task.FromResult<string?>("RequestTimeTooSkewed");
        var names = parts["SignedHeaders"].Split(';');
        // Amazon wants each of its own fields signed, and the host.
        if (headers.Keys.Select(static key => key.ToLowerInvariant())
            .Any(key => (key == "host" || key.StartsWith("x-amz-", StringComparison.Ordinal))
                && !names.Contains(key)))
            return Task.FromResult<string?>("AccessDenied");
        var text = new StringBuilder();
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget.Split('?');
        text.Append(context.Request.Method).Append('\n').Append(target[0]).Append('\n')
            .Append(target.Length > 1 ? target[1] : "").Append('\n');
        foreach (var name in names)
            text.Append(name).Append(':').Append(headers[name].ToString()).Append('\n');
        text.Append('\n').Append(parts["SignedHeaders"]).Append('\n')
            .Append(headers["x-amz-content-sha256"].ToString());
        var sum = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
        var signed = $"AWS4-HMAC-SHA256\n{headers["x-amz-date"]}\n{string.Join('/', credential[1..])}\n{sum}";
        var key = Encoding.UTF8.GetBytes("AWS4" + ObjectServer.Secret);
        foreach (var part in credential[1..])
            key = Hmac(key, part);
        return Task.FromResult(
            Convert.ToHexStringLower(Hmac(key, signed)) == parts["Signature"]
                ? null : "SignatureDoesNotMatch");
    }

    static byte[] Hmac(byte[] key, string text)
    {
        using var hmac = new HMACSHA256(key);
        return hmac.ComputeHash(Encoding.UTF8.GetBytes(text));
    }
}
