using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Intake;

/// <summary>Who came again: networks of clients whose mail is taken, and first tries of the others.
/// RFC 6647 §2.4.</summary>
/// <remarks>
/// All of it is in memory, and stored: a network that came again at once, before its mail is, the rest of it
/// in batches, so that a refused recipient costs no commit and a crash forgets some first tries. Memory is
/// bounded, and nobody is pushed out of it but by age: a network that is not known is not remembered once
/// <see cref="NetworksMax"/> or <see cref="TriesMax"/> are, and its mail is taken. A network with too many
/// first tries of its own is remembered by the oldest of them: it fills its own memory alone. Times are the
/// queue's. Safe for several threads.
/// </remarks>
/// <param name="now">In the queue's time.</param>
sealed class Greylist(Func<DateTimeOffset> now)
{
    /// <summary>The kind of the store's objects; the name is the network's.</summary>
    public const string ObjectKind = "greylist";

    /// <summary>Each about 300 octets.</summary>
    public const int NetworksMax = 100_000;

    /// <summary>First tries of all networks, each about 30 octets.</summary>
    public const int TriesMax = 400_000;

    /// <summary>First tries of one network.</summary>
    public const int TriesPerNetworkMax = 64;

    /// <summary>That a known network was here is written so often.</summary>
    static readonly TimeSpan SeenEvery = TimeSpan.FromDays(1);

    readonly Lock gate = new();
    readonly Dictionary<ClientNetwork, Comer> comers = [];
    readonly HashSet<ClientNetwork> changed = [];
    int tries;

