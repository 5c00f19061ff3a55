using Microsoft.Extensions.Logging;
using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Intake;
using Postern.Mta.Lists;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Mta.Tracking;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Forward;
using Postern.Smtp;

namespace Postern.Mta.Queue;

/// <summary>The only thing that changes a message's state.</summary>
/// <remarks>
/// Legal moves of a recipient: (new) to Ready, Active, Held or Done; Ready and Deferred to Active by a lease;
/// Active to Done, Deferred, Ready or Held by the result of its attempt; Ready, Deferred and Held to each
/// other and to Done by an operator or at the end of the lifetime. Done is the end. Every move and its event
/// are one <see cref="StoreChange"/>. Whoever holds a lease owns the row: only the attempt's result changes
/// an Active recipient of this process. Log levels: Warning for what an operator should see; Error for a
/// store that failed.
/// </remarks>
public sealed partial class MessageQueue : IDisposable
{
    const string NoRouteAlarm = "no-route";
    const string UncertainAlarm = "uncertain";
    const string ContentAlarm = "content";
    const string DiskAlarm = "disk";
    const string StoreAlarm = "store";
    const string QuotaAlarm = "quota";
    const string FilterAlarm = "filter";

    /// <summary>Kinds of alarm whose subject is a transport.</summary>
    static readonly string[] TransportAlarms =
        ["login", "account", "domain", "pipe", "topic", "claims", "maildir", "lmtp", "webhook"];

    /// <summary>A transport may have the name of an account, and its success clears its alarms.</summary>
    const string QuotaSubject = "account ";

    /// <inheritdoc cref="QuotaSubject"/>
    const string FilterSubject = "inbound ";

    readonly IMailStore store;
    readonly RelayHealth health;
    readonly TransportTable transports;
    readonly AlarmBoard alarms;
    readonly Metrics metrics;
    readonly QueueIdSource ids;
    readonly TimeProvider clock;
    readonly Random chance;
    readonly ILogger log;

    /// <summary>Leases and operators' commands read rows and then change them: one at a time.</summary>
    readonly SemaphoreSlim gate = new(1, 1);

    readonly Lock chanceGate = new();
    readonly FreshMemory freshMemory = new();
    readonly ReportThrottle reportThrottle;
    Settings settings;
    SendingDomains domains;

    internal MessageQueue(
        PosternOptions options, IMailStore store, RelayHealth health, TransportTable transports,
            AlarmBoard alarms,
        Metrics metrics, TimeProvider clock, Random chance, ILogger log)
    {
        this.store = store;
        this.health = health;
        this.transports = transports;
        this.alarms = alarms;
        this.metrics = metrics;
        this.clock = clock;
        this.chance = chance;
        this.log = log;
        reportThrottle = new ReportThrottle(clock);
        tokens = new TokenMemory(clock);
        reactions = new ReactionThrottle(clock);
        Suppressions = new SuppressionList(store);
        Lists = new MailingLists(store);
        Answers = new GivenAnswers(store, clock);
        settings = SettingsOf(options);
        domains = new SendingDomains(options.Domains.Keys);
        Time = new QueueClock(clock);
        ids = new QueueIdSource(clock, node: 0, store.LastId);
        Dispatcher = new Dispatcher(this, store, health, transports, clock, log);
    }

    internal Dispatcher Dispatcher { get; }

    /// <summary>Null: the life of messages is not traced.</summary>
    internal MailTraces? Traces { get; init; }

    /// <summary>What an earlier process left under way is back in its lanes.</summary>
    internal bool IsRecovered => Volatile.Read(ref isRecovered);

    /// <summary>Of requests that brought in mail.</summary>
    public GivenAnswers Answers { get; }

    /// <summary>The routes in force.</summary>
    public RouteTable Routes => Volatile.Read(ref settings).Routes;

    PosternOptions Options => Volatile.Read(ref settings).Options;

    /// <summary>Of file and store.</summary>
    internal SendingDomains SendingDomains => Volatile.Read(ref domains);

    public QueueId NextId() => ids.Next();

    /// <summary>Takes over the domains of file and store: they have suppression lists.</summary>
    internal void Apply(DomainDirectory directory) =>
        Volatile.Write(ref domains, new SendingDomains(directory.Names));

    /// <summary>Takes over a changed configuration; recipients are decided on anew at their next
    /// attempt.</summary>
    internal void Apply(PosternOptions options)
    {
        Volatile.Write(ref settings, SettingsOf(options));
        // Mail that still has no route raises its alarm again when it is looked at.
        ClearAlarms(alarm => alarm.Kind == NoRouteAlarm);
        Dispatcher.SearchEverywhere();
    }

    public void Dispose()
    {
        Dispatcher.Dispose();
        gate.Dispose();
        tellGate.Dispose();
        objectGate.Dispose();
        Lists.Dispose();
    }

    /// <summary>Commits a change, or leaves the alarms as they were before it.</summary>
    async ValueTask CommitAsync(StoreChange change)
    {
        try
        {
            await store.CommitAsync(change).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            alarms.TakeBack(change);
            throw;
        }
    }

    void RaiseNoRoute(Recipient row, RoutingDecision decision, StoreChange change) =>
        alarms.Raise(NoRouteAlarm, row.Address.Domain, decision.Why,
            "add a route that takes it, then: postern reload")?.AddTo(change);

