using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Tests.Simulation;

/// <summary>One life of the process: everything between intake and the ways out, on one thread.</summary>
/// <remarks>Whatever would run on other threads waits here until the walk lets it take a step. Leases,
/// commands and recovery wait for one another at the queue's gate, so one of them runs at a time.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A killed process disposes of nothing.")]
sealed class SimulatedProcess
{
    static readonly CancellationToken None = CancellationToken.None;
    static readonly Metrics Metrics = new();
    static readonly byte[] Padding = new byte[300 << 10];

    readonly Ledger ledger;
    readonly Random chance;
    readonly TransportTable table;
    readonly AlarmBoard alarms;
    readonly MailIntake intake;
    readonly List<Func<Task>> workers = [];
    readonly List<(Task<Reply> Answer, QueueId Id, int Recipients)> submissions = [];
    AliasTable aliases;
    Task recovery;

    public SimulatedProcess(
        PosternOptions options, IMailStore disk, Ledger ledger, FakeTimeProvider clock, Random chance,
        Func<string, TransportOptions, ITransport> build)
    {
        (this.ledger, this.chance) = (ledger, chance);
        Store = new SteppedStore(disk, ledger);
        Health = new RelayHealth(clock);
        alarms = new AlarmBoard(clock);
        alarms.Restore(Now(Store.ReadObjectsAsync(AlarmBoard.ObjectKind, None)));
        table = new TransportTable(options, build);
        ledger.Begin(Store.Epoch, options);
        Queue = new MessageQueue(
            options, Store, Health, table, alarms, Metrics, clock, new Random(chance.Next()),
            new FaultLog(ledger));
        Queue.Dispatcher.RunWorker = workers.Add;
        intake = new MailIntake(Store, Queue, new MemoryBudget(64 << 20), clock);
        aliases = AliasTable.Load(options, []);
        Queue.BeginAsync(None).AsTask().GetAwaiter().GetResult();
        Gated = recovery = Queue.RecoverAsync(None).AsTask();
    }

    public SteppedStore Store { get; }
    public RelayHealth Health { get; }
    public MessageQueue Queue { get; }
    public Dispatcher Dispatcher => Queue.Dispatcher;

    /// <summary>What holds the queue's gate, or has let it go.</summary>
    public Task Gated { get; private set; }

    public int WorkerCount => workers.Count;
    public IReadOnlyList<Alarm> Alarms => alarms.Raised;

    /// <summary>Starts what needs the gate. False: it is taken.</summary>
    public bool TryBegin(Func<Task> operation)
    {
        if (!Gated.IsCompleted)
            return false;
        CheckGated();
        // As housekeeping does it: until it succeeds.
        Gated = recovery.IsFaulted ? recovery = Queue.RecoverAsync(None).AsTask() : operation();
        return true;
    }

    /// <summary>Lets workers run until they wait for something.</summary>
    public void RunWorkers(int count)
    {
        for (; count > 0 && workers.Count > 0; count--)
        {
            var index = chance.Next(workers.Count);
            var worker = workers[index];
            workers[index] = workers[^1];
            workers.RemoveAt(workers.Count - 1);
            if (worker().Exception is { } bug)
                ledger.Break($"a worker ended: {bug}");
        }
    }

    /// <summary>A client hands over a message; it may wait for its answer.</summary>
    public void Submit(MailDoors door, ReversePath sender, EnvelopeRecipient[] envelope, bool isLarge)
    {
        var sink = intake.OpenSink();
        ledger.Come(sink.Id);
        submissions.Add((SubmitAsync(sink, door, sender, envelope, isLarge), sink.Id, envelope.Length));
    }

    async Task<Reply> SubmitAsync(
        IntakeSink sink, MailDoors door, ReversePath sender, EnvelopeRecipient[] envelope, bool isLarge)
    {
        await using (sink)
        {
            var header = Encoding.ASCII.GetBytes("Subject: hello\r\n\r\n");
            await sink.WriteAsync(new ReadOnlySequence<byte>(header), None);
            if (isLarge)
                await sink.WriteAsync(new ReadOnlySequence<byte>(Padding), None);
            var mark = Encoding.ASCII.GetBytes(SimulatedRelay.MarkOf(sink.Id));
            await sink.WriteAsync(new ReadOnlySequence<byte>(mark), None);
            NewRecipient[] recipients = [.. envelope.Select(one => new NewRecipient(
                one, aliases.Expand(one.Path.Mailbox) is AliasExpansion.To to ? to.Targets : [],
                Held: false))];
            var client = new ClientFacts { Address = "192.0.2.1", Listener = "test", Protocol = "ESMTP" };
            return await intake.AcceptAsync(
                new IntakeRequest(
                    door, "mx.example.org", sender, MailParameters.None, client, recipients, null),
                sink, None);
        }
    }

    /// <summary>Clients read their answers.</summary>
    public void ReadAnswers()
    {
        for (var i = submissions.Count - 1; i >= 0; i--)
        {
            var (answer, id, recipients) = submissions[i];
            if (!answer.IsCompleted)
                continue;
            submissions.RemoveAt(i);
            if (answer.Exception is { } bug)
                ledger.Break($"{id} was not answered: {bug}");
            else if (Now(answer).Code == 250)
                ledger.Acknowledge(id, recipients);
            else if (Now(answer).Code == 452)
                ledger.Refused(id);
        }
        CheckGated();
    }

    void CheckGated()
    {
        // A disk that fails or is full is told to whoever asked.
        if (Gated.Exception?.InnerException is { } bug and not StoreException)
            ledger.Break($"an operation failed: {bug}");
    }

    public void Reload(PosternOptions options)
    {
        var changed = table.Apply(options);
        foreach (var name in changed)
            Dispatcher.Reset(name);
        Queue.Apply(options);
        aliases = AliasTable.Load(options, []);
        ledger.Apply(options, changed);
    }

    static T Now<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();

    static T Now<T>(Task<T> task) => task.GetAwaiter().GetResult();

    /// <summary>What the queue takes for a bug is one, unless it was made on purpose.</summary>
    sealed class FaultLog(Ledger ledger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (exception is null or SimulatedBugException or StoreException { Health: StoreHealth.Failed })
                return;
            // A full disk is waited for by whoever knows what an attempt proved.
            if (exception is not StoreException || eventId.Name == "LogResultLost")
                ledger.Break($"{formatter(state, exception)}: {exception}");
        }
    }
}
