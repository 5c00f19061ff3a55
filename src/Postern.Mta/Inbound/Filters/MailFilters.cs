using Postern.Mta.Inbound.Checks;
using Postern.Mta.Store;

namespace Postern.Mta.Inbound.Filters;

/// <summary>Asks the filters that are configured what they think of a message, at the same time.</summary>
/// <param name="web">What rspamd is reached by; disposed of with this.</param>
sealed class MailFilters(
    FilterConnect connect, HttpMessageHandler web, FilterNote note, TimeProvider clock) : IDisposable
{
    readonly ClamavScanner clamav = new(connect, note, clock);
    readonly RspamdFilter rspamd = new(web, note, clock);
    readonly MilterFilter milters = new(connect, note, clock);

    /// <summary>Those that are configured, as alarms call them.</summary>
    public static IEnumerable<string> NamesOf(InboundOptions options)
    {
        if (options.Clamav.Address is not null)
            yield return ClamavScanner.Name;
        if (options.Rspamd.Url is not null)
            yield return RspamdFilter.Name;
        foreach (var milter in options.Milters)
            yield return MilterFilter.NameOf(milter);
    }

    public static bool IsAny(InboundOptions options) => NamesOf(options).Any();

    public async Task<FilterAnswers> AskAsync(
        InboundOptions options, FilterQuestion mail, StoredContent content, CancellationToken cancel)
    {
        var virus = ScanAsync(options.Clamav, content, cancel);
        var spam = CheckAsync(options.Rspamd, mail, content, cancel);
        var told = milters.AskAsync(options.Milters, mail, content, cancel).AsTask();
        await Task.WhenAll(virus, spam, told).ConfigureAwait(false);
        return new FilterAnswers(await spam.ConfigureAwait(false), await virus.ConfigureAwait(false))
        {
            Milters = await told.ConfigureAwait(false),
        };
    }

    public void Dispose() => rspamd.Dispose();

    async Task<VirusVerdict?> ScanAsync(
        ClamavOptions options, StoredContent content, CancellationToken cancel) =>
        options.Address is { } address
            ? await clamav.ScanAsync(address, options, content, cancel).ConfigureAwait(false) : null;

    async Task<SpamVerdict?> CheckAsync(
        RspamdOptions options, FilterQuestion mail, StoredContent content, CancellationToken cancel) =>
        options.Url is { } url
            ? await rspamd.CheckAsync(url, options, mail, content, cancel).ConfigureAwait(false) : null;
}

/// <summary>What filters say of one message. Null: that one is not configured.</summary>
sealed record FilterAnswers(SpamVerdict? Spam, VirusVerdict? Virus)
{
    public static readonly FilterAnswers None = new(null, null);

    public MilterAnswers Milters { get; init; } = MilterAnswers.None;
}
