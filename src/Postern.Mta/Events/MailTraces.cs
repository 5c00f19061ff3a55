using System.Diagnostics;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Store;
using Postern.Mta.Transports;

namespace Postern.Mta.Events;

/// <summary>The source of spans, <c>Postern</c>; names and attributes are in
/// <c>docs/operate/tracing.md</c>.</summary>
/// <remarks>
/// A message has one trace, from its submission to what its provider tells; <see cref="MailTrace"/> is kept
/// with it. A message without one has no spans, so that sampling takes it whole or not at all. No span is
/// ever the current one: nothing of a trace goes along in requests that transports make. Addresses of mail
/// stand in spans only where the configuration says so, and never a subject.
/// </remarks>
/// <param name="showsAddresses"><c>telemetry.addresses</c>.</param>
public sealed class MailTraces(bool showsAddresses, TimeProvider clock) : IDisposable
{
    public const string SourceName = "Postern";

    readonly ActivitySource source = new(SourceName);

    /// <summary>This instance's source, told apart from others of the name by tests.</summary>
    internal ActivitySource Source => source;

    /// <summary>Somebody listens.</summary>
    public bool IsOn => source.HasListeners();

    /// <summary>A submission begins now. Null: nobody listens.</summary>
    /// <param name="parent">The traceparent it came with. Null, or malformed: the trace begins here.</param>
    public SubmissionStart? Begin(string? parent, string? state)
    {
        if (!IsOn)
            return null;
        MailTrace.TryParseParent(parent, state, out var context);
        return new SubmissionStart(clock.GetUtcNow(), context);
    }

    /// <summary>The span of a submission, which ends with its commit. Null: it is not recorded.</summary>
    internal Activity? BeginSubmission(NewMail mail, SubmissionStart begun)
    {
        var message = mail.Message;
        if (Start("submit", ActivityKind.Server, begun.Parent, begun.At, message.Id) is not { } span)
            return null;
        span.SetTag("messaging.operation.name", "submit");
        span.SetTag("messaging.operation.type", "receive");
        span.SetTag("messaging.message.body.size", message.ContentOctets);
        span.SetTag("network.protocol.name", message.Door == MailDoors.Api ? "http" : "smtp");
        span.SetTag("postern.door", message.Door.ToString().ToLowerInvariant());
        span.SetTag("postern.listener", message.Client.Listener);
        span.SetTag("postern.recipient_count", mail.Recipients.Count);
        if (!showsAddresses)
            return span;
        span.SetTag("client.address", message.Client.Address);
        span.SetTag("postern.message_id", SpanText.Of(message.MessageId));
        span.SetTag("postern.sender", SpanText.Of(message.Sender.Mailbox?.ToString() ?? ""));
        span.SetTag("postern.recipients", SpanText.Of(
            mail.Recipients.Select(recipient => recipient.Recipient.Path.Mailbox)));
        return span;
    }

    /// <summary>The span of a report to a sender: its own attempts are under it. Null: the message has no
    /// trace.</summary>
    internal Activity? BeginReport(QueuedMessage message, ReportKind kind, QueuedMessage report)
    {
        if (message.Trace is not { } trace
            || Start("report", ActivityKind.Internal, trace.Context, clock.GetUtcNow(), message.Id)
                is not { } span)
            return null;
        span.SetTag("postern.report", kind.ToString().ToLowerInvariant());
        span.SetTag("postern.report_id", report.Id.ToString());
        return span;
    }

    /// <param name="trouble">Why nothing was stored. Null: it was.</param>
    internal void End(IEnumerable<Activity?>? spans, StoreHealth? trouble = null)
    {
        foreach (var span in (spans ?? []).OfType<Activity>())
        {
            if (trouble is { } health)
                Fail(span, "not-stored", $"the store takes no mail: {health}");
            Stop(span);
        }
    }

    /// <summary>One attempt that is over.</summary>
    internal void Attempted(Work work, AttemptReport report, TimeSpan took)
    {
        if (work.Message.Trace is not { } trace || Start(
            "attempt", ActivityKind.Client, trace.Context, clock.GetUtcNow() - took, work.Message.Id)
            is not { } span)
            return;
        span.SetTag("messaging.operation.name", "attempt");
        span.SetTag("messaging.operation.type", "send");
        span.SetTag("messaging.destination.name", work.Decision.Transport);
        span.SetTag("postern.transport", work.Decision.Transport);
        span.SetTag("postern.route", work.Decision.Route.Name);
        span.SetTag("postern.attempt", work.Recipients[0].Attempts + 1);
        span.SetTag("postern.recipient_count", work.Recipients.Count);
        SetRelay(span, report.Facts.Relay);
        if (showsAddresses)
            span.SetTag("postern.recipients", SpanText.Of(work.Recipients.Select(row => row.Address)));
        // Of several recipients, what an operator looks for: the first that was not relayed.
        var telling = report.Results.FirstOrDefault(result => result is not AttemptResult.Relayed)
            ?? report.Results[0];
        var outcome = NameOf(telling);
        span.SetTag("postern.outcome", outcome);
        span.SetTag("postern.status", telling.Status.ToString());
        if (telling is not AttemptResult.Relayed)
            Fail(span, outcome, TextOf(telling.Text, work));
        Stop(span);
    }

