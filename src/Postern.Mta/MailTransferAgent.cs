using Microsoft.Extensions.Logging;
using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Tracking;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Transports.Forward;
using Postern.Mta.Webhooks;
using Postern.Smtp.Server;

namespace Postern.Mta;

/// <summary>The whole of the mail side, put together from options: store, queue, dispatcher, doors.</summary>
public sealed class MailTransferAgent : IAsyncDisposable
{
    /// <summary>Connections of webhooks and of <c>forward()</c>, besides those of transports.</summary>
    public const int WebConnectionsMax = 2 * WebTargets.ConnectionsMax;

    readonly TimeProvider clock;
    readonly RelayHealth health;
    readonly TransportTable transports;
    readonly LoginThrottle throttle;
    readonly HandshakeThrottle handshakes;
    readonly MailIntake intake;
    readonly MailFilters filters;
    readonly MailChecker checker;
    readonly EventLog eventLog;
    readonly Housekeeping housekeeping;
    readonly ClientRates rates;
    readonly Greylist greylist;
    readonly TransportCheck transportCheck;
    readonly EventPoller eventPoller;
    readonly WebhookPost webhookPost;
    readonly WebhookSender webhookSender;
    readonly CancellationTokenSource stopping = new();
    Task background = Task.CompletedTask;
    Task logging = Task.CompletedTask;
    readonly SemaphoreSlim loading = new(1, 1);
    DoorSettings settings;
    DomainDirectory domains;
    bool stopped;

    MailTransferAgent(
        PosternOptions options, IMailStore store, AgentParts parts, EarlierObjects objects)
    {
        clock = parts.Clock;
        Store = store;
        Metrics = parts.Metrics;
        Alarms = new AlarmBoard(clock);
        Alarms.Restore(objects.Alarms);
        health = new RelayHealth(clock);
        throttle = new LoginThrottle(clock);
        handshakes = new HandshakeThrottle(clock);
        rates = new ClientRates(clock);
        WebTargets = new WebTargets(parts.Resolver, () => Options);
        transports = new TransportTable(options, parts.BuildTransport)
        {
            Forward = new ForwardTransport(
                () => Options, cancel => WebhookKey!.SignAsync(cancel), clock, WebTargets.MakeHandler()),
        };
        var log = parts.Logs.CreateLogger("Postern.Queue");
        Queue = new MessageQueue(
            options, store, health, transports, Alarms, Metrics, clock, parts.Chance, log)
        { Traces = parts.Traces };
        greylist = new Greylist(() => Queue.Time.Now);
        greylist.Restore(objects.Greylist);
        WebhookKey = new WebhookKey(Queue, store, () => Options, clock);
        Routes = new InboundRoutes(store);
        intake = new MailIntake(store, Queue, new MemoryBudget(options.Limits.Memory), clock);
        filters = new MailFilters(
            (to, inTime) => to.ConnectAsync(inTime), RspamdFilter.MakeHandler(), Queue.NoteFilter, clock);
        checker = new MailChecker(parts.Resolver, clock) { Filters = filters };
        settings = new DoorSettings(
            options, AccountDirectory.Load(options, objects.Accounts), AliasTable.Load(options, []));
        domains = objects.Domains;
        Queue.Apply(domains);
        Users = new UserDirectory(store, Queue.PutObjectsAsync, clock);
        Resolver = parts.Resolver;
        ClaimLinks = parts.ClaimLinks ?? new ClaimLinks(clock);
        eventLog = new EventLog(SettingsOf(options), clock);
        Limits = new AccountLimits(clock);
        Limits.Restore(objects.Uses);
        housekeeping = new Housekeeping(
            Queue, store, () => Options,
            name => Accounts.TryFind(name, out var account) && Limits.IsSpent(account), clock, log)
        { Greylist = greylist, Claims = new ClaimSweep(store, () => Options) };
        transportCheck = new TransportCheck(transports, Queue, () => Options, clock, log);
        eventPoller = new EventPoller(transports, Queue, store, () => Options, clock, log);
        Webhooks = new WebhookTable(store, IsSendingDomain);
        webhookPost = new WebhookPost(parts.Web ?? WebTargets.MakeHandler(), clock);
        webhookSender = new WebhookSender(
            Webhooks, WebhookKey, webhookPost, Queue, store, clock,
            parts.Logs.CreateLogger("Postern.Webhooks"));
        Stats = new StatsIndex(Queue, store, () => Domains.Names, clock, log);
        Metrics.Observe(new QueueGauges(QueueSizes, QueueAges, LaneCounts), Alarms);
        Index = parts.Index is { } file ? new MessageIndex(
            store, file, () => Options.Log.Keep, clock, parts.Logs.CreateLogger("Postern.Index")) : null;
        Anonymiser = new Anonymiser(Queue, store, Index) { Replies = eventLog.Replies };
    }

