using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.ExceptionServices;
using Postern.Mta.Configuration;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Transports.Mailgun;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Webhooks;
using Postern.Smtp;

namespace Postern.Mta.Transports.Forward;

/// <summary>An application's URL as the way out: one POST for each recipient, the document
/// <c>postern.inbound.v1</c> or Mailgun's form.</summary>
/// <remarks>
/// <para>At least once: a lost answer repeats the post. The document has the same <c>webhook-id</c> then, the
/// form the same Message-Id; each attempt is signed anew, so that its time is of now.</para>
/// <para>2xx takes the message and 406 refuses it. Any other 4xx, and a redirect, which is not followed, says
/// that something is set up wrong: mail waits under an alarm. The rest is an outage.</para>
/// </remarks>
public sealed class WebhookTransport : ITransport
{
    const string Alarm = "webhook";
    const int NotTaken = 406;

    /// <summary>Octets of content inside a document, at the most. Ours: more would cost memory at both
    /// ends.</summary>
    internal const long InlineMax = 10 << 20;

    /// <summary>Documents over a mebioctet in memory at the same time. Ours.</summary>
    const int LargeMax = 4;

    const long LargeMin = 1 << 20;

    /// <summary>Where the transport sets no <c>timeout</c>. Ours.</summary>
    static readonly TimeSpan AttemptMax = TimeSpan.FromMinutes(5);

    static readonly EnhancedStatus Accepted = new(2, 0, 0);
    static readonly EnhancedStatus Refused = new(5, 7, 1);
    static readonly EnhancedStatus NotReachable = new(4, 4, 1);
    static readonly EnhancedStatus SystemTrouble = new(4, 3, 0);
    static readonly EnhancedStatus BadConfiguration = new(4, 3, 5);

    readonly TransportOptions options;
    readonly InboundSource source;
    readonly WebTargets targets;
    readonly TimeProvider clock;
    readonly Uri url;
    readonly byte[] key;
    readonly WebCall call;
    readonly ClaimStore claims;
    readonly SemaphoreSlim large = new(LargeMax);

    /// <exception cref="ArgumentException">The options do not pass <see cref="FindProblem"/>.</exception>
    public WebhookTransport(
        string name, TransportOptions options, InboundSource source, WebTargets targets, TimeProvider clock)
        : this(name, options, source, targets, clock, HandlerFor(options, targets))
    {
    }

    /// <param name="handler">In the place of connections.</param>
    internal WebhookTransport(
        string name, TransportOptions options, InboundSource source, WebTargets targets, TimeProvider clock,
        HttpMessageHandler handler)
    {
        if (FindProblem(options) is { } problem)
            throw new ArgumentException($"{problem.Key} {problem.Text}", nameof(options));
        Name = name;
        this.options = options;
        this.source = source;
        this.targets = targets;
        this.clock = clock;
        url = new Uri(options.Url!);
        // Documents alone need it.
        key = StandardWebhook.TryReadKey(options.Key!.Value, out var read) ? read : [];
        call = new WebCall(handler, clock);
        claims = ClaimStore.Open(options, source);
    }

    public string Name { get; }

    /// <summary>What is wrong with the settings whatever the machine looks like, and with which. Null:
    /// nothing.</summary>
    internal static (string Key, string Text)? FindProblem(TransportOptions options)
    {
        if (options.Url is not { } text || !WebTarget.IsUrl(text))
            return ("url", $"\"{options.Url}\" is no address; write \"https://app.example.org/mail\"");
        if (new Uri(text).Scheme != Uri.UriSchemeHttps && !IsHere(text))
            return ("url", "must be https off loopback; the mail would be readable on the way");
        if (options.Key is not { Value: var secret })
            return ("key", "is missing");
        return options.Form == WebhookForm.Json && !StandardWebhook.TryReadKey(secret, out _)
            ? ("key", "holds no base64 behind whsec_")
            : null;
    }

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(options.Timeout ?? AttemptMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var startedAt = clock.GetTimestamp();
        var results = new List<AttemptResult>();
        var talk = new CallTalk(clock);
        foreach (var recipient in attempt.Recipients)
        {
            talk.Recipients = [results.Count];
            // What stopped one post stops the next: nobody answers, or we are leaving.
            results.Add(results is [.., AttemptResult.NextHopDown down]
                ? down
                : await PostAsync(attempt, recipient, talk, either.Token, cancel).ConfigureAwait(false));
        }
        var wasAnswered = results.Any(result => result.Status != NotReachable);
        return new AttemptReport(results, new AttemptFacts(
            url.Authority, wasAnswered ? 1 : 0, TimeSpan.Zero, clock.GetElapsedTime(startedAt), null))
        {
            Talk = talk.Describe,
        };
    }

