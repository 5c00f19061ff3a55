using System.Diagnostics;
using System.Text;
using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Validates the chain of those who handled a message (RFC 8617 §5.2).</summary>
/// <remarks>
/// Deviation: RFC 8617 §5.2.1 calls a chain broken when DNS does not answer. Here nobody knows now, which is
/// for who decides about trying again; who seals the message treats it as broken.
/// </remarks>
sealed class ArcCheck(IResolver resolver, TimeProvider clock)
{
    /// <summary>Shared by checks that meet the same keys.</summary>
    public RsaKeys Keys { get; init; } = new();

    public async ValueTask<ArcVerdict> CheckAsync(SignedContent content, CancellationToken cancel)
    {
        var chain = content.Chain;
        string[] sealers = [.. chain.Sets.Select(static set => set.Seal.Domain)];
        if (chain.IsEmpty)
            return new ArcVerdict(AuthenticationResult.None, [], null);
        if (content.IsHeaderTooLarge || content.Header.IsTorn)
            return new ArcVerdict(AuthenticationResult.Fail, sealers, "the header section cannot be read");
        if (chain.Fault is { } fault)
            return new ArcVerdict(AuthenticationResult.Fail, sealers, fault);

        var keys = new SigningKeys(resolver, Keys);
        var last = chain.Sets[^1];
        var message = await ProveMessageAsync(content, last, keys, cancel).ConfigureAwait(false);
        if (message.Result != AuthenticationResult.Pass)
            return Broken(message, $"message signature {last.Instance}", sealers);
        for (var number = chain.Sets.Count; number > 0; number--)
        {
            var proof = await ProveSealAsync(content, number, keys, cancel).ConfigureAwait(false);
            if (proof.Result != AuthenticationResult.Pass)
                return Broken(proof, $"seal {number}", sealers);
        }
        return new ArcVerdict(AuthenticationResult.Pass, sealers, null)
        {
            OldestPass = await FindOldestPassAsync(content, keys, cancel).ConfigureAwait(false),
        };
    }

    static ArcVerdict Broken(SignatureProof proof, string place, string[] sealers) => new(
        proof.Result == AuthenticationResult.Temperror ? proof.Result : AuthenticationResult.Fail, sealers,
        $"{place}: {proof.Why}");

    async ValueTask<SignatureProof> ProveMessageAsync(
        SignedContent content, ArcSet set, SigningKeys keys, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        foreach (var signature in set.MessageForms)
        {
            var proof = await SignatureProofs.ProveAsync(content, signature, keys, now, cancel)
                .ConfigureAwait(false);
            if (proof.Result != AuthenticationResult.Fail || signature == set.MessageForms[^1])
                return proof;
        }
        throw new UnreachableException();
    }

    static ValueTask<SignatureProof> ProveSealAsync(
        SignedContent content, int number, SigningKeys keys, CancellationToken cancel)
    {
        var seal = content.Chain.Sets[number - 1].Seal;
        if (seal.Fault is { } fault)
            return new(new SignatureProof(fault.Result, fault.Why));
        using var hash = new FieldHash();
        ArcSeal.AppendSets(hash, content.Header, content.Chain.Sets.Take(number - 1));
        hash.Append(content.Header, content.Chain.Sets[number - 1].Results, SignedForm.Relaxed);
        hash.Append(content.Header, content.Chain.Sets[number - 1].Message.Field, SignedForm.Relaxed);
        hash.AppendOwn(content.Header, seal, SignedForm.Relaxed);
        return keys.ProveAsync(seal, hash.Complete(), cancel);
    }

    /// <summary>RFC 8617 §5.2, step 5.</summary>
    async ValueTask<int> FindOldestPassAsync(
        SignedContent content, SigningKeys keys, CancellationToken cancel)
    {
        for (var number = content.Chain.Sets.Count - 1; number > 0; number--)
        {
            var proof = await ProveMessageAsync(content, content.Chain.Sets[number - 1], keys, cancel)
                .ConfigureAwait(false);
            if (proof.Result != AuthenticationResult.Pass)
                return number + 1;
        }
        return 0;
    }
}

