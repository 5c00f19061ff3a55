using System.Text.Json;
using Postern.Mta.Events;
using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Mta.Store;

/// <summary>
/// Between the facts of the queue and the columns of the store; what goes in comes out the same.
/// </summary>
/// <remarks>
/// Moments are ticks of UTC, spans are ticks. A row that was damaged is an <see
/// cref="InvalidDataException"/>: its sum does not fit, or its text does not parse.
/// </remarks>
static class RowCodec
{
    public static MessageRow ToRow(QueuedMessage message) => new()
    {
        Door = (int)message.Door,
        Sender = message.Sender.Mailbox?.ToString(),
        DeclaredOctets = message.Parameters.DeclaredOctets,
        Body = (int)message.Parameters.Body,
        SmtpUtf8 = message.Parameters.SmtpUtf8,
        Return = (int)message.Parameters.Return,
        EnvelopeId = message.Parameters.EnvelopeId,
        Client = ToRow(message.Client),
        ContentOctets = message.ContentOctets,
        ContentFile = message.ContentFile,
        Traits = (int)message.Traits,
        Cuts = ToRow(message.Edits.Cuts),
        MessageId = message.MessageId,
        ReportOn = message.ReportOn?.Value,
        Options = ToRow(message.Options),
        Checks = message.Checks,
        Lists = message.Lists.Count == 0 ? null : [.. message.Lists.Select(list => new ListRow
        {
            Address = list.Address,
            Fields = list.Fields,
            Cuts = ToRow(list.Cuts),
            KeepsReports = list.KeepsReports,
        })],
    };

    public static RecipientRow ToRow(Recipient recipient) => new()
    {
        Address = recipient.Address.ToString(),
        Original = recipient.Original?.ToString(),
        Parent = recipient.Parent,
        Notify = (int)recipient.Dsn.Notify,
        OriginalRecipient = recipient.Dsn.OriginalRecipient,
        BoundTransport = recipient.BoundTransport,
        List = recipient.List,
        Outcome = (int)recipient.Outcome,
        Attempts = recipient.Attempts,
        Uncertain = recipient.Uncertain,
        Route = recipient.Route,
        Transport = recipient.Transport,
        LastBlame = (int?)recipient.LastBlame,
        UnderAlarm = recipient.UnderAlarm,
        DelayTold = recipient.DelayTold,
        LastText = recipient.LastText,
    };

    public static EventRow ToRow(MailEvent fact) => new()
    {
        Recipient = fact.Recipient,
        RecipientAddress = fact.RecipientAddress,
        OriginalAddress = fact.OriginalAddress,
        Sender = fact.Sender,
        MessageId = fact.MessageId,
        ContentOctets = fact.ContentOctets,
        Subject = fact.Subject,
        RecipientCount = fact.RecipientCount,
        Client = fact.Client is { } client ? ToRow(client) : null,
        Route = fact.Route,
        Transport = fact.Transport,
        Why = fact.Why,
        Checks = fact.Checks,
        Attempt = fact.Attempt,
        Facts = ToRow(fact.Facts),
        DelayBeforeActive = fact.DelayBeforeActive?.Ticks,
        DelayActive = fact.DelayActive?.Ticks,
        Status = fact.Status,
        Reply = fact.Reply,
        RemoteId = fact.RemoteId,
        Blame = (int?)fact.Blame,
        Uncertain = fact.Uncertain,
        Severity = (int?)fact.Severity,
        Other = fact.Other?.Value,
        Actor = fact.Actor,
        Alarm = ToRow(fact.Alarm),
        Options = ToRow(fact.Options),
        Remote = ToRow(fact.Remote),
    };

    public static uint SumOfMessage(
        long id, long arrivedAt, ReadOnlySpan<byte> facts, ReadOnlySpan<byte> prefix) =>
        new RowSum().Add(id).Add(arrivedAt).Add(facts).Add(prefix).Value;

    public static uint SumOfEvent(long seq, long message, long at, long kind, ReadOnlySpan<byte> body) =>
        new RowSum().Add(seq).Add(message).Add(at).Add(kind).Add(body).Value;

