using System.Buffers;
using System.Globalization;
using System.Text;
using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Intake;

/// <summary>The only way a message enters: canonical content, loop guard, missing fields, aliases, one
/// durable commit.</summary>
/// <remarks>SMTP, HTTP, <c>sendmail</c> and <c>deliver</c> all call it; what differs stands in
/// <see cref="IntakeRequest"/>.</remarks>
sealed class MailIntake(IMailStore store, MessageQueue queue, MemoryBudget memory, TimeProvider clock)
{
    /// <summary>Postfix's hopcount_limit.</summary>
    const int HopsMax = 50;

    /// <summary>What is kept of a Message-ID beside the content: a line of RFC 5322 §2.1.1.</summary>
    const int MessageIdCharactersMax = 998;

    public IntakeSink OpenSink() => new(store, queue.NextId(), memory);

    /// <summary>For a message that may say what became of others.</summary>
    public IntakeSink OpenReportSink() =>
        new(store, queue.NextId(), memory) { Head = new ArrayBufferWriter<byte>(), ReadsFields = true };

    /// <summary>For a message whose recipients depend on its fields.</summary>
    public IntakeSink OpenRoutedSink() => new(store, queue.NextId(), memory) { ReadsFields = true };

    /// <summary>What new mail is told while the store takes none. Null: it does.</summary>
    public Reply? Refusal =>
        store.Health == StoreHealth.Accepting ? null : IntakeReplies.NotStored(store.Health);

    /// <summary>Stores the message; the reply is 250 only once it is on stable storage.</summary>
    public ValueTask<Reply> AcceptAsync(IntakeRequest request, IntakeSink sink, CancellationToken cancel) =>
        AcceptAsync([(request, sink)], cancel);

    /// <summary>Stores all of these messages or none of them; the reply is 250 only once they are on stable
    /// storage.</summary>
    public async ValueTask<Reply> AcceptAsync(
        IReadOnlyList<(IntakeRequest Request, IntakeSink Sink)> letters, CancellationToken cancel)
    {
        foreach (var (request, sink) in letters)
        {
            if (Check(request, sink) is { } refusal)
                return refusal;
        }
        var (lists, tooMuch) = await ReadListsAsync(letters, cancel).ConfigureAwait(false);
        if (tooMuch is not null)
            return tooMuch;
        var mails = new List<NewMail>(letters.Count);
        var isStored = false;
        try
        {
            for (var i = 0; i < letters.Count; i++)
            {
                var (mail, refusal) = await FinishAsync(letters[i].Request, letters[i].Sink, lists[i], cancel)
                    .ConfigureAwait(false);
                mails.Add(mail);
                if (refusal is not null)
                    return refusal;
            }
            isStored = true;
            await queue.AcceptAsync(mails, letters[0].Request.Charge).ConfigureAwait(false);
            foreach (var (_, sink) in letters)
                sink.KeepFile();
        }
        catch (StoreException failed)
        {
            return IntakeReplies.NotStored(failed.Health);
        }
        finally
        {
            // Once the queue is asked, the contents are its own.
            if (!isStored)
                mails.ForEach(mail => mail.Content?.Dispose());
        }
        return Replies.QueuedAs(letters[0].Sink.Id.ToString());
    }

    /// <summary>Everything about a message, now that its content is whole, and why it is not taken after all.
    /// Null: it is.</summary>
    async ValueTask<(NewMail Mail, Reply? Refusal)> FinishAsync(
        IntakeRequest request, IntakeSink sink, ListExpansion? lists, CancellationToken cancel)
    {
        var (content, file) = await sink.HandOverAsync(cancel).ConfigureAwait(false);
        try
        {
            return await FinishAsync(request, sink, content, file, lists, cancel).ConfigureAwait(false);
        }
        catch
        {
            // A peer that leaves while its mail is looked at takes no memory along.
            content?.Dispose();
            throw;
        }
    }

