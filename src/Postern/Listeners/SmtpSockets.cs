using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Postern.Listeners;

/// <summary>Kestrel's sockets for the SMTP listeners: what came in is answered on the thread that read
/// it.</summary>
/// <remarks>
/// What a session does between two waits is short, and waking another thread for it is dear. In return
/// nothing on its way may block: the store, files of content and lookups have threads of their own. HTTP,
/// whose handlers do as they like, keeps Kestrel's usual way. Why: docs/decisions/0007.
/// </remarks>
sealed class SmtpSockets : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    readonly IReadOnlyList<EndPoint> addresses;
    readonly SocketTransportFactory factory;

    /// <param name="addresses">Those it is for.</param>
    /// <param name="socketOf">The socket that is bound to one of them.</param>
    public SmtpSockets(
        IReadOnlyList<EndPoint> addresses, Func<EndPoint, Socket> socketOf, ILoggerFactory logs)
    {
        this.addresses = addresses;
        var options = new SocketTransportOptions
        {
            UnsafePreferInlineScheduling = true,
            // A buffer of 4 KiB for a connection that waits is worth a system call less for each command.
            WaitForDataBeforeAllocatingBuffer = false,
            CreateBoundListenSocket = socketOf,
        };
        factory = new SocketTransportFactory(Options.Create(options), logs);
    }

    /// <summary>Has the runtime continue where the kernel said that a socket is ready. To be called before
    /// the first socket is made.</summary>
    public static void PreferInline() =>
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

    public bool CanBind(EndPoint endpoint) => addresses.Contains(endpoint);

    public ValueTask<IConnectionListener> BindAsync(
        EndPoint endpoint, CancellationToken cancellationToken = default) =>
        factory.BindAsync(endpoint, cancellationToken);
}
