using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Postern.Mta.Transports.Claims;

/// <summary><c>gs://bucket/prefix</c> or <c>s3://bucket/prefix</c>: where objects lie, whoever keeps
/// them.</summary>
/// <param name="Prefix">Empty, or with a slash at its end.</param>
public sealed record BucketAddress(string Scheme, string Bucket, string Prefix)
{
    const string Google = "gs";
    const string Amazon = "s3";

    /// <summary>Of the two, Google's is the longer one, with full stops in it.</summary>
    const int BucketCharactersMin = 3, BucketCharactersMax = 222;

    /// <summary>Ours; a key has 1,024 octets at both.</summary>
    const int PrefixCharactersMax = 500;

    static readonly SearchValues<char> BucketCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-_");

    /// <summary>Those that stand for themselves in every URL, so that nothing is ever escaped.</summary>
    static readonly SearchValues<char> PrefixCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_/");

    /// <summary>Google Cloud Storage; else a store that speaks Amazon's S3.</summary>
    public bool IsGoogle => Scheme == Google;

    internal string KeyOf(Queue.QueueId id) => $"{Prefix}{ClaimDirectory.NameOf(id)}";

    public string AddressOf(string key) => $"{Scheme}://{Bucket}/{key}";

    /// <summary>What is wrong with the environment of a transport that puts mail into a bucket (exit 78 at
    /// start). Null: nothing.</summary>
    public static string? FindProblem(TransportOptions options) =>
        options.ClaimBucket is { } text && TryParse(text, out var address, out _) && address.IsGoogle
            ? GcsClaims.FindProblem()
            : null;

    /// <param name="mend">What is wrong. Null: nothing.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out BucketAddress? address, [NotNullWhen(false)] out string? mend)
    {
        address = null;
        mend = $"\"{text}\" is no bucket; write \"gs://bucket/prefix\" or \"s3://bucket/prefix\"";
        if (text.Split("://") is not [Google or Amazon, var rest])
            return false;
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var bucket = slash < 0 ? rest : rest[..slash];
        var prefix = slash < 0 ? "" : rest[(slash + 1)..].TrimEnd('/');
        if (bucket.Length is < BucketCharactersMin or > BucketCharactersMax
            || bucket.AsSpan().ContainsAnyExcept(BucketCharacters) || !char.IsAsciiLetterOrDigit(bucket[0]))
            return false;
        mend = $"\"{prefix}\" is no prefix: letters, digits, - _ . and /, no part of it empty or dots alone";
        if (prefix.Length > PrefixCharactersMax || prefix.AsSpan().ContainsAnyExcept(PrefixCharacters)
            || (prefix.Length > 0 && prefix.Split('/').Any(static part => part.Trim('.').Length == 0)))
            return false;
        mend = null;
        address = new BucketAddress(text[..2], bucket, prefix.Length == 0 ? "" : prefix + "/");
        return true;
    }
}
