using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;

namespace Postern.Tests.Simulation;

/// <summary>What must be true of every recipient, told apart from how the queue does it.</summary>
/// <remarks>
/// It sees each change when it is committed, each attempt when it begins, its result when it is given, and
/// each command. The first thing that may not be is kept in
/// <see cref="Broken"/>: an exception would be caught by the code that is watched.
/// </remarks>
sealed partial class Ledger
{
    readonly Dictionary<RecipientKey, Fate> fates = [];
    readonly Dictionary<QueueId, QueuedMessage> messages = [];

    /// <summary>How many recipients of its envelope are stored.</summary>
    readonly Dictionary<QueueId, int> envelopes = [];

    /// <summary>In the order in which it happened: by number.</summary>
    readonly Dictionary<QueueId, int> arrivals = [];
    readonly Dictionary<QueueId, int> acknowledged = [];
    int moments;

    readonly int thread = Environment.CurrentManagedThreadId;
    PosternOptions options = new();
    PosternOptions earlier = new();
    SimulatedCommand underWay;
    QueueId? about;

    public string? Broken { get; private set; }

    /// <summary>The running process. 0: none.</summary>
    public long Epoch { get; private set; }

    /// <summary>Every recipient that was ever stored, by key.</summary>
    public IReadOnlyDictionary<RecipientKey, Fate> Fates => fates;

    /// <summary>Those that are not done.</summary>
    public HashSet<RecipientKey> Open { get; } = [];

    public int AttemptCount { get; private set; }
    public int CommitCount { get; private set; }

    /// <summary>Gets a line for each attempt and each change. Null: nobody reads it.</summary>
    public List<string>? Trace { get; init; }

    /// <summary>That of the running process.</summary>
    public required TimeProvider Clock { get; set; }

    DateTimeOffset Now => Clock.GetUtcNow();

    public void Break(string what) => Broken ??= what;

    /// <summary>One thread does everything, or chance would not repeat.</summary>
    public void NoteThread()
    {
        if (Environment.CurrentManagedThreadId != thread)
            Break("the simulation has left its thread");
    }

    /// <summary>A command was given; what it asks for is no fault any more. Whatever is stored before
    /// the next one may be meant too.</summary>
    /// <param name="message">Null: all that is in the queue.</param>
    public void Command(SimulatedCommand command, QueueId? message)
    {
        (underWay, about) = (command, message);
        foreach (var key in Open)
        {
            if (message is null || key.Message == message)
                fates[key].Commands |= command;
        }
    }

    /// <summary>A client begins to hand over a message.</summary>
    public void Come(QueueId message) => arrivals[message] = ++moments;

    /// <summary>The client has read 250.</summary>
    public void Acknowledge(QueueId message, int recipients)
    {
        acknowledged[message] = ++moments;
        var named = envelopes.GetValueOrDefault(message);
        if (named != recipients)
            Break($"{message} was acknowledged for {recipients} recipients and stored for {named}");
    }

    /// <summary>The client has read that the disk is full.</summary>
    public void Refused(QueueId message)
    {
        if (messages.ContainsKey(message))
            Break($"{message} was refused and is stored");
    }

    /// <summary>What a new process found on the disk is what was committed.</summary>
    public void Compare(IReadOnlyList<StoredMessage> found)
    {
        var rows = found.SelectMany(one => one.Recipients)
            .ToDictionary(row => new RecipientKey(row.Message, row.Number));
        foreach (var key in Open)
        {
            if (!rows.TryGetValue(key, out var row))
                Break($"recipient {key.Number} of {key.Message} is lost");
            else if (row != fates[key].Row)
                Break($"recipient {key.Number} of {key.Message} came back as {row}, not {fates[key].Row}");
        }
    }

    /// <summary>A process begins: what an earlier one left Active may have been delivered.</summary>
    public void Begin(long epoch, PosternOptions first)
    {
        if (epoch <= Epoch)
            Break($"epoch {epoch} follows {Epoch}");
        Epoch = epoch;
        foreach (var key in Open)
        {
            var fate = fates[key];
            fate.Flight = null;
            fate.Proof = null;
            if (fate.Row.State != RecipientState.Active)
                continue;
            fate.NotBefore = fate.Row.DueAt;
            fate.BoundTo = fate.Row.Transport;
            fate.Excuses++;
        }
        ForgetLanes();
        Apply(first, []);
    }

    /// <summary>A reload.</summary>
    /// <param name="changed">Transports that begin anew.</param>
    public void Apply(PosternOptions next, IReadOnlyList<string> changed)
    {
        (earlier, options) = (options, next);
        foreach (var name in changed)
            ResetLanes(name);
        foreach (var route in next.Routes)
            Remember(route);
    }

    /// <summary>Everything works and time has passed: whoever is not done has been forgotten.</summary>
    public void CheckAllDone()
    {
        foreach (var key in Open)
            Break($"{Describe(fates[key])} has been forgotten");
        foreach (var fate in fates.Values)
        {
            if (fate.Ends != 1)
                Break($"{Describe(fate)} ended {fate.Ends} times");
        }
    }

    public static string Describe(Fate fate) =>
        $"recipient {fate.Row.Number} of {fate.Row.Message} ({fate.Row.State} {fate.Row.Outcome}, lane "
        + $"\"{fate.Row.Lane}\", due {fate.Row.DueAt:O}, lease {fate.Row.Lease})";

    static RecipientKey KeyOf(Recipient row) => new(row.Message, row.Number);
}

/// <summary>One recipient as the ledger knows it.</summary>
sealed class Fate
{
    /// <summary>As committed.</summary>
    public required Recipient Row { get; set; }

    /// <summary>The attempt under way in the running process. Null: none.</summary>
    public Flight? Flight { get; set; }

    /// <summary>What a next hop proved in the running process. Null: nothing.</summary>
    public AttemptResult? Proof { get; set; }

    /// <summary>Its last attempt met a next hop that lacks something. Null: it did not.</summary>
    public AttemptResult? Unsupported { get; set; }

    /// <summary>Not to be attempted before, unless an operator asks.</summary>
    public DateTimeOffset NotBefore { get; set; }

    /// <summary>The transport that may have it already. Null: none.</summary>
    public string? BoundTo { get; set; }

    /// <summary>How often a next hop took it.</summary>
    public int Taken { get; set; }

    /// <summary>How often the answer to an attempt was lost.</summary>
    public int Excuses { get; set; }

    /// <summary>Events that say it is done.</summary>
    public int Ends { get; set; }

    /// <summary>It has been nowhere but in its first lane, no attempt has ended with more than trouble
    /// with the next hop, and nobody has told it to wait.</summary>
    public bool KeepsPlace { get; set; } = true;

    /// <summary>What operators asked for.</summary>
    public SimulatedCommand Commands { get; set; }
}

[Flags]
enum SimulatedCommand { None = 0, Hold = 1, Release = 2, Retry = 4, Cancel = 8, Expire = 16 }
