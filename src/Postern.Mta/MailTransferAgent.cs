using Microsoft.Extensions.Logging;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp.Server;

namespace Postern.Mta;

/// <summary>The whole of the mail side, put together from options: store, queue, dispatcher, doors.</summary>
public sealed class MailTransferAgent : IAsyncDisposable
{
    public PosternOptions Options => throw new NotImplementedException();
    public IMailStore Store => throw new NotImplementedException();
    public MessageQueue Queue => throw new NotImplementedException();

    /// <summary>Opens the store and starts delivery. Doors may be opened once this has returned.</summary>
    /// <exception cref="StoreException">The data directory cannot be used; one clear line.</exception>
    public static ValueTask<MailTransferAgent> StartAsync(
        PosternOptions options, TimeProvider clock, ILoggerFactory logs, CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>What the sessions of one SMTP listener decide with.</summary>
    public ISessionPolicy OpenDoor(ListenOptions listener) => throw new NotImplementedException();

    /// <summary>Applies a changed configuration: transports, routes, accounts, aliases, limits, log.</summary>
    /// <returns>Keys that need a restart and were not applied (<c>listen</c>, <c>data</c>).</returns>
    public IReadOnlyList<string> Reload(PosternOptions options) => throw new NotImplementedException();

    /// <summary>What the router would decide now, for <c>route explain</c>.</summary>
    public RoutingDecision Explain(RoutingQuestion question) => throw new NotImplementedException();

    public IReadOnlyList<LaneStatus> Lanes() => throw new NotImplementedException();

    /// <summary>Attempts finish or are recorded, within the limit; then the store closes.</summary>
    public ValueTask StopAsync(TimeSpan limit) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
