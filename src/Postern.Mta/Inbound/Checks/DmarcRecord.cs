using Postern.Smtp;

namespace Postern.Mta.Inbound.Checks;

/// <summary>What the owner of a domain wants (RFC 9989 §4.7). What cannot be read in it counts as not
/// said.</summary>
sealed record DmarcRecord
{
    /// <summary>Characters of a record that are read.</summary>
    const int CharactersMax = 4096;

    /// <summary><c>p=</c>. Null: not given, or no policy.</summary>
    public DmarcPolicy? Policy { get; private init; }

    /// <summary><c>sp=</c>, for domains below. Null: as <see cref="Policy"/>.</summary>
    public DmarcPolicy? SubdomainPolicy { get; private init; }

    /// <summary><c>np=</c>, for domains below that do not exist. Null: as
    /// <see cref="SubdomainPolicy"/>.</summary>
    public DmarcPolicy? MissingPolicy { get; private init; }

    public bool IsStrictDkim { get; private init; }
    public bool IsStrictSpf { get; private init; }
    public bool IsTesting { get; private init; }

    /// <summary><c>psd=y</c>: names below are registered by others.</summary>
    public bool IsPublicSuffix { get; private init; }

    /// <summary><c>psd=n</c>: the domain is the top of its organization.</summary>
    public bool IsTop { get; private init; }

    /// <summary>A policy in it cannot be read, and nobody is told of it (RFC 9989 §4.10.1): it counts for
    /// nothing.</summary>
    public bool IsInvalid { get; private init; }

    /// <returns>Null: the text is no record of this version, and is not looked at.</returns>
    public static DmarcRecord? Read(string text)
    {
        if (text.Length > CharactersMax)
            return null;
        var tags = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var spec in text.Split(';'))
        {
            var equals = spec.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? spec.Trim(' ', '\t') : spec[..equals].Trim(' ', '\t');
            var value = equals < 0 ? "" : spec[(equals + 1)..].Trim(' ', '\t');
            // RFC 9989 §4.7: v= is the first, and the case of its value counts.
            if (tags.Count == 0 && (name is not ("v" or "V") || value != "DMARC1"))
                return null;
            tags.TryAdd(name, value);
        }
        return From(tags);
    }

    static DmarcRecord From(Dictionary<string, string> tags)
    {
        var policy = PolicyOf(tags, "p");
        var subdomains = PolicyOf(tags, "sp");
        var missing = PolicyOf(tags, "np");
        var isFaulty = policy is null || (subdomains is null && tags.ContainsKey("sp"))
            || (missing is null && tags.ContainsKey("np"));
        var isReported = tags.TryGetValue("rua", out var uris) && uris.Split(',').Any(IsReportAddress);
        var record = new DmarcRecord
        {
            IsStrictDkim = Is(tags, "adkim", "s"),
            IsStrictSpf = Is(tags, "aspf", "s"),
            IsTesting = Is(tags, "t", "y"),
            IsPublicSuffix = Is(tags, "psd", "y"),
            IsTop = Is(tags, "psd", "n"),
            IsInvalid = isFaulty && !isReported,
        };
        // RFC 9989 §4.10.1: a fault in one policy makes p=none of all.
        return isFaulty ? record with { Policy = isReported ? DmarcPolicy.None : null }
            : record with { Policy = policy, SubdomainPolicy = subdomains, MissingPolicy = missing };
    }

    static bool Is(Dictionary<string, string> tags, string name, string value) =>
        tags.TryGetValue(name, out var found) && found.Equals(value, StringComparison.OrdinalIgnoreCase);

    static DmarcPolicy? PolicyOf(Dictionary<string, string> tags, string name) =>
        tags.GetValueOrDefault(name)?.ToLowerInvariant() switch
        {
            "none" => DmarcPolicy.None,
            "quarantine" => DmarcPolicy.Quarantine,
            "reject" => DmarcPolicy.Reject,
            _ => null,
        };

    static bool IsReportAddress(string text)
    {
        var size = text.IndexOf('!', StringComparison.Ordinal);
        var uri = (size < 0 ? text : text[..size]).Trim(' ', '\t');
        if (!Uri.TryCreate(uri, UriKind.Absolute, out var read))
            return false;
        return read.Scheme != Uri.UriSchemeMailto || Mailbox.TryParse(uri["mailto:".Length..], out _);
    }
}
