using System.Collections.Frozen;
using Postern.Mta.Events;
using Postern.Mta.Queue;

namespace Postern.Mta.Suppressions;

/// <summary>The sending domains, by every spelling: what has a suppression list of its own.</summary>
sealed class SendingDomains
{
    readonly FrozenDictionary<string, string> keys;

    /// <param name="names">Of the file and of the store.</param>
    public SendingDomains(IEnumerable<string> names) => keys = names
        .SelectMany(name => (string[])[name, SuppressionKey.DomainOf(name)])
        .Distinct(StringComparer.OrdinalIgnoreCase)
        .ToFrozenDictionary(name => name, SuppressionKey.DomainOf, StringComparer.OrdinalIgnoreCase);

    /// <summary>As in <see cref="SuppressionKey.Domain"/>. Null: it is none of them.</summary>
    public string? Find(string? domain) =>
        domain is null ? null : keys.GetValueOrDefault(domain)
            ?? keys.GetValueOrDefault(SuppressionKey.DomainOf(domain));

    /// <summary>Of a message: the one it was handed in for, else its sender's.</summary>
    public string? Find(QueuedMessage message) =>
        Find(message.Options?.Domain ?? message.Sender.Mailbox?.Domain);

    /// <summary>The same of an event.</summary>
    public string? Find(MailEvent fact) =>
        Find(fact.Options?.Domain ?? (fact.Sender is { } sender && sender.LastIndexOf('@') is var at and >= 0
            ? sender[(at + 1)..] : null));
}