    async ValueTask<(NewMail Mail, Reply? Refusal)> FinishAsync(
        IntakeRequest request, IntakeSink sink, StoredContent? content, string? file, ListExpansion? lists,
        CancellationToken cancel)
    {
        var recipients = EndLoops(request, sink.Header!);
        var mail = new NewMail(Describe(request, sink, file, lists), content, recipients)
        {
            Lists = lists,
            Objects = request.Objects,
        };
        if (request.Examine is { } examine)
        {
            using var opened = content is null ? sink.OpenFile() : null;
            var examined = await examine(content ?? opened!, cancel).ConfigureAwait(false);
            if (examined.Refusal is { } refusal)
                return (mail, refusal);
            mail = mail with
            {
                Message = mail.Message with
                {
                    Checks = examined.Checks,
                    Edits = examined.Over(mail.Message.Edits),
                },
                Quarantine = examined.Quarantine,
            };
        }
        if (sink.Head is { } head)
        {
            var told = await ReadReturnedAsync(request, sink.Id, head.WrittenMemory).ConfigureAwait(false);
            mail = mail with { Told = told };
        }
        return (mail, null);
    }

    /// <summary>What mailing lists make of the recipients, letter by letter.</summary>
    async ValueTask<(ListExpansion?[] Lists, Reply? Refusal)> ReadListsAsync(
        IReadOnlyList<(IntakeRequest Request, IntakeSink Sink)> letters, CancellationToken cancel)
    {
        var all = new ListExpansion?[letters.Count];
        if (queue.Lists.IsEmpty)
            return (all, null);
        var reading = new ListReading(queue.Lists, queue.FindList);
        for (var i = 0; i < all.Length; i++)
        {
            var (request, sink) = letters[i];
            all[i] = await reading.ReadAsync(
                request.Recipients.SelectMany(AddressesOf), ListIdsOf(sink.Header!), cancel)
                .ConfigureAwait(false);
            if (reading.IsTooMuch)
                return (all, IntakeReplies.TooManyMembers);
        }
        return (all, null);
    }

    static IEnumerable<Mailbox> AddressesOf(NewRecipient recipient) => recipient.Held ? []
        : recipient.Aliases.Count > 0 ? recipient.Aliases
        : recipient.Expansion is { } expansion
            ? expansion.To.OfType<RouteChild.Address>().Select(child => child.Mailbox)
        : recipient.Dropped is not null ? [] : [recipient.Recipient.Path.Mailbox];

    /// <summary>RFC 2919 §3: what stands in the last angle brackets; words may stand before.</summary>
    static List<string> ListIdsOf(HeaderScan header) =>
        [.. header.ListFields.Where(field => field.Name == HeaderScan.ListId)
            .Select(field => field.Body[(field.Body.LastIndexOf('<') + 1)..].TrimEnd('>', ' ', '\t'))];

    async ValueTask<ToldByMail> ReadReturnedAsync(
        IntakeRequest request, QueueId report, ReadOnlyMemory<byte> head)
    {
        var (events, feeds) = (new List<MailEvent>(), new List<ObjectChange>());
        foreach (var message in request.Recipients.Select(recipient => recipient.ReturnOf).OfType<QueueId>())
        {
            var told = await queue.ReadReturnedAsync(message, report, head).ConfigureAwait(false);
            events.AddRange(told.Events);
            feeds.AddRange(told.Feeds);
        }
        return new ToldByMail(events, feeds);
    }

    /// <summary>What it is refused for, now that its content is whole. Null: it may be stored.</summary>
    Reply? Check(IntakeRequest request, IntakeSink sink)
    {
        if (sink.Refusal is { } refusal)
            return refusal;
        if (sink.Complete() is { } atTheEnd)
            return atTheEnd;
        var header = sink.Header!;
        // RFC 5321 §6.3.
        if (header.ReceivedCount > HopsMax)
            return Replies.TooManyHops;
        if (Loops(request, header))
            return IntakeReplies.MailLoop;
        ReadOptions(request, header, out var unreadable);
        return unreadable ?? request.CheckAuthors?.Invoke(header);
    }

    /// <summary>What the message itself asks for; of the mail of others nothing is taken.</summary>
    MailOptions? ReadOptions(IntakeRequest request, HeaderScan header, out Reply? refusal)
    {
        refusal = null;
        return request.Door == MailDoors.Mx || request.Author == ContentAuthor.Stranger ? request.Options
            : MailgunFields.Read(
                header.Options, request.Options, request.Sender.Mailbox?.Domain ?? request.Hostname,
                clock.GetUtcNow(), out refusal);
    }

