using System.IO.Enumeration;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Store;

/// <summary>Says whether a message fits a filter; the same for every store.</summary>
sealed class QueueFilterMatch(QueueFilter filter)
{
    /// <summary>What the message alone decides.</summary>
    public bool Fits(QueuedMessage message) =>
        (filter.ArrivedBefore is not { } before || message.ArrivedAt < before)
        && (filter.Sender is not { } pattern || Fits(pattern, message.Sender.Mailbox));

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

    bool Fits(Recipient recipient) =>
        (filter.State is not { } state || recipient.State == state)
        && (filter.Route is not { } route || recipient.Route == route)
        && (filter.Transport is not { } transport || recipient.Transport == transport)
        && (filter.Recipient is not { } pattern || Fits(pattern, recipient.Address));

    /// <summary>DESIGN §9.1: <c>*</c> is any run within a local part or a whole domain; <c>*.</c> is labels before it.</summary>
    static bool Fits(string pattern, Mailbox? mailbox)
    {
        if (mailbox is null || pattern == "<>")
            return mailbox is null && pattern == "<>";
        if (pattern == "*")
            return true;
        var at = pattern.LastIndexOf('@');
        var local = at < 0 ? pattern : pattern[..at];
        return FitsText(local, mailbox.LocalPart) && FitsText(at < 0 ? "" : pattern[(at + 1)..], mailbox.Domain);
    }

    static bool FitsText(string pattern, string text) =>
        FileSystemName.MatchesSimpleExpression(pattern, text, ignoreCase: true);
}
