using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Tests.Doubles;

/// <summary>Queue, dispatcher and store on one thread: nothing moves but by the test's calls.</summary>
/// <remarks>
/// Workers gather until <see cref="RunAsync"/>; the pump is a round of <see cref="RunAsync"/>. The clock is
/// moved by <see cref="PassAsync"/>, from one wake-up of the pump to the next.
/// </remarks>
sealed class MailHall : IAsyncDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    readonly ConcurrentQueue<Func<Task>> workers = new();
    readonly TransportTable table;
    readonly Metrics metrics = new();
    int applied;

    /// <param name="build">Makes the transports. Null: scripted ones, in <see cref="Ways"/>.</param>
    public MailHall(
        PosternOptions? options = null, MemoryDisk? disk = null, FakeTimeProvider? clock = null,
        Func<string, TransportOptions, ITransport>? build = null, MailTraces? traces = null)
    {
        Options = options ?? OptionsOf(Route("all", via: ["relay"]));
        Disk = disk ?? new MemoryDisk();
        Clock = clock ?? new FakeTimeProvider(Start);
        Store = new MemoryStore(Disk) { Applied = () => applied++ };
        Alarms = new AlarmBoard(Clock);
        Health = new RelayHealth(Clock);
        table =
            new TransportTable(Options, build ?? (
                (name, _) => Ways[name] = Ways.GetValueOrDefault(name) ?? new(name)));
        Queue = new MessageQueue(
            Options, Store, Health, table, Alarms, metrics, Clock, new Random(1), NullLogger.Instance)
        { Traces = traces };
        Queue.Dispatcher.RunWorker = workers.Enqueue;
    }

    public PosternOptions Options { get; private set; }
    public MemoryDisk Disk { get; }
    public FakeTimeProvider Clock { get; }
    public MemoryStore Store { get; }
    public AlarmBoard Alarms { get; }
    public RelayHealth Health { get; }
    public MessageQueue Queue { get; }
    public Dispatcher Dispatcher => Queue.Dispatcher;

    /// <summary>The transports by name.</summary>
    public Dictionary<string, ScriptedTransport> Ways { get; } = [];

    /// <summary>The transport of the default options.</summary>
    public ScriptedTransport Relay => Ways["relay"];

    /// <summary>Changes that were written so far.</summary>
    public int Commits => applied;

    /// <summary>The only recipient there is.</summary>
    public Recipient Only => Assert.Single(Store.Recipients);

    /// <summary>A route from anybody to anybody, unless it says otherwise.</summary>
    public static RouteOptions Route(
        string name, string[]? from = null, string[]? to = null, string[]? via = null) => new()
        {
            Name = name,
            From = from is null ? null : [.. from.Select(Postern.Mta.Routing.AddressPattern.Parse)],
            To = to is null ? null : [.. to.Select(Postern.Mta.Routing.AddressPattern.Parse)],
            Via = via ?? ["relay"],
        };

    /// <summary>These routes, with every transport they name.</summary>
    public static PosternOptions OptionsOf(params RouteOptions[] routes) => new()
    {
        Hostname = "mx.example.org",
        Routes = routes,
        Transports = routes.SelectMany(route => route.Via).Distinct()
            .ToDictionary(name => name, _ => new TransportOptions { Kind = TransportKind.Pipe }),
    };

    public static Mailbox Mailbox(string text) =>
        Postern.Smtp.Mailbox.TryParse(text, out var mailbox) ? mailbox : throw new FormatException(text);

    /// <summary>What the store has from an earlier life, as a starting process takes it.</summary>
    public async ValueTask StartAsync()
    {
        await Queue.BeginAsync(CancellationToken.None);
        await Queue.RecoverAsync(CancellationToken.None);
    }

    public ValueTask<QueueId> AcceptAsync(params string[] recipients) =>
        AcceptAsync(Letter(), recipients);

    /// <summary>Takes a message, as an intake would.</summary>
    /// <param name="recipients"><c>address</c>, or <c>address=alias,alias</c>, or <c>address!</c> for a held
    /// one.</param>
    public async ValueTask<QueueId> AcceptAsync(QueuedMessage letter, params string[] recipients)
    {
        await Queue.AcceptAsync(Mail(letter, recipients));
        return letter.Id;
    }

    /// <summary>Takes messages of one sender, each to a recipient of its own, and lets them go.</summary>
    public async ValueTask SendAsync(string sender, int count = 1)
    {
        for (var i = 0; i < count; i++)
            await AcceptAsync(Letter(sender), $"r{i}@example.net");
        await RunAsync();
    }

    public static NewMail Mail(QueuedMessage letter, params string[] recipients)
    {
        var content = new PooledContent();
        content.Append(Encoding.Latin1.GetBytes("Subject: hello\r\n\r\nhello\r\n"));
        return new NewMail(letter, content, [.. recipients.Select(Recipient)]);
    }

    /// <summary>A message of now.</summary>
    public QueuedMessage Letter(
        string sender = "sender@example.org", MailDoors door = MailDoors.Submission) => new()
        {
            Id = Queue.NextId(),
            ArrivedAt = Clock.GetUtcNow(),
            Door = door,
            Sender = new ReversePath(sender.Length == 0 ? null : Mailbox(sender)),
            Client = new ClientFacts { Address = "192.0.2.1", Listener = "test" },
            ContentOctets = 25,
            MessageId = "<1@example.org>",
        };

    static NewRecipient Recipient(string text)
    {
        var parts = text.TrimEnd('!').Split('=');
        var path = new ForwardPath(Mailbox(parts[0]));
        Mailbox[] aliases = parts.Length == 1 ? [] : [.. parts[1].Split(',').Select(Mailbox)];
        return new NewRecipient(
            new EnvelopeRecipient(path, RcptParameters.None), aliases, text.EndsWith('!'));
    }

    /// <summary>Runs workers and rounds of the pump until nothing moves.</summary>
    public async ValueTask RunAsync()
    {
        int before;
        do
        {
            before = applied;
            await RunWorkersAsync();
            Assert.True(await Dispatcher.FillAllAsync());
            await RunWorkersAsync();
        }
        while (applied != before || !workers.IsEmpty || Dispatcher.TakeWake());
    }

    /// <summary>Starts what waits to be started; attempts that are held stay under way.</summary>
    public async ValueTask RunWorkersAsync()
    {
        while (workers.TryDequeue(out var worker))
        {
            var work = worker();
            if (work.IsCompleted)
                await work;
        }
    }

    /// <summary>Lets time pass, from one wake-up of the pump to the next.</summary>
    public async ValueTask PassAsync(TimeSpan time)
    {
        await RunAsync();
        while (time > TimeSpan.Zero)
        {
            var step = Dispatcher.UntilNext();
            step = step < time ? step : time;
            Clock.Advance(step);
            time -= step;
            await RunAsync();
        }
    }

    /// <summary>Takes over a changed configuration, as a reload does.</summary>
    public void Reload(PosternOptions options)
    {
        Options = options;
        foreach (var changed in table.Apply(options))
            Dispatcher.Reset(changed);
        Queue.Apply(options);
    }

    /// <summary>A stop before any worker has begun; they begin afterwards and find nothing to do.</summary>
    public async ValueTask RunStoppedAsync()
    {
        var stop = Dispatcher.StopAsync(TimeSpan.FromSeconds(10)).AsTask();
        await RunWorkersAsync();
        while (!stop.IsCompleted)
        {
            Clock.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Yield();
        }
        await stop;
    }

    /// <summary>A graceful stop with a limit of 10 s, which pass as they are needed.</summary>
    public async ValueTask StopAsync()
    {
        var stop = Dispatcher.StopAsync(TimeSpan.FromSeconds(10)).AsTask();
        while (!stop.IsCompleted)
        {
            Clock.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Yield();
        }
        await stop;
    }

    /// <summary>Kinds of all events, in order.</summary>
    public IEnumerable<EventKind> Kinds => Store.Events.Select(fact => fact.Kind);

    public IEnumerable<MailEvent> Events(EventKind kind) => Store.Events.Where(fact => fact.Kind == kind);

    /// <summary>The process is gone; another one starts on what it left.</summary>
    public async ValueTask<MailHall> CrashAsync()
    {
        Store.Crash();
        var next = new MailHall(Options, Disk, Clock, traces: Queue.Traces);
        await next.StartAsync();
        return next;
    }

    public async ValueTask DisposeAsync()
    {
        Queue.Dispose();
        metrics.Dispose();
        await Store.DisposeAsync();
    }
}
