using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Postern.Mta.Events;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Transports.PubSub.Wire;
using Postern.Smtp;

namespace Postern.Mta.Transports.PubSub;

/// <summary>A topic of Google Cloud Pub/Sub as the way out: one message for each recipient.</summary>
/// <remarks>
/// At least once: a lost answer repeats the message with the same <c>ce-id</c>, by which a consumer drops it.
/// Messages are CloudEvents in binary mode: <c>json</c> publishes the document <c>postern.inbound.v1</c>,
/// <c>raw</c> the octets unchanged with the facts as attributes. What is too large is put aside and referred
/// to. Each document is made when there is room for it: what an attempt has under way is bounded, and it
/// still shares requests with others.
/// </remarks>
public sealed class PubSubTransport : ITransport
{
    /// <summary>Octets of content inside a document where nothing is set; base64 makes a third more of
    /// it.</summary>
    internal const long DocumentInlineMax = 1 << 20;

    /// <summary>The most that can be set: base64 of it, and what is told of it, within a request.</summary>
    internal const long DocumentInlineCap = 6_500_000;

    /// <summary>Octets of content published as they are, with room for the attributes below the service's
    /// limit.</summary>
    internal const long RawInlineMax = 9_300_000;

    /// <summary>Octets of an attempt's messages that wait for their answers, at the most; one that is larger
    /// alone goes alone. Ours: enough for two full batches.</summary>
    internal const int UnderWayMax = 4 << 20;

    /// <summary>Attempts with content over <see cref="LargeMin"/> at the same time. Ours: with what is under
    /// way and its copies on the wire 100 MiB.</summary>
    const int LargeMax = 8;

    const long LargeMin = 128 << 10;

    /// <summary>Attributes and framing of one message at the most: 25 of 1,024 octets.</summary>
    const int AttributesOctetsMax = 32 << 10;

    const string EventType = "org.postern.mail.received.v1";
    static readonly EnhancedStatus SystemTrouble = new(4, 3, 0);

    readonly TransportOptions options;
    readonly InboundSource source;
    readonly TimeProvider clock;
    readonly string topic;
    readonly PubSubPublisher publisher;
    readonly ClaimStore claims;
    readonly SemaphoreSlim large = new(LargeMax);

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
        claims = ClaimStore.Open(options, source);
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
        using var limit = new CancellationTokenSource(options.Timeout ?? Timeout.InfiniteTimeSpan, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var results = new List<AttemptResult>();
        AttemptResult? rest;
        try
        {
            rest = await PublishAsync(attempt, results, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Whether it was published is unknown, and a repeat is allowed: the id stays the same.
            rest = Down(cancel.IsCancellationRequested
                ? "The server stops" : "No answer within the transport's timeout", null);
        }
        while (results.Count < attempt.Recipients.Count)
            results.Add(rest ?? throw new UnreachableException());
        var took = clock.GetElapsedTime(started);
        return new AttemptReport(
            results, new AttemptFacts(Name, 0, TimeSpan.Zero, took, null))
        {
            Talk = recipient => Conversation.Of($"Publish to {topic}", results[recipient].Text, took),
        };
    }

    public async ValueTask<TransportFinding> CheckAsync(CancellationToken cancel) =>
        await publisher.CheckAsync(cancel).ConfigureAwait(false) switch
        {
            null => new TransportFinding.Well([PublishOutcome.TopicAlarm, GoogleCredentials.Alarm]),
            PublishOutcome.Misconfigured wrong =>
                new TransportFinding.Wrong(new AlarmNotice(wrong.Kind, wrong.Text, wrong.Mend)),
            _ => TransportFinding.Nothing,
        };

    public async ValueTask DisposeAsync()
    {
        await publisher.DisposeAsync().ConfigureAwait(false);
        claims.Dispose();
        large.Dispose();
    }

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

    long InlineMax => options.Format is PubSubFormat.Json
        ? Math.Min(options.InlineMax ?? DocumentInlineMax, DocumentInlineCap)
        : Math.Min(options.InlineMax ?? RawInlineMax, RawInlineMax);

    /// <summary>Adds the results it reached; gives what holds for the recipients without one. Null: there are
    /// none.</summary>
    async ValueTask<AttemptResult?> PublishAsync(
        Attempt attempt, List<AttemptResult> results, CancellationToken cancel)
    {
        var isLarge = attempt.Content.Octets > LargeMin;
        if (isLarge)
            await large.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            var described = await DescribeAsync(attempt, cancel).ConfigureAwait(false);
            return described is DescribedMail.Ready mail
                ? await PublishAllAsync(attempt, mail, results, cancel).ConfigureAwait(false)
                : ((DescribedMail.Waits)described).Why;
        }
        finally
        {
            if (isLarge)
                large.Release();
        }
    }

