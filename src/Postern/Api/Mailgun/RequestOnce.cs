using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Mta.Intake;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Api.Mailgun;

/// <summary>A request with an <c>Idempotency-Key</c>: sent again within a day it is answered as the first
/// time, and nothing is sent.</summary>
/// <remarks>A request that was refused keeps nothing, and its key is free. While one is in work, another of
/// the same key is 409; afterwards, one that asks for something else is 422.</remarks>
sealed class RequestOnce : IDisposable
{
    const string Header = "Idempotency-Key";
    const int KeyCharactersMax = 255;

    readonly GivenAnswers answers;
    readonly string name;
    readonly IncrementalHash content = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    string? hash;

    RequestOnce(GivenAnswers answers, string name)
    {
        this.answers = answers;
        this.name = name;
    }

    /// <summary>Null: it has no key.</summary>
    /// <exception cref="ApiException">The key cannot be one, or is in work.</exception>
    public static RequestOnce? Claim(HttpContext context, string domain, GivenAnswers answers)
    {
        var given = context.Request.Headers[Header];
        if (given.Count == 0)
            return null;
        if (given is not [{ Length: > 0 and <= KeyCharactersMax } key]
            || key.AsSpan().ContainsAnyExceptInRange('!', '~'))
            throw new ApiException(
                400, $"{Header} is one of 1 to {KeyCharactersMax} characters of visible ASCII");
        var name = $"{SuppressionKey.DomainOf(domain)}/{key}";
        return answers.TryClaim(name) ? new RequestOnce(answers, name)
            : throw new ApiException(409, $"a request with this {Header} is in work; ask again later");
    }

    /// <summary>A piece of a file that does not stay in the form.</summary>
    public void Note(ReadOnlyMemory<byte> piece) => content.AppendData(piece.Span);

    /// <summary>The whole request has been read: what was answered the first time. Null: this is the
    /// first.</summary>
    /// <exception cref="ApiException">It asked for something else then.</exception>
    public async ValueTask<JsonObject?> FindAsync(
        HttpContext context, ApiForm form, CancellationToken cancel)
    {
        hash = await HashAsync(form, cancel);
        if (await answers.FindAsync(name, cancel) is not { } given)
            return null;
        if (given.Request != hash)
            throw new ApiException(422, $"this {Header} came with another request before");
        context.Response.StatusCode = given.Status;
        return JsonNode.Parse(given.Body)!.AsObject();
    }

    /// <summary>What keeps the answer, for the commit that makes it true.</summary>
    public IReadOnlyList<ObjectChange> Keep(JsonObject answer) =>
        answers.Keep(name, hash!, StatusCodes.Status200OK, answer.ToJsonString());

    /// <summary>Of fields and files, in whatever order names come: some SDKs send them in another one each
    /// time.</summary>
    async ValueTask<string> HashAsync(ApiForm form, CancellationToken cancel)
    {
        var parts = form.Fields.Select(field => (field.Key, Hash: HashOf("field", field.Value))).ToList();
        foreach (var file in form.Files)
        {
            var octets = Convert.ToHexString(await SHA256.HashDataAsync(file.Read(), cancel));
            parts.Add((file.Field, HashOf("file", $"{octets}{file.ContentType}\n{file.Name}")));
        }
        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (key, part) in parts.OrderBy(part => part.Key, StringComparer.Ordinal))
        {
            whole.AppendData(HashOf("name", key));
            whole.AppendData(part);
        }
        whole.AppendData(content.GetHashAndReset());
        return Convert.ToHexStringLower(whole.GetHashAndReset());
    }

    static byte[] HashOf(string kind, string text) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{kind} {text}"));

    public void Dispose()
    {
        content.Dispose();
        answers.Release(name);
    }
}