    /// <summary>Networks that are remembered.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return comers.Count;
        }
    }

    /// <summary>Takes back what was stored before a restart; unreadable objects are skipped.</summary>
    public void Restore(IEnumerable<StoredObject> stored)
    {
        lock (gate)
        {
            var at = now();
            foreach (var item in stored)
            {
                if (!ClientNetwork.TryParse(item.Name, out var network) || Read(item) is not { } row)
                    continue;
                // Later than now only by a clock that was ahead of this one: nobody waits for that.
                var seenAt = Earlier(row.SeenAt, at);
                var comer = new Comer { Passes = row.Passes, SeenAt = seenAt, SeenStoredAt = seenAt };
                comer.Tries.AddRange((row.Tries ?? []).Take(TriesPerNetworkMax)
                    .Select(one => one with { At = Earlier(one.At, at) }));
                comers[network] = comer;
                tries += comer.Tries.Count;
            }
        }
    }

    /// <summary>The client's network has come again before, often enough.</summary>
    public bool Knows(IPAddress client, GreylistOptions options)
    {
        lock (gate)
        {
            var network = NetworkOf(client);
            if (!comers.TryGetValue(network, out var comer) || !IsKnown(comer, options))
                return false;
            See(network, comer);
            return true;
        }
    }

    /// <summary>A try of mail; whether it is the first one is remembered.</summary>
    /// <param name="kept">What must be stored before the mail is. Null: nothing.</param>
    /// <returns>How long the client has to wait from now on. Null: the mail is taken.</returns>
    public TimeSpan? Ask(
        IPAddress client, ReversePath sender, Mailbox recipient, GreylistOptions options,
        out ObjectChange? kept)
    {
        kept = null;
        var network = NetworkOf(client);
        var key = KeyOf(sender, recipient);
        lock (gate)
        {
            var at = now();
            if (!comers.TryGetValue(network, out var comer))
            {
                if (comers.Count >= NetworksMax || tries >= TriesMax)
                    return null;
                comers.Add(network, comer = new Comer());
            }
            Forget(comer, at, options);
            if (IsKnown(comer, options))
                return null;
            var found = comer.Tries.FindIndex(one => one.Key == key);
            if (found < 0)
                return Begin(network, comer, new Try(key, at, HasPassed: false), options);
            var known = comer.Tries[found];
            var left = options.Wait - (at - known.At);
            if (left > TimeSpan.Zero && !known.HasPassed)
                return left;
            if (!known.HasPassed || at - known.At >= SeenEvery)
                kept = Pass(network, comer, found, at, options);
            return null;
        }
    }

    TimeSpan? Begin(ClientNetwork network, Comer comer, Try first, GreylistOptions options)
    {
        if (comer.Tries.Count < TriesPerNetworkMax && tries < TriesMax)
        {
            comer.Tries.Add(first);
            tries++;
            changed.Add(network);
            return options.Wait;
        }
        // Somebody there comes again and again: the oldest try stands for all that are not remembered.
        var oldest = comer.Tries.Count == 0 ? DateTimeOffset.MinValue : comer.Tries.Min(one => one.At);
        var left = options.Wait - (first.At - oldest);
        return left > TimeSpan.Zero ? left : null;
    }

    ObjectChange Pass(
        ClientNetwork network, Comer comer, int found, DateTimeOffset at, GreylistOptions options)
    {
        if (!comer.Tries[found].HasPassed)
            comer.Passes++;
        comer.Tries[found] = comer.Tries[found] with { At = at, HasPassed = true };
        comer.SeenAt = comer.SeenStoredAt = at;
        if (IsKnown(comer, options))
        {
            tries -= comer.Tries.Count;
            comer.Tries.Clear();
        }
        changed.Remove(network);
        return RowOf(network, comer);
    }

    /// <summary>Rows of what has changed since the last call, so many at most.</summary>
    public IReadOnlyList<ObjectChange> TakeChanges(int most)
    {
        lock (gate)
        {
            ClientNetwork[] taken = [.. changed.Take(most)];
            changed.ExceptWith(taken);
            return [.. taken.Select(network => comers.TryGetValue(network, out var comer)
                ? RowOf(network, comer) : new ObjectChange(ObjectKind, network.ToString(), null))];
        }
    }

    /// <summary>Forgets what is too old.</summary>
    public void Sweep(GreylistOptions options)
    {
        lock (gate)
        {
            var at = now();
            foreach (var (network, comer) in comers)
            {
                Forget(comer, at, options);
                if (comer.Passes > 0 || comer.Tries.Count > 0)
                    continue;
                comers.Remove(network);
                changed.Add(network);
            }
        }
    }

    /// <summary>A try that passed is as good as its network, for whoever wants more than one of
    /// them.</summary>
    void Forget(Comer comer, DateTimeOffset at, GreylistOptions options)
    {
        if (at - comer.SeenAt > options.Keep)
            comer.Passes = 0;
        tries -= comer.Tries.RemoveAll(
            one => at - one.At > (one.HasPassed ? options.Keep : options.RetryWithin));
    }

    bool IsKnown(Comer comer, GreylistOptions options) =>
        comer.Passes >= options.AllowAfter && now() - comer.SeenAt <= options.Keep;

    void See(ClientNetwork network, Comer comer)
    {
        comer.SeenAt = now();
        if (comer.SeenAt - comer.SeenStoredAt < SeenEvery)
            return;
        comer.SeenStoredAt = comer.SeenAt;
        changed.Add(network);
    }

    static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    // RFC 6647 §5: a sender's hosts take turns, so that a block of addresses counts, not each of them.
    static ClientNetwork NetworkOf(IPAddress client) => ClientNetwork.Of(client, 24, 64);

    /// <summary>Of the two addresses no more is kept than tells them from others.</summary>
    static long KeyOf(ReversePath sender, Mailbox recipient)
    {
        var text = $"{sender.Mailbox}\0{recipient}".ToLowerInvariant();
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        return BinaryPrimitives.ReadInt64LittleEndian(hash);
    }

    static ObjectChange RowOf(ClientNetwork network, Comer comer) => new(
        ObjectKind, network.ToString(), JsonSerializer.SerializeToUtf8Bytes(
            new StoredComer(comer.Passes, comer.SeenAt, [.. comer.Tries]), GreylistJson.Default.StoredComer));

    static StoredComer? Read(StoredObject item)
    {
        // A row of a later version must not keep the server from starting.
        try
        {
            return JsonSerializer.Deserialize(item.Json.Span, GreylistJson.Default.StoredComer);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    sealed class Comer
    {
        /// <summary>Recipients that were tried again.</summary>
        public int Passes;

        public DateTimeOffset SeenAt, SeenStoredAt;
        public readonly List<Try> Tries = [];
    }
}

/// <summary>A sender and a recipient that a network has tried.</summary>
/// <param name="At">First, or when it passed.</param>
readonly record struct Try(long Key, DateTimeOffset At, bool HasPassed);

/// <summary>A network, as the store keeps it.</summary>
/// <param name="Tries">Null: none.</param>
sealed record StoredComer(int Passes, DateTimeOffset SeenAt, IReadOnlyList<Try>? Tries);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower)]
[JsonSerializable(typeof(StoredComer))]
sealed partial class GreylistJson : JsonSerializerContext;
