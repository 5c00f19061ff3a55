using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Postern.Mta.Transports.Claims;

/// <summary>Signature Version 4 of Amazon Web Services, as S3 takes it in the Authorization field.</summary>
/// <remarks>Each part of the path is escaped once, as S3 alone has it. All header fields of the request that
/// are given are signed.</remarks>
/// <param name="Id">Shown to the store with each request.</param>
/// <param name="Secret">Never shown.</param>
sealed record AwsSignature(string Id, string Secret, string Region)
{
    const string Algorithm = "AWS4-HMAC-SHA256";
    const string Suffix = "aws4_request";

    /// <summary>Of this value, to the second; it stands in <c>x-amz-date</c>.</summary>
    public static string TimeOf(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    /// <summary>The value of the Authorization field.</summary>
    /// <param name="fields">Names in small letters; <c>host</c>, <c>x-amz-date</c> and
    /// <c>x-amz-content-sha256</c> among them.</param>
    public string Sign(string method, Uri address, SortedDictionary<string, string> fields)
    {
        var time = fields["x-amz-date"];
        var scope = $"{time[..8]}/{Region}/s3/{Suffix}";
        var names = string.Join(';', fields.Keys);
        var question = string.Join('\n',
            method, PathOf(address), QueryOf(address),
            string.Concat(fields.Select(static field => $"{field.Key}:{field.Value.Trim()}\n")),
            names, fields["x-amz-content-sha256"]);
        var text = string.Join('\n', Algorithm, time, scope, HashOf(question));
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(KeyOf(time[..8]), Octets(text)));
        return $"{Algorithm} Credential={Id}/{scope}, SignedHeaders={names}, Signature={signature}";
    }

    byte[] KeyOf(string day)
    {
        var key = HMACSHA256.HashData(Octets($"AWS4{Secret}"), Octets(day));
        key = HMACSHA256.HashData(key, Octets(Region));
        key = HMACSHA256.HashData(key, "s3"u8);
        return HMACSHA256.HashData(key, Octets(Suffix));
    }

    static string PathOf(Uri address) => string.Join('/',
        address.AbsolutePath.Split('/').Select(Escape));

    static string QueryOf(Uri address) => string.Join('&',
        address.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(static part => part.Split('=', 2))
            .Select(static part => $"{Escape(part[0])}={Escape(part.Length > 1 ? part[1] : "")}")
            .Order(StringComparer.Ordinal));

    static string Escape(string part) => Uri.EscapeDataString(Uri.UnescapeDataString(part));

    static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Octets(text)));

    static byte[] Octets(string text) => Encoding.UTF8.GetBytes(text);
}
