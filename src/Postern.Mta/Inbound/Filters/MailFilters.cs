using Postern.Mta.Inbound.Checks;
using Postern.Mta.Store;

namespace Postern.Mta.Inbound.Filters;

/// <summary>Asks the filters that are configured what they think of a message, at the same time.</summary>
sealed class MailFilters(FilterConnect connect, FilterNote note, TimeProvider clock)
{
    readonly ClamavScanner clamav = new(connect, note, clock);

    /// <summary>Those that are configured, as alarms call them.</summary>
    public static IEnumerable<string> NamesOf(InboundOptions options)
    {
        if (options.Clamav.Address is not null)
            yield return ClamavScanner.Name;
    }

    public static bool IsAny(InboundOptions options) => NamesOf(options).Any();

    /// <summary>What they found beside what was found before.</summary>
    public async ValueTask<MailChecks> AskAsync(
        InboundOptions options, StoredContent content, MailChecks checks, CancellationToken cancel) =>
        options.Clamav.Address is { } clamd
            ? checks with
            {
                Virus = await clamav.ScanAsync(clamd, options.Clamav, content, cancel).ConfigureAwait(false),
            }
            : checks;
}
