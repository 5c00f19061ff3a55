using Org.BouncyCastle.Math.EC.Rfc8032;
using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Keys as domains publish them (RFC 6376 §3.6.1), asked for once in the checks of one
/// message.</summary>
sealed class SigningKeys(IResolver resolver, RsaKeys known)
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
            var proof = SigningKey.Prove(text, signature, hash, known);
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
    const int Ed25519Octets = 32;

    public static SignatureProof Prove(
        string record, SignatureField signature, byte[] hash, RsaKeys known)
    {
        if (!TagList.TryParse(record, out var tags))
            return new(AuthenticationResult.Permerror, "its key record cannot be read");
        var flags = Words(tags["t"]);
        var isTesting = flags.Contains("y");
        if (FindFault(tags, flags, signature) is { } fault)
            return new(AuthenticationResult.Permerror, fault, isTesting);
        var text = TagList.Unfold(tags["p"]!);
        var proof = signature.Algorithm == SignatureAlgorithm.Ed25519Sha256
            ? ProveEd25519(text, signature.Signature, hash)
            : known.Prove(text, signature.Signature, hash);
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

    // RFC 8463 §3: the hash is what is signed.
    static SignatureProof ProveEd25519(string text, byte[] signature, byte[] hash)
    {
        var key = new byte[Ed25519Octets];
        if (!Convert.TryFromBase64String(text, key, out var length) || length != Ed25519Octets)
            return new(AuthenticationResult.Permerror, "its key is no ed25519 key");
        return signature.Length == Ed25519.SignatureSize
            && Ed25519.Verify(signature, 0, key, 0, hash, 0, hash.Length)
            ? new(AuthenticationResult.Pass, null)
            : new(AuthenticationResult.Fail, "the signature does not fit the header");
    }
}

/// <summary>How the proof of one signature ended.</summary>
/// <param name="Why">Null for a pass.</param>
readonly record struct SignatureProof(AuthenticationResult Result, string? Why, bool IsTesting = false);
