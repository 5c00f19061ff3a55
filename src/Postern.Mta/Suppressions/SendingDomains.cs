using System.Collections.Frozen;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Suppressions;

/// <summary>The sending domains, by every spelling: what has a suppression list of its own.</summary>
sealed class SendingDomains
{
    readonly FrozenDictionary<string, (string Key, string Name)> known;

    /// <param name="names">Of the file and of the store.</param>
    public SendingDomains(IEnumerable<string> names) => known = names
        .SelectMany(name => (string[])[name, SuppressionKey.DomainOf(name)],
            (name, spelling) => (Spelling: spelling, Name: name))
        .DistinctBy(one => one.Spelling, StringComparer.OrdinalIgnoreCase)
        .ToFrozenDictionary(
            one => one.Spelling, one => (SuppressionKey.DomainOf(one.Name), one.Name),
            StringComparer.OrdinalIgnoreCase);

    /// <summary>As in <see cref="SuppressionKey.Domain"/>. Null: it is none of them.</summary>
    public string? Find(string? domain) => Look(domain)?.Key;

    /// <summary>As the configuration spells it. Null: it is none of them.</summary>
    public string? FindName(string domain) => Look(domain)?.Name;

    (string Key, string Name)? Look(string? domain) =>
        domain is null ? null
        : known.TryGetValue(domain, out var found) ? found
        : known.TryGetValue(SuppressionKey.DomainOf(domain), out found) ? found : null;

    /// <summary>Of a message: the one it was handed in for, else its sender's.</summary>
    public string? Find(QueuedMessage message) =>
        Find(message.Options?.Domain ?? message.Sender.Mailbox?.Domain);

    /// <summary>The same of an event.</summary>
    public string? Find(MailEvent fact) =>
        Find(fact.Options?.Domain ?? (fact.Sender is { } sender && sender.LastIndexOf('@') is var at and >= 0
            ? sender[(at + 1)..] : null));
}