    async ValueTask<DescribedMail> DescribeAsync(Attempt attempt, CancellationToken cancel)
    {
        var described = await claims.DescribeAsync(attempt, InlineMax, cancel).ConfigureAwait(false);
        // What is told of a message counts too. The service would refuse it, and the mail would fail.
        return options.Format is PubSubFormat.Json && attempt.Content.Octets > DocumentInlineMax
            && described is DescribedMail.Ready { Content.Claim: null, Document: var document }
            && document.Write(attempt.Recipients[0]).Length
                > PublishLimits.RequestOctetsMax - AttributesOctetsMax
            ? await claims.DescribeAsync(attempt, ClaimStore.NothingInline, cancel).ConfigureAwait(false)
            : described;
    }

    /// <inheritdoc cref="PublishAsync"/>
    async ValueTask<AttemptResult?> PublishAllAsync(
        Attempt attempt, DescribedMail.Ready mail, List<AttemptResult> results, CancellationToken cancel)
    {
        var underWay = new Queue<(Task<PublishOutcome> Outcome, int Octets)>();
        var octets = 0;
        AttemptResult? stop = null;
        foreach (var recipient in attempt.Recipients)
        {
            var message = Compose(attempt, mail, recipient);
            var size = message.CalculateSize();
            while (underWay.Count > 0 && octets + size > UnderWayMax)
                await TakeAnswerAsync().ConfigureAwait(false);
            // What stopped one stops the next.
            if (stop is not null)
                break;
            underWay.Enqueue((publisher.PublishAsync(message), size));
            octets += size;
        }
        while (underWay.Count > 0)
            await TakeAnswerAsync().ConfigureAwait(false);
        return stop;

        async ValueTask TakeAnswerAsync()
        {
            var (outcome, length) = underWay.Dequeue();
            var result = Judge(await outcome.WaitAsync(cancel).ConfigureAwait(false));
            stop ??= result as AttemptResult.NextHopDown;
            results.Add(result);
            octets -= length;
        }
    }

    PubsubMessage Compose(Attempt attempt, DescribedMail.Ready mail, Recipient recipient)
    {
        var message = new PubsubMessage
        {
            Data = options.Format is PubSubFormat.Json
                ? UnsafeByteOperations.UnsafeWrap(mail.Document.Write(recipient))
                // Of octets that all recipients share; none where they were put aside.
                : UnsafeByteOperations.UnsafeWrap(mail.Content.Octets),
            OrderingKey = options.Ordering is TransportOrdering.Recipient
                ? OrderingKey.Of(recipient.Address).ToString() : "",
        };
        PutAttributes(
            message.Attributes, options.Format, source, attempt, recipient, mail.Content, mail.Mail);
        return message;
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
        attributes.Put("raw-uri", content.Claim?.Address);
    }

    AttemptResult Judge(PublishOutcome outcome) => outcome switch
    {
        PublishOutcome.Published { MessageId: var id } => new AttemptResult.Relayed(
            new EnhancedStatus(2, 0, 0), $"published to {topic} as {id}", id, HandOver.Final),
        PublishOutcome.Unavailable { Text: var text, RetryAfter: var wish } => Down(text, wish),
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

    static AttemptResult.NextHopDown Down(string text, TimeSpan? wish) =>
        new(SystemTrouble, text, NextHopTrouble.Unreachable) { RetryAfter = wish };
}
