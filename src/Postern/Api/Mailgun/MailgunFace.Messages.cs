using System.Buffers;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Features;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Tracking;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Api.Mailgun;

/// <summary>Sending: from fields, or as MIME.</summary>
sealed partial class MailgunFace
{
    /// <summary>Fields and encodings beside the message itself.</summary>
    const long FormOctetsMax = 8 << 20;

    /// <summary>Of all messages that one request makes, in messages of the greatest size.</summary>
    const int BatchSizesMax = 20;

    const string Listener = "api";

    void MapMessages(IEndpointRouteBuilder web)
    {
        web.MapPost("/v3/{domain}/messages", context => ServeSendingAsync(context, SendAsync));
        web.MapPost("/v3/{domain}/messages.mime", context => ServeSendingAsync(context, SendMimeAsync));
    }

    async Task<JsonObject> SendAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        var begun = BeginTrace(context);
        CheckStore();
        using var once = RequestOnce.Claim(context, domain, agent.Queue.Answers);
        await using var form = await ReaderFor(context).ReadAsync(context.Request, cancel);
        if (once is not null && await once.FindAsync(context, form, cancel) is { } given)
            return given;
        var request = SendRequest.Read(form, clock);
        if (request.TemplateName is { } template)
            request.Use(await TemplateOfAsync(domain, template, request.TemplateTag, cancel));
        var sender = new ReversePath(SenderOf(request));
        var composer = new MessageComposer(request, clock, agent.Options.Limits.MessageSize);
        var sinks = new List<ContentSink>();
        try
        {
            var mails = new List<ApiMail>();
            string? messageId = null;
            var room = agent.Options.Limits.MessageSize * BatchSizesMax;
            var tracking = TrackingOf(request, domain);
            foreach (var (only, recipients) in Shares(request, tracking))
            {
                var sink = door.OpenContent();
                sinks.Add(sink);
                messageId ??= MessageIdOf(request, ApiDoor.IdOf(sink), domain);
                var admitted = Admit(domain, sender, recipients);
                var octets = new Octets(sink, agent.Options.Limits.MessageSize);
                await composer.WriteAsync(
                    octets, only, messageId, LinksOf(tracking, domain, sink, admitted), cancel);
                Check(octets, ref room);
                mails.Add(new ApiMail(
                    sink, sender, admitted, ClientOf(context, domain), OptionsOf(request, domain))
                {
                    Begun = begun,
                });
            }
            return await AcceptAsync(mails, Queued(messageId!), once);
        }
        finally
        {
            foreach (var sink in sinks)
                await sink.DisposeAsync();
        }
    }

    async Task<JsonObject> SendMimeAsync(HttpContext context, string domain)
    {
        var cancel = context.RequestAborted;
        var begun = BeginTrace(context);
        CheckStore();
        using var once = RequestOnce.Claim(context, domain, agent.Queue.Answers);
        await using var sink = door.OpenContent();
        var octets = new Octets(sink, agent.Options.Limits.MessageSize);
        var taken = false;
        var reader = ReaderFor(context, field =>
        {
            if (field != "message")
                return null;
            if (taken)
                throw new ApiException(400, "there is more than one message parameter");
            taken = true;
            return (piece, stop) =>
            {
                once?.Note(piece);
                return octets.WriteAsync(new ReadOnlySequence<byte>(piece), stop);
            };
        });
        await using var form = await reader.ReadAsync(context.Request, cancel);
        if (once is not null && await once.FindAsync(context, form, cancel) is { } given)
            return given;
        var request = SendRequest.ReadMime(form, clock);
        if (!taken && form.Find("message") is { } plain)
        {
            taken = true;
            await octets.WriteAsync(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(plain)), cancel);
        }
        if (!taken)
            throw new ApiException(400, "message parameter is missing");
        var room = agent.Options.Limits.MessageSize;
        Check(octets, ref room);
        var facts = ApiDoor.Finish(sink);
        var sender = new ReversePath(AuthorOf(facts));
        var mail = new ApiMail(
            sink, sender, Admit(domain, sender, request.To), ClientOf(context, domain),
            OptionsOf(request, domain))
        {
            Begun = begun,
        };
        return await AcceptAsync(
            [mail], Queued(facts.MessageId ?? $"<{ApiDoor.IdOf(sink)}@{agent.Options.Hostname}>"), once);
    }

    /// <summary>W3C Trace Context: several headers of either name are none. Null: nobody wants to
    /// know.</summary>
    SubmissionStart? BeginTrace(HttpContext context)
    {
        var (parent, state) = (context.Request.Headers.TraceParent, context.Request.Headers.TraceState);
        return door.Begin(
            parent.Count == 1 ? parent[0] : null, state.Count == 0 ? null : string.Join(',', state!));
    }

    /// <exception cref="ApiException">It is no message that has an author.</exception>
    static Mailbox AuthorOf(ContentFacts facts)
    {
        if (facts.Refusal is { } refusal)
            throw ApiException.Of(refusal);
        if (facts.IsTorn)
            throw new ApiException(
                400, "message parameter has a line in its header section that is no field");
        // RFC 5322 §3.6.
        if (facts.FromCount != 1)
            throw new ApiException(400, $"message parameter has {facts.FromCount} From fields, not one");
        foreach (var author in facts.Authors)
        {
            if (ApiAddress.ParseList(author) is [var one, ..])
                return one.Mailbox;
        }
        throw new ApiException(400, "message parameter has no address in its From field");
    }

    /// <summary>Before a body is read that could not be kept.</summary>
    void CheckStore()
    {
        if (door.Refusal is { } refusal)
            throw ApiException.Of(refusal, "mail is not taken now: ");
    }

    FormReader ReaderFor(HttpContext context, Func<string, FileTaker?>? divert = null)
    {
        var octetsMax = agent.Options.Limits.MessageSize + FormOctetsMax;
        // Our own limit answers in JSON.
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        return new FormReader(octetsMax, agent.Options.Data) { Divert = divert };
    }

    /// <summary>Null: there is no place for links to lead to.</summary>
    MailTracking? TrackingOf(SendRequest request, string domain) =>
        agent.Options.Tracking.Url is not null && agent.TrackingTokens is not null
            && agent.Domains.TryFind(domain, out var known) ? MailTracking.Of(request, known.Settings) : null;

    /// <summary>Null: it is for several recipients, who have no links of their own.</summary>
    MailLinks? LinksOf(
        MailTracking? tracking, string domain, ContentSink sink, IReadOnlyList<NewRecipient> recipients) =>
        tracking is null || recipients is not [var reader] || !agent.Domains.TryFind(domain, out var known)
            ? null
            : new MailLinks(
                tracking, agent.TrackingTokens!, LinkRoot.Of(agent.Options.Tracking, known)!,
                ApiDoor.IdOf(sink), clock.GetUtcNow(), door.LeadsToList(reader) ? null
                    : new Subscriber(domain, reader.Recipient.Path.Mailbox.ToString()));

    /// <summary>One message for all, in a batch one for each of <c>to</c>, and where links are a recipient's
    /// own one for each of all.</summary>
    static IEnumerable<(ApiAddress? Only, IReadOnlyList<ApiAddress> Recipients)> Shares(
        SendRequest request, MailTracking? tracking)
    {
        var shares = Shares(request);
        return tracking is null || (!tracking.IsAny && !request.AsksForUnsubscribe) ? shares
            : shares.SelectMany(share => share.Recipients, (share, one) =>
                (share.Only, (IReadOnlyList<ApiAddress>)[one]));
    }

    /// <summary>The same without links.</summary>
    static IEnumerable<(ApiAddress? Only, IReadOnlyList<ApiAddress> Recipients)> Shares(SendRequest request)
    {
        if (request.Batch is null)
            return [(null, [.. request.To.Concat(request.Cc).Concat(request.Bcc)
                .DistinctBy(one => one.Mailbox.ToString(), StringComparer.OrdinalIgnoreCase)])];
        return request.To.Select((one, place) => ((ApiAddress?)one, (IReadOnlyList<ApiAddress>)(
            place == 0 ? [one, .. request.Cc, .. request.Bcc] : [one])));
    }

    /// <summary>RFC 5322 §3.6.2: Sender, where there is one; else the author.</summary>
    static Mailbox SenderOf(SendRequest request)
    {
        var sender = request.Headers.FirstOrDefault(
            header => header.Key.Equals("Sender", StringComparison.OrdinalIgnoreCase)).Value;
        return sender is not null && ApiAddress.ParseList(sender) is [var one, ..] ? one.Mailbox
            : request.From[0].Mailbox;
    }

    List<NewRecipient> Admit(string domain, ReversePath sender, IReadOnlyList<ApiAddress> recipients)
    {
        var admitted = new List<NewRecipient>();
        foreach (var recipient in recipients)
        {
            if (door.Admit(Listener, domain, sender, recipient.Mailbox, out var taken) is { } refusal)
                throw ApiException.Of(refusal);
            admitted.Add(taken!);
        }
        return admitted;
    }

    static void Check(Octets octets, ref long room)
    {
        room -= octets.Count;
        if (octets.IsTooLarge || room < 0)
            throw new ApiException(413, "the message is larger than limits.message-size");
        if (octets.Refusal is { } refusal)
            throw ApiException.Of(refusal);
    }

    /// <param name="answer">Kept with the mail, where the request has a key.</param>
    async ValueTask<JsonObject> AcceptAsync(
        List<ApiMail> mails, JsonObject answer, RequestOnce? once)
    {
        if (once is not null)
            mails[0] = mails[0] with { Objects = once.Keep(answer) };
        var reply = await door.AcceptAsync(mails, CancellationToken.None);
        return reply.IsPositive ? answer : throw ApiException.Of(reply);
    }

    static ClientFacts ClientOf(HttpContext context, string domain) => new()
    {
        Address = (context.Connection.RemoteIpAddress ?? IPAddress.Loopback).ToString(),
        Port = context.Connection.RemotePort,
        Protocol = "HTTP",
        Listener = Listener,
        Account = domain,
    };

    static MailOptions OptionsOf(SendRequest request, string domain) => new()
    {
        Domain = domain,
        Tags = request.Tags,
        Variables = request.Variables,
        IsTest = request.IsTest,
        DeliverAt = request.DeliverAt,
        RequiresTls = request.RequiresTls,
        DeliverWithin = request.DeliverWithin,
    };

    /// <summary>The sender's own, if it is one (RFC 5322 §3.6.4).</summary>
    string MessageIdOf(SendRequest request, QueueId id, string domain)
    {
        var own = request.Headers.LastOrDefault(
            header => header.Key.Equals("Message-Id", StringComparison.OrdinalIgnoreCase)).Value?.Trim();
        if (own is ['<', .., '>'] && own.Contains('@', StringComparison.Ordinal)
            && !own.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return own;
        return string.Create(
            CultureInfo.InvariantCulture, $"<{clock.GetUtcNow():yyyyMMddHHmmss}.{id}@{domain}>");
    }

    static JsonObject Queued(string messageId) => new()
    {
        ["id"] = messageId,
        ["message"] = "Queued. Thank you.",
    };

    /// <summary>Content on its way into a sink, up to a limit.</summary>
    sealed class Octets(ContentSink sink, long octetsMax) : ContentSink
    {
        public long Count { get; private set; }
        public bool IsTooLarge => Count > octetsMax;

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
        public override async ValueTask WriteAsync(ReadOnlySequence<byte> octets, CancellationToken cancel)
        {
            Count += octets.Length;
            if (IsTooLarge || sink.Refusal is not null)
                return;
            await sink.WriteAsync(octets, cancel);
            Refusal = sink.Refusal;
        }

        public override ValueTask DisposeAsync() => sink.DisposeAsync();
    }
}
