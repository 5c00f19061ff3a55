namespace Postern.Interop.Peers;

/// <summary>A real clamd with one signature of its own: that of EICAR's test file.</summary>
sealed class ClamavPeer : IAsyncDisposable
{
    /// <summary>In two halves, so that no scanner takes this file for it.</summary>
    public const string TestFile =
        @"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";

    readonly TemporaryDirectory directory = new();
    Daemon? daemon;

    ClamavPeer()
    {
    }

    public string Socket => directory.PathOf("clamd.ctl");
    public int Port { get; } = PosternProcess.FreePort();

    public static async Task<ClamavPeer> StartAsync()
    {
        var peer = new ClamavPeer();
        var hex = Convert.ToHexStringLower(System.Text.Encoding.ASCII.GetBytes(TestFile));
        peer.directory.MakeDirectory("signatures");
        peer.directory.Write("signatures/eicar.ndb", $"Eicar:0:*:{hex}");
        peer.directory.Write("clamd.conf", string.Create(null, $"""
            Foreground yes
            DatabaseDirectory {peer.directory.PathOf("signatures")}
            TemporaryDirectory {peer.directory.FullPath}
            LocalSocket {peer.Socket}
            TCPAddr 127.0.0.1
            TCPSocket {peer.Port}
            StreamMaxLength 1M
            """));
        await peer.BeginAsync();
        return peer;
    }

    public async Task BeginAsync()
    {
        var unpacked = Path.Combine(Tool.PeersDirectory, "clamav");
        var program = Tool.Find("clamd") ?? Tool.RequireFile(
            Path.Combine(unpacked, "usr/sbin/clamd"), "clamd (Debian package clamav-daemon)");
        // Where it is only unpacked, its library is beside it.
        var libraries = string.Join(':', System.IO.Directory.Exists(unpacked)
            ? System.IO.Directory.GetDirectories(Path.Combine(unpacked, "usr/lib")) : []);
        daemon = new Daemon(program, ["-c", directory.PathOf("clamd.conf")],
            new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = libraries });
        await Eventually.TrueAsync(
            async () => File.Exists(Socket) && await SmtpWire.IsOpenAsync(Port), "clamd listens", 60,
            () => daemon.Said);
    }

    public Task StopAsync() => daemon!.StopAsync();

    public async ValueTask DisposeAsync()
    {
        if (daemon is not null)
            await daemon.DisposeAsync();
        directory.Dispose();
    }
}
