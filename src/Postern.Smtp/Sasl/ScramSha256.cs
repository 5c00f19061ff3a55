using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Postern.Smtp.Server;

namespace Postern.Smtp.Sasl;

/// <summary>SCRAM-SHA-256 (RFC 5802, RFC 7677): the arithmetic both sides share.</summary>
public static class ScramSha256
{
    public const string Name = "SCRAM-SHA-256";

    /// <summary>RFC 7677 §4: a server asks for at least so many.</summary>
    public const int IterationsMin = 4096;

    /// <summary>A client computes no more than this for a server; at about a second it is no honest
    /// count.</summary>
    public const int IterationsMax = 1_000_000;

    /// <summary>A fresh nonce of 18 random octets in base64. The one place where chance must be
    /// cryptographic.</summary>
    public static string CreateNonce() => StrictBase64.Encode(RandomNumberGenerator.GetBytes(18));

    /// <summary>What a server keeps of a password (RFC 5802 §3): enough to check it, not to use it
    /// elsewhere.</summary>
    /// <remarks>The password is prepared with <see cref="SaslPrep"/>; one that cannot be is taken as it is
    /// and fits nothing.</remarks>
    public static Credential CreateCredential(string password, byte[] salt, int iterations)
    {
        var salted = SaltedPassword(SaslPrep.Prepare(password) ?? password, salt, iterations);
        return new Credential(
            salt, iterations, SHA256.HashData(ClientKey(salted)), HMACSHA256
                .HashData(salted, "Server Key"u8));
    }

    /// <summary>Whether the password of PLAIN or LOGIN is the one. Takes the same time for every wrong
    /// one.</summary>
    public static bool Verify(Credential credential, string password)
    {
        var prepared = SaslPrep.Prepare(password);
        var salted = SaltedPassword(prepared ?? password, credential.Salt.Span, credential.Iterations);
        var fits = CryptographicOperations.FixedTimeEquals(
            SHA256.HashData(ClientKey(salted)), credential.StoredKey.Span);
        return fits && prepared is not null;
    }

    internal static byte[] SaltedPassword(string prepared, ReadOnlySpan<byte> salt, int iterations) =>
        Rfc2898DeriveBytes
            .Pbkdf2(prepared, salt, iterations, HashAlgorithmName.SHA256, SHA256.HashSizeInBytes);

    internal static byte[] ClientKey(byte[] saltedPassword) =>
        HMACSHA256.HashData(saltedPassword, "Client Key"u8);

    internal static byte[] Xor(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var result = new byte[left.Length];
        for (var i = 0; i < result.Length; i++)
            result[i] = (byte)(left[i] ^ right[i]);
        return result;
    }

    /// <summary>The value of attribute <paramref name="name"/> when <paramref name="part"/> is
    /// <c>name=value</c>.</summary>
    internal static bool TryAttribute(string part, char name, [NotNullWhen(true)] out string? value)
    {
        value = part.Length > 2 && part[0] == name && part[1] == '=' ? part[2..] : null;
        return value is not null;
    }

    /// <summary>RFC 5802 §5.1: a nonce is printable ASCII without a comma.</summary>
    internal static bool IsNonce(string nonce) =>
        nonce.Length is > 0 and <= 256 && !nonce.AsSpan().ContainsAnyExceptInRange('!', '~')
            && !nonce.Contains(',');

    /// <summary>Text of a SCRAM message; false when it is no UTF-8 or longer than any honest one.</summary>
    internal static bool TryGetText(ReadOnlySpan<byte> octets, out string text)
    {
        var valid = octets.Length <= 4096 && System.Text.Unicode.Utf8.IsValid(octets);
        text = valid ? Encoding.UTF8.GetString(octets) : "";
        return valid;
    }