    public async ValueTask<TransportFinding> CheckAsync(CancellationToken cancel)
    {
        if (IsHere(options.Url!))
            return TransportFinding.Nothing;
        return await targets.FindTroubleAsync(options.Url!, cancel).ConfigureAwait(false) switch
        {
            null => new TransportFinding.Well([Alarm]),
            // A name server that is away says the same.
            WebTargets.HostNotFound => TransportFinding.Nothing,
            var trouble => new TransportFinding.Wrong(new AlarmNotice(
                Alarm, $"{options.Url}: {trouble}", "correct url, or add its network to webhooks.networks")),
        };
    }

    public ValueTask DisposeAsync()
    {
        call.Dispose();
        claims.Dispose();
        large.Dispose();
        return ValueTask.CompletedTask;
    }

    static SocketsHttpHandler HandlerFor(TransportOptions options, WebTargets targets) =>
        options.Url is { } text && WebTarget.IsUrl(text) && IsHere(text)
            ? targets.MakeLoopbackHandler()
            : targets.MakeHandler();

    static bool IsHere(string text)
    {
        var host = new Uri(text).IdnHost;
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (Network.TryParseAddress(host.Trim('[', ']'), out var address)
                && IPAddress.IsLoopback(address));
    }

    async ValueTask<AttemptResult> PostAsync(
        Attempt attempt, Recipient recipient, CallTalk talk, CancellationToken limit, CancellationToken stop)
    {
        try
        {
            return options.Form switch
            {
                WebhookForm.Json => await PostDocumentAsync(attempt, recipient, talk, limit, stop)
                    .ConfigureAwait(false),
                WebhookForm.Mailgun => await PostFormAsync(attempt, recipient, talk, limit, stop)
                    .ConfigureAwait(false),
                WebhookForm.MailgunMime => await PostMimeAsync(attempt, recipient, talk, limit, stop)
                    .ConfigureAwait(false),
                _ => throw new UnreachableException(),
            };
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return Down(stop.IsCancellationRequested ? "the server stops" : "timed out", NotReachable);
        }
    }

    async ValueTask<AttemptResult> PostDocumentAsync(
        Attempt attempt, Recipient recipient, CallTalk talk, CancellationToken limit, CancellationToken stop)
    {
        var isLarge = attempt.Content.Octets > LargeMin;
        if (isLarge)
            await large.WaitAsync(limit).ConfigureAwait(false);
        try
        {
            var described = await claims
                .DescribeAsync(attempt, Math.Min(options.InlineMax ?? InlineMax, InlineMax), limit)
                .ConfigureAwait(false);
            if (described is not DescribedMail.Ready { Document: var document })
                return ((DescribedMail.Waits)described).Why;
            var body = document.Write(recipient);
            using var json = new ReadOnlyMemoryContent(body);
            json.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var request = RequestOf(json);
            AddSignature(request, recipient, body.Span);
            return await SendAsync(request, static () => Task.CompletedTask, talk, limit, stop)
                .ConfigureAwait(false);
        }
        finally
        {
            if (isLarge)
                large.Release();
        }
    }

    void AddSignature(HttpRequestMessage request, Recipient recipient, ReadOnlySpan<byte> body)
    {
        // No full stop in it: that is what separates the parts of what is signed.
        var id = string.Create(CultureInfo.InvariantCulture, $"{recipient.Message}-{recipient.Number}");
        var timestamp = clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        request.Headers.Add(StandardWebhook.IdHeader, id);
        request.Headers.Add(StandardWebhook.TimestampHeader, timestamp);
        request.Headers.Add(
            StandardWebhook.SignatureHeader, StandardWebhook.Sign(key, id, timestamp, body));
    }

