using System.Net;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Checks;

/// <summary>The checks of one session: what can be asked early is asked while the peer goes on
/// talking.</summary>
/// <remarks>Calls never overlap. Each check ends within <see cref="ElapsedMax"/>; what is not known by then
/// is <see cref="AuthenticationResult.Temperror"/>.</remarks>
sealed class SessionChecks
{
    /// <summary>RFC 7208 §4.6.4 wants at least so much for SPF; a peer waits ten minutes after its
    /// dot.</summary>
    static readonly TimeSpan ElapsedMax = TimeSpan.FromSeconds(20);

    const string TooSlow = "DNS is too slow";

    readonly MailChecker checker;
    readonly IPAddress client, local;
    readonly InboundOptions options;
    readonly string hostname;
    readonly Task<IprevVerdict?> iprev;
    readonly Task<IReadOnlyList<string>> listed;
    Task<SpfVerdict?> spf = Task.FromResult<SpfVerdict?>(null);
    Task<HeloVerdict?> helo = Task.FromResult<HeloVerdict?>(null);

    /// <param name="client">An IPv4 address is no mapped one.</param>
    /// <param name="local">Ours, where it came in; the same.</param>
    /// <param name="cancel">The session is over.</param>
    public SessionChecks(
        MailChecker checker, IPAddress client, IPAddress local, InboundOptions options, string hostname,
        CancellationToken cancel)
    {
        (this.checker, this.client, this.local) = (checker, client, local);
        (this.options, this.hostname) = (options, hostname);
        iprev = Wants(MailCheck.Iprev)
            ? WithinAsync<IprevVerdict?>(
                async inTime => await checker.Client.FindNameAsync(client, inTime).ConfigureAwait(false),
                new IprevVerdict(AuthenticationResult.Temperror, null), cancel)
            : Task.FromResult<IprevVerdict?>(null);
        listed = WithinAsync<IReadOnlyList<string>>(
            inTime => checker.Client.FindListsAsync(client, options, inTime), [], cancel);
    }

    bool Wants(MailCheck check) => options.Checks.Contains(check);

    /// <summary>The name of the client that leads back to its address. Null: none is known.</summary>
    public async ValueTask<string?> FindNameAsync() => (await iprev.ConfigureAwait(false))?.Name;

    /// <summary>A transaction begins.</summary>
    public void BeginMail(string heloName, ReversePath sender, CancellationToken cancel)
    {
        if (Wants(MailCheck.Helo))
            BeginHelo(new HeloQuestion(client, local, heloName, hostname), cancel);
        if (!Wants(MailCheck.Spf))
            return;
        var question = SpfQuestion.Of(client, heloName, sender.Mailbox, hostname);
        spf = WithinAsync<SpfVerdict?>(
            async inTime => await checker.Spf.CheckAsync(question, inTime).ConfigureAwait(false),
            new SpfVerdict(
                AuthenticationResult.Temperror, question.Domain, question.Scope, null, TooSlow),
            cancel);
    }

    /// <summary>What SPF says of the sender of this transaction. Null: not checked.</summary>
    public async ValueTask<AuthenticationResult?> FindSpfAsync() =>
        (await spf.ConfigureAwait(false))?.Result;

    void BeginHelo(HeloQuestion question, CancellationToken cancel) => helo = WithinAsync<HeloVerdict?>(
        async inTime => await checker.Helo.CheckAsync(question, inTime).ConfigureAwait(false),
        new HeloVerdict(AuthenticationResult.Temperror, TooSlow), cancel);

    /// <summary>Everything, now that the content is whole.</summary>
    /// <param name="mail">What filters are told of it.</param>
    public async ValueTask<CheckedMail> CompleteAsync(
        FilterQuestion mail, StoredContent content, CancellationToken cancel)
    {
        // Filters need nothing of what DNS says: whoever is slowest is waited for, and no longer.
        var asked = AskFiltersAsync(mail, content, cancel);
        var looked = CheckAsync(content, cancel);
        await Task.WhenAll(asked, looked).ConfigureAwait(false);
        var (answers, found) = (await asked.ConfigureAwait(false), await looked.ConfigureAwait(false));
        return found with
        {
            Checks = found.Checks with
            {
                Spam = answers.Spam,
                Virus = answers.Virus,
                Milters = answers.Milters.Verdicts,
            },
            Milters = answers.Milters,
        };
    }

    Task<FilterAnswers> AskFiltersAsync(
        FilterQuestion mail, StoredContent content, CancellationToken cancel)
    {
        // They want an IPv4 address as it is, not mapped.
        mail = mail with
        {
            Client = mail.Client with { Address = client.ToString() },
            Hostname = hostname,
        };
        return checker.Filters?.AskAsync(options, mail, content, cancel)
            ?? Task.FromResult(FilterAnswers.None);
    }

    async Task<CheckedMail> CheckAsync(StoredContent content, CancellationToken cancel)
    {
        using var signed = await SignedContent.ReadAsync(content.OpenReader(), cancel).ConfigureAwait(false);
        var dkim = Wants(MailCheck.Dkim)
            ? await checker.Dkim.CheckAsync(signed, cancel).ConfigureAwait(false) : null;
        var arc = Wants(MailCheck.Arc)
            ? await WithinAsync(
                inTime => checker.Arc.CheckAsync(signed, inTime),
                new ArcVerdict(AuthenticationResult.Temperror, [], TooSlow), cancel).ConfigureAwait(false)
            : null;
        var checks = new MailChecks
        {
            Spf = await spf.ConfigureAwait(false),
            Dkim = dkim,
            Arc = arc,
            Iprev = await iprev.ConfigureAwait(false),
            Helo = await helo.ConfigureAwait(false),
            Listed = await listed.ConfigureAwait(false),
        };
        if (Wants(MailCheck.Dmarc))
        {
            var (dmarc, aligned) = await WithinAsync(
                inTime => checker.Dmarc.CheckAsync(signed, checks.Spf, dkim ?? [], inTime),
                (new DmarcVerdict(AuthenticationResult.Temperror, "", null, TooSlow), dkim ?? []), cancel)
                .ConfigureAwait(false);
            checks = checks with { Dmarc = dmarc, Dkim = dkim is null ? null : aligned };
        }
        return new CheckedMail(checks, CheckedMail.FindForged(signed.Header, hostname));
    }

    async Task<T> WithinAsync<T>(
        Func<CancellationToken, ValueTask<T>> check, T unknown, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(ElapsedMax, checker.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            return await check(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
            when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            return unknown;
        }
    }
}

/// <summary>A message after its checks.</summary>
/// <param name="Forged">Fields of it that claim to be ours, in order.</param>
sealed record CheckedMail(MailChecks Checks, IReadOnlyList<ContentRange> Forged)
{
    /// <summary>Marks mail for whoever gets it.</summary>
    public const string VerdictField = "X-Postern-Verdict";

    public MilterAnswers Milters { get; init; } = MilterAnswers.None;

    /// <summary>What only we may have written: it is cut, since readers believe it.</summary>
    public static IReadOnlyList<ContentRange> FindForged(HeaderBlock header, string hostname) =>
    [
        .. AuthenticationResults.FindForged(header, hostname)
            .Concat(header.Named(VerdictField).Select(header.RangeOf))
            .OrderBy(range => range.Start),
    ];
}
