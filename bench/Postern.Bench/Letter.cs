using System.Text;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Bench;

/// <summary>The message that every benchmark sends: 4 KB, from one sender to one recipient.</summary>
static class Letter
{
    /// <summary>4,096 octets: a header section and lines of text, without a dot to stuff.</summary>
    public static readonly byte[] Octets = Encoding.ASCII.GetBytes(
        "Subject: bench\r\n\r\n"
        + string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", 56)) + new string('x', 44) + "\r\n");

    public static readonly Mailbox Sender = Parse("sender@example.org");
    public static readonly Mailbox Recipient = Parse("recipient@example.net");

    static readonly ClientFacts Client = new() { Address = "192.0.2.1", Listener = "bench" };

    public static QueuedMessage MessageOf(QueueId id, DateTimeOffset now) => new()
    {
        Id = id,
        ArrivedAt = now,
        Door = MailDoors.Submission,
        Sender = new ReversePath(Sender),
        Client = Client,
        ContentOctets = Octets.Length,
        MessageId = "<bench@example.org>",
    };

    /// <summary>The content, in memory; whoever takes it disposes of it.</summary>
    public static PooledContent NewContent()
    {
        var content = new PooledContent();
        content.Append(Octets);
        return content;
    }

    static Mailbox Parse(string text) =>
        Mailbox.TryParse(text, out var mailbox) ? mailbox : throw new FormatException(text);
}
