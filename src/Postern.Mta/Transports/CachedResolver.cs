using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Postern.Mta.Transports;

/// <summary>Answers of the DNS, kept for as long as they may be.</summary>
/// <remarks>
/// <para>Who asks what somebody else is asking waits for the same answer, and who stops waiting stops nobody
/// else. So many questions are on the way at once; the next ones wait for room, and beyond that the answer is
/// that nothing is known. A name that is none is never asked.</para>
/// <para>When there is no room for a new answer the oldest goes, unless it was wanted since it was last its
/// turn.</para>
/// </remarks>
/// <param name="chance">Shuffles hosts of equal preference anew with each answer (RFC 5321 §5.1).</param>
public sealed class CachedResolver(IResolver source, TimeProvider clock, Random chance) : IResolver
{
    public const int EntriesMax = 10_000;

    /// <summary>Texts and names of all of them, as they lie in memory.</summary>
    public const long OctetsMax = 16 << 20;

    /// <summary>A larger answer is passed on and not kept: a few of them would push out all others.</summary>
    public const int AnswerOctetsMax = 64 << 10;

    /// <summary>Questions on the way to name servers.</summary>
    public const int InFlightMax = 256;

    /// <summary>The same, with those that wait for room.</summary>
    public const int AskedMax = 4096;

    static readonly TimeSpan KeptMin = TimeSpan.FromSeconds(1);
    static readonly TimeSpan KeptMax = TimeSpan.FromHours(1);

    /// <summary>RFC 2308 §5 allows hours; mail waits for what somebody has just published.</summary>
    static readonly TimeSpan MissingKeptMax = TimeSpan.FromMinutes(5);

    /// <summary>RFC 2308 §7.1 allows five minutes.</summary>
    static readonly TimeSpan FailureKept = TimeSpan.FromSeconds(5);

    /// <summary>For room. As long as a session may well wait for one check.</summary>
    static readonly TimeSpan RoomWaitMax = TimeSpan.FromSeconds(10);

    readonly Lock gate = new();
    readonly Dictionary<Question, Entry> kept = [];
    readonly Queue<Entry> oldestFirst = [];
    readonly Dictionary<Question, Task<DnsLookup>> asked = [];

    /// <summary>Holds one for each question on the way: a full channel is a full house.</summary>
    readonly Channel<Question> room = Channel.CreateBounded<Question>(InFlightMax);
    long octets;

    public async ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
    {
        if (DnsNames.ToQuestion(domain) is not { } name)
            return new MxLookup(LookupOutcome.NoSuchName, []);
        var found = (MxLookup)await FindAsync(new Question(QuestionKind.Mx, name), cancel);
        lock (gate)
            return found.Shuffled(chance);
    }