    /// <summary>Columns id, arrived, facts, prefix, sum from <paramref name="column"/> on.</summary>
    /// <exception cref="InvalidDataException">The row is damaged.</exception>
    public static QueuedMessage ReadMessage(SqliteStatement rows, int column)
    {
        var id = rows.Long(column);
        var arrived = rows.Long(column + 1);
        var facts = rows.Blob(column + 2);
        var prefix = rows.Blob(column + 3);
        if (SumOfMessage(id, arrived, facts, prefix) != rows.Long(column + 4))
            throw new InvalidDataException("its sum does not fit");
        var row = Parse(facts, RowJson.Default.MessageRow);
        return new QueuedMessage
        {
            Id = new QueueId(id),
            ArrivedAt = FromTicks(arrived),
            Door = (MailDoors)row.Door,
            Sender = new ReversePath(row.Sender is { } sender ? ToMailbox(sender) : null),
            Parameters = ToParameters(row),
            Client = ToFacts(row.Client ?? throw new InvalidDataException("client is missing")),
            ContentOctets = row.ContentOctets,
            ContentFile = row.ContentFile,
            Traits = (ContentTraits)row.Traits,
            Edits = ToEdits(prefix, row.Cuts),
            MessageId = row.MessageId ?? "",
            ReportOn = ToId(row.ReportOn),
            Options = ToOptions(row.Options),
            Checks = row.Checks,
            Lists = row.Lists is null ? [] : [.. row.Lists.Select(list => new ListMail(
                list.Address, list.Fields, ToCuts(list.Cuts), list.KeepsReports))],
        };
    }

    /// <summary>
    /// Columns message, number, state, lane, due, lease, keep, facts, sum from <paramref name="column"/> on.
    /// </summary>
    /// <exception cref="InvalidDataException">The row is damaged.</exception>
    public static Recipient ReadRecipient(SqliteStatement rows, int column)
    {
        var columns = RecipientColumns.Read(rows, column);
        var lane = rows.Blob(column + 3);
        var facts = rows.Blob(column + 7);
        if (columns.Sum(lane, facts) != rows.Long(column + 8))
            throw new InvalidDataException("its sum does not fit");
        var row = Parse(facts, RowJson.Default.RecipientRow);
        return new Recipient
        {
            Message = new QueueId(columns.Message),
            Number = (int)columns.Number,
            Parent = row.Parent,
            Address = ToMailbox(row.Address),
            Original = row.Original is { } original ? ToMailbox(original) : null,
            Dsn = ToParameters(row),
            BoundTransport = row.BoundTransport,
            List = row.List,
            State = (RecipientState)columns.State,
            Outcome = (RecipientOutcome)row.Outcome,
            Lane = rows.Text(column + 3),
            DueAt = FromTicks(columns.Due),
            Lease = columns.Lease,
            Attempts = row.Attempts,
            Uncertain = row.Uncertain,
            Route = row.Route,
            Transport = row.Transport,
            LastBlame = (Blame?)row.LastBlame,
            UnderAlarm = row.UnderAlarm,
            DelayTold = row.DelayTold,
            LastText = row.LastText,
            KeepUntil = columns.Keep is { } keep ? FromTicks(keep) : null,
        };
    }

    /// <summary>Columns seq, message, at, kind, body, sum.</summary>
    /// <exception cref="InvalidDataException">The row is damaged.</exception>
    public static StoredEvent ReadEvent(SqliteStatement rows)
    {
        var seq = rows.Long(0);
        var message = rows.LongOrNull(1);
        var (at, kind) = (rows.Long(2), rows.Long(3));
        var body = rows.Blob(4);
        if (SumOfEvent(seq, message ?? -1, at, kind, body) != rows.Long(5))
            throw new InvalidDataException("its sum does not fit");
        var row = Parse(body, RowJson.Default.EventRow);
        return new StoredEvent(seq, ToEvent(row, message, at, (EventKind)kind));
    }