    /// <summary>Our own Delivered-To mark for one of these recipients: it has been here before. An address
    /// that sends mail on is no end: what comes back to it ends there, and nobody is told.</summary>
    static bool Loops(IntakeRequest request, HeaderScan header) => request.Recipients.Any(
        recipient => !recipient.LeadsOn && IsMarked(request, header, recipient));

    static bool IsMarked(IntakeRequest request, HeaderScan header, NewRecipient recipient) =>
        request.Door == MailDoors.Mx && header.DeliveredTo.Any(mark => string.Equals(
            recipient.Recipient.Path.Mailbox.ToString(), mark, StringComparison.OrdinalIgnoreCase));

    static IReadOnlyList<NewRecipient> EndLoops(IntakeRequest request, HeaderScan header) =>
        header.DeliveredTo.Count == 0 ? request.Recipients
            : [.. request.Recipients.Select(recipient => recipient.LeadsOn
                && IsMarked(request, header, recipient) ? recipient with
                {
                    Trouble = $"a mail loop: what was forwarded from <{recipient.Recipient.Path.Mailbox}>"
                        + " came back to it",
                } : recipient)];

    QueuedMessage Describe(IntakeRequest request, IntakeSink sink, string? file, ListExpansion? lists)
    {
        var header = sink.Header!;
        var now = clock.GetUtcNow();
        var messageId = header.MessageId ?? $"<{sink.Id}@{request.Hostname}>";
        return new QueuedMessage
        {
            Id = sink.Id,
            ArrivedAt = now,
            Door = request.Door,
            Sender = request.Sender,
            Parameters = request.Parameters,
            Client = request.Client,
            ContentOctets = sink.Octets,
            ContentFile = file,
            Traits = sink.Traits,
            Edits = new HeaderEdits(Prefix(request, sink.Id, header, messageId, now), Cuts(request, header)),
            MessageId = messageId[..Math.Min(messageId.Length, MessageIdCharactersMax)],
            Subject = header.Subject,
            Options = ReadOptions(request, header, out _),
            Lists = lists is null ? [] : [.. lists.Lists.Values.OrderBy(turn => turn.Number)
                .Select(turn => Describe(turn.List, request, header))],
        };
    }

    static ListMail Describe(MailingList list, IntakeRequest request, HeaderScan header) => new(
        list.Address, ListMail.FieldsOf(list),
        [.. Cuts(request, header).Concat(header.ListFields
                .Where(field => ListMail.IsCut(list, field.Name)).Select(field => field.Range))
            .OrderBy(range => range.Start)],
        list.KeepsReports);

    /// <summary>RFC 5321 §4.4: who originates mail does not send a Return-Path; final delivery puts
    /// one.</summary>
    static IReadOnlyList<ContentRange> Cuts(IntakeRequest request, HeaderScan header)
    {
        if (request.Door == MailDoors.Mx)
            return [];
        if (request.Door != MailDoors.Api && header.Options.Count == 0)
            return header.ReturnPath is { } range ? [range] : [];
        // Whoever is named in a Bcc field is in the envelope, and nobody else's business.
        var own = request.Author == ContentAuthor.Submitter ? header.Options : [];
        var cuts = own.Where(field => MailgunFields.IsCut(field.Name)).Select(field => field.Range)
            .Concat(request.Door == MailDoors.Api ? header.Bcc : []);
        if (header.ReturnPath is { } path)
            cuts = cuts.Append(path);
        return [.. cuts.OrderBy(range => range.Start)];
    }

