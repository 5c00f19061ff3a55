using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Transports.Forward;

namespace Postern.Dashboard;

/// <summary>A transport as its page shows it: what is configured, and how it does.</summary>
/// <param name="Options">Null: it is not configured any more, and mail still waits for it.</param>
/// <param name="Lanes">Closed ones first, then those with most waiting.</param>
/// <param name="Replies">How its last attempts went, newest first.</param>
public sealed record TransportView(
    string Name, TransportOptions? Options, IReadOnlyList<NextHop> Lanes, IReadOnlyList<MailEvent> Replies)
{
    /// <summary>Of a transport that goes to each domain itself, the worst.</summary>
    public const int LanesMax = 20;

    /// <summary>Mail still waits for it; what the API's <c>forward()</c> posts by is never
    /// configured.</summary>
    public bool IsGone => Options is null && Name != WebTarget.Transport;

    public int Waiting => Lanes.Sum(lane => lane.Waiting);
    public int InFlight => Lanes.Sum(lane => lane.InFlight);
    public int AllowedNow => Lanes.Sum(lane => lane.ConcurrencyMax);
    public int Closed => Lanes.Count(lane => lane.Closed is not null);
    public Alarm? Alarm => Lanes.Select(lane => lane.Alarm).FirstOrDefault(alarm => alarm is not null);

    /// <summary>The slowest pace that a next hop has taught. Null: none has.</summary>
    public double? PerSecond => Lanes.Min(lane => lane.PerSecond);

    /// <summary>Where it leads, in a few words. Null: to the recipients' own domains.</summary>
    public string? Place => Options switch
    {
        null => "",
        { Kind: TransportKind.Smtp } options => options.Host,
        { Kind: TransportKind.Pipe } options => options.Argv.Count > 0 ? options.Argv[0] : "",
        { Kind: TransportKind.Maildir } options => options.Directory ?? "",
        { Kind: TransportKind.Webhook } options => options.Url ?? "",
        var options => string.Join(' ', new[]
        {
            options.Host, string.Join(", ", options.Servers), options.Topic, options.Stream, options.Subject,
            options.Exchange, options.RoutingKey,
        }.Where(part => !string.IsNullOrEmpty(part))),
    };

    /// <summary>All that are configured or have something to do, in trouble first.</summary>
    internal static IReadOnlyList<TransportView> All(MailTransferAgent agent) =>
    [
        .. NextHop.All(agent).Where(hop => hop.Transport.Length > 0).GroupBy(hop => hop.Transport)
            .Select(lanes => new TransportView(
                lanes.Key, agent.Options.Transports.GetValueOrDefault(lanes.Key), [.. lanes],
                agent.Replies.Of(lanes.Key)))
            .OrderBy(view => view.Alarm is null && view.Closed == 0)
            .ThenBy(view => view.Name, StringComparer.Ordinal),
    ];
}
