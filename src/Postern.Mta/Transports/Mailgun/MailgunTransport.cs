using System.Buffers;
using System.Runtime.ExceptionServices;
using Postern.Mta.Inbound;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Smtp;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>The way out through Mailgun's HTTPS API: one call of <c>messages.mime</c> for the recipients of
/// an attempt.</summary>
/// <remarks>
/// <para>The message goes as it is, with its own Message-ID, and Mailgun is told not to rewrite it for
/// tracking unless its X-Mailgun-Track fields ask for that. Our queue id travels as the variable
/// <c>postern-id</c>, which comes back in every event.</para>
/// <para>The API has no field for the reverse-path: Mailgun puts its own there and tells of bounces by event.
/// Deviation: RFC 5321 §4.5.5, mail with the null reverse-path goes out like any other, so that reports
/// reach their readers where this is the only way out. What comes back goes to Mailgun, which answers no
/// mail: there is no loop.</para>
/// <para>A recipient whose earlier attempt ended unknown is looked for in Mailgun's events before it is sent
/// to again. The events lag behind: Mailgun's manual trusts a page after 30 minutes, and
/// <c>queue.uncertain-wait</c> (15 minutes) is how long the queue waits before it comes back here. What is
/// not there then counts as not taken. A key that may not read events, such as a domain's sending key,
/// cannot answer: the message is sent again. While the events give no answer, nothing is sent again.</para>
/// </remarks>
public sealed class MailgunTransport : ITransport
{
    /// <summary>The longest step of SMTP (RFC 5321 §4.5.3.2.6), for the call as a whole.</summary>
    static readonly TimeSpan AttemptMax = TimeSpan.FromMinutes(10);

    static readonly TimeSpan CheckMax = TimeSpan.FromSeconds(30);

    readonly TransportOptions options;
    readonly TimeProvider clock;
    readonly MailgunApi api;
    readonly MailgunEvents events;
    readonly MailgunSuppressions suppressions;

    /// <param name="options">Validated: domain, region, key and host are well formed.</param>
    public MailgunTransport(string name, TransportOptions options, TimeProvider clock)
        : this(name, options, clock, handler: null)
    {
    }

    /// <param name="handler">In the place of connections. Null: they are made.</param>
    internal MailgunTransport(
        string name, TransportOptions options, TimeProvider clock, HttpMessageHandler? handler)
    {
        Name = name;
        this.options = options;
        this.clock = clock;
        api = new MailgunApi(options, clock, handler);
        events = new MailgunEvents(api);
        suppressions = new MailgunSuppressions(api, clock);
    }

    public string Name { get; }

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(options.Timeout ?? AttemptMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var run = new Run(attempt, clock.GetTimestamp(), new CallTalk(clock), either.Token, cancel);
        await SettleUncertainAsync(run);
        int[] unsettled = [.. Enumerable.Range(0, run.Results.Length).Where(i => run.Results[i] is null)];
        if (unsettled.Length > 0)
        {
            run.TrackingFields = await ReadTrackingAsync(attempt.Content, either.Token);
            await SendAsync(run, unsettled);
        }
        var facts = new AttemptFacts(
            api.Relay, run.WasAnswered ? 1 : 0, TimeSpan.Zero, clock.GetElapsedTime(run.StartedAt), api.Tls);
        return new AttemptReport([.. run.Results.Select(result => result!)], facts)
        {
            Talk = run.Talk.Describe,
        };
    }