    static byte[] Prefix(
        IntakeRequest request, QueueId id, HeaderScan header, string messageId, DateTimeOffset now)
    {
        var text = new StringBuilder();
        AppendReceived(text, request, id, now);
        // RFC 6409 §8: a submission server may add what is missing; an MX never does.
        if (request.Door != MailDoors.Mx)
        {
            if (header.MessageId is null)
                text.Append("Message-ID: ").Append(messageId).Append("\r\n");
            if (!header.HasDate)
                text.Append("Date: ").Append(DateField(now)).Append("\r\n");
        }
        if (!header.StartsWithField)
            text.Append("\r\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    // RFC 5321 §4.4.
    static void AppendReceived(StringBuilder text, IntakeRequest request, QueueId id, DateTimeOffset now)
    {
        var client = request.Client;
        // Where a web server stands is nobody's business, and Mailgun does not tell it either.
        if (client.Address.Length == 0 || request.Door == MailDoors.Api)
            text.Append("Received: by ").Append(request.Hostname).Append(" (Postern)");
        else
        {
            text.Append("Received: from ").Append(Word(client.Helo)).Append(" (")
                .Append(Word(client.Name ?? "unknown"))
                .Append(" [").Append(client.Address).Append("])");
            if (client.Tls is { } tls)
                text.Append("\r\n\t(using ").Append(tls).Append(')');
            text.Append("\r\n\tby ").Append(request.Hostname).Append(" (Postern)");
        }
        text.Append(" with ").Append(client.Protocol).Append(" id ").Append(id.ToString());
        // One recipient alone may be named: with several this would tell each of the others (RFC 5321 §7.2).
        if (request.Recipients is [var only])
            text.Append("\r\n\tfor <").Append(only.Recipient.Path.Mailbox).Append('>');
        text.Append(";\r\n\t").Append(DateField(now)).Append("\r\n");
    }

    /// <summary>A peer's word inside our own field: printable and short, or it could write fields of its
    /// own.</summary>
    static string Word(string text) =>
        text.Length == 0 ? "unknown" : Replies.Clean(text, 255).Replace('(', '?').Replace(')', '?');

    /// <summary>RFC 5322 §3.3.</summary>
    static string DateField(DateTimeOffset at) =>
        at.ToUniversalTime().ToString("ddd, d MMM yyyy HH:mm:ss +0000", CultureInfo.InvariantCulture);
}

/// <summary>A message at the door: everything but its content.</summary>
/// <param name="CheckAuthors">What the account may write into From and Sender. Null: anything.</param>
sealed record IntakeRequest(
    MailDoors Door, string Hostname, ReversePath Sender, MailParameters Parameters, ClientFacts Client,
    IReadOnlyList<NewRecipient> Recipients, Func<HeaderScan, Reply?>? CheckAuthors)
{
    /// <summary>What it takes of the account's quota. Null: there is none.</summary>
    public AccountCharge? Charge { get; init; }

    /// <summary>Null: it came without any.</summary>
    public MailOptions? Options { get; init; }

    public ContentAuthor Author { get; init; }

    /// <summary>Asked about the whole message before it is stored. Null: nobody is.</summary>
    public Examine? Examine { get; init; }

    /// <summary>What else is stored in the commit of the message.</summary>
    public IReadOnlyList<ObjectChange> Objects { get; init; } = [];
}

/// <summary>Looks at a message whose content is whole, as it is stored.</summary>
delegate ValueTask<Examination> Examine(StoredContent content, CancellationToken cancel);

/// <summary>What a look at the whole message gave.</summary>
/// <param name="Refusal">Null: it is taken.</param>
/// <param name="Fields">Whole header fields to be put in front.</param>
/// <param name="Cuts">Fields in the content that only we may write, in order.</param>
/// <param name="Quarantine">Why it is held. Null: it is not.</param>
sealed record Examination(
    Reply? Refusal, MailChecks Checks, string Fields, IReadOnlyList<ContentRange> Cuts, string? Quarantine)
{
    /// <summary>The trace of this hop stands on top (RFC 8601 §4.1).</summary>
    public HeaderEdits Over(HeaderEdits edits) => new(
        (byte[])[.. Encoding.ASCII.GetBytes(Fields), .. edits.Prefix.Span],
        HeaderEdits.Merge(edits.Cuts.Concat(Cuts)));
}

/// <summary>Who wrote the content: what it asks of us in its fields counts of the submitter alone.</summary>
public enum ContentAuthor
{
    Submitter,

    /// <summary>It came in from outside and goes on as it is.</summary>
    Stranger,
}
