using System.Net.Sockets;
using Postern.Mta.Store;
using Postern.Smtp.Server;

namespace Postern.Mta.Inbound.Filters;

/// <summary>What can go wrong on the way to a filter.</summary>
static class FilterFailure
{
    /// <summary>It is down, slow or gone; not the end of the session, and not our own content.</summary>
    /// <param name="cancel">The session is over.</param>
    public static bool IsOf(Exception e, CancellationToken cancel) =>
        e is SocketException or (IOException and not ContentDamagedException)
        || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    public static string ReasonOf(Exception e) =>
        e is OperationCanceledException ? "it is too slow" : Replies.Clean(e.Message, 128);
}
