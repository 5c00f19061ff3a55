using System.Net.Sockets;
using System.Text;

namespace Postern.Listeners;

/// <summary>Tells systemd how far we are (sd_notify(3), <c>Type=notify</c>). Does nothing where nobody
/// asks.</summary>
sealed class SystemdNotifier(string? address)
{
    public static SystemdNotifier FromEnvironment() =>
        new(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"));

    public void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    public void Stopping() => Send("STOPPING=1");

    /// <param name="sinceStart">Microseconds of the monotonic clock, which systemd wants with
    /// RELOADING=1.</param>
    public void Reloading(long sinceStart) => Send($"RELOADING=1\nMONOTONIC_USEC={sinceStart}");

    void Send(string state)
    {
        if (string.IsNullOrEmpty(address))
            return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            // A leading @ means the abstract name space.
            var path = address[0] == '@' ? '\0' + address[1..] : address;
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException)
        {
            // systemd is not there any more: its own time-out decides.
        }
    }
}
