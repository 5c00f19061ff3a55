namespace Postern.Interop.Peers;

/// <summary>A real OpenDKIM as a milter: it writes its results into mail, and refuses broken
/// signatures.</summary>
sealed class OpenDkimMilter : IAsyncDisposable
{
    /// <summary>Its name in the field.</summary>
    public const string AuthservId = "filter.test";

    readonly TemporaryDirectory directory = new();
    Daemon? daemon;

    OpenDkimMilter()
    {
    }

    public string Socket => directory.PathOf("opendkim.sock");
    public string Said => daemon!.Said;

    /// <param name="dns">Address and port of the name server it asks.</param>
    public static async Task<OpenDkimMilter> StartAsync(System.Net.IPEndPoint dns)
    {
        var program = Tool.Require("opendkim");
        var peer = new OpenDkimMilter();
        // It would not look at mail of its own host.
        var others = peer.directory.Write("others", "192.0.2.1", TemporaryDirectory.Public);
        peer.directory.Write("opendkim.conf", $"""
            Mode v
            Syslog no
            Background no
            AuthservID {AuthservId}
            AlwaysAddARHeader yes
            On-BadSignature reject
            Nameservers {dns.Address}@{dns.Port}
            MinimumKeyBits 1024
            ClockDrift 3600
            Socket local:{peer.Socket}
            PeerList {others}
            InternalHosts {others}
            """, TemporaryDirectory.Public);
        await peer.BeginAsync(program);
        return peer;
    }

    public Task BeginAsync() => BeginAsync(Tool.Require("opendkim"));

    async Task BeginAsync(string program)
    {
        File.Delete(Socket);
        daemon = new Daemon(program, ["-f", "-x", directory.PathOf("opendkim.conf")]);
        await Eventually.TrueAsync(() => File.Exists(Socket), "OpenDKIM listens", 60, () => daemon.Said);
    }

    public Task StopAsync() => daemon!.StopAsync();

    public async ValueTask DisposeAsync()
    {
        if (daemon is not null)
            await daemon.DisposeAsync();
        directory.Dispose();
    }
}
