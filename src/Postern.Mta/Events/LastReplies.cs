using System.Collections.Concurrent;

namespace Postern.Mta.Events;

/// <summary>How the last attempts of each transport went, with what was answered.</summary>
/// <remarks>One writer, in the order of the commits, and no lock: a reader may miss what is written while it
/// looks. It begins with the process; what was before is in the events.</remarks>
public sealed class LastReplies
{
    /// <summary>Attempts of one transport.</summary>
    public const int AttemptsMax = 10;

    /// <summary>By transport, whose names come from the configuration alone.</summary>
    readonly ConcurrentDictionary<string, Ring> rings = new(StringComparer.Ordinal);

    /// <summary>Newest first; empty where it made none.</summary>
    public IReadOnlyList<MailEvent> Of(string transport) =>
        rings.TryGetValue(transport, out var ring) ? ring.Read() : [];

    internal void Note(MailEvent fact)
    {
        // What ended a recipient without an attempt has no facts.
        if (fact.Transport is { } transport && (fact.Kind == EventKind.Attempted || fact.Facts is not null))
            rings.GetOrAdd(transport, static _ => new Ring()).Add(fact);
    }

    /// <summary>Puts others in the place of events; any thread may.</summary>
    /// <param name="rewrite">Gives the same object where nothing is to be changed.</param>
    internal void Rewrite(Func<MailEvent, MailEvent> rewrite)
    {
        foreach (var ring in rings.Values)
            ring.Rewrite(rewrite);
    }

    sealed class Ring
    {
        readonly MailEvent?[] slots = new MailEvent?[AttemptsMax];
        long count;

        public void Add(MailEvent fact)
        {
            Volatile.Write(ref slots[count % AttemptsMax], fact);
            Volatile.Write(ref count, count + 1);
        }

        public void Rewrite(Func<MailEvent, MailEvent> rewrite)
        {
            for (var place = 0; place < AttemptsMax; place++)
            {
                if (Volatile.Read(ref slots[place]) is not { } fact)
                    continue;
                // Where a newer one has come meanwhile, that stays.
                Interlocked.CompareExchange(ref slots[place], rewrite(fact), fact);
            }
        }

        public List<MailEvent> Read()
        {
            var read = new List<MailEvent>();
            var end = Volatile.Read(ref count);
            for (var place = end - 1; place >= Math.Max(0, end - AttemptsMax); place--)
            {
                if (Volatile.Read(ref slots[place % AttemptsMax]) is { } fact)
                    read.Add(fact);
            }
            return read;
        }
    }
}