    static EventLogSettings SettingsOf(PosternOptions options) => new()
    {
        Format = options.Log.Format,
        File = options.Log.File,
        Addresses = options.Log.Addresses,
        Hostname = options.Hostname,
        UseColour = options.Log.File is null && !Console.IsOutputRedirected,
    };

    /// <summary>The configuration in force.</summary>
    public PosternOptions Options => Volatile.Read(ref settings).Options;

    public IMailStore Store { get; }
    public MessageQueue Queue { get; }
    public AlarmBoard Alarms { get; }
    public Metrics Metrics { get; }

    /// <summary>What was counted of sending domains and of tags.</summary>
    public StatsIndex Stats { get; }

    /// <summary>Every message in one line, and the words to find it by. Null: there is none.</summary>
    public MessageIndex? Index { get; }

    /// <summary>Takes the address of somebody who asks for it out of all that is over.</summary>
    public Anonymiser Anonymiser { get; }

    /// <summary>Routes that the API made.</summary>
    public InboundRoutes Routes { get; }

    /// <summary>What accounts have sent.</summary>
    public AccountLimits Limits { get; }

    /// <summary>Where events are told to.</summary>
    public WebhookTable Webhooks { get; }

    /// <summary>What they are signed with, and what routes post.</summary>
    public WebhookKey WebhookKey { get; }

    /// <summary>Where requests to addresses of others may go.</summary>
    public WebTargets WebTargets { get; }

    /// <summary>A way out by its name in the configuration. Null: there is none.</summary>
    public ITransport? FindTransport(string name) => transports.Find(name);

    /// <summary>Accounts of file and store.</summary>
    public AccountDirectory Accounts => Volatile.Read(ref settings).Accounts;

    /// <summary>Sending domains of file and store, and the keys of the API.</summary>
    public DomainDirectory Domains => Volatile.Read(ref domains);

    /// <summary>Who may sign in to the dashboard.</summary>
    public UserDirectory Users { get; }

    /// <summary>Failed logins, of SMTP and the dashboard alike.</summary>
    public LoginThrottle Logins => throttle;

    public IResolver Resolver { get; }

    /// <summary>Of links in mail. Null: none was ever made, or the key could not be stored.</summary>
    public TrackingTokens? TrackingTokens { get; private set; }

    /// <summary>Of links to messages that were put aside.</summary>
    public ClaimLinks ClaimLinks { get; }

