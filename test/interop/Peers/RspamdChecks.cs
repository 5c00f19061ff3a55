using System.Globalization;
using System.Text.Json;

namespace Postern.Interop.Peers;

/// <summary>A real rspamd that checks SPF, DKIM, ARC and DMARC alone, in a directory of its own.</summary>
sealed class RspamdChecks : IAsyncDisposable
{
    readonly TemporaryDirectory directory = new();
    readonly HttpClient http = new();
    readonly int port = PosternProcess.FreePort();
    Daemon? daemon;

    /// <param name="dns">Address and port of the name server it asks.</param>
    /// <param name="suffixes">Its public suffix list.</param>
    public static async Task<RspamdChecks> StartAsync(System.Net.IPEndPoint dns, params string[] suffixes)
    {
        var program = Tool.Require("rspamd");
        var peer = new RspamdChecks();
        peer.Configure(dns, suffixes);
        string[] user = Environment.IsPrivilegedProcess ? ["-u", "nobody", "-g", "nogroup"] : [];
        peer.daemon = new Daemon(program, ["-f", .. user, "-c", peer.directory.PathOf("rspamd.conf")]);
        await Eventually.TrueAsync(
            () => SmtpWire.IsOpenAsync(peer.port), "rspamd listens", evidence: () => peer.daemon.Said);
        return peer;
    }

    /// <summary>What it found, by the names of its symbols, with their options.</summary>
    public Task<IReadOnlyDictionary<string, string[]>> CheckAsync(CheckCase mail) =>
        CheckAsync(mail.Client, mail.Sender, mail.Content);

    public async Task<IReadOnlyDictionary<string, string[]>> CheckAsync(
        string client, string sender, byte[] content)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var request = new HttpRequestMessage(
            HttpMethod.Post, new Uri($"http://127.0.0.1:{port}/checkv2"))
        {
            Content = new ByteArrayContent(content),
        };
        request.Headers.Add("IP", client);
        request.Headers.Add("Helo", CheckCase.Helo);
        request.Headers.TryAddWithoutValidation("From", sender);
        using var response = await http.SendAsync(request, cancel);
        using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancel));
        return json.RootElement.GetProperty("symbols").EnumerateObject().ToDictionary(
            symbol => symbol.Name,
            symbol => symbol.Value.TryGetProperty("options", out var options)
                ? options.EnumerateArray().Select(option => option.GetString()!).ToArray() : []);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (daemon is not null)
            await daemon.DisposeAsync();
        directory.Dispose();
    }

    void Configure(System.Net.IPEndPoint dns, string[] suffixes)
    {
        File.SetUnixFileMode(directory.FullPath, (UnixFileMode)0b111_111_111);
        directory.Write("suffixes", string.Join('\n', suffixes), TemporaryDirectory.Public);
        directory.Write("none.lua", "", TemporaryDirectory.Public);
        directory.Write("rspamd.conf", string.Create(CultureInfo.InvariantCulture, $$"""
            options {
              pidfile = "{{directory.PathOf("pid")}}";
              filters = "dkim";
              dns { nameserver = ["{{dns}}"]; timeout = 5s; sockets = 4; retransmits = 2; }
              local_addrs = [];
              tempdir = "{{directory.FullPath}}";
              url_tld = "{{directory.PathOf("suffixes")}}";
              hs_cache_dir = "{{directory.FullPath}}/";
              control_socket = "{{directory.PathOf("control")}} mode=0600";
              cache_file = "{{directory.PathOf("cache")}}";
              stats_file = "{{directory.PathOf("stats")}}";
              dynamic_conf = "{{directory.PathOf("dynamic")}}";
              task_timeout = 20s;
            }
            logging { type = "console"; level = "warning"; }
            worker "normal" { bind_socket = "127.0.0.1:{{port}}"; mime = true; count = 1; }
            modules {
              path = "/usr/share/rspamd/plugins/dmarc.lua";
              path = "/usr/share/rspamd/plugins/spf.lua";
              path = "/usr/share/rspamd/plugins/arc.lua";
            }
            lua = "{{directory.PathOf("none.lua")}}"
            spf { check_local = true; check_authed = true; }
            dkim { check_local = true; check_authed = true; time_jitter = 1h; }
            arc { check_local = true; check_authed = true; }
            dmarc { check_local = true; check_authed = true; }
            actions { reject = 1000; }
            """), TemporaryDirectory.Public);
    }
}
