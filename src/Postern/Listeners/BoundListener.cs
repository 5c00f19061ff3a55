using System.Net;
using System.Net.Sockets;
using Postern.Cli;
using Postern.Mta;

namespace Postern.Listeners;

/// <summary>A <c>[[listen]]</c> whose address is ours already, though nobody is answered yet.</summary>
sealed record BoundListener(ListenOptions Options, string Name, Socket Socket, IPEndPoint Address)
{
    /// <summary>Binds all of them, before anything on disk is touched; when one fails none stays.</summary>
    /// <exception cref="CommandException">An address is in use, not ours, or needs a right we
    /// lack.</exception>
    public static IReadOnlyList<BoundListener> BindAll(IReadOnlyList<ListenOptions> listeners)
    {
        var bound = new List<BoundListener>(listeners.Count);
        try
        {
            foreach (var listener in listeners)
                bound.Add(Bind(listener, listeners));
            return bound;
        }
        catch
        {
            CloseAll(bound);
            throw;
        }
    }

    public static void CloseAll(IReadOnlyList<BoundListener> bound)
    {
        foreach (var listener in bound)
            listener.Socket.Dispose();
    }

    static BoundListener Bind(ListenOptions options, IReadOnlyList<ListenOptions> all)
    {
        if (!IPEndPoint.TryParse(options.On, out var wanted))
            throw new CommandException(
                ExitCode.Configuration, $"listen: \"{options.On}\" is no address with a port",
                "write for example \"0.0.0.0:25\" or \"[::1]:2525\"");
        var socket = new Socket(wanted.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // [::] takes IPv4 too, unless a listener of the same port does.
            if (wanted.AddressFamily == AddressFamily.InterNetworkV6)
                socket.DualMode = wanted.Address.Equals(IPAddress.IPv6Any)
                    && !all.Any(o => TakesIPv4(o, wanted.Port));
            socket.Bind(wanted);
            var address = (IPEndPoint)socket.LocalEndPoint!;
            return new BoundListener(options, options.Name ?? NameOf(options, address.Port), socket, address);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw Explain(options, wanted, e);
        }
    }

    static bool TakesIPv4(ListenOptions options, int port) =>
        IPEndPoint.TryParse(options.On, out var other)
        && other.AddressFamily == AddressFamily.InterNetwork && other.Port == port && port != 0;

    static string NameOf(ListenOptions options, int port) => options.For switch
    {
        ListenFor.Mx => $"mx-{port}",
        ListenFor.Submission => $"submission-{port}",
        _ => $"http-{port}",
    };

    static CommandException Explain(ListenOptions options, IPEndPoint wanted, SocketException e)
    {
        var mend = e.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse =>
                $"stop what listens (ss -ltnp sport = :{wanted.Port}) or change \"on\" of this listener",
            SocketError.AccessDenied =>
                "give the program CAP_NET_BIND_SERVICE (the systemd unit does), or use a port over 1023",
            SocketError.AddressNotAvailable => "use an address of this machine, or 0.0.0.0",
            _ => "change \"on\" of this listener",
        };
        return new CommandException(
            ExitCode.OsError,
                $"cannot listen on {wanted} ({options.For.ToString().ToLowerInvariant()}): {e.Message}",
                mend);
    }
}