    static MailEvent ToEvent(EventRow row, long? message, long at, EventKind kind) => new()
    {
        Kind = kind,
        At = FromTicks(at),
        Message = ToId(message),
        Recipient = row.Recipient,
        RecipientAddress = row.RecipientAddress,
        OriginalAddress = row.OriginalAddress,
        Sender = row.Sender,
        MessageId = row.MessageId,
        ContentOctets = row.ContentOctets,
        Subject = row.Subject,
        RecipientCount = row.RecipientCount,
        Client = row.Client is { } client ? ToFacts(client) : null,
        Route = row.Route,
        Transport = row.Transport,
        Why = row.Why,
        Checks = row.Checks,
        Attempt = row.Attempt,
        Facts = ToFacts(row.Facts),
        DelayBeforeActive = ToSpan(row.DelayBeforeActive),
        DelayActive = ToSpan(row.DelayActive),
        Status = row.Status,
        Reply = row.Reply,
        RemoteId = row.RemoteId,
        Blame = (Blame?)row.Blame,
        Uncertain = row.Uncertain,
        Severity = (EventSeverity?)row.Severity,
        Other = ToId(row.Other),
        Actor = row.Actor,
        Alarm = ToFacts(row.Alarm),
        Options = ToOptions(row.Options),
        Remote = ToFacts(row.Remote),
    };

    static RemoteRow? ToRow(RemoteFacts? facts) => facts is null ? null : new RemoteRow
    {
        Source = facts.Source,
        EventId = facts.EventId,
        At = facts.At.UtcTicks,
        Reason = facts.Reason,
        Details = facts.Details,
    };

    static RemoteFacts? ToFacts(RemoteRow? row) => row is null ? null : new RemoteFacts(
        row.Source ?? "", row.EventId ?? "", FromTicks(row.At), row.Reason, row.Details);

    static ClientRow ToRow(ClientFacts client) => new()
    {
        Address = client.Address,
        Port = client.Port,
        Name = client.Name,
        Helo = client.Helo,
        Protocol = client.Protocol,
        Listener = client.Listener,
        Account = client.Account,
        Mechanism = client.Mechanism,
        Tls = client.Tls,
    };

    static ClientFacts ToFacts(ClientRow row) => new()
    {
        Address = row.Address ?? "",
        Port = row.Port,
        Name = row.Name,
        Helo = row.Helo ?? "",
        Protocol = row.Protocol ?? "",
        Listener = row.Listener ?? "",
        Account = row.Account,
        Mechanism = row.Mechanism,
        Tls = row.Tls,
    };

    static AttemptRow? ToRow(AttemptFacts? facts) => facts is null ? null : new AttemptRow
    {
        Relay = facts.Relay,
        ConnectionUse = facts.ConnectionUse,
        SetUp = facts.SetUp.Ticks,
        Transmission = facts.Transmission.Ticks,
        Tls = facts.Tls,
    };

    static AttemptFacts? ToFacts(AttemptRow? row) => row is null ? null : new AttemptFacts(
        row.Relay ?? "", row.ConnectionUse, new TimeSpan(row.SetUp), new TimeSpan(row.Transmission), row.Tls);

    static OptionsRow? ToRow(MailOptions? options) => options is null ? null : new OptionsRow
    {
        Domain = options.Domain,
        Tags = options.Tags.Count == 0 ? null : [.. options.Tags],
        Variables = options.Variables,
        IsTest = options.IsTest,
        DeliverAt = options.DeliverAt?.UtcTicks,
        RequiresTls = options.RequiresTls,
        DeliverWithin = options.DeliverWithin?.Ticks,
        List = options.List,
    };

    static MailOptions? ToOptions(OptionsRow? row) => row is null ? null : new MailOptions
    {
        Domain = row.Domain,
        Tags = row.Tags ?? [],
        Variables = row.Variables,
        IsTest = row.IsTest,
        DeliverAt = row.DeliverAt is { } at ? FromTicks(at) : null,
        RequiresTls = row.RequiresTls,
        DeliverWithin = row.DeliverWithin is { } ticks ? new TimeSpan(ticks) : null,
        List = row.List,
    };

