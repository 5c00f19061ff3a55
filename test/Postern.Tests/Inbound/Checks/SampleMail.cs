using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Inbound.Checks;
using Postern.Tests.Doubles;

namespace Postern.Tests.Inbound.Checks;

/// <summary>A mail, signed as a test wants it, and the DNS that its key is in.</summary>
/// <remarks>Signs with the code under test: that this code is right is for the suites of others to
/// show.</remarks>
sealed class SampleMail : IDisposable
{
    public static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    public const string Head = "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: hi\r\n";
    public const string Body = "Hello  Bob,\r\n\r\nhow are you? \r\n\r\n\r\n";

    static readonly RSA Rsa2048 = RSA.Create(2048);

    readonly RSA? own;

    public SampleMail(int bits = 2048)
    {
        own = bits == 2048 ? null : RSA.Create(bits);
        Resolver = new FakeResolver().Text("s._domainkey.example.org", Record("v=DKIM1; k=rsa; "));
    }

    public FakeResolver Resolver { get; }

    public RSA Key => own ?? Rsa2048;

    /// <summary>A key record with this in front of its key.</summary>
    public string Record(string tags) =>
        $"{tags}p={Convert.ToBase64String(Key.ExportSubjectPublicKeyInfo())}";

    /// <summary>A DKIM-Signature field over the mail; <paramref name="tags"/> stand between <c>bh=</c> and
    /// <c>b=</c>, <c>h=</c> among them.</summary>
    public string Sign(
        string tags, string head = Head, string body = Body,
        string basic = "v=1; a=rsa-sha256; d=example.org", string? bodyHash = null)
    {
        var template = $"DKIM-Signature: {basic}; s=s; bh={{0}}; {tags}; b={{1}}\r\n";
        var draft = string.Format(
            CultureInfo.InvariantCulture, template, Convert.ToBase64String(new byte[32]), "AAAA");
        using var first = Read(draft + head, body);
        var signature = first.Signatures[0];
        bodyHash ??= first.BodyHashOf(signature.BodyForm, signature.BodyOctets) is { } found
            ? Convert.ToBase64String(found) : Convert.ToBase64String(new byte[32]);
        using var second = Read(
            string.Format(CultureInfo.InvariantCulture, template, bodyHash, "AAAA") + head, body);
        signature = second.Signatures[0];
        using var hash = new FieldHash();
        foreach (var field in second.Header.Select(signature.Names, signature.Field))
            hash.Append(second.Header, field, signature.HeaderForm);
        hash.AppendOwn(second.Header, signature, signature.HeaderForm);
        var proof = Key.SignHash(hash.Complete(), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return string.Format(
            CultureInfo.InvariantCulture, template, bodyHash, Convert.ToBase64String(proof));
    }

    public static SignedContent Read(string head, string body) =>
        Read(Encoding.UTF8.GetBytes($"{head}\r\n{body}"));

    /// <summary>With CRLF, whatever the file had.</summary>
    public static SignedContent ReadFile(string path) =>
        Read(Encoding.Latin1.GetBytes(Canonical(File.ReadAllText(path, Encoding.Latin1))));

    public static string Canonical(string text) =>
        text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal);

    public static SignedContent Read(ReadOnlySpan<byte> octets)
    {
        var content = new SignedContent();
        content.Append(octets);
        content.Complete();
        return content;
    }

    public void Dispose() => own?.Dispose();
}