    /// <summary>Opens the store and starts delivery. Doors may be opened once this has returned.</summary>
    /// <exception cref="StoreException">The data directory cannot be used; one clear line.</exception>
    public static async ValueTask<MailTransferAgent> StartAsync(
        PosternOptions options, IMailStore store, AgentParts parts, CancellationToken cancel)
    {
        var objects = new EarlierObjects(
            await store.ReadObjectsAsync(AccountDirectory.ObjectKind, cancel).ConfigureAwait(false),
            await store.ReadObjectsAsync(AccountLimits.ObjectKind, cancel).ConfigureAwait(false),
            await store.ReadObjectsAsync(AlarmBoard.ObjectKind, cancel).ConfigureAwait(false),
            await store.ReadObjectsAsync(Greylist.ObjectKind, cancel).ConfigureAwait(false),
            await DomainDirectory.LoadAsync(options, store, cancel).ConfigureAwait(false));
        var agent = new MailTransferAgent(options, store, parts, objects);
        await agent.Users.LoadAsync(cancel).ConfigureAwait(false);
        await agent.Routes.ReloadAsync(cancel).ConfigureAwait(false);
        await agent.Queue.Lists.LoadAsync(cancel).ConfigureAwait(false);
        await agent.OpenReturnPathsAsync(options, cancel).ConfigureAwait(false);
        await agent.OpenTrackingAsync(options, cancel).ConfigureAwait(false);
        await agent.OpenClaimsAsync(options, cancel).ConfigureAwait(false);
        agent.Queue.RestoreTokens(
            await store.ReadObjectsAsync(TokenMemory.ObjectKind, cancel).ConfigureAwait(false));
        await agent.Queue.Suppressions.LoadAsync(store, cancel).ConfigureAwait(false);
        agent.logging = agent.eventLog.RunAsync(store, CancellationToken.None);
        await agent.Queue.Dispatcher.StartAsync(cancel).ConfigureAwait(false);
        agent.background = Task.WhenAll(
            Task.Run(() => agent.housekeeping.RunAsync(agent.stopping.Token), CancellationToken.None),
            Task.Run(() => agent.transportCheck.RunAsync(agent.stopping.Token), CancellationToken.None),
            Task.Run(() => agent.eventPoller.RunAsync(agent.stopping.Token), CancellationToken.None),
            Task.Run(() => agent.webhookSender.RunAsync(agent.stopping.Token), CancellationToken.None),
            Task.Run(() => agent.Stats.RunAsync(agent.stopping.Token), CancellationToken.None),
            Task.Run(
                () => agent.Index?.RunAsync(agent.stopping.Token) ?? Task.CompletedTask,
                CancellationToken.None));
        return agent;
    }

    /// <summary>What the sessions of one SMTP listener decide with.</summary>
    public ISessionPolicy OpenDoor(ListenOptions listener) => new SmtpDoor(
        listener, intake, Queue, Routes, Limits, throttle, handshakes, health, eventLog.Sessions, Metrics,
        () => Volatile.Read(ref settings))
    {
        Checker = checker,
        Rates = rates,
        Greylist = greylist,
    };

    /// <summary>What the HTTP API hands mail in through.</summary>
    public ApiDoor OpenApi() => new(intake, Queue, health, () => Volatile.Read(ref settings));

    /// <summary>Applies a changed configuration: transports, routes, accounts, aliases, limits.</summary>
    /// <returns>Keys that need a restart and were not applied.</returns>
    public async ValueTask<IReadOnlyList<string>> ReloadAsync(
        PosternOptions options, CancellationToken cancel)
    {
        var before = Options;
        var needRestart = new List<string>();
        if (!before.Listen.SequenceEqual(options.Listen))
            needRestart.Add("listen");
        if (before.Data != options.Data)
            needRestart.Add("data");
        // What is kept of an attempt is asked for anew with each of them.
        var log = before.Log with { Conversation = options.Log.Conversation };
        if (log != options.Log)
            needRestart.Add("log");
        if (!before.Dns.Servers.SequenceEqual(options.Dns.Servers))
            needRestart.Add("dns");
        if (before.Telemetry != options.Telemetry)
            needRestart.Add("telemetry");
        options = options with
        {
            Listen = before.Listen,
            Data = before.Data,
            Log = log,
            Dns = before.Dns,
            Telemetry = before.Telemetry,
        };
        await LoadAsync(options, cancel).ConfigureAwait(false);
        await OpenReturnPathsAsync(options, cancel).ConfigureAwait(false);
        await OpenTrackingAsync(options, cancel).ConfigureAwait(false);
        await OpenClaimsAsync(options, cancel).ConfigureAwait(false);
        foreach (var changed in transports.Apply(options))
            Queue.Dispatcher.Reset(changed);
        Queue.Apply(options);
        transportCheck.Wake();
        eventLog.Reopen();
        return needRestart;
    }

