using Postern.Mta.Queue;
using Postern.Mta.Routing;

namespace Postern.Mta.Store;

/// <summary>Says whether a message fits a filter; the same for every store.</summary>
/// <exception cref="FormatException">An address in the filter is no pattern.</exception>
sealed class QueueFilterMatch(QueueFilter filter)
{
    readonly string delimiter = new InboundOptions().Delimiter;
    readonly AddressPattern? sender = filter.Sender is { } text ? AddressPattern.Parse(text) : null;
    readonly AddressPattern? forward = filter.Recipient is { } text ? AddressPattern.Parse(text) : null;

    /// <summary>The state a recipient must be in. Null: any.</summary>
    public RecipientState? State => filter.State;

    /// <summary>What the moment of arrival decides: asked first, since nothing else need be read.</summary>
    public bool Fits(DateTimeOffset arrivedAt) =>
        (filter.ArrivedBefore is not { } before || arrivedAt < before)
        && (filter.ArrivedAfter is not { } after || arrivedAt > after);

    /// <summary>What the message alone decides.</summary>
    public bool Fits(QueuedMessage message) =>
        Fits(message.ArrivedAt) && sender?.Matches(message.Sender.Mailbox, delimiter) != false
        && (filter.Domain is not { } domain
            || string.Equals(DomainOf(message), domain, StringComparison.OrdinalIgnoreCase));

    /// <summary>What comes in from outside may name any sender.</summary>
    static string? DomainOf(QueuedMessage message) => message.Door == MailDoors.Mx ? null
        : message.Options?.Domain ?? message.Sender.Mailbox?.Domain;

    /// <summary>One recipient must fit every key there is.</summary>
    public bool Fits(IReadOnlyList<Recipient> recipients)
    {
        if (filter is { State: null, Route: null, Transport: null, Recipient: null })
            return true;
        foreach (var recipient in recipients)
        {
            if (Fits(recipient))
                return true;
        }
        return false;
    }

    /// <summary>What a command on all that fit means: these recipients, not the others of their
    /// messages.</summary>
    public bool Fits(Recipient recipient) =>
        (filter.State is not { } state || recipient.State == state)
        && (!filter.DeadLetters || recipient.IsDeadLetter)
        && (filter.Route is not { } route || recipient.Route == route)
        && (filter.Transport is not { } transport || recipient.Transport == transport)
        && forward?.Matches(recipient.Address, delimiter) != false;
}
