using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Postern.Mta.Events;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports.PubSub.Wire;
using Postern.Smtp;

namespace Postern.Mta.Transports.PubSub;

/// <summary>A topic of Google Cloud Pub/Sub as the way out: one message for each recipient.</summary>
/// <remarks>
/// At least once: a lost answer repeats the message with the same <c>ce-id</c>, by which a consumer drops it.
/// Messages are CloudEvents in binary mode: <c>json</c> publishes the document <c>postern.inbound.v1</c>,
/// <c>raw</c> the octets unchanged with the facts as attributes. What is too large lies in the claim
/// directory and is referred to.
/// </remarks>
public sealed class PubSubTransport : ITransport
{
    /// <summary>Octets of content inside a document; base64 makes a third more of it.</summary>
    internal const long DocumentInlineMax = 1 << 20;

    /// <summary>Octets of content published as they are, with room for the attributes below the service's
    /// limit.</summary>
    internal const long RawInlineMax = 9_300_000;

    const string EventType = "org.postern.mail.received.v1";
    static readonly EnhancedStatus SystemTrouble = new(4, 3, 0);

    readonly TransportOptions options;
    readonly InboundSource source;
    readonly TimeProvider clock;
    readonly string topic;
    readonly PubSubPublisher publisher;
    readonly ClaimDirectory claims;

    /// <exception cref="ArgumentException">The options do not pass <see cref="FindProblem"/>.</exception>
    public PubSubTransport(
        string name, TransportOptions options, InboundSource source, Metrics metrics, TimeProvider clock)
        : this(
            name, options, source, FindEndpoint(clock), LimitsOf(options), clock,
            call => metrics.Published(name, call))
    {
    }

    internal PubSubTransport(
        string name,
        TransportOptions options,
        InboundSource source,
        PubSubEndpoint endpoint,
        PublishLimits limits,
        TimeProvider clock,
        Action<PublishCall>? called = null)
    {
        if (FindTopicProblem(options.Topic) is { } problem)
            throw new ArgumentException(problem, nameof(options));
        Name = name;
        this.options = options;
        this.source = source;
        this.clock = clock;
        topic = options.Topic!;
        claims = new ClaimDirectory(options.ClaimDirectory ?? Path.Combine(source.DataDirectory, "claims"));
        publisher = new PubSubPublisher(topic, endpoint, limits, clock)
        {
            Called = called ?? (static _ => { }),
        };
    }

    public string Name { get; }

