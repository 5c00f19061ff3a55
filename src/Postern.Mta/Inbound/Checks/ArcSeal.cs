using System.Security.Cryptography;
using System.Text;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Adds a set to the chain of a message that is sent on (RFC 8617 §5.1).</summary>
static class ArcSeal
{
    /// <summary>Where the signature will stand: no name and no value holds it.</summary>
    const string Place = "\0";

    /// <summary>What a seal signs where it is there: what a reader sees, and what MIME needs. No field that
    /// those on the way write or cut.</summary>
    static readonly string[] SignedNames =
    [
        "DKIM-Signature", "From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To",
        "References", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "List-Id", "List-Post",
        "List-Unsubscribe", "List-Unsubscribe-Post",
    ];

    /// <summary>The fields to put in front of the content as it is sent on.</summary>
    /// <param name="content">As it is sent on, read with <see cref="SignedContent.IsToBeSealed"/>.</param>
    /// <param name="verdict">Of the chain as it arrived.</param>
    /// <param name="results">What stands behind <c>Authentication-Results:</c>, in one line or
    /// folded.</param>
    /// <param name="sealer">Who seals.</param>
    /// <param name="at">Now.</param>
    /// <param name="names">Fields to sign. Null: those that are there of the usual ones.</param>
    /// <returns>Null: no set may be added, since the chain was given up, is full or not known now, or the
    /// header cannot be read.</returns>
    public static byte[]? TryMake(
        SignedContent content, ArcVerdict verdict, string results, ArcSealer sealer, DateTimeOffset at,
        IReadOnlyList<string>? names = null)
    {
        var chain = content.Chain;
        // RFC 8617 §5.1.3.
        if (content.IsHeaderTooLarge || content.Header.IsTorn || chain.IsGivenUp
            || chain.Highest >= ArcChain.SetsMax)
        {
            return null;
        }
        // What cannot be known now is not broken: a seal that says so would break it for good.
        if (verdict.Result == AuthenticationResult.Temperror && chain.Highest > 0)
            return null;
        var instance = chain.Highest + 1;
        var seconds = at.ToUnixTimeSeconds();
        names ??= NamesOf(content.Header);
        var resultsField = $"ARC-Authentication-Results: i={instance}; {results}\r\n";
        var messageField = Signed(
            $"ARC-Message-Signature: a=rsa-sha256;\r\n b={Place};\r\n bh={BodyHashOf(content)};\r\n"
            + $" c=relaxed/relaxed; d={sealer.Domain};\r\n h={string.Join(':', names)};\r\n"
            + $" i={instance}; s={sealer.Selector}; t={seconds}\r\n",
            sealer, hash =>
            {
                foreach (var field in content.Header.Select(names, except: -1))
                    hash.Append(content.Header, field, SignedForm.Relaxed);
            });
        var isBroken = verdict.Result is not (AuthenticationResult.None or AuthenticationResult.Pass);
        var state = isBroken ? "fail" : instance == 1 ? "none" : "pass";
        var sealField = Signed(
            $"ARC-Seal: a=rsa-sha256;\r\n b={Place};\r\n cv={state}; d={sealer.Domain};\r\n"
            + $" i={instance}; s={sealer.Selector}; t={seconds}\r\n",
            sealer, hash =>
            {
                // RFC 8617 §5.1.2: behind a broken chain the seal covers its own set alone.
                if (!isBroken)
                    AppendSets(hash, content.Header, chain.Sets);
                Append(hash, resultsField);
                Append(hash, messageField);
            });
        return Encoding.UTF8.GetBytes(sealField + messageField + resultsField);
    }

    /// <summary>Sets in the order in which seals sign them (RFC 8617 §5.1.1).</summary>
    public static void AppendSets(FieldHash hash, HeaderBlock header, IEnumerable<ArcSet> sets)
    {
        foreach (var set in sets)
        {
            hash.Append(header, set.Results, SignedForm.Relaxed);
            hash.Append(header, set.Message.Field, SignedForm.Relaxed);
            hash.Append(header, set.Seal.Field, SignedForm.Relaxed);
        }
    }

    static string BodyHashOf(SignedContent content) =>
        Convert.ToBase64String(content.BodyHashOf(SignedForm.Relaxed, null)
            ?? throw new InvalidOperationException("the content was not read to be sealed"));

    /// <summary>Each as often as it is there: one that is added later is not ours.</summary>
    static string[] NamesOf(HeaderBlock header) =>
        [.. SignedNames.SelectMany(name => Enumerable.Repeat(name, header.Named(name).Count))];

    /// <param name="field">With <see cref="Place"/> where the signature stands: not folded, so that one line
    /// end more or less changes nothing.</param>
    /// <param name="sealer">Who signs.</param>
    /// <param name="before">What is signed before the field itself.</param>
    static string Signed(string field, ArcSealer sealer, Action<FieldHash> before)
    {
        using var hash = new FieldHash();
        before(hash);
        var bare = Encoding.UTF8.GetBytes(field.Replace(Place, "", StringComparison.Ordinal));
        var header = HeaderBlock.Read(bare);
        var signature = new SignatureField { Field = 0, Kind = SignatureKind.ArcMessage };
        hash.AppendOwn(header, signature, SignedForm.Relaxed);
        var proof = sealer.Key.SignHash(
            hash.Complete(), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return field.Replace(Place, Convert.ToBase64String(proof), StringComparison.Ordinal);
    }

    static void Append(FieldHash hash, string field) =>
        hash.Append(HeaderBlock.Read(Encoding.UTF8.GetBytes(field)), 0, SignedForm.Relaxed);
}

/// <summary>Who seals.</summary>
/// <param name="Domain">As in <c>d=</c>.</param>
/// <param name="Selector">As in <c>s=</c>.</param>
/// <param name="Key">With its private half. The owner disposes it.</param>
sealed record ArcSealer(string Domain, string Selector, RSA Key);