    static AlarmRow? ToRow(Alarm? alarm) => alarm is null ? null : new AlarmRow
    {
        Kind = alarm.Kind,
        Subject = alarm.Subject,
        Since = alarm.Since.UtcTicks,
        Text = alarm.Text,
        Mend = alarm.Mend,
    };

    static Alarm? ToFacts(AlarmRow? row) => row is null ? null : new Alarm(
        row.Kind ?? "", row.Subject ?? "", FromTicks(row.Since), row.Text ?? "", row.Mend ?? "");

    static long[]? ToRow(IReadOnlyList<ContentRange> cuts)
    {
        if (cuts.Count == 0)
            return null;
        var row = new long[cuts.Count * 2];
        for (var i = 0; i < cuts.Count; i++)
            (row[2 * i], row[(2 * i) + 1]) = (cuts[i].Start, cuts[i].Length);
        return row;
    }

    static HeaderEdits ToEdits(ReadOnlySpan<byte> prefix, long[]? cuts)
    {
        if (prefix.IsEmpty && cuts is null)
            return HeaderEdits.None;
        return new HeaderEdits(prefix.ToArray(), ToCuts(cuts));
    }

    static ContentRange[] ToCuts(long[]? cuts)
    {
        if (cuts?.Length % 2 == 1)
            throw new InvalidDataException("a cut has no length");
        var ranges = new ContentRange[(cuts?.Length ?? 0) / 2];
        for (var i = 0; i < ranges.Length; i++)
            ranges[i] = new ContentRange(cuts![2 * i], cuts[(2 * i) + 1]);
        return ranges;
    }

    static MailParameters ToParameters(MessageRow row) => new()
    {
        DeclaredOctets = row.DeclaredOctets,
        Body = (BodyType)row.Body,
        SmtpUtf8 = row.SmtpUtf8,
        Return = (DsnReturn)row.Return,
        EnvelopeId = row.EnvelopeId,
    };

    static RcptParameters ToParameters(RecipientRow row) =>
        new() { Notify = (DsnNotify)row.Notify, OriginalRecipient = row.OriginalRecipient };

    static T Parse<T>(ReadOnlySpan<byte> json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new InvalidDataException("it is empty");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException("it does not parse", error);
        }
    }

    static Mailbox ToMailbox(string text) =>
        Mailbox.TryParse(text, out var mailbox)
            ? mailbox
            : throw new InvalidDataException("an address does not parse");

    static QueueId? ToId(long? value) => value is { } id ? new QueueId(id) : null;

    static TimeSpan? ToSpan(long? ticks) => ticks is { } value ? new TimeSpan(value) : null;

    static DateTimeOffset FromTicks(long ticks) => ticks >= 0 && ticks <= DateTimeOffset.MaxValue.Ticks
        ? new DateTimeOffset(ticks, TimeSpan.Zero)
        : throw new InvalidDataException("a moment is out of range");
}

/// <summary>The columns of a recipient that the store itself asks for.</summary>
readonly record struct RecipientColumns(
    long Message, long Number, long State, long Due, long Lease, long? Keep)
{
    public static RecipientColumns Of(Recipient recipient) => new(
        recipient.Message.Value, recipient.Number, (long)recipient.State, recipient.DueAt.UtcTicks,
        recipient.Lease, recipient.KeepUntil?.UtcTicks);

    public static RecipientColumns Read(SqliteStatement rows, int column) => new(
        rows.Long(column), rows.Long(column + 1), rows.Long(column + 2), rows.Long(column + 4),
        rows.Long(column + 5), rows.LongOrNull(column + 6));

    public uint Sum(ReadOnlySpan<byte> lane, ReadOnlySpan<byte> facts) => new RowSum()
        .Add(Message).Add(Number).Add(State).Add(Due).Add(Lease).Add(Keep ?? -1).Add(lane).Add(facts).Value;
}
