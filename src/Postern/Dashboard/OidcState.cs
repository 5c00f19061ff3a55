using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Postern.Dashboard;

/// <summary>One way to the provider and back, as the browser carries it: a random seed, its end, and where
/// to lead afterwards.</summary>
/// <remarks>State, nonce and the verifier of PKCE are made of the seed with a key of this process, so that
/// the cookie holds none of them.</remarks>
sealed record OidcState
{
    /// <summary>Time to type a password there, and a second factor.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    const int SeedOctets = 16;

    /// <summary>Of a cookie: the longest return path, encoded, and what is around it.</summary>
    const int CharactersMax = 1000;

    static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

    readonly string seed;
    readonly long endsAt;

    OidcState(string seed, long endsAt, string returnPath)
    {
        this.seed = seed;
        this.endsAt = endsAt;
        ReturnPath = returnPath;
    }

    public string ReturnPath { get; }

    /// <summary>What the provider gives back with its answer.</summary>
    public string State => Derive("state", seed);

    /// <summary>What its token must hold.</summary>
    public string Nonce => Derive("nonce", seed);

    /// <summary>What shows to the provider that who asked is who fetches.</summary>
    public string Verifier => Derive("verifier", seed);

    /// <summary>Its hash, which goes ahead.</summary>
    public string Challenge => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(Verifier)));

    public static OidcState Create(string returnPath, DateTimeOffset now) => new(
        Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SeedOctets)),
        (now + Lifetime).ToUnixTimeSeconds(), returnPath);

    public string Write()
    {
        var text = string.Create(CultureInfo.InvariantCulture,
            $"{seed}.{endsAt}.{Base64Url.EncodeToString(Encoding.ASCII.GetBytes(ReturnPath))}");
        return $"{text}.{Derive("cookie", text)}";
    }

    /// <summary>Only what this process wrote, and not too long ago.</summary>
    public static bool TryRead(string? cookie, DateTimeOffset now, [NotNullWhen(true)] out OidcState? state)
    {
        state = null;
        if (cookie is not { Length: <= CharactersMax } || cookie.LastIndexOf('.') is not (> 0 and var end)
            || !Equal(cookie[(end + 1)..], Derive("cookie", cookie[..end])))
            return false;
        var parts = cookie[..end].Split('.');
        state = new OidcState(
            parts[0], long.Parse(parts[1], CultureInfo.InvariantCulture),
            Encoding.ASCII.GetString(Base64Url.DecodeFromChars(parts[2])));
        return now.ToUnixTimeSeconds() < state.endsAt;
    }

    public bool IsAnsweredBy(string given) => Equal(given, State);

    public bool HasNonce(string given) => Equal(given, Nonce);

    static bool Equal(string one, string other) => CryptographicOperations.FixedTimeEquals(
        Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));

    static string Derive(string purpose, string text) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Key, Encoding.UTF8.GetBytes($"{purpose} {text}")));
}
