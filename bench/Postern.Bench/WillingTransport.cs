using Postern.Mta.Reports;
using Postern.Mta.Transports;

namespace Postern.Bench;

/// <summary>A way out that reads the content and takes everything at once.</summary>
sealed class WillingTransport(string name, Action relayed) : ITransport
{
    static readonly AttemptResult Relayed =
        new AttemptResult.Relayed(new(2, 0, 0), "250 2.0.0 Ok", null, HandOver.ToHopWithDsn);

    public string Name => name;

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var reader = attempt.Content.OpenReader();
        await reader.CopyToAsync(Stream.Null, cancel);
        await reader.CompleteAsync();
        relayed();
        return AttemptReport.ForAll(attempt, Relayed, AttemptFacts.None);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
