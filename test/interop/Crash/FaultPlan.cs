using System.Collections.Concurrent;
using System.Globalization;

namespace Postern.Interop.Crash;

/// <summary>Which messages go wrong, where and how: a tenth of them, drawn by chance, every kind of fault as
/// often as every other.</summary>
/// <remarks>A fault is played once. One of a connection, at its greeting or its EHLO, hits the next
/// connection that is opened after its message came.</remarks>
sealed class FaultPlan
{
    const int MessagesPerFault = 10;

    static readonly Step[] Replies = [Step.Greeting, Step.Ehlo, Step.Mail, Step.Rcpt, Step.Data, Step.Dot];

    static readonly Fault[] Kinds =
    [
        .. from trouble in new[] { Trouble.Transient, Trouble.Permanent, Trouble.Silence, Trouble.Garbage }
           from step in Replies
           select new Fault(step, trouble),
        new(Step.Ehlo, Trouble.HalfTls),
        new(Step.Content, Trouble.Reset),
        new(Step.Dot, Trouble.Reset),
        new(Step.Dot, Trouble.Late),
    ];

    readonly ConcurrentDictionary<string, Fault> ahead;

    public FaultPlan(int messages, int seed)
    {
        Ids = [.. Enumerable.Range(0, messages).Select(
            number => number.ToString("D6", CultureInfo.InvariantCulture))];
        var drawn = Ids.ToArray();
        new Random(seed).Shuffle(drawn);
        Faults = drawn.Take(messages / MessagesPerFault).Index()
            .ToDictionary(place => place.Item, place => Kinds[place.Index % Kinds.Length]);
        ahead = new ConcurrentDictionary<string, Fault>(Faults);
    }

    /// <summary>Local parts of sender and recipient alike.</summary>
    public IReadOnlyList<string> Ids { get; }

    public IReadOnlyDictionary<string, Fault> Faults { get; }

    /// <summary>The fault of this message, the first time it is asked for. Null: none.</summary>
    public Fault? Take(string id) => ahead.TryRemove(id, out var fault) ? fault : null;

    /// <summary>The message went before it could hear of its fault: that is for the next time.</summary>
    public void PutBack(string id, Fault fault) => ahead.TryAdd(id, fault);

    /// <summary>Its next hop refuses it for good.</summary>
    public bool IsRefused(string id) => Faults.GetValueOrDefault(id) is
    { IsOfConnection: false, Trouble: Trouble.Permanent };
}

/// <summary>What goes wrong at one step of a conversation.</summary>
sealed record Fault(Step At, Trouble Trouble)
{
    /// <summary>It comes before the relay knows which message it is about.</summary>
    public bool IsOfConnection => At is Step.Greeting or Step.Ehlo;

    /// <summary>The status of a refusal, without its class: no two steps have the same.</summary>
    public static string DetailOf(Step step) => string.Create(CultureInfo.InvariantCulture, $"3.{(int)step}");
}

enum Step
{
    Greeting,
    Ehlo,
    Mail,
    Rcpt,
    Data,
    Content,
    Dot,
}

enum Trouble
{
    Transient,
    Permanent,

    /// <summary>No reply; the sender has to give up.</summary>
    Silence,

    /// <summary>A line that is no reply, and the end.</summary>
    Garbage,

    /// <summary>A reset of the connection. After the dot: the message is kept, its reply is lost.</summary>
    Reset,

    /// <summary>The reply comes, when the sender's patience is nearly over.</summary>
    Late,

    /// <summary>A handshake that ends in the middle of the server's first record.</summary>
    HalfTls,
}
