using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Configuration;
using Postern.Mta.Store;

namespace Postern.Mta.Queue;

/// <summary>What is spent of the paces of transports, as the store keeps it over a restart.</summary>
/// <remarks>
/// Stored each second while it changes, riding along with other commits: a crash forgets the last
/// second. A pace of a second or a minute is not worth a row: its bucket is full again before a restart is
/// over. Restored before the lanes are known, then only the housekeeping's.
/// </remarks>
sealed class SpentPaces
{
    /// <summary>The kind of the store's objects; the name is the transport's.</summary>
    public const string ObjectKind = "pace";

    static readonly TimeSpan ShortMax = TimeSpan.FromMinutes(1);

    readonly Dictionary<string, StoredPace> known = new(StringComparer.Ordinal);

    public void Restore(IEnumerable<StoredObject> stored)
    {
        foreach (var row in stored)
        {
            if (Read(row) is { } pace)
                known[row.Name] = pace;
        }
    }

    /// <summary>Tokens that are still spent of an earlier process's bucket.</summary>
    /// <param name="now">In the queue's time.</param>
    public double SpentOf(string transport, Rate rate, DateTimeOffset now)
    {
        if (rate.Per <= ShortMax || !known.TryGetValue(transport, out var pace))
            return 0;
        var filled = Math.Max(0, (now - pace.At) / rate.Per) * rate.Count;
        return Math.Max(0, pace.Spent - filled);
    }

    /// <summary>Rows of what has changed since the last call.</summary>
    /// <param name="now">In the queue's time.</param>
    public IReadOnlyList<ObjectChange> TakeChanges(
        IEnumerable<KeyValuePair<string, Pace?>> paces, DateTimeOffset now)
    {
        var changes = new List<ObjectChange>();
        foreach (var (transport, pace) in paces)
        {
            if (pace is null || pace.Rate.Per <= ShortMax
                || pace.Spent <= SpentOf(transport, pace.Rate, now) + 0.5)
                continue;
            var row = known[transport] = new StoredPace(pace.Spent, now);
            var json = JsonSerializer.SerializeToUtf8Bytes(row, PaceJson.Default.StoredPace);
            changes.Add(new ObjectChange(ObjectKind, transport, json));
        }
        return changes;
    }

    static StoredPace? Read(StoredObject row)
    {
        // A row of a later version must not keep the server from starting.
        try
        {
            return JsonSerializer.Deserialize(row.Json.Span, PaceJson.Default.StoredPace);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <param name="At">In the queue's time.</param>
sealed record StoredPace(double Spent, DateTimeOffset At);

[JsonSerializable(typeof(StoredPace))]
sealed partial class PaceJson : JsonSerializerContext;