    /// <summary>Takes over mailing lists that were changed in the store, by their addresses.</summary>
    public async ValueTask ReloadListsAsync(IEnumerable<string> addresses, CancellationToken cancel)
    {
        await Queue.Lists.ReloadAsync(addresses, cancel).ConfigureAwait(false);
        await OpenReturnPathsAsync(Options, cancel).ConfigureAwait(false);
    }

    /// <summary>The key is made when a transport first asks for return paths of ours, or with the first
    /// mailing list.</summary>
    async ValueTask OpenReturnPathsAsync(PosternOptions options, CancellationToken cancel)
    {
        if (Queue.ReturnPaths is null && (!Queue.Lists.IsEmpty || options.Forward.ReturnDomain is not null
            || options.Transports.Values.Any(transport => transport.ReturnDomain is not null)))
            Queue.ReturnPaths = await ReturnPaths.OpenAsync(Store, cancel).ConfigureAwait(false);
    }

    /// <summary>The key is made when the configuration first has a place for links; those that were sent lead
    /// on without it.</summary>
    async ValueTask OpenTrackingAsync(PosternOptions options, CancellationToken cancel) =>
        TrackingTokens ??= options.Tracking.Url is null
            ? await TrackingTokens.FindAsync(Store, cancel).ConfigureAwait(false)
            : await TrackingTokens.OpenAsync(Store, cancel).ConfigureAwait(false);

    /// <summary>The key is made when a transport first asks for links.</summary>
    async ValueTask OpenClaimsAsync(PosternOptions options, CancellationToken cancel)
    {
        if (!ClaimLinks.IsOpen
            && options.Transports.Values.Any(static transport => transport.ClaimUrl is not null))
            await ClaimLinks.OpenAsync(Store, cancel).ConfigureAwait(false);
    }

    /// <summary>Reads the accounts anew, after a command changed them in the store.</summary>
    public ValueTask ReloadAccountsAsync(CancellationToken cancel) => LoadAloneAsync(
        () => LoadAccountsAsync(Options, cancel), cancel);

    /// <summary>Reads domains and keys anew, after they were changed in the store.</summary>
    public ValueTask ReloadDomainsAsync(CancellationToken cancel) => LoadAloneAsync(
        () => LoadDomainsAsync(Options, cancel), cancel);

    ValueTask LoadAsync(PosternOptions options, CancellationToken cancel) => LoadAloneAsync(async () =>
    {
        await LoadAccountsAsync(options, cancel).ConfigureAwait(false);
        await LoadDomainsAsync(options, cancel).ConfigureAwait(false);
    }, cancel);

