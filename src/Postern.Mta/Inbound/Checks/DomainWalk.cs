using Postern.Mta.Transports;

namespace Postern.Mta.Inbound.Checks;

/// <summary>Walks up a domain name, asking for DMARC records (RFC 9989 §4.10); each name is asked for once in
/// the checks of one message.</summary>
sealed class DomainWalk(IResolver resolver)
{
    /// <summary>RFC 9989 §4.10: from a longer name the walk goes on here, so that it asks eight times at
    /// most.</summary>
    const int LabelsMax = 7;

    /// <summary>A name of DNS in text (RFC 1035 §2.3.4): at a longer one nothing can stand.</summary>
    const int NameOctetsMax = 253;

    const string Label = "_dmarc.";

    readonly Dictionary<string, TextLookup> lookups = new(StringComparer.Ordinal);

    /// <summary>The domain itself, or one below it.</summary>
    public static bool IsWithin(string domain, string parent) =>
        domain == parent || domain.EndsWith("." + parent, StringComparison.Ordinal);

    /// <summary>RFC 9989 §4.10.1: of the domain, else of its organization, else of the public
    /// suffix.</summary>
    public async ValueTask<DmarcDiscovery> FindAsync(string domain, CancellationToken cancel)
    {
        var steps = await WalkAsync(domain, cancel).ConfigureAwait(false);
        if (steps is null)
            return new DmarcDiscovery(null, null, domain, IsUnknown: true);
        var organization = OrganizationOf(domain, steps);
        var found = steps.Find(step => step.Domain == domain)
            ?? steps.Find(step => step.Domain == organization)
            ?? steps.Find(static step => step.Record.IsPublicSuffix);
        return new DmarcDiscovery(found?.Record, found?.Domain, organization, IsUnknown: false);
    }

    /// <summary>RFC 9989 §4.10.2. Null: DNS does not answer.</summary>
    public async ValueTask<string?> FindOrganizationAsync(string domain, CancellationToken cancel) =>
        await WalkAsync(domain, cancel).ConfigureAwait(false) is { } steps
            ? OrganizationOf(domain, steps) : null;

    /// <summary>The records on the way, from the longest name to the shortest. Null: one is
    /// unknown.</summary>
    async ValueTask<List<Step>?> WalkAsync(string domain, CancellationToken cancel)
    {
        var steps = new List<Step>();
        foreach (var name in NamesOf(domain).Where(static n => n.Length <= NameOctetsMax - Label.Length))
        {
            var lookup = await LookupAsync(Label + name, cancel).ConfigureAwait(false);
            if (lookup.Outcome == LookupOutcome.Unknown)
                return null;
            DmarcRecord[] records = [.. lookup.Texts.Select(DmarcRecord.Read).OfType<DmarcRecord>()];
            // Several at one name are none.
            if (records is not [var record])
                continue;
            steps.Add(new Step(name, record));
            if (record.IsPublicSuffix || record.IsTop)
                break;
        }
        return steps;
    }

    static IEnumerable<string> NamesOf(string domain)
    {
        yield return domain;
        var labels = domain.Split('.');
        for (var count = Math.Min(labels.Length - 1, LabelsMax); count > 0; count--)
            yield return string.Join('.', labels[^count..]);
    }

    static string OrganizationOf(string domain, List<Step> steps)
    {
        foreach (var step in steps)
        {
            if (step.Record.IsTop)
                return step.Domain;
            if (step.Record.IsPublicSuffix && step.Domain != domain)
                return OneBelow(step.Domain, domain);
        }
        return steps.Count > 0 ? steps[^1].Domain : domain;
    }

    static string OneBelow(string parent, string domain)
    {
        var dot = domain.LastIndexOf('.', domain.Length - parent.Length - 2);
        return domain[(dot + 1)..];
    }

    async ValueTask<TextLookup> LookupAsync(string name, CancellationToken cancel)
    {
        if (!lookups.TryGetValue(name, out var found))
            lookups[name] = found = await resolver.LookupTextAsync(name, cancel).ConfigureAwait(false);
        return found;
    }

    sealed record Step(string Domain, DmarcRecord Record);
}

/// <summary>The record that holds for a domain of From.</summary>
/// <param name="Record">Null: there is none.</param>
/// <param name="RecordDomain">Where it stands. Null: nowhere.</param>
/// <param name="Organization">The top domain of the same owner.</param>
/// <param name="IsUnknown">DNS did not answer.</param>
sealed record DmarcDiscovery(DmarcRecord? Record, string? RecordDomain, string Organization, bool IsUnknown);
