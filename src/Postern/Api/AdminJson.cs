using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Api;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition =
        JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(QueuePage))]
[JsonSerializable(typeof(QueueEntry))]
[JsonSerializable(typeof(QueueTotal))]
[JsonSerializable(typeof(WhyPage))]
[JsonSerializable(typeof(TotalsPage))]
[JsonSerializable(typeof(Changed))]
[JsonSerializable(typeof(MessagesPage))]
[JsonSerializable(typeof(MessageTimeline))]
[JsonSerializable(typeof(SearchPage))]
[JsonSerializable(typeof(LanePage))]
[JsonSerializable(typeof(AlarmPage))]
[JsonSerializable(typeof(RouteAnswer))]
[JsonSerializable(typeof(ConfigurationText))]
[JsonSerializable(typeof(ReloadAnswer))]
[JsonSerializable(typeof(AccountPage))]
[JsonSerializable(typeof(AccountRequest))]
[JsonSerializable(typeof(UserPage))]
[JsonSerializable(typeof(UserRequest))]
[JsonSerializable(typeof(PasswordRequest))]
[JsonSerializable(typeof(RoleRequest))]
[JsonSerializable(typeof(UserChanged))]
[JsonSerializable(typeof(LinkAnswer))]
[JsonSerializable(typeof(DomainPage))]
[JsonSerializable(typeof(SuppressionPage))]
[JsonSerializable(typeof(SuppressionEntry))]
[JsonSerializable(typeof(SuppressionRequest))]
[JsonSerializable(typeof(SuppressionsRemoved))]
[JsonSerializable(typeof(SuppressionExchangeRequest))]
[JsonSerializable(typeof(SuppressionStep))]
[JsonSerializable(typeof(AnonymiseOrder))]
[JsonSerializable(typeof(AnonymiseAnswer))]
[JsonSerializable(typeof(Delivered))]
[JsonSerializable(typeof(SandboxPage))]
[JsonSerializable(typeof(ErrorAnswer))]
sealed partial class AdminJson : JsonSerializerContext;

/// <summary>One message of the queue as the admin API shows it.</summary>
sealed record QueueEntry(
    string Id, DateTimeOffset ArrivedAt, string Sender, long Octets, string MessageId, string Door,
        string? Account,
    IReadOnlyList<QueueEntryRecipient> Recipients)
{
    public static QueueEntry Of(StoredMessage stored, MessageQueue queue) => new(
        stored.Message.Id.ToString(), stored.Message.ArrivedAt, stored.Message.Sender.Mailbox?.ToString()
            ?? "",
        stored.Message.ContentOctets + stored.Message.Edits.Prefix.Length, stored.Message.MessageId,
        stored.Message.Door.ToString().ToLowerInvariant(), stored.Message.Client.Account,
        [.. stored.Recipients.Select(row => QueueEntryRecipient.Of(row, queue))]);
}

/// <summary>One recipient of it.</summary>
sealed record QueueEntryRecipient(
    int Number, string Address, string? Original, string State, string? Outcome, string? Route,
        string? Transport,
    DateTimeOffset? DueAt, int Attempts, string? Reason)
{
    /// <summary>Why it waits, or how it ended. Null in lists.</summary>
    public WhyEntry? Why { get; init; }

    /// <summary>Its attempts, oldest first. Null in lists.</summary>
    public IReadOnlyList<AttemptEntry>? Tries { get; init; }

    public static QueueEntryRecipient Of(Recipient row, MessageQueue queue) => new(
        row.Number, row.Address.ToString(), row.Original?.ToString(), row.State.ToString().ToLowerInvariant(),
        row.Outcome == RecipientOutcome.None ? null : row.Outcome.ToString().ToLowerInvariant(), row.Route,
        row.Transport, row.State == RecipientState.Deferred ? queue.ToWall(row.DueAt) : null, row.Attempts,
        row.LastText);
}

/// <summary>One attempt as it went.</summary>
/// <param name="Outcome"><c>attempted</c>: it proved nothing; <c>relayed</c>, <c>failed</c>.</param>
/// <param name="Delays">Seconds: before it was active, waiting for a connection, connecting, sending.</param>
sealed record AttemptEntry(
    DateTimeOffset At, string Outcome, int? Attempt, string? Transport, string? Relay, string? Status,
    string? Reply, bool? Uncertain, IReadOnlyList<double> Delays)
{
    public static AttemptEntry Of(MailEvent fact) => new(
        fact.At, EventNames.Of(fact.Kind), fact.Attempt, fact.Transport, fact.Facts?.Relay, fact.Status,
        fact.Reply, fact.Uncertain ? true : null,
        [.. new[] { fact.DelayBeforeActive, fact.DelayActive, fact.Facts?.SetUp, fact.Facts?.Transmission }
            .Select(delay => Math.Round(delay?.TotalSeconds ?? 0, 3))]);

    /// <summary>What ended a recipient without a try has no facts.</summary>
    public static bool IsOne(MailEvent fact) =>
        fact.Kind == EventKind.Attempted || fact.Facts is not null;
}

/// <summary>Why one recipient waits, or how it ended.</summary>
/// <param name="Cause">In kebab case, as <c>next-hop-down</c>.</param>
sealed record WhyEntry(
    int Number, string Address, string Cause, string Text, string? Mend, DateTimeOffset? Since,
    DateTimeOffset? Until)
{
    public static WhyEntry Of(Explanation why) => new(
        why.Number, why.Address, JsonNamingPolicy.KebabCaseLower.ConvertName(why.Cause.ToString()), why.Text,
        why.Mend, why.Since, why.Until);
}

