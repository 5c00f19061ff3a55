using BenchmarkDotNet.Attributes;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Bench;

/// <summary>The store alone: a message, its recipient and its event, behind a flush.</summary>
[MemoryDiagnoser]
public class Commit
{
    const int Messages = 20;

    ScratchStore scratch = null!;
    long lastId;

    /// <summary>How many commit at once; more than one share flushes.</summary>
    [Params(1, Messages)]
    public int Callers { get; set; }

    [GlobalSetup]
    public void Open() => scratch = new ScratchStore();

    /// <summary>One message; each caller goes on once its own is on stable storage.</summary>
    [Benchmark(OperationsPerInvoke = Messages)]
    public Task MessageAsync() => Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => CallAsync()));

    [GlobalCleanup]
    public Task CloseAsync() => scratch.DisposeAsync().AsTask();

    async Task CallAsync()
    {
        for (var left = Messages / Callers; left > 0; left--)
        {
            using var content = Letter.NewContent();
            await scratch.Store.CommitAsync(NewChange(content));
        }
    }

    StoreChange NewChange(PooledContent content)
    {
        var id = new QueueId(Interlocked.Increment(ref lastId));
        var now = TimeProvider.System.GetUtcNow();
        var change = new StoreChange();
        change.Messages.Add(new NewMessage(Letter.MessageOf(id, now), content));
        change.Recipients.Add(new Recipient
        {
            Message = id,
            Number = 1,
            Address = Letter.Recipient,
            State = RecipientState.Ready,
            Lane = "relay",
            DueAt = now,
        });
        change.Events.Add(new MailEvent
        {
            Kind = EventKind.Accepted,
            At = now,
            Message = id,
            Recipient = 1,
            RecipientAddress = Letter.Recipient.ToString(),
            Sender = Letter.Sender.ToString(),
            ContentOctets = Letter.Octets.Length,
            RecipientCount = 1,
        });
        return change;
    }
}