    /// <summary>An account has used up its quota of the day. Nothing happens while its alarm
    /// stands.</summary>
    internal void NoteQuotaSpent(Account account)
    {
        var change = new StoreChange();
        alarms.Raise(QuotaAlarm, QuotaSubject + account.Name,
            $"account {account.Name} has sent to {account.Quota}; more gets 452 until 00:00 UTC",
            "see whether it is its owner who sends; change its password, or raise its quota")
                ?.AddTo(change);
        if (change.Events.Count > 0)
            store.Post(change);
    }

    /// <summary>Clears the alarms of accounts that may send again.</summary>
    internal void WatchQuotas(Func<string, bool> isSpent) => ClearAlarms(
        alarm => alarm.Kind == QuotaAlarm && !isSpent(alarm.Subject[QuotaSubject.Length..]));

    /// <summary>Clears the alarms of transports that are not configured any more: no success of theirs will.
    /// </summary>
    internal void WatchTransports() => ClearAlarms(alarm =>
        Array.IndexOf(TransportAlarms, alarm.Kind) >= 0 && !Options.Transports.ContainsKey(alarm.Subject));

    /// <summary>The same for filters of inbound mail.</summary>
    internal void WatchFilters() => ClearAlarms(alarm => alarm.Kind == FilterAlarm
        && !MailFilters.NamesOf(Options.Inbound).Contains(alarm.Subject[FilterSubject.Length..]));

    /// <summary>A filter of inbound mail was asked. Its alarm stands until it answers again.</summary>
    /// <param name="trouble">Null: it answered.</param>
    internal void NoteFilter(string filter, string? trouble)
    {
        var subject = FilterSubject + filter;
        var change = new StoreChange();
        if (trouble is null)
            alarms.Clear(FilterAlarm, subject)?.AddTo(change);
        else
            alarms.Raise(FilterAlarm, subject,
                $"{filter} gives no answer: {trouble}; {Without(filter)}",
                $"see that it runs and listens where {PlaceOf(filter)} says")?.AddTo(change);
        if (change.Events.Count > 0)
            store.Post(change);
    }

    MilterOptions? FindMilter(string filter) =>
        Options.Inbound.Milters.FirstOrDefault(milter => MilterFilter.NameOf(milter) == filter);

    string PlaceOf(string filter) =>
        FindMilter(filter) is null ? $"[inbound.{filter}]" : "[[inbound.milters]]";

    string Without(string filter) => FindMilter(filter) is { WhenDown: MilterOutage.Defer }
        ? "mail is deferred until it does" : "mail is taken without it unless a verdict says else";

    void ClearAlarms(Func<Alarm, bool> which)
    {
        if (alarms.Count == 0)
            return;
        var change = new StoreChange();
        foreach (var alarm in alarms.Raised.Where(which))
            alarms.Clear(alarm.Kind, alarm.Subject)?.AddTo(change);
        if (change.Events.Count > 0)
            store.Post(change);
    }

    /// <summary>What the router says of one recipient now.</summary>
    RoutingDecision Decide(QueuedMessage message, Recipient recipient)
    {
        // A list that keeps its reports sends in its own name.
        var sender = message.ListOf(recipient) is { KeepsReports: true } list
            && Mailbox.TryParse(list.Address, out var own) ? new ReversePath(own) : message.Sender;
        var question = new RoutingQuestion(
            sender, recipient.Address, message.Door, message.Client.Account, message.Client.Listener);
        if (recipient.BoundTransport is { } bound)
            return Router.DecideBound(Routes, bound, recipient.Route, question, health);
        var decision = Router.Decide(Routes, question, health);
        // An alias of inbound mail may lead out again: the operator wrote it.
        return decision is RoutingDecision.NoRoute && recipient.Parent is not null
            && message.Door == MailDoors.Mx ? DecideLeaving(recipient, question) : decision;
    }

    /// <summary>An operator wants it tried although the transport that may have it already is not configured
    /// any more: an unknown outcome binds it no longer. What expansion bound stays so; the other ways of its
    /// route have copies of their own.</summary>
    Recipient Unbind(Recipient row) => IsBoundToNothing(row)
        && (row.Parent is null || Routes.FindRoute(row.Route) is { All: false })
        ? row with { BoundTransport = null } : row;

    bool IsBoundToNothing(Recipient row) => row is { Uncertain: > 0, BoundTransport: { } bound }
        && Routes.FindTransport(bound) is null && !WebTarget.TryParse(bound, out _);

    /// <summary>A decision may be acted on at once: the lane is open, or its probe is ours now.</summary>
    /// <param name="going">The decision with the claim.</param>
    bool MayGo(RoutingDecision.Via decision, out RoutingDecision.Via going)
    {
        going = decision;
        switch (health.ConditionOf(decision.Lane))
        {
            case LaneCondition.Open:
                return true;
            case LaneCondition.ProbeDue when health.TryClaimProbe(decision.Lane, out var probe):
                going = decision with { Probe = probe };
                return true;
            default:
                return false;
        }
    }

    /// <summary>When an Active recipient falls due should this process vanish: as after an unknown
    /// outcome.</summary>
    DateTimeOffset LeaseEnd() => Time.Now + Options.Queue.UncertainWait;

    Settings SettingsOf(PosternOptions options) => new(
        options, RouteTable.From(options), new BounceComposer(options.Hostname, clock));

    sealed record Settings(PosternOptions Options, RouteTable Routes, BounceComposer Composer);
}
