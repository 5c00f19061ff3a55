using System.Buffers;
using System.Text;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Tests.Mta.Store;

/// <summary>Messages, recipients and events for the tests of stores.</summary>
static class Sample
{
    public static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    public static readonly CancellationToken None = CancellationToken.None;

    public static Mailbox Mailbox(string text) =>
        Postern.Smtp.Mailbox.TryParse(text, out var mailbox) ? mailbox : throw new FormatException(text);

    public static QueuedMessage Message(long id, string sender = "a@example.org") => new()
    {
        Id = new QueueId(id),
        ArrivedAt = Start,
        Door = MailDoors.Submission,
        Sender = new ReversePath(sender.Length == 0 ? null : Mailbox(sender)),
        Client = new ClientFacts { Address = "192.0.2.1" },
        ContentOctets = 5,
    };

    public static Recipient Recipient(
        long message, int number = 1, RecipientState state = RecipientState.Ready, string lane = "relay",
        int dueSeconds = 0)
    {
        return new Recipient
        {
            Message = new QueueId(message),
            Number = number,
            Address = Mailbox($"r{number}@example.com"),
            State = state,
            Lane = lane,
            DueAt = Start.AddSeconds(dueSeconds),
        };
    }

    public static MailEvent Event(long message, EventKind kind = EventKind.Accepted) => new()
    {
        Kind = kind,
        At = Start,
        Message = new QueueId(message),
    };

    public static PooledContent Content(string text = "hello")
    {
        var content = new PooledContent();
        content.Append(Encoding.UTF8.GetBytes(text));
        return content;
    }

    public static StoreChange Accept(QueuedMessage message, params ReadOnlySpan<Recipient> recipients) =>
        AcceptContent(message, Content(), recipients);

    public static StoreChange AcceptFile(QueuedMessage message, params ReadOnlySpan<Recipient> recipients) =>
        AcceptContent(message, null, recipients);

    public static StoreChange AcceptContent(
        QueuedMessage message, StoredContent? content, params ReadOnlySpan<Recipient> recipients)
    {
        var change = new StoreChange();
        change.Messages.Add(new NewMessage(message, content));
        change.Recipients.AddRange(recipients);
        change.Events.Add(Event(message.Id.Value));
        return change;
    }

    public static StoreChange Accept(long id) => Accept(Message(id), Recipient(id));

    public static StoreChange Change(params ReadOnlySpan<Recipient> recipients)
    {
        var change = new StoreChange();
        change.Recipients.AddRange(recipients);
        return change;
    }

    public static StoreChange Tell(params ReadOnlySpan<MailEvent> events)
    {
        var change = new StoreChange();
        change.Events.AddRange(events);
        return change;
    }

    public static Task<StoreException> RefusedAsync(IMailStore store, StoreChange change) =>
        Assert.ThrowsAsync<StoreException>(async () => await store.CommitAsync(change));

    public static async Task<string> ReadTextAsync(StoredContent content)
    {
        var reader = content.OpenReader();
        var text = new StringBuilder();
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(None);
                foreach (var segment in result.Buffer)
                    text.Append(Encoding.Latin1.GetString(segment.Span));
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                    return text.ToString();
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    public static ReadOnlySequence<byte> Octets(int count) => new(new byte[count]);

    /// <summary>Every fact an event can have.</summary>
    public static MailEvent FullEvent(long message) => new()
    {
        Kind = EventKind.Attempted,
        At = Start.AddTicks(7),
        Message = new QueueId(message),
        Recipient = 3,
        RecipientAddress = "한국@example.com",
        OriginalAddress = "b@example.com",
        Sender = "",
        MessageId = "<x@y>",
        ContentOctets = 0,
        RecipientCount = 2,
        Client = FullClient,
        Route = "route \"1\"",
        Transport = "",
        Why = "because of <this> & that",
        Checks = "spf=pass",
        Attempt = 4,
        Facts = new AttemptFacts("host[192.0.2.2]:587", 2, new TimeSpan(5), new TimeSpan(6), "TLSv1.3"),
        DelayBeforeActive = TimeSpan.Zero,
        DelayActive = new TimeSpan(9),
        Status = "4.4.1",
        Reply = "421 a\r\n\0\u001b[31m \u00e9 '\\ 안녕 \ud83d\ude00",
        RemoteId = "id",
        Blame = Blame.Recipient,
        Uncertain = true,
        Subject = "주문 확인",
        Severity = EventSeverity.Temporary,
        Other = new QueueId(77),
        Actor = "root",
        Alarm = new Alarm("login", "relay", Start, "text", ""),
        Options = FullOptions,
        Remote = new RemoteFacts("webhook", "id-1", Start.AddTicks(8), "bounce", """{"ip":"192.0.2.7"}"""),
    };

    public static readonly MailOptions FullOptions = new()
    {
        Domain = "mg.example.org",
        Tags = ["one", ""],
        Variables = """{"order":"17","이름":"<b>"}""",
        IsTest = true,
        DeliverAt = Start.AddTicks(7),
    };

    public static readonly ClientFacts FullClient = new()
    {
        Address = "2001:db8::1",
        Port = 65535,
        Name = "client.example",
        Helo = "[192.0.2.9]",
        Protocol = "ESMTPSA",
        Listener = "submission",
        Account = "shop",
        Mechanism = "PLAIN",
        Tls = "TLSv1.3 with cipher X",
    };
}
