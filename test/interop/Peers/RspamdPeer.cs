namespace Postern.Interop.Peers;

/// <summary>A real rspamd with no rules but its test patterns; it asks nobody.</summary>
sealed class RspamdPeer : IAsyncDisposable
{
    /// <summary>What every filter takes for spam; in two halves.</summary>
    public const string Gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-" + "STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

    readonly TemporaryDirectory directory = new();
    Daemon? daemon;

    RspamdPeer()
    {
    }

    public int Port { get; } = PosternProcess.FreePort();

    /// <summary>Of its proxy, which speaks the milter protocol.</summary>
    public int MilterPort { get; } = PosternProcess.FreePort();

    public string Log => daemon!.Said;

    public static async Task<RspamdPeer> StartAsync()
    {
        var program = Tool.Require("rspamd");
        var peer = new RspamdPeer();
        peer.directory.Write("domains", "test");
        peer.directory.Write("none.lua", "");
        var configuration = peer.directory.Write("rspamd.conf", string.Create(null, $$"""
            options {
              pidfile = "{{peer.directory.PathOf("pid")}}";
              cache_file = "{{peer.directory.PathOf("symbols.cache")}}";
              hs_cache_dir = "{{peer.directory.FullPath}}/";
              url_tld = "{{peer.directory.PathOf("domains")}}";
              dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }
              filters = "";
            }
            logging { type = "console"; level = "info"; }
            actions { reject = 15; "add header" = 6; greylist = 4; }
            worker "normal" { bind_socket = "127.0.0.1:{{peer.Port}}"; count = 1; }
            worker "rspamd_proxy" {
              bind_socket = "127.0.0.1:{{peer.MilterPort}}";
              milter = yes;
              upstream "local" { default = yes; self_scan = yes; }
              count = 1;
            }
            modules { path = "/usr/share/rspamd/plugins/milter_headers.lua"; }
            lua = "{{peer.directory.PathOf("none.lua")}}"
            milter_headers { use = ["x-spamd-bar"]; skip_local = false; }
            """));
        // As root it would become a user that may not exist, or may not read this directory.
        string[] root = Environment.IsPrivilegedProcess ? ["-i"] : [];
        peer.daemon = new Daemon(program, ["-f", .. root, "-c", configuration]);
        await Eventually.TrueAsync(
            async () => await SmtpWire.IsOpenAsync(peer.Port)
                && await SmtpWire.IsOpenAsync(peer.MilterPort),
            "rspamd listens", 60, () => peer.Log);
        return peer;
    }

    public Task StopAsync() => daemon!.StopAsync();

    public async ValueTask DisposeAsync()
    {
        if (daemon is not null)
        {
            await daemon.StopAsync();
            await daemon.DisposeAsync();
        }
        directory.Dispose();
    }
}
