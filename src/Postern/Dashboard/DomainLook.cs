using Postern.Mta;
using Postern.Mta.Accounts;

namespace Postern.Dashboard;

/// <summary>A sending domain, what its DNS should hold, and how it is.</summary>
/// <param name="FileKeys">Where the configuration has its keys from.</param>
/// <param name="IsUnanswered">The DNS was asked and did not answer in time.</param>
public sealed record DomainLook(
    SendingDomain Domain, IReadOnlyList<DomainRecord> Records, IReadOnlyList<string> FileKeys,
    bool IsUnanswered)
{
    /// <summary>For the answers of the DNS to one page.</summary>
    internal static readonly TimeSpan LookTime = TimeSpan.FromSeconds(5);

    internal static DomainLook Of(PosternOptions options, SendingDomain domain, DnsSeen? seen = null)
    {
        var plan = DnsPlan.Of(options, domain.Key);
        seen ??= domain.Settings.Seen ?? DnsSeen.Nothing;
        var records = new List<DomainRecord>
        {
            new("MX", domain.Key, $"{DnsPlan.Preference} {plan.MailHost}", plan.JudgeMx(seen)),
            new("TXT", domain.Key, plan.Spf, plan.JudgeSpf(seen)),
        };
        if (plan.LinkHost is { } links)
            records.Add(new DomainRecord("CNAME", $"{domain.Settings.WebPrefix}.{domain.Key}", links, null));
        if (plan.SealKey is { } key)
            records.Add(new DomainRecord("TXT", key.Name, key.Text, null));
        return new DomainLook(domain, records, KeysOf(options, domain), IsUnanswered: false);
    }

    /// <summary>Asks the DNS, for so long as <see cref="LookTime"/>; what it does not say stays as it was
    /// seen before.</summary>
    internal static async Task<DomainLook> CheckAsync(
        MailTransferAgent agent, SendingDomain domain, TimeProvider clock, CancellationToken cancel)
    {
        using var time = new CancellationTokenSource(LookTime, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancel);
        try
        {
            return Of(agent.Options, domain, await DnsPlan.LookAsync(
                agent.Resolver, domain.Key, domain.Settings.Seen ?? DnsSeen.Nothing, both.Token));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return Of(agent.Options, domain) with { IsUnanswered = true };
        }
    }

    static IReadOnlyList<string> KeysOf(PosternOptions options, SendingDomain domain) =>
        options.Domains.TryGetValue(domain.Name, out var written)
            ? [.. written.ApiKeys.Select(key => key.Reference)] : [];
}

/// <summary>A record that a sending domain should have.</summary>
/// <param name="Verdict">Null: it is not compared with the DNS.</param>
public sealed record DomainRecord(string Type, string Name, string Text, DnsVerdict? Verdict);
