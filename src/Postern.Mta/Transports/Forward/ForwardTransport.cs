using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Transports.Mailgun;
using Postern.Smtp;

namespace Postern.Mta.Transports.Forward;

/// <summary>The way out to URLs that routes of the API name: one POST for each recipient, in Mailgun's
/// form.</summary>
/// <remarks>
/// <para>At least once: a lost answer repeats the post, with the same Message-Id. Each attempt is signed
/// anew, so that its time is of now.</para>
/// <para>2xx takes the message, 406 refuses it; anything else proves nothing and the host is to blame: an
/// outage fills the queue and never bounces mail.</para>
/// </remarks>
/// <param name="handler">In the place of connections.</param>
sealed class ForwardTransport(
    Func<PosternOptions> options, Func<CancellationToken, ValueTask<MailgunSignature>> sign,
    TimeProvider clock, HttpMessageHandler handler) : ITransport
{
    const int NotTaken = 406;

    /// <summary>A post as a whole, connection and answer too.</summary>
    static readonly TimeSpan AttemptMax = TimeSpan.FromMinutes(5);

    static readonly EnhancedStatus Accepted = new(2, 0, 0);
    static readonly EnhancedStatus Refused = new(5, 7, 1);
    static readonly EnhancedStatus NotReachable = new(4, 4, 1);
    static readonly EnhancedStatus SystemTrouble = new(4, 3, 0);

    readonly WebCall call = new(handler, clock);

    public string Name => WebTarget.Transport;

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(AttemptMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var startedAt = clock.GetTimestamp();
        var results = new List<AttemptResult>();
        var relay = "none";
        var talk = new CallTalk(clock);
        foreach (var recipient in attempt.Recipients)
        {
            talk.Recipients = [results.Count];
            if (WebTarget.TryParse(recipient.BoundTransport ?? "", out var target))
            {
                relay = new Uri(target.Url).Authority;
                results.Add(await PostAsync(attempt, recipient, target, talk, either.Token, cancel)
                    .ConfigureAwait(false));
            }
            else
                results.Add(Down("it is bound to no URL"));
        }
        var wasAnswered = results.Any(result => result.Status != NotReachable);
        return new AttemptReport(results, new AttemptFacts(
            relay, wasAnswered ? 1 : 0, TimeSpan.Zero, clock.GetElapsedTime(startedAt), null))
        {
            Talk = talk.Describe,
        };
    }

    public ValueTask DisposeAsync()
    {
        call.Dispose();
        return ValueTask.CompletedTask;
    }

    async ValueTask<AttemptResult> PostAsync(
        Attempt attempt, Recipient recipient, WebTarget target, CallTalk talk, CancellationToken limit,
        CancellationToken stop)
    {
        var signature = await sign(stop).ConfigureAwait(false);
        var isMime = target.Form == WebForm.Message && InboundForm.WantsMime(target.Url);
        await using var mail = await ParsedMail.ReadAsync(attempt.Content, options().Data, stop)
            .ConfigureAwait(false);
        var fields = InboundForm.Envelope(
            attempt, recipient, signature, mail.TextOf("From"), mail.TextOf("Subject"));
        if (isMime)
            return await SendMimeAsync(attempt, fields, target, talk, limit, stop).ConfigureAwait(false);
        InboundForm.AddMessage(fields, mail, attempt.Message.Sender.Mailbox?.ToString() ?? "");
        if (target.Form == WebForm.Notice)
            AddPlaces(fields, attempt, mail);
        else if (mail.Attachments.Count > 0)
        {
            InboundForm.AddAttachments(fields, mail.Attachments);
            using var files = new FilesForm(fields, mail.Attachments);
            return await SendAsync(target, files, () => files.Idle, talk, limit, stop).ConfigureAwait(false);
        }
        using var form = await UrlEncodedForm.MakeAsync(fields, null, stop).ConfigureAwait(false);
        return await SendAsync(target, form, () => form.Idle, talk, limit, stop).ConfigureAwait(false);
    }

    async ValueTask<AttemptResult> SendMimeAsync(
        Attempt attempt, FormFields fields, WebTarget target, CallTalk talk, CancellationToken limit,
        CancellationToken stop)
    {
        using var form = await UrlEncodedForm.MakeAsync(fields, attempt.Content, stop).ConfigureAwait(false);
        var result = await SendAsync(target, form, () => form.Idle, talk, limit, stop).ConfigureAwait(false);
        // Ours, whatever the connection made of it.
        if (form.SourceTrouble is { } trouble)
            ExceptionDispatchInfo.Throw(trouble);
        return result;
    }

    /// <summary>Where it lies, in the place of its files.</summary>
    void AddPlaces(FormFields fields, Attempt attempt, ParsedMail mail)
    {
        var domain = attempt.Message.Options?.Domain ?? "";
        var url = $"{options().ApiUrl}/v3/domains/{domain}/messages/{attempt.Message.Id}";
        fields.Add("domain", domain);
        fields.Add("message-url", url);
        if (mail.Attachments.Count == 0)
            return;
        fields.Add("attachments", InboundForm.AttachmentsAt(url, mail.Attachments)
            .ToJsonString(JsonTexts.Relaxed));
        var map = InboundForm.ContentIds(mail.Attachments, number => InboundForm.AttachmentUrl(url, number));
        if (map.Count > 0)
            fields.Add("content-id-map", map.ToJsonString(JsonTexts.Relaxed));
    }

    async ValueTask<AttemptResult> SendAsync(
        WebTarget target, HttpContent form, Func<Task> idle, CallTalk talk, CancellationToken limit,
        CancellationToken stop)
    {
        var host = new Uri(target.Url).IdnHost;
        using var request = new HttpRequestMessage(HttpMethod.Post, target.Url) { Content = form };
        return await call.PostAsync(request, idle, talk, limit, stop).ConfigureAwait(false) switch
        {
            WebOutcome.Answered { Answer: var answer } => Judge(answer, host),
            WebOutcome.Broken { Reason: var reason } => Down($"posting to {host}: {reason}", NotReachable),
            WebOutcome.Stopped => Down("the server stops", NotReachable),
            _ => throw new UnreachableException(),
        };
    }

    static AttemptResult Judge(MailgunAnswer answer, string host)
    {
        var text = $"host {host} said: {answer.Reply}";
        return answer.Status switch
        {
            < 300 => new AttemptResult.Relayed(Accepted, text, null, HandOver.Final),
            NotTaken => new AttemptResult.Failed(Refused, text),
            _ => Down(text) with { RetryAfter = answer.RetryAfter },
        };
    }

    static AttemptResult.NextHopDown Down(string text, EnhancedStatus? status = null) =>
        new(status ?? SystemTrouble, text, NextHopTrouble.Unreachable);
}