    /// <summary>A call without recipients: key and domain are judged before that is noticed.</summary>
    /// <remarks>The same call that sends mail, since a sending key may make no other.</remarks>
    public async ValueTask<TransportFinding> CheckAsync(CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(CheckMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        // Whoever takes it all the same is not to deliver it.
        using var nothing = new FormUrlEncodedContent([new("o:testmode", "yes")]);
        try
        {
            return MailgunBlame.OfAnswer(await api.PostAsync(nothing, either.Token), api.Host) switch
            {
                AttemptResult.NextHopDown { Alarm: { } alarm } => new TransportFinding.Wrong(alarm),
                AttemptResult.Failed => new TransportFinding.Well(
                    [MailgunBlame.LoginAlarm, MailgunBlame.DomainAlarm]),
                _ => TransportFinding.Nothing,
            };
        }
        catch (Exception e) when (MailgunApi.IsBrokenCall(e, cancel))
        {
            return TransportFinding.Nothing;
        }
    }

    public async ValueTask<TellingPage> ReadEventsAsync(
        DateTimeOffset since, string? place, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(CheckMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            return await events.ReadPageAsync(Name, since, place, either.Token);
        }
        catch (Exception e) when (MailgunApi.IsBrokenCall(e, cancel))
        {
            return new TellingPage.Unanswered(
                MailgunBlame.OfBrokenCall(e, api.Host, "a question for events").Text, RetryAfter: null);
        }
    }

    public ValueTask<SuppressionAnswer> ReadSuppressionsAsync(
        SuppressionKind kind, string? place, CancellationToken cancel) =>
        AskSuppressionsAsync(limit => suppressions.ReadAsync(kind, place, limit), cancel);

    public ValueTask<SuppressionAnswer> WriteSuppressionsAsync(
        SuppressionKind kind, IReadOnlyList<Named<Suppression>> entries, CancellationToken cancel) =>
        AskSuppressionsAsync(limit => suppressions.WriteAsync(kind, entries, limit), cancel);

    async ValueTask<SuppressionAnswer> AskSuppressionsAsync(
        Func<CancellationToken, ValueTask<SuppressionAnswer>> ask, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(CheckMax, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            return await ask(either.Token);
        }
        catch (Exception e) when (MailgunApi.IsBrokenCall(e, cancel))
        {
            return new SuppressionAnswer.NotNow(
                MailgunBlame.OfBrokenCall(e, api.Host, "a question for its lists").Text, RetryAfter: null);
        }
    }

    public ValueTask DisposeAsync()
    {
        api.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Results for recipients that the events know, and for all when the events cannot be
    /// read.</summary>
    async ValueTask SettleUncertainAsync(Run run)
    {
        var recipients = run.Attempt.Recipients;
        var asked = recipients.Where(recipient => recipient.Uncertain > 0).ToList();
        // Only relayed mail may lack a Message-ID; nothing could be asked for.
        if (asked.Count == 0 || run.Attempt.Message.MessageId.Length == 0)
            return;
        EventSearch search;
        try
        {
            search = await events.FindAsync(run.Attempt.Message, asked, run.Limit);
        }
        catch (Exception e) when (MailgunApi.IsBrokenCall(e, run.Stop))
        {
            search = new EventSearch.Unanswered(MailgunBlame.OfBrokenCall(e, api.Host, "the events"));
        }
        for (var i = 0; i < recipients.Count; i++)
        {
            run.Results[i] = search switch
            {
                EventSearch.Unanswered { Result: var down } => down,
                EventSearch.Known known when recipients[i].Uncertain > 0 =>
                    MailgunBlame.OfEvent(known, recipients[i].Address, run.Attempt.Message, api.Host),
                _ => null,
            };
        }
    }

    /// <summary>One bad address has the whole call refused: it is halved until that one stands
    /// alone.</summary>
    async ValueTask SendAsync(Run run, int[] which)
    {
        var result = await PostAsync(run, which);
        if (which.Length > 1
            && result is AttemptResult.Failed failed && MailgunBlame.IsAboutAddresses(failed))
        {
            await SendAsync(run, which[..(which.Length / 2)]);
            await SendAsync(run, which[(which.Length / 2)..]);
            return;
        }
        foreach (var i in which)
            run.Results[i] = result;
    }

    async ValueTask<AttemptResult> PostAsync(Run run, int[] which)
    {
        var attempt = run.Attempt;
        using var form = new MimeForm(
            [
                .. which.Select(i => ("to", attempt.Recipients[i].Address.ToString())),
                ("v:postern-id", attempt.Message.Id.ToString()),
                .. run.TrackingFields,
                .. WishesOf(attempt.Message),
            ],
            attempt.Content);
        try
        {
            run.Talk.Recipients = which;
            var answer = await api.PostAsync(form, run.Limit);
            run.WasAnswered = true;
            run.Talk.Answered(HttpMethod.Post, api.Messages, answer);
            return MailgunBlame.OfAnswer(answer, api.Host);
        }
        catch (Exception) when (form.SourceTrouble is { } trouble)
        {
            // Ours, whatever the connection made of it.
            ExceptionDispatchInfo.Throw(trouble);
            throw;
        }
        catch (Exception e) when (MailgunApi.IsBrokenCall(e, run.Stop))
        {
            AttemptResult result = form.MayBeWhole
                ? MailgunBlame.OfLostAnswer(e, api.Host)
                : MailgunBlame.OfBrokenCall(e, api.Host, "the message");
            run.Talk.Broke(HttpMethod.Post, api.Messages, result.Text);
            return result;
        }
        finally
        {
            // An answer may come before all was sent, and the content is not ours for longer.
            await form.Idle;
        }
    }

    /// <summary>The fields that keep Mailgun from putting its links and its pixel into the message, as far as
    /// the message does not say itself what it wants.</summary>
    static async ValueTask<IReadOnlyList<(string Name, string Value)>> ReadTrackingAsync(
        ContentSource content, CancellationToken cancel)
    {
        var header = MailHeader.Read(await ReadHeadAsync(content, cancel));
        if (header.TextOf("X-Mailgun-Track") is not null)
            return [];
        var clicks = header.TextOf("X-Mailgun-Track-Clicks") is null;
        var opens = header.TextOf("X-Mailgun-Track-Opens") is null;
        return (clicks, opens) switch
        {
            (true, true) => [("o:tracking", "no")],
            (true, false) => [("o:tracking-clicks", "no")],
            (false, true) => [("o:tracking-opens", "no")],
            (false, false) => [],
        };
    }

    /// <summary>What the submitter asked of the way on, for Mailgun's own attempts.</summary>
    IEnumerable<(string Name, string Value)> WishesOf(QueuedMessage message)
    {
        if (message.Options is { RequiresTls: true })
            yield return ("o:require-tls", "yes");
        if (message.Options?.DeliverWithin is not { } within)
            yield break;
        var left = message.BeginsAt + within - clock.GetUtcNow();
        yield return ("o:deliver-within", DeliveryWindow.Format(left < DeliveryWindow.Min
            ? DeliveryWindow.Min : left < within ? left : within));
    }

    static async ValueTask<byte[]> ReadHeadAsync(ContentSource content, CancellationToken cancel)
    {
        var reader = content.OpenReader();
        try
        {
            var read = await reader.ReadAtLeastAsync(
                (int)Math.Min(content.Octets, MailHeader.OctetsMax), cancel);
            var octets = new SequenceReader<byte>(read.Buffer);
            return octets.TryReadTo(out ReadOnlySequence<byte> head, "\r\n\r\n"u8)
                ? head.ToArray()
                : read.Buffer.ToArray();
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    /// <summary>One attempt under way.</summary>
    /// <param name="Limit">Ends with the attempt's time.</param>
    /// <param name="Stop">Ends with the process.</param>
    sealed record Run(
        Attempt Attempt, long StartedAt, CallTalk Talk, CancellationToken Limit, CancellationToken Stop)
    {
        public AttemptResult?[] Results { get; } = new AttemptResult?[Attempt.Recipients.Count];
        public IReadOnlyList<(string Name, string Value)> TrackingFields { get; set; } = [];
        public bool WasAnswered { get; set; }
    }
}