    /// <summary>What a provider, a report that came back or a reader has told, now that it is
    /// stored.</summary>
    internal void Told(IReadOnlyList<MailEvent> events, DateTimeOffset since)
    {
        for (var i = 0; i < events.Count; i++)
        {
            if (events[i] is { Trace: { } trace, Remote: { } remote, Message: { } message } fact
                && Start("provider event", ActivityKind.Consumer, trace.Context, since, message)
                    is { } span)
                Tell(span, fact, remote);
        }
    }

    void Tell(Activity span, MailEvent fact, RemoteFacts remote)
    {
        span.SetTag("messaging.operation.name", "provider event");
        span.SetTag("messaging.operation.type", "process");
        span.SetTag("postern.event", EventNames.Of(fact.Kind));
        span.SetTag("postern.source", remote.Source);
        span.SetTag("postern.happened_at", remote.At.ToString("O", null));
        span.SetTag("postern.transport", fact.Transport);
        span.SetTag("postern.route", fact.Route);
        span.SetTag("postern.severity", fact.Severity?.ToString().ToLowerInvariant());
        span.SetTag("postern.status", fact.Status is { } status ? SpanText.Of(status) : null);
        if (showsAddresses)
            span.SetTag("postern.recipients", SpanText.Of([fact.RecipientAddress ?? ""]));
        if (fact.Kind is EventKind.Failed or EventKind.Rejected)
        {
            var text = fact.Reply ?? "";
            Fail(span, EventNames.Of(fact.Kind), showsAddresses ? SpanText.Of(text)
                : SpanText.Without(text, [fact.RecipientAddress, fact.OriginalAddress, fact.Sender]));
        }
        Stop(span);
    }

    /// <summary><c>host[ip]:port</c>, <c>host:port</c> or a name that is no server's.</summary>
    internal static void SetRelay(Activity span, string relay)
    {
        var colon = relay.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(relay.AsSpan(colon + 1), null, out var port))
            return;
        var host = relay[..colon];
        if (host.IndexOf('[', StringComparison.Ordinal) is > 0 and var open && host[^1] == ']')
        {
            span.SetTag("network.peer.address", host[(open + 1)..^1]);
            host = host[..open];
        }
        span.SetTag("server.address", SpanText.Of(host));
        span.SetTag("server.port", (int)port);
    }

    static string NameOf(AttemptResult result) => result switch
    {
        AttemptResult.Relayed => "relayed",
        AttemptResult.Failed or AttemptResult.Unsupported => "failed",
        AttemptResult.Deferred or AttemptResult.NextHopDown => "deferred",
        AttemptResult.Uncertain => "uncertain",
        _ => throw new UnreachableException(),
    };

    string TextOf(string reply, Work work) => showsAddresses ? SpanText.Of(reply) : SpanText.Without(
        reply, work.Recipients.SelectMany(row => new[] { row.Address, row.Original })
            .Append(work.Message.Sender.Mailbox).Select(mailbox => mailbox?.ToString()));

    static void Fail(Activity span, string type, string text)
    {
        span.SetTag("error.type", type);
        span.SetStatus(ActivityStatusCode.Error, text);
    }

    /// <summary>Null: it is not recorded.</summary>
    Activity? Start(
        string name, ActivityKind kind, ActivityContext parent, DateTimeOffset at, QueueId message)
    {
        var around = Activity.Current;
        // The web server's own span is none of the mail's.
        Activity.Current = null;
        var span = source.StartActivity(name, kind, parent, startTime: at);
        Activity.Current = around;
        if (span is not { Recorded: true })
            return null;
        span.SetTag("messaging.system", "postern");
        span.SetTag("messaging.message.id", message.ToString());
        span.SetTag("postern.queue_id", message.ToString());
        return span;
    }

    void Stop(Activity span)
    {
        var around = Activity.Current;
        span.SetEndTime(clock.GetUtcNow().UtcDateTime);
        span.Stop();
        Activity.Current = around;
    }

    public void Dispose() => source.Dispose();
}