    /// <summary>RFC 5802 §5.1: a comma and an equals sign in a name are written <c>=2C</c> and
    /// <c>=3D</c>.</summary>
    internal static string EncodeName(string name) =>
        name.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal);

    internal static bool TryDecodeName(string encoded, out string name)
    {
        name = encoded.Replace("=2C", ",", StringComparison.Ordinal)
            .Replace("=3D", "=", StringComparison.Ordinal);
        var escapes = encoded.AsSpan().Count('=');
        return escapes == encoded.AsSpan().Count("=2C") + encoded.AsSpan().Count("=3D");
    }
}

/// <summary>The server's half of one exchange. Each message is given once, in order.</summary>
public sealed class ScramServerExchange(string nonce)
{
    string gs2Header = "", clientFirstBare = "", serverFirst = "", jointNonce = "";
    Credential? credential;

    /// <summary>The name the client gave. Empty before <see cref="TryReadClientFirst"/>.</summary>
    public string UserName { get; private set; } = "";

    /// <summary>The identity the client wants to act as. Empty when it named none.</summary>
    public string AuthorizationId { get; private set; } = "";

    /// <summary>Reads <c>n,[a=authzid],n=name,r=nonce</c>. Channel binding is not offered, so <c>p=</c> is
    /// refused.</summary>
    public bool TryReadClientFirst(ReadOnlySpan<byte> message)
    {
        if (!ScramSha256.TryGetText(message, out var text))
            return false;
        var parts = text.Split(',');
        // RFC 5802 §7: gs2-cbind-flag "," [authzid] "," name "," nonce; m= (mandatory extension) is none we
        // know.
        if (parts.Length < 4 || parts[0] is not ("n" or "y"))
            return false;
        var authorization = "";
        if (parts[1].Length > 0 && (!ScramSha256.TryAttribute(parts[1], 'a', out var given)
            || !ScramSha256.TryDecodeName(given, out authorization)))
        {
            return false;
        }
        if (!ScramSha256.TryAttribute(parts[2], 'n', out var encoded)
            || !ScramSha256.TryDecodeName(encoded, out var name)
            || !ScramSha256.TryAttribute(parts[3], 'r', out var clientNonce)
            || !ScramSha256.IsNonce(clientNonce))
        {
            return false;
        }
        gs2Header = $"{parts[0]},{parts[1]},";
        clientFirstBare = text[gs2Header.Length..];
        jointNonce = clientNonce + nonce;
        UserName = name;
        AuthorizationId = authorization;
        return true;
    }

    /// <summary>The server's first message: nonce, salt and count.</summary>
    public byte[] WriteServerFirst(Credential verifier)
    {
        credential = verifier;
        serverFirst = string.Create(CultureInfo.InvariantCulture,
            $"r={jointNonce},s={StrictBase64.Encode(verifier.Salt.Span)},i={verifier.Iterations}");
        return Encoding.UTF8.GetBytes(serverFirst);
    }

    /// <summary>Checks the client's proof; <paramref name="serverFinal"/> then proves us to the
    /// client.</summary>
    public ScramVerdict Verify(ReadOnlySpan<byte> clientFinal, out byte[] serverFinal)
    {
        serverFinal = [];
        if (credential is null || !ScramSha256.TryGetText(clientFinal, out var text))
            return ScramVerdict.Malformed;
        var proofAt = text.LastIndexOf(",p=", StringComparison.Ordinal);
        if (proofAt < 0
            || !StrictBase64.TryDecode(Encoding.UTF8.GetBytes(text[(proofAt + 3)..]), out var proof)
            || proof.Length != SHA256.HashSizeInBytes)
        {
            return ScramVerdict.Malformed;
        }
        var parts = text[..proofAt].Split(',');
        if (parts.Length < 2 || !ScramSha256.TryAttribute(parts[0], 'c', out var binding)
            || !ScramSha256.TryAttribute(parts[1], 'r', out var given))
        {
            return ScramVerdict.Malformed;
        }
        if (binding != StrictBase64.Encode(gs2Header) || given != jointNonce)
            return ScramVerdict.Refused;

        // RFC 5802 §3: ClientKey = ClientProof XOR ClientSignature; its hash must be StoredKey.
        var authMessage = Encoding.UTF8.GetBytes($"{clientFirstBare},{serverFirst},{text[..proofAt]}");
        var clientKey = ScramSha256.Xor(proof, HMACSHA256.HashData(credential.StoredKey.Span, authMessage));
        if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(clientKey), credential.StoredKey.Span))
            return ScramVerdict.Refused;
        var signature = HMACSHA256.HashData(credential.ServerKey.Span, authMessage);
        serverFinal = Encoding.UTF8.GetBytes($"v={StrictBase64.Encode(signature)}");
        return ScramVerdict.Proved;
    }
}