/// <summary>What one handler added (RFC 8617 §4.2).</summary>
/// <param name="Instance">From 1.</param>
/// <param name="Results">Number of the ARC-Authentication-Results field in the header.</param>
/// <param name="Message">The message signature.</param>
/// <param name="Seal">The seal.</param>
sealed record ArcSet(int Instance, int Results, SignatureField Message, SignatureField Seal)
{
    /// <summary>The message signature in the forms in which it may hold.</summary>
    /// <remarks>Deviation: without <c>c=</c> both forms are simple (RFC 6376 §3.5), but sealers older
    /// than the RFC of ARC meant relaxed, and validators are tested with such.</remarks>
    public IReadOnlyList<SignatureField> MessageForms { get; } = Message.IsFormGiven ? [Message]
        : [Message, Message with { HeaderForm = SignedForm.Relaxed, BodyForm = SignedForm.Relaxed }];
}

/// <summary>The sets of a message in order, and what is wrong with them as a whole (RFC 8617 §5.2, steps
/// 1 to 3).</summary>
/// <param name="Sets">From instance 1, each whole. As many as there are before one is missing.</param>
/// <param name="Fault">Null: they may be a chain.</param>
sealed record ArcChain(IReadOnlyList<ArcSet> Sets, string? Fault)
{
    /// <summary>RFC 8617 §4.2.1.</summary>
    public const int SetsMax = 50;

    public static readonly ArcChain None = new([], null);

    public bool IsEmpty => Sets.Count == 0 && Fault is null;

    /// <summary>Who sealed it last found it broken: it is not sealed again (RFC 8617 §5.1.3).</summary>
    public bool IsGivenUp { get; private init; }

    /// <summary>The highest instance that anything in the header names.</summary>
    public int Highest { get; private init; }

    public static ArcChain Read(HeaderBlock header)
    {
        var results = header.Named("ARC-Authentication-Results");
        var messages = header.Named("ARC-Message-Signature");
        var seals = header.Named("ARC-Seal");
        if (results.Count + messages.Count + seals.Count == 0)
            return None;
        if (results.Count > SetsMax || messages.Count > SetsMax || seals.Count > SetsMax)
            return new ArcChain([], $"there are more than {SetsMax} sets") { IsGivenUp = true };
        var faults = new List<string>();
        var resultsAt = Place(results, field => InstanceOf(header.ValueOf(field)), "results", faults);
        var messageAt = Place(
            messages.Select(field => SignatureField.Read(header, field, SignatureKind.ArcMessage)),
            static signature => signature.Instance, "message signature", faults);
        var sealAt = Place(
            seals.Select(field => SignatureField.Read(header, field, SignatureKind.ArcSeal)),
            static seal => seal.Instance, "seal", faults);
        var highest = resultsAt.Keys.Concat(messageAt.Keys).Concat(sealAt.Keys).DefaultIfEmpty().Max();
        var sets = new List<ArcSet>();
        while (resultsAt.TryGetValue(sets.Count + 1, out var result)
            && messageAt.TryGetValue(sets.Count + 1, out var message)
            && sealAt.TryGetValue(sets.Count + 1, out var seal))
        {
            sets.Add(new ArcSet(sets.Count + 1, result, message, seal));
        }
        if (sets.Count != highest)
            faults.Add($"set {sets.Count + 1} is not whole");
        return new ArcChain(sets, faults.FirstOrDefault() ?? FindWrongState(sets))
        {
            IsGivenUp = sealAt.TryGetValue(highest, out var top) && top.ChainState == "fail",
            Highest = highest,
        };
    }

    static Dictionary<int, T> Place<T>(
        IEnumerable<T> found, Func<T, int> instanceOf, string what, List<string> faults)
    {
        var places = new Dictionary<int, T>();
        foreach (var one in found)
        {
            var instance = instanceOf(one);
            if (instance == 0)
                faults.Add($"a {what} has no instance");
            else if (!places.TryAdd(instance, one))
                faults.Add($"{what} {instance} is there twice");
        }
        return places;
    }

    /// <summary>The first set begins, each later one found the ones before it whole.</summary>
    static string? FindWrongState(List<ArcSet> sets)
    {
        foreach (var set in sets)
        {
            if (set.Seal.ChainState == "fail")
                return $"seal {set.Instance} says that the chain is broken";
            if (set.Seal.ChainState != (set.Instance == 1 ? "none" : "pass"))
                return $"seal {set.Instance} has the wrong cv=";
        }
        return null;
    }

    /// <summary>RFC 8617 §4.1.1: <c>i=1;</c> before anything else.</summary>
    static int InstanceOf(ReadOnlySpan<byte> value)
    {
        var end = value.IndexOf((byte)';');
        if (end < 0 || end > 100)
            return 0;
        var text = Encoding.Latin1.GetString(value[..end]);
        return TagList.TryParse(text, out var tags) ? SignatureField.InstanceOf(tags["i"]) : 0;
    }
}
