using System.IO.Pipelines;
using System.Text;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Transports;
using Postern.Smtp;

namespace Postern.Tests.Transports;

/// <summary>Attempts for tests: a message, its recipients, its octets.</summary>
static class AttemptOf
{
    public const string Sender = "sender@from.example";

    public static Attempt Text(string content, params string[] recipients) =>
        Octets(Encoding.UTF8.GetBytes(content), Sender, recipients);

    public static Attempt Octets(byte[] content, string? sender, params string[] recipients)
    {
        var id = new QueueId(1_000_000);
        var path = new ReversePath(sender is null ? null : Address(sender));
        var message = new QueuedMessage
        {
            Id = id,
            ArrivedAt = new DateTimeOffset(2026, 11, 24, 2, 34, 46, 890, TimeSpan.Zero),
            Door = MailDoors.Mx,
            Sender = path,
            Parameters = new MailParameters { EnvelopeId = "QQ314159", Body = BodyType.EightBitMime },
            Client = new ClientFacts
            {
                Address = "192.0.2.7",
                Port = 41234,
                Helo = "out1.sender.example",
                Protocol = "ESMTPS",
                Listener = "mx",
                Account = "shop",
                Mechanism = "PLAIN",
                Tls = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384",
            },
            ContentOctets = content.Length,
            MessageId = "<id@from.example>",
        };
        return new Attempt(
            message, [.. recipients.Select((text, i) => RecipientOf(id, i + 1, text))], path,
                new Bytes(content), "lane");
    }

    public static Mailbox Address(string text) =>
        Mailbox.TryParse(text, out var mailbox) ? mailbox : throw new ArgumentException(text);

    static Recipient RecipientOf(QueueId id, int number, string text) => new()
    {
        Message = id,
        Number = number,
        Address = Address(text),
        State = RecipientState.Active,
        Route = "inbound",
    };

    sealed class Bytes(byte[] octets) : ContentSource
    {
        public override long Octets => octets.Length;
        public override bool HasEightBit => octets.Any(static octet => octet > 127);
        public override bool HasEightBitHeader => false;

        public override PipeReader OpenReader() =>
            // Small segments, so that a CRLF falls across two of them.
            PipeReader.Create(new MemoryStream(octets), new StreamPipeReaderOptions(bufferSize: 1023));
    }
}
