using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Postern.Listeners;

/// <summary>Who connected to a unix socket, as the kernel wrote it down at that moment (unix(7)).</summary>
/// <param name="Groups">Supplementary groups of the process. Of what it was then: a user who was put into a
/// group since must begin a new session.</param>
sealed record PeerCredentials(uint User, uint Group, IReadOnlyList<uint> Groups)
{
    const int SocketLevel = 1;
    const int PeerCredential = 17;
    const int PeerGroups = 59;

    /// <summary>NGROUPS_MAX of limits.h.</summary>
    const int GroupsMax = 65_536;

    const uint Root = 0;

    /// <summary>Null: the system does not say.</summary>
    public static PeerCredentials? Of(Socket socket)
    {
        // struct ucred: process, user, group.
        Span<int> credential = stackalloc int[3];
        try
        {
            socket.GetRawSocketOption(SocketLevel, PeerCredential, MemoryMarshal.AsBytes(credential));
        }
        catch (SocketException)
        {
            return null;
        }
        return new PeerCredentials((uint)credential[1], (uint)credential[2], GroupsOf(socket));
    }

    /// <summary>Root, our own user, and whoever is in the group that the socket has.</summary>
    public bool MayUse(uint ownUser, uint socketGroup) =>
        User == Root || User == ownUser || Group == socketGroup || Groups.Contains(socketGroup);

    static uint[] GroupsOf(Socket socket)
    {
        const int few = 64;
        return GroupsOf(socket, few) ?? GroupsOf(socket, GroupsMax) ?? [];
    }

    /// <summary>Null: there are more, or a kernel before 4.13 does not know.</summary>
    static uint[]? GroupsOf(Socket socket, int max)
    {
        var groups = new uint[max];
        try
        {
            var octets = socket.GetRawSocketOption(
                SocketLevel, PeerGroups, MemoryMarshal.AsBytes(groups.AsSpan()));
            return groups[..(octets / sizeof(uint))];
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
