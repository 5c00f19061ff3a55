using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Filters;

/// <summary>What a filter may know of a message beside its content.</summary>
/// <param name="Recipients">As the client named them, before aliases.</param>
sealed record FilterQuestion(
    QueueId Id, ClientFacts Client, ReversePath Sender, IReadOnlyList<Mailbox> Recipients)
{
    /// <summary>Ours.</summary>
    public string Hostname { get; init; } = "";
}
