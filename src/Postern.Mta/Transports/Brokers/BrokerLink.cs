using Postern.Mta.Transports.PubSub;

namespace Postern.Mta.Transports.Brokers;

/// <summary>The way to one kind of message broker, through the client library that is usual for it.</summary>
/// <remarks>
/// One connection is shared by all attempts. What the broker acknowledged is published, nothing else is: a
/// library's own buffer or repeat never counts, and is bounded or off. A connection that broke is made anew
/// by the next attempt, so that the queue alone decides when.
/// </remarks>
abstract class BrokerLink : IAsyncDisposable
{
    /// <summary>Octets of content that stand inside a document; more goes by claim.</summary>
    public virtual long InlineOctetsMax => PubSubTransport.DocumentInlineMax;

    /// <summary>Where it publishes to, for the log.</summary>
    public abstract string Target { get; }

    /// <summary>Hands over one message and waits for the broker's word.</summary>
    /// <remarks>Throws for nothing that the broker did but <see cref="OperationCanceledException"/>: then the
    /// outcome is unknown.</remarks>
    public abstract Task<PublishOutcome> PublishAsync(BrokerMessage message, CancellationToken cancel);

    /// <summary>What an operator has to mend; null when all is well, or the answer that proves
    /// neither.</summary>
    public abstract Task<PublishOutcome?> CheckAsync(CancellationToken cancel);

    public abstract ValueTask DisposeAsync();

    /// <summary>The alarm of a refused login, under the same name as for every other transport.</summary>
    protected static PublishOutcome LoginRefused(string text) => new PublishOutcome.Misconfigured(
        GoogleCredentials.Alarm, OneLine(text), "see the transport's login, and the user at the broker");

    protected static PublishOutcome Wrong(string text, string mend) =>
        new PublishOutcome.Misconfigured(PublishOutcome.TopicAlarm, OneLine(text), mend);

    protected static PublishOutcome Unavailable(string text) =>
        new PublishOutcome.Unavailable(OneLine(text), null);

    /// <summary>The message is larger than the broker takes; that it is one's own fault.</summary>
    protected static PublishOutcome TooLarge(string text) => new PublishOutcome.Refused(OneLine(text));

    /// <summary>A broker's and a library's words, bounded and without control characters.</summary>
    internal static string OneLine(string text)
    {
        const int charactersMax = 300;
        return string.Concat(text.Take(charactersMax).Select(static c => char.IsControl(c) ? ' ' : c));
    }
}

/// <summary>One message for one recipient.</summary>
/// <param name="Id">The same at every attempt: queue id, dot, number of the recipient.</param>
/// <param name="Key">The recipient's address, in lower case.</param>
/// <param name="Document"><c>postern.inbound.v1</c>, UTF-8.</param>
sealed record BrokerMessage(
    string Id, string Key, ReadOnlyMemory<byte> Document, IReadOnlyDictionary<string, string> Attributes);

/// <summary>A connection that is made when it is needed, shared, and made anew when it broke.</summary>
sealed class SharedConnection<T>(Func<CancellationToken, Task<T>> open, Func<T, ValueTask> close)
    : IAsyncDisposable where T : class
{
    readonly SemaphoreSlim gate = new(1);
    T? current;
    bool isDisposed;

    /// <summary>The one there is, or a new one. What opening throws is thrown.</summary>
    public async Task<T> GetAsync(CancellationToken cancel)
    {
        if (Volatile.Read(ref current) is { } there)
            return there;
        await gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            return current ??= await open(cancel).ConfigureAwait(false);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>It broke: the next one who asks gets another. Does nothing when that has happened.</summary>
    public async ValueTask DropAsync(T broken)
    {
        if (ReferenceEquals(Interlocked.CompareExchange(ref current, null, broken), broken))
            await close(broken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await gate.WaitAsync().ConfigureAwait(false);
        isDisposed = true;
        gate.Release();
        if (Interlocked.Exchange(ref current, null) is { } open)
            await close(open).ConfigureAwait(false);
    }
}