    /// <summary>One after the other: what was read earlier never takes the place of what was read
    /// later.</summary>
    async ValueTask LoadAloneAsync(Func<ValueTask> load, CancellationToken cancel)
    {
        await loading.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            await load().ConfigureAwait(false);
        }
        finally
        {
            loading.Release();
        }
    }

    async ValueTask LoadAccountsAsync(PosternOptions options, CancellationToken cancel)
    {
        var stored = await Store.ReadObjectsAsync(AccountDirectory.ObjectKind, cancel).ConfigureAwait(false);
        Volatile.Write(ref settings, new DoorSettings(
            options, AccountDirectory.Load(options, stored, Accounts), AliasTable.Load(options, [])));
    }

    async ValueTask LoadDomainsAsync(PosternOptions options, CancellationToken cancel)
    {
        var loaded = await DomainDirectory.LoadAsync(options, Store, cancel).ConfigureAwait(false);
        Volatile.Write(ref domains, loaded);
        Queue.Apply(loaded);
    }

    bool IsSendingDomain(string domain) => Domains.TryFind(domain, out _);

    /// <summary>What the router would decide now, for <c>route explain</c>.</summary>
    public RoutingDecision Explain(RoutingQuestion question) => Router.Decide(Queue.Routes, question, health);

    public IReadOnlyList<LaneStatus> Lanes() => Queue.Dispatcher.Lanes();

    /// <summary>What waited in each lane when it was last counted, some seconds ago.</summary>
    public IReadOnlyList<LaneTotal> Waiting => housekeeping.Waiting;

    /// <summary>What was Held then, by age: a column for each of <see cref="QueueTotals.AgesMinutes"/>, and
    /// one for what is older. Empty: it was not counted yet.</summary>
    public IReadOnlyList<int> Held => housekeeping.Held;

    /// <summary>How the last attempts of each transport went.</summary>
    public LastReplies Replies => eventLog.Replies;

    /// <summary>For the metric: what is being attempted now, and what waited at the last count.</summary>
    IEnumerable<QueueSize> QueueSizes()
    {
        var active = Lanes().GroupBy(lane => lane.Transport)
            .Select(lanes => new QueueSize(lanes.Key, "active", lanes.Sum(lane => lane.InFlight)));
        var waiting = Waiting.GroupBy(total => total.Transport)
            .Select(
                totals => new QueueSize(totals.Key, "waiting", totals.Sum(total => (long)total.Recipients)));
        return [.. active, .. waiting];
    }

    /// <summary>As old as the last count says; what went since then is gone with the next.</summary>
    IEnumerable<QueueAge> QueueAges()
    {
        var now = clock.GetUtcNow();
        return housekeeping.Waiting
            .GroupBy(total => Lane.TransportOf(total.Lane), total => now - total.Oldest.At)
            // A clock that goes back makes nothing younger than new.
            .Select(ages => new QueueAge(ages.Key, ages.Max() is { Ticks: > 0 } age ? age : TimeSpan.Zero));
    }

    IEnumerable<LaneCount> LaneCounts() =>
        from lanes in Lanes().ToLookup(lane => lane.Transport)
        from isOpen in (bool[])[true, false]
        select new LaneCount(
            lanes.Key, isOpen ? "open" : "closed", lanes.Count(lane => lane.Closed is null == isOpen));

    /// <summary>Attempts finish or are recorded, within the limit; then the store closes.</summary>
    public async ValueTask StopAsync(TimeSpan limit)
    {
        if (stopped)
            return;
        stopped = true;
        await stopping.CancelAsync().ConfigureAwait(false);
        await Queue.Dispatcher.StopAsync(limit).ConfigureAwait(false);
        await background.ConfigureAwait(false);
        if (Index is not null)
            await Index.DisposeAsync().ConfigureAwait(false);
        Queue.KeepSpent();
        Queue.PostObjects(greylist.TakeChanges(int.MaxValue));
        await transports.DisposeAsync().ConfigureAwait(false);
        await Store.DisposeAsync().ConfigureAwait(false);
        await logging.ConfigureAwait(false);
        await eventLog.DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(false);
        Queue.Dispose();
        Anonymiser.Dispose();
        webhookSender.Dispose();
        webhookPost.Dispose();
        filters.Dispose();
        Routes.Dispose();
        Users.Dispose();
        stopping.Dispose();
        loading.Dispose();
    }

    /// <summary>What an earlier process left in the store.</summary>
    sealed record EarlierObjects(
        IReadOnlyList<StoredObject> Accounts, IReadOnlyList<StoredObject> Uses,
        IReadOnlyList<StoredObject> Alarms, IReadOnlyList<StoredObject> Greylist, DomainDirectory Domains);
}

/// <summary>What the world gives to an agent: time, chance, the ways out, and where log lines and metrics
/// go.</summary>
/// <param name="BuildTransport">Makes the transport of a name and its options.</param>
public sealed record AgentParts(
    TimeProvider Clock, Random Chance, ILoggerFactory Logs, Metrics Metrics,
    Func<string, TransportOptions, ITransport> BuildTransport, IResolver Resolver)
{
    /// <summary>Null: the life of messages is not traced.</summary>
    public MailTraces? Traces { get; init; }

    /// <summary>In the place of connections to addresses that others chose. Null: they are made.</summary>
    public HttpMessageHandler? Web { get; init; }

    /// <summary>Those that transports sign with. Null: none does.</summary>
    public ClaimLinks? ClaimLinks { get; init; }

    /// <summary>The file of the index of messages, in the store's directory. Null: there is no
    /// index.</summary>
    public string? Index { get; init; }
}
