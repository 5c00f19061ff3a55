using Postern.Mta.Queue;

namespace Postern.Mta.Events;

/// <summary>Events without one address: a pseudonym stands wherever it did, and what else tells of its owner
/// is gone.</summary>
sealed class AnonymousEvents(SoughtAddress sought)
{
    readonly EventTexts texts = new(sought.Replace, sought.Replace);

    /// <summary>The part that the address, or its pseudonym, has in a message.</summary>
    public static MessagePart PartOf(IReadOnlyList<StoredEvent> events, SoughtAddress sought)
    {
        var part = MessagePart.None;
        foreach (var stored in events)
            part |= PartOf(stored.Event, sought);
        return part;
    }

    /// <summary>In one event.</summary>
    public static MessagePart PartOf(MailEvent fact, SoughtAddress sought) =>
        (sought.IsOrWas(fact.Sender) ? MessagePart.Sender : MessagePart.None)
        | (sought.IsOrWas(fact.RecipientAddress) || sought.IsOrWas(fact.OriginalAddress)
            ? MessagePart.Recipient : MessagePart.None);

    /// <summary>The same object where nothing is to be changed.</summary>
    /// <param name="part">In the whole message.</param>
    public MailEvent Rewrite(MailEvent fact, MessagePart part)
    {
        var rewritten = texts.Rewrite(fact);
        if (part != MessagePart.None && rewritten.Subject is not null)
            rewritten = rewritten with { Subject = null };
        if ((part & MessagePart.Sender) != 0 && rewritten.Client is { } client && HasPlace(client))
            rewritten = rewritten with
            {
                Client = client with { Address = "", Port = 0, Name = null, Helo = "" },
            };
        return rewritten;
    }

    static bool HasPlace(ClientFacts client) =>
        client.Address.Length > 0 || client.Port != 0 || client.Name is not null || client.Helo.Length > 0;
}

/// <summary>What an address is to a message.</summary>
[Flags]
enum MessagePart
{
    /// <summary>It is named in a text, at most.</summary>
    None = 0,

    Recipient = 1,
    Sender = 2,
}