/// <summary>What <see cref="ScramServerExchange.Verify"/> found.</summary>
public enum ScramVerdict
{
    Malformed,
    Refused,
    Proved,
}

/// <summary>The client's half of one exchange.</summary>
public sealed class ScramClientExchange
{
    const string Gs2Header = "n,,";
    readonly string password, nonce, clientFirstBare;
    byte[] serverSignature = [];

    /// <param name="nonce">From <see cref="ScramSha256.CreateNonce"/>; tests give a known one.</param>
    public ScramClientExchange(string userName, string password, string nonce)
    {
        this.password = SaslPrep.Prepare(password) ?? password;
        this.nonce = nonce;
        clientFirstBare = $"n={ScramSha256.EncodeName(SaslPrep.Prepare(userName) ?? userName)},r={nonce}";
        ClientFirst = Encoding.UTF8.GetBytes(Gs2Header + clientFirstBare);
    }

    /// <summary>The first message, before base64.</summary>
    public byte[] ClientFirst { get; }

    /// <summary>Reads nonce, salt and count; false when the server's message breaks the rules of RFC 5802
    /// §5.1.</summary>
    public bool TryReadServerFirst(ReadOnlySpan<byte> message, [NotNullWhen(true)] out byte[]? clientFinal)
    {
        clientFinal = null;
        if (!ScramSha256.TryGetText(message, out var serverFirst))
            return false;
        var parts = serverFirst.Split(',');
        if (parts.Length < 3 || !ScramSha256.TryAttribute(parts[0], 'r', out var joint)
            || !ScramSha256.TryAttribute(parts[1], 's', out var saltText)
            || !ScramSha256.TryAttribute(parts[2], 'i', out var countText)
            || !StrictBase64.TryDecode(Encoding.UTF8.GetBytes(saltText), out var salt)
            || !int.TryParse(countText, NumberStyles.None, CultureInfo.InvariantCulture, out var iterations))
        {
            return false;
        }
        // The server must have added to our nonce: one it merely repeats could be replayed.
        if (!ScramSha256.IsNonce(joint) || joint.Length <= nonce.Length
            || !joint.StartsWith(nonce, StringComparison.Ordinal)
            || iterations is < 1 or > ScramSha256.IterationsMax)
        {
            return false;
        }
        var salted = ScramSha256.SaltedPassword(password, salt, iterations);
        var withoutProof = $"c={StrictBase64.Encode(Gs2Header)},r={joint}";
        var authMessage = Encoding.UTF8.GetBytes($"{clientFirstBare},{serverFirst},{withoutProof}");
        var clientKey = ScramSha256.ClientKey(salted);
        var proof = ScramSha256.Xor(clientKey, HMACSHA256.HashData(SHA256.HashData(clientKey), authMessage));
        serverSignature = HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), authMessage);
        clientFinal = Encoding.UTF8.GetBytes($"{withoutProof},p={StrictBase64.Encode(proof)}");
        return true;
    }

    /// <summary>Whether the server proved that it knows the credential. Without it the login does not
    /// count.</summary>
    public bool IsServerProved(ReadOnlySpan<byte> serverFinal) =>
        serverSignature.Length > 0
        && serverFinal.StartsWith("v="u8)
        && StrictBase64.TryDecode(serverFinal[2..], out var given)
        && CryptographicOperations.FixedTimeEquals(given, serverSignature);
}
