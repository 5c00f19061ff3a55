using System.Net;
using System.Net.Sockets;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Checks;

/// <summary>One check on its way through the records (RFC 7208 §4).</summary>
/// <remarks>Counts over all of them what may be asked: a record that leads to others, or to itself, ends at
/// the limit. Each directive gives null where it does not match, else the outcome that ends its
/// record.</remarks>
sealed class SpfEvaluation
{
    readonly IResolver resolver;
    readonly TimeProvider clock;
    readonly SpfQuestion question;
    readonly string senderDomain;
    readonly SpfAddress client;
    int terms;
    int voidLookups;

    /// <summary>What the client's address claims to be called. Null: not asked yet.</summary>
    NameLookup? claims;

    /// <summary>Whether a name leads back to the client, of those asked for so far.</summary>
    readonly Dictionary<string, bool> confirmed = [];

    /// <param name="senderDomain">Of the question, as the DNS is asked for it.</param>
    public SpfEvaluation(IResolver resolver, TimeProvider clock, SpfQuestion question, string senderDomain)
    {
        this.resolver = resolver;
        this.clock = clock;
        this.senderDomain = senderDomain;
        client = SpfAddress.Of(question.Client);
        this.question = question with
        {
            Client = WithoutZone(question.Client),
            HeloName = question.HeloName.Length > Mailbox.DomainOctetsMax
                ? question.HeloName[..Mailbox.DomainOctetsMax] : question.HeloName,
        };
    }

    AddressFamily Family =>
        client.Bits == 32 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;

    public async ValueTask<SpfOutcome> EvaluateAsync(string domain, CancellationToken cancel)
    {
        var texts = await resolver.LookupTextAsync(domain, cancel);
        if (texts.Outcome == LookupOutcome.Unknown)
            return NoAnswerFor(domain);
        if (!TryChoose(texts.Texts, out var text))
            return new SpfOutcome(AuthenticationResult.Permerror, "more than one SPF record");
        if (text is null)
            return new SpfOutcome(AuthenticationResult.None, "no SPF record");
        if (!SpfRecord.TryParse(text, out var record, out var fault))
            return new SpfOutcome(AuthenticationResult.Permerror, fault);
        foreach (var directive in record.Directives)
        {
            if (await MatchAsync(directive, domain, cancel) is { } outcome)
            {
                return outcome with
                {
                    Explanation = record.Explanation,
                    ExplanationDomain = domain,
                };
            }
        }
        return record.Redirect is { } redirect
            ? await RedirectAsync(redirect, domain, cancel)
            // RFC 7208 §4.7.
            : new SpfOutcome(AuthenticationResult.Neutral, null);
    }

    /// <summary>The domain's own words for a fail (RFC 7208 §6.2). Null: there are none that can be
    /// used.</summary>
    public async ValueTask<string?> ExplainAsync(SpfOutcome outcome, CancellationToken cancel)
    {
        if (outcome.Explanation is not { } domainSpec || outcome.ExplanationDomain is not { } domain
            || await TargetOfAsync(domainSpec.AsMemory(), domain, cancel) is not { } name)
        {
            return null;
        }
        // Only one record of ASCII alone; and no question for this counts against a limit.
        var texts = await resolver.LookupTextAsync(name, cancel);
        if (texts.Texts is not [var text] || text.AsSpan().ContainsAnyExceptInRange(' ', '~')
            || text.Length > SpfRecord.CharactersMax)
            return null;
        var values = await ValuesForAsync(text, domain, cancel);
        return SpfMacro.Expand(text, SpfMacro.ExplanationLetters, values) is { Length: > 0 } expanded
            ? SpfCheck.Shown(expanded, SpfCheck.ExplanationCharactersMax) : null;
    }

    // RFC 7208 §4.5. False: there is more than one.
    static bool TryChoose(IReadOnlyList<string> texts, out string? record)
    {
        record = null;
        foreach (var text in texts)
        {
            if (!SpfRecord.IsOfVersion(text))
                continue;
            if (record is not null)
                return false;
            record = text;
        }
        return true;
    }

