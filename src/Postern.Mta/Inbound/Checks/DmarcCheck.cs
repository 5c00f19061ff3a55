using MimeKit;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Whether the domain of From stands behind a message (RFC 9989): SPF or DKIM passed for a domain of
/// the same organization.</summary>
/// <remarks>The organization is found by walking up the names in DNS (RFC 9989 §4.10); there is no list of
/// public suffixes. What to do about a fail is for others to decide.</remarks>
sealed class DmarcCheck(IResolver resolver)
{
    const string NoAnswer = "DNS does not answer";

    /// <summary>The verdict, and the DKIM verdicts with <see cref="DkimVerdict.IsAligned"/>.</summary>
    public async ValueTask<(DmarcVerdict Dmarc, IReadOnlyList<DkimVerdict> Dkim)> CheckAsync(
        SignedContent content, SpfVerdict? spf, IReadOnlyList<DkimVerdict> dkim, CancellationToken cancel)
    {
        if (content.IsHeaderTooLarge || content.Header.IsTorn)
            return (Impossible("the header section cannot be read"), dkim);
        var from = content.Header.Named("From");
        // RFC 9989 §5.3.1.
        if (from.Count != 1)
            return (Impossible(from.Count == 0 ? "there is no From" : "there are several From"), dkim);
        if (!TryReadDomain(content.Header.ValueOf(from[0]), out var domain, out var why))
            return (Impossible(why), dkim);
        return await CheckAsync(domain, spf, dkim, cancel).ConfigureAwait(false);
    }

    /// <summary>The same for a domain of From that is known.</summary>
    /// <param name="domain">A-labels in lower case.</param>
    /// <param name="spf">Null: not checked.</param>
    /// <param name="dkim">Of all signatures.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask<(DmarcVerdict Dmarc, IReadOnlyList<DkimVerdict> Dkim)> CheckAsync(
        string domain, SpfVerdict? spf, IReadOnlyList<DkimVerdict> dkim, CancellationToken cancel)
    {
        var walk = new DomainWalk(resolver);
        var found = await walk.FindAsync(domain, cancel).ConfigureAwait(false);
        if (found.IsUnknown)
            return (new DmarcVerdict(AuthenticationResult.Temperror, domain, null, NoAnswer), dkim);
        if (found.Record is not { } record)
            return (new DmarcVerdict(AuthenticationResult.None, domain, null, null), dkim);
        var verdict = new DmarcVerdict(AuthenticationResult.Fail, domain, null, null)
        {
            RecordDomain = found.RecordDomain,
            IsTesting = record.IsTesting,
        };
        if (record.IsInvalid)
            return (verdict with
            {
                Result = AuthenticationResult.Permerror,
                Why = $"the record of {found.RecordDomain} has no policy that can be read",
            }, dkim);

        var alignment = new Alignment(domain, found.Organization, record, walk);
        var (isSpfAligned, aligned) = await alignment.FindAsync(spf, dkim, cancel).ConfigureAwait(false);
        verdict = verdict with
        {
            IsSpfAligned = isSpfAligned && spf?.Result == AuthenticationResult.Pass,
            IsDkimAligned = aligned.Any(static one => one is
            {
                IsAligned: true, Result: AuthenticationResult.Pass
            }),
        };
        var (policy, isPolicyUnknown) = await PolicyAsync(domain, found, cancel).ConfigureAwait(false);
        verdict = verdict with { Policy = policy };
        if (verdict.IsSpfAligned || verdict.IsDkimAligned)
            return (verdict with { Result = AuthenticationResult.Pass }, aligned);
        // RFC 9989 §5.3.6: what might have passed did not fail.
        var isUnknown = isPolicyUnknown || alignment.IsUnknown
            || (isSpfAligned && spf?.Result == AuthenticationResult.Temperror)
            || aligned.Any(static one => one is { IsAligned: true, Result: AuthenticationResult.Temperror });
        return (isUnknown
            ? verdict with { Result = AuthenticationResult.Temperror, Why = NoAnswer }
            : verdict, aligned);
    }

    static DmarcVerdict Impossible(string why) => new(AuthenticationResult.Permerror, "", null, why);

    /// <summary>The one domain of the addresses in From. Several addresses may be of it.</summary>
    static bool TryReadDomain(ReadOnlySpan<byte> value, out string domain, out string why)
    {
        domain = "";
        why = "From cannot be read";
        if (!InternetAddressList.TryParse(value.ToArray(), out var list))
            return false;
        string?[] domains = [.. list.Mailboxes.Select(static mailbox => ReadDomain(mailbox.Domain))
            .Distinct(StringComparer.Ordinal)];
        if (domains is not [{ } one])
        {
            why = domains.Length > 1 ? "From has several domains" : "From has no domain";
            return false;
        }
        domain = one;
        return true;
    }

    // RFC 9989 §5.3.1: compared and asked for as A-labels.
    static string? ReadDomain(string? text) =>
        text is not null && DomainName.TryRead(System.Text.Encoding.UTF8.GetBytes(text), out var read)
            && !read.StartsWith('[') ? DomainName.ToALabel(read) : null;

    /// <summary>RFC 9989 §4.10.1: of the record's own domain, of one below it, or of one that does not
    /// exist.</summary>
    async ValueTask<(DmarcPolicy? Policy, bool IsUnknown)> PolicyAsync(
        string domain, DmarcDiscovery found, CancellationToken cancel)
    {
        var record = found.Record!;
        if (found.RecordDomain == domain)
            return (record.Policy, false);
        var policy = record.SubdomainPolicy ?? record.Policy;
        if (record.MissingPolicy is not { } missing || missing == policy)
            return (policy, false);
        // RFC 9989 §3.2.13: NXDOMAIN, whatever type is asked for.
        var lookup = await resolver.LookupTextAsync(domain, cancel).ConfigureAwait(false);
        return (lookup.Outcome == LookupOutcome.NoSuchName ? missing : policy,
            lookup.Outcome == LookupOutcome.Unknown);
    }

    /// <summary>RFC 9989 §4.10.2.</summary>
    sealed class Alignment(string author, string organization, DmarcRecord record, DomainWalk walk)
    {
        /// <summary>A domain could be neither.</summary>
        public bool IsUnknown { get; private set; }

        public async ValueTask<(bool Spf, IReadOnlyList<DkimVerdict> Dkim)> FindAsync(
            SpfVerdict? spf, IReadOnlyList<DkimVerdict> dkim, CancellationToken cancel)
        {
            var isSpf = spf is not null && await IsAlignedAsync(
                spf.Domain, spf.Result, record.IsStrictSpf, cancel).ConfigureAwait(false);
            var all = new List<DkimVerdict>();
            foreach (var one in dkim)
            {
                all.Add(one with
                {
                    IsAligned = await IsAlignedAsync(one.Domain, one.Result, record.IsStrictDkim, cancel)
                        .ConfigureAwait(false),
                });
            }
            return (isSpf, all);
        }

        async ValueTask<bool> IsAlignedAsync(
            string domain, AuthenticationResult result, bool isStrict, CancellationToken cancel)
        {
            var name = DomainName.ToALabel(domain);
            if (name is null || name == author)
                return name is not null;
            // Domains of one organization end alike: others are not asked about.
            if (isStrict || !DomainWalk.IsWithin(name, organization))
                return false;
            var found = await walk.FindOrganizationAsync(name, cancel).ConfigureAwait(false);
            IsUnknown |= found is null
                && result is AuthenticationResult.Pass or AuthenticationResult.Temperror;
            return found == organization;
        }
    }
}