    public async ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel)
    {
        var fours = LookupAddressesAsync(host, AddressFamily.InterNetwork, cancel);
        var six = await LookupAddressesAsync(host, AddressFamily.InterNetworkV6, cancel);
        return AddressLookup.OfBoth(await fours, six);
    }

    public async ValueTask<AddressLookup> LookupAddressesAsync(
        string host, AddressFamily family, CancellationToken cancel)
    {
        if (DnsNames.ToQuestion(host) is not { } name)
            return new AddressLookup(LookupOutcome.NoSuchName, []);
        var kind = family == AddressFamily.InterNetwork ? QuestionKind.A : QuestionKind.Aaaa;
        return (AddressLookup)await FindAsync(new Question(kind, name), cancel);
    }

    public async ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel) =>
        DnsNames.ToQuestion(name) is { } question
            ? (TextLookup)await FindAsync(new Question(QuestionKind.Text, question), cancel)
            : new TextLookup(LookupOutcome.NoSuchName, []);

    public async ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel) =>
        (NameLookup)await FindAsync(
            new Question(QuestionKind.Names, DnsNames.ReverseOf(address)) { Address = address }, cancel);

    ValueTask<DnsLookup> FindAsync(Question question, CancellationToken cancel)
    {
        TaskCompletionSource<DnsLookup> answer;
        lock (gate)
        {
            if (kept.TryGetValue(question, out var entry) && clock.GetTimestamp() < entry.ExpiresAt)
            {
                entry.IsWanted = true;
                return new(entry.Answer);
            }
            if (asked.TryGetValue(question, out var asking))
                return new(asking.WaitAsync(cancel));
            if (asked.Count == AskedMax)
                return new(UnknownOf(question.Kind));
            answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
            asked.Add(question, answer.Task);
        }
        _ = AnswerAsync(question, answer);
        return new(answer.Task.WaitAsync(cancel));
    }

    async Task AnswerAsync(Question question, TaskCompletionSource<DnsLookup> answer)
    {
        try
        {
            var found = await AskAsync(question);
            lock (gate)
            {
                asked.Remove(question);
                Keep(question, found);
            }
            answer.SetResult(found);
        }
        catch (Exception bug)
        {
            // Nothing is thrown for what a server said: whoever waits shall see it.
            lock (gate)
                asked.Remove(question);
            answer.SetException(bug);
        }
    }

    async ValueTask<DnsLookup> AskAsync(Question question)
    {
        if (!room.Writer.TryWrite(question))
        {
            using var limit = new CancellationTokenSource(RoomWaitMax, clock);
            try
            {
                await room.Writer.WriteAsync(question, limit.Token);
            }
            catch (OperationCanceledException)
            {
                return UnknownOf(question.Kind);
            }
        }
        try
        {
            // It is asked for everyone who waits: no one of them ends it. The source has its own limit.
            return await PassOnAsync(question, CancellationToken.None);
        }
        finally
        {
            _ = room.Reader.TryRead(out _);
        }
    }

    async ValueTask<DnsLookup> PassOnAsync(Question question, CancellationToken cancel) =>
        question.Kind switch
        {
            QuestionKind.Mx => await source.LookupMxAsync(question.Name, cancel),
            QuestionKind.A => await source.LookupAddressesAsync(
                question.Name, AddressFamily.InterNetwork, cancel),
            QuestionKind.Aaaa => await source.LookupAddressesAsync(
                question.Name, AddressFamily.InterNetworkV6, cancel),
            QuestionKind.Text => await source.LookupTextAsync(question.Name, cancel),
            QuestionKind.Names => await source.LookupNamesAsync(question.Address!, cancel),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    void Keep(Question question, DnsLookup answer)
    {
        var size = OctetsOf(answer) + (2 * question.Name.Length);
        if (size > AnswerOctetsMax)
            return;
        if (!kept.TryGetValue(question, out var entry))
        {
            kept.Add(question, entry = new Entry(question, answer));
            oldestFirst.Enqueue(entry);
        }
        octets += size - entry.Octets;
        entry.Octets = size;
        entry.Answer = answer;
        entry.ExpiresAt =
            clock.GetTimestamp() + (long)(KeptFor(answer).TotalSeconds * clock.TimestampFrequency);
        while (kept.Count > EntriesMax || octets > OctetsMax)
            DropOne();
    }

    void DropOne()
    {
        while (true)
        {
            var entry = oldestFirst.Dequeue();
            if (entry.IsWanted && clock.GetTimestamp() < entry.ExpiresAt)
            {
                entry.IsWanted = false;
                oldestFirst.Enqueue(entry);
                continue;
            }
            kept.Remove(entry.Question);
            octets -= entry.Octets;
            return;
        }
    }

    static TimeSpan KeptFor(DnsLookup answer)
    {
        if (answer.Outcome == LookupOutcome.Unknown)
            return FailureKept;
        var max = answer.Outcome == LookupOutcome.Found ? KeptMax : MissingKeptMax;
        var told = answer.TimeToLive ?? KeptMin;
        return told < KeptMin ? KeptMin : told > max ? max : told;
    }

    /// <summary>About as much as it takes, objects with what they hold.</summary>
    static int OctetsOf(DnsLookup answer) => 256 + answer switch
    {
        MxLookup mx => mx.Hosts.Sum(host => 64 + (2 * host.Name.Length)),
        AddressLookup found => found.Addresses.Count * 72,
        TextLookup found => found.Texts.Sum(text => 32 + (2 * text.Length)),
        NameLookup found => found.Names.Sum(name => 32 + (2 * name.Length)),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    static DnsLookup UnknownOf(QuestionKind kind) => kind switch
    {
        QuestionKind.Mx => new MxLookup(LookupOutcome.Unknown, []),
        QuestionKind.A or QuestionKind.Aaaa => new AddressLookup(LookupOutcome.Unknown, []),
        QuestionKind.Text => new TextLookup(LookupOutcome.Unknown, []),
        QuestionKind.Names => new NameLookup(LookupOutcome.Unknown, []),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    enum QuestionKind
    {
        Mx,
        A,
        Aaaa,
        Text,
        Names,
    }

    readonly record struct Question(QuestionKind Kind, string Name)
    {
        /// <summary>Null: a question about a name.</summary>
        public IPAddress? Address { get; init; }

        // The name of the question tells one address from another already.
        public bool Equals(Question other) => Kind == other.Kind && Name == other.Name;

        public override int GetHashCode() => HashCode.Combine(Kind, Name);
    }

    sealed class Entry(Question question, DnsLookup answer)
    {
        public Question Question => question;
        public DnsLookup Answer { get; set; } = answer;

        /// <summary>A timestamp of the clock.</summary>
        public long ExpiresAt { get; set; }
        public int Octets { get; set; }
        public bool IsWanted { get; set; }
    }
}
