using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;
using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Keys as domains publish them (RFC 6376 §3.6.1), asked for once in the checks of one
/// message.</summary>
sealed class SigningKeys(IResolver resolver)
{
    /// <summary>Records at one name that are tried: a name should have one (RFC 6376 §3.6.2.2).</summary>
    const int RecordsMax = 4;

    /// <summary>A name of DNS in text (RFC 1035 §2.3.4).</summary>
    const int NameOctetsMax = 253;

    readonly Dictionary<string, Task<TextLookup>> lookups = new(StringComparer.Ordinal);

    /// <summary>Proves a signature over what its header fields came to.</summary>
    public async ValueTask<SignatureProof> ProveAsync(
        SignatureField signature, byte[] hash, CancellationToken cancel)
    {
        var name = $"{signature.Selector}._domainkey.{signature.Domain}";
        if (name.Length > NameOctetsMax)
            return new(AuthenticationResult.Permerror, "the name of its key is too long");
        if (!lookups.TryGetValue(name, out var lookup))
            lookups[name] = lookup = resolver.LookupTextAsync(name, cancel).AsTask();
        var found = await lookup.ConfigureAwait(false);
        if (found.Outcome == LookupOutcome.Unknown)
            return new(AuthenticationResult.Temperror, $"DNS does not answer for {name}");
        if (found.Texts.Count == 0)
            return new(AuthenticationResult.Permerror, $"there is no key at {name}");
        SignatureProof? first = null;
        foreach (var text in found.Texts.Take(RecordsMax))
        {
            var proof = SigningKey.Prove(text, signature, hash);
            if (proof.Result == AuthenticationResult.Pass)
                return proof;
            first ??= proof;
        }
        return first!.Value;
    }
}

/// <summary>One key record.</summary>
static class SigningKey
{
    /// <summary>RFC 8301 §3.2.</summary>
    public const int RsaBitsMin = 1024;

    /// <summary>Twice what RFC 8301 §3.2 wants read; longer ones only cost time.</summary>
    public const int RsaBitsMax = 8192;

    /// <summary>Octets of a public exponent; 65537 has three. A long one costs as much as signing.</summary>
    const int ExponentOctetsMax = 4;

    const int Ed25519Octets = 32;

    public static SignatureProof Prove(string record, SignatureField signature, byte[] hash)
    {
        if (!TagList.TryParse(record, out var tags))
            return new(AuthenticationResult.Permerror, "its key record cannot be read");
        var flags = Words(tags["t"]);
        var isTesting = flags.Contains("y");
        if (FindFault(tags, flags, signature) is { } fault)
            return new(AuthenticationResult.Permerror, fault, isTesting);
        var text = TagList.Unfold(tags["p"]!);
        var key = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, key, out var length))
            return new(AuthenticationResult.Permerror, "its key is no base64", isTesting);
        var proof = signature.Algorithm == SignatureAlgorithm.Ed25519Sha256
            ? ProveEd25519(key.AsSpan(0, length), signature.Signature, hash)
            : ProveRsa(key.AsSpan(0, length), signature.Signature, hash);
        return proof with { IsTesting = isTesting };
    }

    /// <summary>RFC 6376 §3.6.1 and §6.1.2.</summary>
    static string? FindFault(TagList tags, string[] flags, SignatureField signature)
    {
        if (tags["v"] is { } version && (version != "DKIM1" || tags.First != "v"))
            return "its key record is of another version";
        if (tags["p"] is not { } text)
            return "its key record has no key";
        if (text.Length == 0)
            return "its key is revoked";
        if (tags["h"] is { } hashes && !Words(hashes).Contains("sha256"))
            return "its key is for other hashes";
        if (tags["s"] is { } services && !Words(services).Any(static word => word is "*" or "email"))
            return "its key is not for mail";
        var type = signature.Algorithm == SignatureAlgorithm.Ed25519Sha256 ? "ed25519" : "rsa";
        if ((tags["k"] ?? "rsa") != type)
            return $"its key is no {type} key";
        if (signature.Kind == SignatureKind.Dkim && flags.Contains("s")
            && signature.IdentityDomain != signature.Domain)
        {
            return "its key is not for domains below its own";
        }
        return null;
    }

    static string[] Words(string? list) =>
        list is null ? [] : TagList.Unfold(list).Split(':', StringSplitOptions.RemoveEmptyEntries);

    static SignatureProof ProveRsa(ReadOnlySpan<byte> key, byte[] signature, byte[] hash)
    {
        using var rsa = RSA.Create();
        if (!TryImport(rsa, key))
            return new(AuthenticationResult.Permerror, "its key is no rsa key");
        if (rsa.KeySize is < RsaBitsMin or > RsaBitsMax
            || rsa.ExportParameters(includePrivateParameters: false).Exponent?.Length > ExponentOctetsMax)
        {
            return new(AuthenticationResult.Policy, $"its key of {rsa.KeySize} bits is not taken");
        }
        return rsa.VerifyHash(hash, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            ? new(AuthenticationResult.Pass, null)
            : new(AuthenticationResult.Fail, "the signature does not fit the header");
    }

    /// <summary>With or without the wrapping of X.509: both are published.</summary>
    static bool TryImport(RSA rsa, ReadOnlySpan<byte> key)
    {
        try
        {
            rsa.ImportSubjectPublicKeyInfo(key, out var read);
            return read == key.Length;
        }
        catch (CryptographicException)
        {
            // Not this form. The base class library has no way to ask.
        }
        try
        {
            rsa.ImportRSAPublicKey(key, out var read);
            return read == key.Length;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    // RFC 8463 §3: the hash is what is signed.
    static SignatureProof ProveEd25519(ReadOnlySpan<byte> key, byte[] signature, byte[] hash)
    {
        if (key.Length != Ed25519Octets)
            return new(AuthenticationResult.Permerror, "its key is no ed25519 key");
        return signature.Length == Ed25519.SignatureSize
            && Ed25519.Verify(signature, 0, key.ToArray(), 0, hash, 0, hash.Length)
            ? new(AuthenticationResult.Pass, null)
            : new(AuthenticationResult.Fail, "the signature does not fit the header");
    }
}

/// <summary>How the proof of one signature ended.</summary>
/// <param name="Why">Null for a pass.</param>
readonly record struct SignatureProof(AuthenticationResult Result, string? Why, bool IsTesting = false);