sealed record WhyPage(string Id, IReadOnlyList<WhyEntry> Recipients);

/// <param name="Messages">Queue ids, newest first.</param>
sealed record MessagesPage(IReadOnlyList<string> Messages);

/// <summary>The life of one message.</summary>
/// <param name="Sender">Empty: the null sender.</param>
/// <param name="Events">In the shape of the log, oldest first.</param>
sealed record MessageTimeline(
    string Id, string? MessageId, string? Sender, DateTimeOffset AcceptedAt, IReadOnlyList<string> Tags,
    IReadOnlyList<RecipientTimeline> Recipients, IReadOnlyList<JsonNode> Events)
{
    public static MessageTimeline Of(QueueId id, Timeline life, Func<StoredEvent, JsonNode> write) => new(
        id.ToString(), life.First.MessageId, life.First.Sender, life.First.At,
        life.First.Options?.Tags ?? [], life.Recipients, [.. life.Events.Select(write)]);
}

sealed record TotalsPage(IReadOnlyList<QueueTotal> Totals);

sealed record QueuePage(IReadOnlyList<QueueEntry> Messages, string? Next);

/// <param name="Lanes">Closed ones that are probed now. Null: the command probes none.</param>
sealed record Changed(int Recipients, int? Lanes = null)
{
    public static Changed Of(Retried retried) => new(retried.Recipients, retried.Lanes);
}

sealed record LanePage(IReadOnlyList<LaneStatus> Lanes);

sealed record AlarmPage(IReadOnlyList<Alarm> Alarms);

sealed record RouteAnswer(string Decision, string? Route, string? Transport, string? Lane, string Why);

sealed record ConfigurationText(string Toml);

sealed record ReloadAnswer(IReadOnlyList<string> NeedRestart);

/// <param name="Rate">Null: no limit.</param>
/// <param name="Quota">Null: no limit.</param>
/// <param name="RecipientsToday">Recipients that count against the quota of this day of UTC. Null: it has
/// none.</param>
sealed record AccountEntry(
    string Name, IReadOnlyList<string> Senders, string Source, string? Rate = null, string? Quota = null,
    int? RecipientsToday = null);

sealed record AccountPage(IReadOnlyList<AccountEntry> Accounts);

/// <summary>A new account; the password goes no further than the verifier made of it.</summary>
sealed record AccountRequest(
    string Name, string Password, IReadOnlyList<string> Senders, string? Rate = null, string? Quota = null);

/// <param name="Source">file or store.</param>
sealed record DomainEntry(string Name, string Source);

sealed record DomainPage(IReadOnlyList<DomainEntry> Domains);
/// <param name="Domain"><c>*</c>: all configured ones.</param>
/// <param name="Kind"><c>bounce</c>, <c>unsubscribe</c>, <c>complaint</c>, <c>allow</c>.</param>
/// <param name="Message">Queue id of the message whose fate put it here. Null: somebody did.</param>
/// <param name="Source">The transport whose provider told it when its lists were pulled. Null: it was
/// not.</param>
sealed record SuppressionEntry(
    string Domain, string Kind, string Address, DateTimeOffset Since, string? Code, string? Error,
    IReadOnlyList<string>? Tags, string? Reason, string? Message, string? Source = null)
{
    public static SuppressionEntry Of(SuppressionKey key, Suppression value) => new(
        key.Domain, key.Kind.ToString().ToLowerInvariant(), key.Address, value.Since, value.Code,
        value.Error, value.Tags, value.Reason, value.Message, value.Source);
}

/// <param name="Next">What the next page begins after. Null: this is the last one.</param>
sealed record SuppressionPage(IReadOnlyList<SuppressionEntry> Suppressions, string? Next);

/// <summary>A new entry; of every domain and of bounces where nothing else is said.</summary>
sealed record SuppressionRequest(
    string Address, string? Domain = null, string? Kind = null, IReadOnlyList<string>? Tags = null,
    string? Reason = null);

sealed record SuppressionsRemoved(int Removed);

/// <param name="Domain">Whose list of ours. Null: the transport's own domain.</param>
/// <param name="Place">The <c>next</c> of an earlier answer. Null: from the beginning.</param>
sealed record SuppressionExchangeRequest(string Transport, string? Domain = null, string? Place = null);

/// <summary>One page that was pulled, or one batch that was pushed.</summary>
/// <param name="List"><c>bounces</c>, <c>unsubscribes</c> or <c>complaints</c>.</param>
/// <param name="Next">The place to go on at. Null: it is done.</param>
sealed record SuppressionStep(string List, string? Next)
{
    /// <summary>Entries of the page or batch.</summary>
    public int Looked { get; init; }

    /// <summary>Entries that were added here, or that the provider has now.</summary>
    public int Changed { get; init; }

    /// <summary>Entries of the provider that cannot be understood.</summary>
    public int Unread { get; init; }

    /// <summary>The provider does not want it now, and why; <see cref="Next"/> is the same place. Null: it
    /// was done.</summary>
    public string? Why { get; init; }

    /// <summary>When to come back then.</summary>
    public int? WaitSeconds { get; init; }
}

sealed record Delivered(string Reply, int Code);

sealed record SandboxEntry(
    int Number, DateTimeOffset At, string Sender, IReadOnlyList<string> Recipients, string Content);

sealed record SandboxPage(IReadOnlyList<SandboxEntry> Messages);

/// <summary>Every error of every face: what is wrong and what to do.</summary>
sealed record ErrorAnswer(string Message, string? Mend);