    /// <summary>What is wrong with the settings or with <c>PUBSUB_EMULATOR_HOST</c> (exit 78 at start). Null:
    /// nothing.</summary>
    public static string? FindProblem(TransportOptions options) =>
        FindTopicProblem(options.Topic)
        ?? (PubSubEndpoint.TryFind(Emulator, TimeProvider.System, out _, out var problem) ? null : problem);

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        AttemptFacts Facts() => new(Name, 0, TimeSpan.Zero, clock.GetElapsedTime(started), null);
        try
        {
            var content = await ReadAsync(attempt, cancel).ConfigureAwait(false);
            var (document, mail) = await content.DescribeAsync(attempt, source, options.Parse, cancel)
                .ConfigureAwait(false);
            var messages = Compose(attempt, content, document, mail);
            var outcomes = await Task.WhenAll(messages.Select(publisher.PublishAsync))
                .WaitAsync(options.Timeout ?? Timeout.InfiniteTimeSpan, clock, cancel).ConfigureAwait(false);
            return new AttemptReport([.. outcomes.Select(Judge)], Facts());
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Whether it was published is unknown, and a repeat is allowed: the id stays the same.
            return AttemptReport.ForAll(attempt, Down("The server stops", null, null), Facts());
        }
        catch (TimeoutException)
        {
            return AttemptReport.ForAll(attempt, Down("No answer within the transport's timeout", null, null),
                Facts());
        }
        catch (Exception e) when (e is (IOException and not ContentDamagedException)
            or UnauthorizedAccessException)
        {
            var alarm = new AlarmNotice(
                "claims", $"The claim directory cannot be written: {e.Message}",
                "make room, or see owner and mode of claim-directory");
            return AttemptReport.ForAll(attempt, Down(alarm.Text, alarm, null), Facts());
        }
    }

    public async ValueTask<TransportFinding> CheckAsync(CancellationToken cancel) =>
        await publisher.CheckAsync(cancel).ConfigureAwait(false) switch
        {
            null => new TransportFinding.Well([PublishOutcome.TopicAlarm, PubSubCredentials.Alarm]),
            PublishOutcome.Misconfigured wrong =>
                new TransportFinding.Wrong(new AlarmNotice(wrong.Kind, wrong.Text, wrong.Mend)),
            _ => TransportFinding.Nothing,
        };

    public ValueTask DisposeAsync() => publisher.DisposeAsync();

    static string? Emulator => Environment.GetEnvironmentVariable(PubSubEndpoint.EmulatorVariable);

    /// <summary>Where order is kept each lane has a call of its own, with one message.</summary>
    static PublishLimits LimitsOf(TransportOptions options) =>
        options.Ordering is TransportOrdering.Recipient
            ? new PublishLimits { Calls = OrderingKey.LanesMax } : new PublishLimits();

    static PubSubEndpoint FindEndpoint(TimeProvider clock) =>
        PubSubEndpoint.TryFind(Emulator, clock, out var endpoint, out var problem)
            ? endpoint
            : throw new ArgumentException(problem, nameof(clock));

    static string? FindTopicProblem(string? topic)
    {
        if (topic?.Split('/') is not ["projects", { Length: > 0 }, "topics", var name])
            return $"topic \"{topic}\" is not of the form projects/PROJECT/topics/TOPIC";
        // Names of resources: 3 to 255 characters, a letter first, never "goog...". INVALID_ARGUMENT would
        // fail the mail instead.
        return name.Length is < 3 or > 255 || !char.IsAsciiLetter(name[0])
            || name.StartsWith("goog", StringComparison.OrdinalIgnoreCase)
            || name.AsSpan().ContainsAnyExcept(TopicCharacters)
            ? $"topic \"{name}\": 3 to 255 letters, digits and -_.~+%, a letter first, and not \"goog...\""
            : null;
    }

    static readonly System.Buffers.SearchValues<char> TopicCharacters = System.Buffers.SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+%");

    ValueTask<PublishedContent> ReadAsync(Attempt attempt, CancellationToken cancel)
    {
        var max = options.Format is PubSubFormat.Json ? DocumentInlineMax : RawInlineMax;
        return attempt.Content.Octets <= max
            ? PublishedContent.ReadAsync(attempt.Content, cancel)
            : claims.StoreAsync(attempt.Message.Id, attempt.Content, cancel);
    }

    List<PubsubMessage> Compose(
        Attempt attempt, PublishedContent content, InboundDocument document, MailDescription mail)
    {
        // One copy of the octets is shared by all recipients.
        var raw = content.Claim is null ? UnsafeByteOperations.UnsafeWrap(content.Octets) : ByteString.Empty;
        var messages = new List<PubsubMessage>();
        foreach (var recipient in attempt.Recipients)
        {
            var message = new PubsubMessage
            {
                Data = options.Format is PubSubFormat.Json
                    ? UnsafeByteOperations.UnsafeWrap(document.Write(recipient))
                    : raw,
                OrderingKey = options.Ordering is TransportOrdering.Recipient
                    ? OrderingKey.Of(recipient.Address).ToString() : "",
            };
            PutAttributes(message.Attributes, options.Format, source, attempt, recipient, content, mail);
            messages.Add(message);
        }
        return messages;
    }

    /// <summary>The facts beside the data, the same for every broker.</summary>
    internal static void PutAttributes(
        MapField<string, string> attributes, PubSubFormat format, InboundSource source, Attempt attempt,
        Recipient recipient, PublishedContent content, MailDescription mail)
    {
        PutNames(attributes, format, source, attempt, recipient);
        PutFindings(attributes, attempt, mail);
        attributes.Put("raw-mode", content.Claim is null ? "inline" : "ref");
        // Without a document the envelope has no other place.
        if (format is PubSubFormat.Raw)
            PutEnvelope(attributes, attempt, content);
    }

    /// <summary>What tells the messages of one mail apart.</summary>
    static void PutNames(
        MapField<string, string> attributes, PubSubFormat format, InboundSource source, Attempt attempt,
        Recipient recipient)
    {
        var type = format is PubSubFormat.Json ? "application/json" : "message/rfc822";
        attributes.Put("ce-specversion", "1.0");
        attributes.Put("ce-id", InboundDocument.IdOf(recipient));
        attributes.Put("ce-type", EventType);
        attributes.Put("ce-source", $"//postern/{source.Hostname}/{attempt.Message.Client.Listener}");
        attributes.Put("ce-time", InboundDocument.TimeOf(attempt.Message.ArrivedAt));
        attributes.Put("ce-subject", recipient.Route);
        attributes.Put("ce-datacontenttype", type);
        attributes.Put("content-type", type);
        attributes.Put("rcpt", recipient.Address.ToString());
        attributes.Put("rcpt-domain", recipient.Address.Domain);
        attributes.Put("rcpt-tag", InboundDocument.Split(recipient.Address, source.Delimiters).Tag);
    }

    /// <summary>What subscriptions filter by; nothing for what was not checked.</summary>
    static void PutFindings(MapField<string, string> attributes, Attempt attempt, MailDescription mail)
    {
        var checks = attempt.Message.Checks;
        attributes.Put("mail-from-domain", attempt.Sender.Mailbox?.Domain);
        attributes.Put("from-domain", mail.Header.AddressesOf("From") is [var from, ..] ? from.Domain : null);
        attributes.Put("spf", CheckWords.SpfOf(checks));
        attributes.Put("dkim", CheckWords.DkimOf(checks));
        attributes.Put("dmarc", CheckWords.DmarcOf(checks));
        attributes.Put("dmarc-policy", CheckWords.DmarcPolicyOf(checks));
        attributes.Put("spam", CheckWords.SpamOf(checks));
        attributes.Put("virus", CheckWords.VirusOf(checks));
        attributes.Put("tls", attempt.Message.Client.Tls?.Split(' ')[0]);
        attributes.Put("size", mail.Octets.ToString(CultureInfo.InvariantCulture));
        attributes.Put("sha256", mail.Sha256);
        attributes.Put("has-attachments", mail.Attachments.Count > 0 ? "true" : "false");
        attributes.Put("auto-submitted", mail.Header.TextOf("Auto-Submitted"));
    }

    static void PutEnvelope(MapField<string, string> attributes, Attempt attempt, PublishedContent content)
    {
        var client = attempt.Message.Client;
        attributes.Put("queue-id", attempt.Message.Id.ToString());
        attributes.Put("mail-from", attempt.Sender.ToString());
        attributes.Put("helo", client.Helo);
        attributes.Put("client-ip", client.Address);
        attributes.Put("client-rdns", client.Name);
        attributes.Put("protocol", client.Protocol);
        attributes.Put("auth-user", client.Account);
        attributes.Put("raw-uri", content.Claim?.AbsoluteUri);
    }

    AttemptResult Judge(PublishOutcome outcome) => outcome switch
    {
        PublishOutcome.Published { MessageId: var id } => new AttemptResult.Relayed(
            new EnhancedStatus(2, 0, 0), $"published to {topic} as {id}", id, HandOver.Final),
        PublishOutcome.Unavailable { Text: var text, RetryAfter: var wish } => Down(text, null, wish),
        PublishOutcome.Misconfigured wrong => new AttemptResult.NextHopDown(
            SystemTrouble, wrong.Text, NextHopTrouble.Refusing)
        {
            Alarm = new AlarmNotice(wrong.Kind, wrong.Text, wrong.Mend),
        },
        // RFC 3463 §3.7: other or undefined media error.
        PublishOutcome.Refused { Text: var text } =>
            new AttemptResult.Failed(new EnhancedStatus(5, 6, 0), text),
        _ => throw new UnreachableException(),
    };

    static AttemptResult.NextHopDown Down(string text, AlarmNotice? alarm, TimeSpan? wish) =>
        new(SystemTrouble, text, NextHopTrouble.Unreachable) { Alarm = alarm, RetryAfter = wish };
}
