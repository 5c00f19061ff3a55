using Postern.Mta.Configuration;
using Postern.Mta.Transports.Forward;

namespace Postern.Mta.Transports;

/// <summary>The transports of the configuration in force, by name; a reload swaps changed ones.</summary>
public sealed class TransportTable : IAsyncDisposable
{
    readonly Lock gate = new();

    // Attempts may still run on a retired transport; it is closed with the others at the end.
    readonly List<ITransport> retired = [];
    readonly Func<string, TransportOptions, ITransport> build;
    Dictionary<string, Entry> entries = new(StringComparer.Ordinal);

    /// <param name="build">Makes the transport of a name and its options; called once for each and again when
    /// they change.</param>
    public TransportTable(PosternOptions options, Func<string, TransportOptions, ITransport> build)
    {
        this.build = build;
        Apply(options);
    }

    /// <summary>The way out for URLs, which no configuration names; closed with the others. Null: there is
    /// none.</summary>
    internal ForwardTransport? Forward { get; init; }

    public ITransport? Find(string name) => Volatile.Read(ref entries).GetValueOrDefault(name)?.Transport
        ?? (name == WebTarget.Transport ? Forward : null);

    public int ConcurrencyMaxOf(string name) =>
        Volatile.Read(ref entries).GetValueOrDefault(name)?.Options.MaxConnections
            ?? (name == WebTarget.Transport ? WebTarget.ConcurrencyMax
                : new TransportOptions().MaxConnections);

    public int RecipientsPerMessageOf(string name) =>
        Volatile.Read(ref entries).GetValueOrDefault(name)?.Options.RecipientsPerMessage ?? 1;

    /// <summary>Null: no limit.</summary>
    public Rate? RateOf(string name) =>
        Volatile.Read(ref entries).GetValueOrDefault(name)?.Options.Rate;

    /// <summary>Takes over changed, new and removed transports. Running attempts finish on the old
    /// ones.</summary>
    /// <returns>Names of those that changed, came or went.</returns>
    public IReadOnlyList<string> Apply(PosternOptions options)
    {
        lock (gate)
        {
            var changed = new List<string>();
            var next = new Dictionary<string, Entry>(StringComparer.Ordinal);
            foreach (var (name, transport) in options.Transports)
            {
                var old = entries.GetValueOrDefault(name);
                if (old is not null && old.Options == transport)
                {
                    next[name] = old;
                    continue;
                }
                next[name] = new Entry(transport, build(name, transport));
                changed.Add(name);
            }
            changed.AddRange(entries.Keys.Where(name => !next.ContainsKey(name)));
            var gone = entries.Where(e => !ReferenceEquals(next.GetValueOrDefault(e.Key), e.Value)).ToList();
            Volatile.Write(ref entries, next);
            foreach (var (_, entry) in gone)
                retired.Add(entry.Transport);
            return changed;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var transport in retired.Concat(entries.Values.Select(entry => entry.Transport)))
            await transport.DisposeAsync().ConfigureAwait(false);
        if (Forward is not null)
            await Forward.DisposeAsync().ConfigureAwait(false);
    }

    sealed record Entry(TransportOptions Options, ITransport Transport);
}
