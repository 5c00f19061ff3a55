using System.Net.Sockets;
using Postern.Listeners;
using Postern.Tests.Configuration;

namespace Postern.Tests.Listeners;

public sealed class PeerCredentialsTests
{
    const uint Own = 100, SocketGroup = 200, Stranger = 300;

    [Fact]
    public async Task Of_AConnectionFromThisProcess_IsThisProcess()
    {
        using var directory = new TemporaryDirectory();
        var address = new UnixDomainSocketEndPoint(directory.PathOf("s"));
        using var listening = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listening.Bind(address);
        listening.Listen();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(address, TestContext.Current.CancellationToken);
        using var accepted = await listening.AcceptAsync(TestContext.Current.CancellationToken);

        var peer = PeerCredentials.Of(accepted);
        Assert.NotNull(peer);
        Assert.Equal(IdsOf("Uid:")[1], peer.User);
        Assert.Equal(IdsOf("Gid:")[1], peer.Group);
        Assert.Equal(IdsOf("Groups:").Order(), peer.Groups.Order());
        Assert.Equal(peer.User, Native.EffectiveUser());
    }

    [Fact]
    public void Of_AConnectionOverTcp_IsNobody()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        // The kernel answers with nobody's numbers, or not at all: neither is let in.
        Assert.False(PeerCredentials.Of(socket)?.MayUse(Own, SocketGroup) ?? false);
    }

    [Theory]
    [InlineData(0, Stranger, new uint[0], true)]
    [InlineData(Own, Stranger, new uint[0], true)]
    [InlineData(Stranger, SocketGroup, new uint[0], true)]
    [InlineData(Stranger, Stranger, new[] { 7u, SocketGroup }, true)]
    [InlineData(Stranger, Stranger, new uint[0], false)]
    [InlineData(Stranger, Own, new[] { 0u, Own }, false)]
    [InlineData(SocketGroup, 0, new[] { 7u }, false)]
    public void MayUse_RootOurselvesAndTheGroup_NobodyElse(
        uint user, uint group, uint[] groups, bool expected) =>
        Assert.Equal(expected, new PeerCredentials(user, group, groups).MayUse(Own, SocketGroup));

    [Fact]
    public void GroupOf_AFile_IsItsGroup_AndOfNoneNothing()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Write("f", "");
        Assert.Equal(IdsOf("Gid:")[3], Native.GroupOf(file));
        Assert.Null(Native.GroupOf(directory.PathOf("none")));
    }

    /// <summary>Numbers of a line of proc(5): real, effective, saved and file system's.</summary>
    static uint[] IdsOf(string key) =>
    [
        .. File.ReadLines("/proc/self/status").Single(line => line.StartsWith(key, StringComparison.Ordinal))
            [key.Length..].Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries)
            .Select(id => uint.Parse(id, System.Globalization.CultureInfo.InvariantCulture)),
    ];
}