    async ValueTask<AttemptResult> PostFormAsync(
        Attempt attempt, Recipient recipient, CallTalk talk, CancellationToken limit, CancellationToken stop)
    {
        await using var mail = await ParsedMail.ReadAsync(attempt.Content, source.DataDirectory, limit)
            .ConfigureAwait(false);
        var fields = EnvelopeOf(attempt, recipient, mail);
        InboundForm.AddMessage(fields, mail, attempt.Message.Sender.Mailbox?.ToString() ?? "");
        if (mail.Attachments.Count > 0)
        {
            InboundForm.AddAttachments(fields, mail.Attachments);
            using var files = new FilesForm(fields, mail.Attachments);
            using var upload = RequestOf(files);
            return await SendAsync(upload, () => files.Idle, talk, limit, stop).ConfigureAwait(false);
        }
        using var form = await UrlEncodedForm.MakeAsync(fields, null, limit).ConfigureAwait(false);
        using var request = RequestOf(form);
        return await SendAsync(request, () => form.Idle, talk, limit, stop).ConfigureAwait(false);
    }

    async ValueTask<AttemptResult> PostMimeAsync(
        Attempt attempt, Recipient recipient, CallTalk talk, CancellationToken limit, CancellationToken stop)
    {
        await using var mail = await ParsedMail.ReadAsync(attempt.Content, source.DataDirectory, limit)
            .ConfigureAwait(false);
        var fields = EnvelopeOf(attempt, recipient, mail);
        using var form = await UrlEncodedForm.MakeAsync(fields, attempt.Content, limit).ConfigureAwait(false);
        using var request = RequestOf(form);
        var result = await SendAsync(request, () => form.Idle, talk, limit, stop).ConfigureAwait(false);
        // Ours, whatever the connection made of it.
        if (form.SourceTrouble is { } trouble)
            ExceptionDispatchInfo.Throw(trouble);
        return result;
    }

    FormFields EnvelopeOf(Attempt attempt, Recipient recipient, ParsedMail mail) => InboundForm.Envelope(
        attempt, recipient, MailgunSignature.Make(options.Key!.Value, clock.GetUtcNow()),
        mail.TextOf("From"), mail.TextOf("Subject"));

    HttpRequestMessage RequestOf(HttpContent content) => new(HttpMethod.Post, url) { Content = content };

    async ValueTask<AttemptResult> SendAsync(
        HttpRequestMessage request, Func<Task> idle, CallTalk talk, CancellationToken limit,
        CancellationToken stop) =>
        await call.PostAsync(request, idle, talk, limit, stop).ConfigureAwait(false) switch
        {
            WebOutcome.Answered { Answer: var answer } => Judge(answer),
            WebOutcome.Broken { Reason: var reason } =>
                Down($"posting to {url.IdnHost}: {reason}", NotReachable),
            WebOutcome.Stopped => Down("the server stops", NotReachable),
            _ => throw new UnreachableException(),
        };

    AttemptResult Judge(MailgunAnswer answer)
    {
        var text = $"host {url.IdnHost} said: {answer.Reply}";
        return answer.Status switch
        {
            < 300 => new AttemptResult.Relayed(Accepted, text, null, HandOver.Final),
            NotTaken => new AttemptResult.Failed(Refused, text),
            // Without a time it is the pace alone; until that time nothing is taken.
            429 => new AttemptResult.NextHopDown(SystemTrouble, text, NextHopTrouble.Refusing)
            {
                SlowDown = answer.RetryAfter is null,
                RetryAfter = answer.RetryAfter,
            },
            >= 500 or 408 or 425 => Down(text) with { RetryAfter = answer.RetryAfter },
            _ => new AttemptResult.NextHopDown(BadConfiguration, text, NextHopTrouble.Refusing)
            {
                RetryAfter = answer.RetryAfter,
                Alarm = new AlarmNotice(
                    Alarm, text, "check url and key of this transport, and what the application answers"),
            },
        };
    }

    static AttemptResult.NextHopDown Down(string text, EnhancedStatus? status = null) =>
        new(status ?? SystemTrouble, text, NextHopTrouble.Unreachable);
}
