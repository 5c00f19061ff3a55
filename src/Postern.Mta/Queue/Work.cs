using Postern.Mta.Routing;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>Leased recipients of one message that share a decision: what one attempt will carry.</summary>
/// <param name="Content">The stored octets when they are still in memory. Null: the attempt reads
/// them.</param>
/// <param name="ActiveSince">When it was leased; delay b of the log counts from here (a timestamp of the
/// clock).</param>
sealed record Work(
    QueuedMessage Message,
    IReadOnlyList<Recipient> Recipients,
    RoutingDecision.Via Decision,
    SharedContent? Content,
    long ActiveSince)
{
    /// <summary>Whose turn it takes.</summary>
    public Flow Flow { get; } = Flow.Of(Message, Decision.Route.Name);
}

/// <summary>Content in memory that several attempts share; the last one to let go disposes of it.</summary>
sealed class SharedContent(StoredContent content, FreshMemory memory, Flow flow)
{
    int holders = 1;

    public StoredContent Content => content;

    public SharedContent Hold()
    {
        Interlocked.Increment(ref holders);
        return this;
    }

    public void LetGo()
    {
        if (Interlocked.Decrement(ref holders) != 0)
            return;
        memory.Return(flow, content.Octets);
        content.Dispose();
    }
}
