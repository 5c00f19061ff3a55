using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Public keys as they were read last: reading one costs ten times as much as a proof with
/// it.</summary>
/// <remarks>A key proves one signature at a time. When there are too many, all are forgotten.</remarks>
sealed class RsaKeys
{
    /// <summary>RFC 8301 §3.2.</summary>
    public const int BitsMin = 1024;

    /// <summary>Twice what RFC 8301 §3.2 wants read; longer ones only cost time.</summary>
    public const int BitsMax = 8192;

    /// <summary>Octets of a public exponent; 65537 has three. A long one costs as much as signing.</summary>
    const int ExponentOctetsMax = 4;

    /// <summary>Of different keys; ours. One takes some kilooctets.</summary>
    const int KeysMax = 1000;

    readonly ConcurrentDictionary<string, ConcurrentBag<RSA>> idle = new(StringComparer.Ordinal);

    /// <param name="text">The key in base64, as it is published.</param>
    public SignatureProof Prove(string text, byte[] signature, byte[] hash)
    {
        if (!(idle.TryGetValue(text, out var bag) && bag.TryTake(out var key)))
        {
            key = RSA.Create();
            if (FindFault(key, text) is { } fault)
            {
                key.Dispose();
                return fault;
            }
        }
        var fits = key.VerifyHash(hash, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        Keep(text, key);
        return fits ? new(AuthenticationResult.Pass, null)
            : new(AuthenticationResult.Fail, "the signature does not fit the header");
    }

    void Keep(string text, RSA key)
    {
        if (idle.Count >= KeysMax)
            idle.Clear();
        idle.GetOrAdd(text, static _ => []).Add(key);
    }

    static SignatureProof? FindFault(RSA key, string text)
    {
        var octets = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, octets, out var length))
            return new(AuthenticationResult.Permerror, "its key is no base64");
        if (!TryImport(key, octets.AsSpan(0, length)))
            return new(AuthenticationResult.Permerror, "its key is no rsa key");
        return key.KeySize is < BitsMin or > BitsMax
            || key.ExportParameters(includePrivateParameters: false).Exponent?.Length > ExponentOctetsMax
            ? new(AuthenticationResult.Policy, $"its key of {key.KeySize} bits is not taken") : null;
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
}