    ValueTask<SpfOutcome?> MatchAsync(SpfDirective directive, string domain, CancellationToken cancel)
    {
        switch (directive.Mechanism)
        {
            case SpfMechanism.All:
                return new(Matched(directive));
            case SpfMechanism.Ip4 or SpfMechanism.Ip6:
                return new(directive.Matches(client, directive.Network) ? Matched(directive) : null);
        }
        if (++terms > SpfCheck.TermsMax)
            return new(TooManyTerms);
        return directive.Mechanism switch
        {
            SpfMechanism.Include => MatchIncludeAsync(directive, domain, cancel),
            SpfMechanism.A => MatchAsync(directive, domain, Family, cancel),
            SpfMechanism.Exists => MatchAsync(directive, domain, AddressFamily.InterNetwork, cancel),
            SpfMechanism.Mx => MatchMxAsync(directive, domain, cancel),
            SpfMechanism.Ptr => MatchPtrAsync(directive, domain, cancel),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    // RFC 7208 §5.2: only a pass over there is a match here.
    async ValueTask<SpfOutcome?> MatchIncludeAsync(
        SpfDirective directive, string domain, CancellationToken cancel)
    {
        var target = await TargetOfAsync(directive.Target, domain, cancel);
        var inner = await EvaluateOtherAsync(target, cancel);
        return inner.Result switch
        {
            AuthenticationResult.Pass => Matched(directive),
            AuthenticationResult.Temperror or AuthenticationResult.Permerror => inner,
            _ => null,
        };
    }

    // RFC 7208 §6.1: its outcome is ours, with its explanation.
    async ValueTask<SpfOutcome> RedirectAsync(string redirect, string domain, CancellationToken cancel)
    {
        if (++terms > SpfCheck.TermsMax)
            return TooManyTerms;
        return await EvaluateOtherAsync(await TargetOfAsync(redirect.AsMemory(), domain, cancel), cancel);
    }

    /// <summary>RFC 7208 §5.2, §6.1: a record that is referred to must be there.</summary>
    /// <param name="target">Null: no name can be made of it.</param>
    async ValueTask<SpfOutcome> EvaluateOtherAsync(string? target, CancellationToken cancel)
    {
        if (target is null || SpfCheck.ToDomain(target) is null)
            return new SpfOutcome(AuthenticationResult.Permerror, "refers to what is no domain name");
        var outcome = await EvaluateAsync(target, cancel);
        return outcome.Result == AuthenticationResult.None
            ? new SpfOutcome(AuthenticationResult.Permerror, $"no SPF record of {ShownName(target)}")
            : outcome;
    }

    /// <summary>RFC 7208 §5.3 and §5.7, which asks for A whatever the client's family and takes any
    /// address.</summary>
    async ValueTask<SpfOutcome?> MatchAsync(
        SpfDirective directive, string domain, AddressFamily family, CancellationToken cancel)
    {
        // RFC 7208 §4.8 leaves open what becomes of a name that cannot be asked for: nothing matches it.
        if (await TargetOfAsync(directive.Target, domain, cancel) is not { } host)
            return null;
        var found = await resolver.LookupAddressesAsync(host, family, cancel);
        if (found.Outcome != LookupOutcome.Found)
            return NothingFound(found.Outcome, host);
        return directive.Mechanism == SpfMechanism.Exists || IsAmong(found.Addresses, directive)
            ? Matched(directive) : null;
    }

    // RFC 7208 §5.4: no mail host is implied, and of more than ten there is no telling which count.
    async ValueTask<SpfOutcome?> MatchMxAsync(
        SpfDirective directive, string domain, CancellationToken cancel)
    {
        if (await TargetOfAsync(directive.Target, domain, cancel) is not { } name)
            return null;
        var mx = await resolver.LookupMxAsync(name, cancel);
        if (mx.Outcome != LookupOutcome.Found)
            return NothingFound(mx.Outcome, name);
        if (mx.Hosts.Count > SpfCheck.NamesMax)
        {
            return new SpfOutcome(AuthenticationResult.Permerror,
                $"more than {SpfCheck.NamesMax} mail hosts of {ShownName(name)}");
        }
        foreach (var host in mx.Hosts)
        {
            // The null MX (RFC 7505 §3) is nobody.
            if (DnsNames.ToQuestion(host.Name) is not { } hostName)
                continue;
            var found = await resolver.LookupAddressesAsync(hostName, Family, cancel);
            if (found.Outcome == LookupOutcome.Unknown)
                return NoAnswerFor(hostName);
            if (IsAmong(found.Addresses, directive))
                return Matched(directive);
        }
        return null;
    }

    // RFC 7208 §5.5: trouble with the DNS is no match here, since the domain has no hand in it.
    async ValueTask<SpfOutcome?> MatchPtrAsync(
        SpfDirective directive, string domain, CancellationToken cancel)
    {
        var target = await TargetOfAsync(directive.Target, domain, cancel);
        var found = await ClaimsAsync(cancel);
        if (found.Outcome is LookupOutcome.NoRecords or LookupOutcome.NoSuchName)
            return NothingFound(found.Outcome, domain);
        foreach (var name in NamesOf(found))
            if (target is not null && IsUnder(name, target) && await IsConfirmedAsync(name, cancel))
                return Matched(directive);
        return null;
    }

    /// <summary>The name that a domain-spec stands for. Null: the DNS cannot be asked for it.</summary>
    async ValueTask<string?> TargetOfAsync(
        ReadOnlyMemory<char> domainSpec, string domain, CancellationToken cancel)
    {
        if (domainSpec.IsEmpty)
            return domain;
        var values = await ValuesForAsync(domainSpec, domain, cancel);
        return SpfMacro.ToName(domainSpec.Span, values);
    }

    ValueTask<SpfMacroValues> ValuesForAsync(string text, string domain, CancellationToken cancel) =>
        ValuesForAsync(text.AsMemory(), domain, cancel);

    async ValueTask<SpfMacroValues> ValuesForAsync(
        ReadOnlyMemory<char> text, string domain, CancellationToken cancel)
    {
        var name = SpfMacro.Uses(text.Span, 'p') ? await ConfirmedNameAsync(domain, cancel) : null;
        return new SpfMacroValues(question, senderDomain, domain, name, clock.GetUtcNow());
    }

    /// <summary>RFC 7208 §7.3: the domain itself, else one below it, else any. Null: none.</summary>
    async ValueTask<string?> ConfirmedNameAsync(string domain, CancellationToken cancel)
    {
        var names = NamesOf(await ClaimsAsync(cancel))
            .OrderBy(name => name == domain ? 0 : IsUnder(name, domain) ? 1 : 2);
        foreach (var name in names)
            if (await IsConfirmedAsync(name, cancel))
                return name;
        return null;
    }

    async ValueTask<NameLookup> ClaimsAsync(CancellationToken cancel) =>
        claims ??= await resolver.LookupNamesAsync(question.Client, cancel);

    static IEnumerable<string> NamesOf(NameLookup found) => found.Names.Take(SpfCheck.NamesMax)
        .Select(DnsNames.ToQuestion).OfType<string>();

    /// <summary>RFC 7208 §5.5: the name leads back to the client.</summary>
    async ValueTask<bool> IsConfirmedAsync(string name, CancellationToken cancel)
    {
        if (confirmed.TryGetValue(name, out var isConfirmed))
            return isConfirmed;
        var found = await resolver.LookupAddressesAsync(name, Family, cancel);
        foreach (var address in found.Addresses)
            isConfirmed |= SpfAddress.OfOctets(address) == client;
        confirmed.Add(name, isConfirmed);
        return isConfirmed;
    }

    bool IsAmong(IReadOnlyList<IPAddress> addresses, SpfDirective directive)
    {
        foreach (var address in addresses)
            if (directive.Matches(client, SpfAddress.OfOctets(address)))
                return true;
        return false;
    }

    /// <summary>RFC 7208 §4.6.4: two questions may find nothing. Null: no match, and that is all.</summary>
    SpfOutcome? NothingFound(LookupOutcome outcome, string name)
    {
        if (outcome == LookupOutcome.Unknown)
            return NoAnswerFor(name);
        return ++voidLookups > SpfCheck.VoidLookupsMax
            ? new SpfOutcome(AuthenticationResult.Permerror,
                $"more than {SpfCheck.VoidLookupsMax} names that are not there")
            : null;
    }

    static SpfOutcome Matched(SpfDirective directive) =>
        new(directive.Result, SpfCheck.Shown(directive.Text.Span, SpfCheck.WhyCharactersMax));

    static SpfOutcome NoAnswerFor(string name) =>
        new(AuthenticationResult.Temperror, $"the DNS does not answer for {ShownName(name)}");

    static SpfOutcome TooManyTerms => new(
        AuthenticationResult.Permerror, $"more than {SpfCheck.TermsMax} terms that ask the DNS");

    static string ShownName(string name) => SpfCheck.Shown(name, DnsNames.CharactersMax);

    static bool IsUnder(string name, string parent) =>
        name.EndsWith(parent, StringComparison.Ordinal)
        && (name.Length == parent.Length || name[^(parent.Length + 1)] == '.');

    static IPAddress WithoutZone(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0
            ? new IPAddress(address.GetAddressBytes()) : address;
    }
}

/// <summary>What one record comes to.</summary>
/// <param name="Why">What matched or what is wrong. Null: nothing to say.</param>
readonly record struct SpfOutcome(AuthenticationResult Result, string? Why)
{
    /// <summary>A domain-spec. Null: the record has no words for it.</summary>
    public string? Explanation { get; init; }

    /// <summary>Of the record that the explanation belongs to.</summary>
    public string? ExplanationDomain { get; init; }
}
