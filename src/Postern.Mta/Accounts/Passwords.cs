using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Postern.Smtp;

namespace Postern.Mta.Accounts;

/// <summary>Makes and checks the verifiers of passwords of users.</summary>
/// <remarks>
/// Law: a check is slow on purpose, so each has a thread of its own, two at most: a flood of logins leaves
/// the other processors to the mail. Beyond those that wait, the answer is <see cref="PasswordFit.Busy"/>.
/// Any thread.
/// </remarks>
public sealed class Passwords : IDisposable
{
    /// <summary>Rounds of PBKDF2-HMAC-SHA256 of a new verifier: what OWASP asks for.</summary>
    public const int Rounds = 600_000;

    /// <summary>Characters of a password; the least is that of NIST SP 800-63B.</summary>
    public const int CharactersMin = 8;

    /// <summary>Octets of it cost time before anybody is known.</summary>
    public const int CharactersMax = 256;

    public const int ThreadsMax = 2;

    /// <summary>Those that wait for a thread: some seconds' worth.</summary>
    public const int WaitingMax = 16;

    const int SaltOctets = 16;

    readonly SemaphoreSlim threads = new(ThreadsMax, ThreadsMax);
    readonly byte[] decoySalt = RandomNumberGenerator.GetBytes(SaltOctets);
    int inside;

    /// <summary>Rounds of a new verifier; tests take fewer.</summary>
    public int NewRounds { get; init; } = Rounds;

    /// <summary>The octets that are hashed: one form of what may be typed in several ways.</summary>
    /// <param name="mend">What is wrong with it; null when it is good.</param>
    /// <remarks>NFKC as NIST SP 800-63B advises: full-width letters and taken-apart hangul are the same
    /// password. Other spaces count as a space, as in OpaqueString.</remarks>
    public static bool TryPrepare(string text, out byte[] octets, out string? mend)
    {
        octets = [];
        mend = text.Length > 2 * CharactersMax ? TooLong
            : text.Any(char.IsControl) || !IsWellFormed(text) ? "a password has no control characters" : null;
        if (mend is not null)
            return false;
        var spaced = string.Concat(text.Select(c =>
            char.GetUnicodeCategory(c) == UnicodeCategory.SpaceSeparator ? ' ' : c));
        var one = UnicodeText.Normalize(spaced, NormalizationForm.FormKC);
        var characters = one.EnumerateRunes().Count();
        mend = characters < CharactersMin ? $"a password has {CharactersMin} characters at least"
            : characters > CharactersMax ? TooLong : null;
        if (mend is null)
            octets = Encoding.UTF8.GetBytes(one);
        return mend is null;
    }

    static readonly string TooLong = $"a password has {CharactersMax} characters at most";

    /// <summary>No half of a pair of surrogates: such a text has no normal form.</summary>
    static bool IsWellFormed(string text)
    {
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var taken) != System.Buffers.OperationStatus.Done)
                return false;
            rest = rest[taken..];
        }
        return true;
    }

    /// <summary>A verifier with a new salt. Null: too many wait already.</summary>
    /// <param name="octets">Of <see cref="TryPrepare"/>.</param>
    public async ValueTask<PasswordVerifier?> CreateAsync(byte[] octets)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltOctets);
        return await HashAsync(octets, salt, NewRounds).ConfigureAwait(false) is { } hash
            ? new PasswordVerifier(salt, NewRounds, hash) : null;
    }

    /// <param name="verifier">Null: there is no such user, or he has no password; that is found out after
    /// the same time.</param>
    /// <param name="octets">Of <see cref="TryPrepare"/>.</param>
    public async ValueTask<PasswordFit> CheckAsync(PasswordVerifier? verifier, byte[] octets)
    {
        var hash = await HashAsync(
            octets, verifier?.Salt ?? decoySalt, verifier?.Rounds ?? NewRounds).ConfigureAwait(false);
        if (hash is null)
            return PasswordFit.Busy;
        return verifier is not null && CryptographicOperations.FixedTimeEquals(hash, verifier.Hash.Span)
            ? PasswordFit.Fits : PasswordFit.Wrong;
    }

    /// <summary>Nobody cancels it: a thread that hashes is counted until it ends.</summary>
    async ValueTask<byte[]?> HashAsync(byte[] octets, ReadOnlyMemory<byte> salt, int rounds)
    {
        try
        {
            if (Interlocked.Increment(ref inside) > ThreadsMax + WaitingMax)
                return null;
            await threads.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            try
            {
                return await Task.Factory.StartNew(
                    () => Rfc2898DeriveBytes.Pbkdf2(
                        octets, salt.Span, rounds, HashAlgorithmName.SHA256, SHA256.HashSizeInBytes),
                    CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                    .ConfigureAwait(false);
            }
            finally
            {
                threads.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref inside);
        }
    }

    public void Dispose() => threads.Dispose();
}

/// <summary>What checks a password; it cannot be turned back into one.</summary>
public sealed record PasswordVerifier(ReadOnlyMemory<byte> Salt, int Rounds, ReadOnlyMemory<byte> Hash);

public enum PasswordFit { Fits, Wrong, Busy }
