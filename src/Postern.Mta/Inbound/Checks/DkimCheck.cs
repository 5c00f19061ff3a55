using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Proves the DKIM signatures of a message (RFC 6376, RFC 8301, RFC 8463).</summary>
/// <remarks>A signature that does not hold says no more than one that is not there (RFC 6376 §6.3): nothing
/// is decided here.</remarks>
sealed class DkimCheck(IResolver resolver, TimeProvider clock)
{
    /// <summary>Shared by checks that meet the same keys.</summary>
    public RsaKeys Keys { get; init; } = new();

    /// <summary>Clocks differ: a signature may come from so far ahead.</summary>
    public static readonly TimeSpan AheadMax = TimeSpan.FromHours(1);

    /// <summary>For the keys of all signatures: as long as SPF has (RFC 7208 §4.6.4).</summary>
    public static readonly TimeSpan ElapsedMax = TimeSpan.FromSeconds(20);

    /// <returns>One for each signature, from the top. Empty: there is none.</returns>
    public async ValueTask<IReadOnlyList<DkimVerdict>> CheckAsync(
        SignedContent content, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(ElapsedMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var (keys, inTime) = (new SigningKeys(resolver, Keys), either.Token);
        // DNS is asked for all at once: a slow domain holds up the others no longer than itself.
        var checks = content.Signatures.Select(signature =>
            CheckAsync(content, signature, keys, inTime, cancel).AsTask());
        return await Task.WhenAll(checks).ConfigureAwait(false);
    }

    async ValueTask<DkimVerdict> CheckAsync(
        SignedContent content, SignatureField signature, SigningKeys keys, CancellationToken inTime,
        CancellationToken cancel)
    {
        var proof = await ProveAsync(content, signature, keys, inTime, cancel).ConfigureAwait(false);
        var why = proof.Result == AuthenticationResult.Pass && signature.BodyOctets is { } octets
            ? $"only the first {octets} of {content.BodyOctetsOf(signature.BodyForm)} octets are signed"
            : proof.Why;
        return new DkimVerdict(
            proof.Result, signature.Domain, signature.Selector, signature.AlgorithmName, why)
        {
            Identity = signature.ShownIdentity,
            SignatureStart = signature.SignatureStart,
            IsTesting = proof.IsTesting,
        };
    }

    /// <summary>A key that is not there in time takes no other signature with it.</summary>
    async ValueTask<SignatureProof> ProveAsync(
        SignedContent content, SignatureField signature, SigningKeys keys, CancellationToken inTime,
        CancellationToken cancel)
    {
        try
        {
            return await SignatureProofs.ProveAsync(content, signature, keys, clock.GetUtcNow(), inTime)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new(AuthenticationResult.Temperror, "DNS is too slow");
        }
    }
}

/// <summary>The steps that DKIM and ARC share (RFC 6376 §6.1).</summary>
static class SignatureProofs
{
    public static ValueTask<SignatureProof> ProveAsync(
        SignedContent content, SignatureField signature, SigningKeys keys, DateTimeOffset now,
        CancellationToken cancel)
    {
        if (FindFault(content, signature, now) is { } fault)
            return new(fault);
        using var hash = new FieldHash();
        foreach (var field in content.Header.Select(signature.Names, signature.Field))
            hash.Append(content.Header, field, signature.HeaderForm);
        hash.AppendOwn(content.Header, signature, signature.HeaderForm);
        return keys.ProveAsync(signature, hash.Complete(), cancel);
    }

    /// <summary>What can be said without a key.</summary>
    static SignatureProof? FindFault(SignedContent content, SignatureField signature, DateTimeOffset now)
    {
        if (content.IsHeaderTooLarge)
            return new(AuthenticationResult.Permerror, "the header section is too long");
        if (content.Header.IsTorn)
            return new(AuthenticationResult.Permerror, "a line of the header section is no field");
        if (signature.Fault is { } fault)
            return new(fault.Result, fault.Why);
        var seconds = now.ToUnixTimeSeconds();
        if (signature.ExpiresAt < seconds)
            return new(AuthenticationResult.Fail, "it has expired");
        if (signature.SignedAt > seconds + (long)DkimCheck.AheadMax.TotalSeconds)
            return new(AuthenticationResult.Fail, "it comes from the future");
        if (content.BodyHashOf(signature.BodyForm, signature.BodyOctets) is not { } body)
            return new(AuthenticationResult.Fail, "the body is shorter than l=");
        if (!body.AsSpan().SequenceEqual(signature.BodyHash))
            return new(AuthenticationResult.Fail, "the body has changed");
        return null;
    }
}
