using System.Globalization;

namespace Postern.Interop.Peers;

/// <summary>A real Dovecot that takes mail by LMTP and keeps it in Maildirs, in a directory of its
/// own.</summary>
sealed class DovecotPeer : IAsyncDisposable
{
    readonly TemporaryDirectory directory = new();
    Daemon? daemon;

    DovecotPeer(int port) => Port = port;

    public int Port { get; }
    public string Socket => directory.PathOf("run/lmtp");
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";
    string LogFile => directory.PathOf("dovecot.log");
    string ConfigurationFile => directory.PathOf("dovecot.conf");

    /// <param name="users">Local parts it knows; others it refuses.</param>
    public static async Task<DovecotPeer> StartAsync(params string[] users)
    {
        Tool.RequireRoot("a Dovecot of our own");
        Tool.Require("dovecot", "dovecot-lmtpd");
        Tool.RequireFile("/usr/lib/dovecot/lmtp", "dovecot-lmtpd");
        var peer = new DovecotPeer(PosternProcess.FreePort());
        foreach (var name in (string[])["mail", "home"])
            (await Command.RunAsync("/bin/chown", "nobody", peer.directory.MakeDirectory(name))).Succeeded();
        peer.Configure(users);
        await peer.BeginAsync();
        return peer;
    }

    public async Task BeginAsync()
    {
        daemon = new Daemon(Tool.Require("dovecot", "dovecot-lmtpd"), ["-F", "-c", ConfigurationFile]);
        await Eventually.TrueAsync(
            () => SmtpWire.IsOpenAsync(Port), "Dovecot listens", evidence: () => daemon.Said + Log);
    }

    public Task StopAsync() => daemon!.StopAsync();

    /// <summary>What its own reader finds in a mailbox.</summary>
    /// <param name="maildir">Where it lies. Null: where Dovecot keeps it.</param>
    public async Task<string> FetchAsync(string user, string? maildir = null)
    {
        string[] where = maildir is null ? [] : ["-o", $"mail_location=maildir:{maildir}"];
        var fetched = await Command.RunAsync(
            Tool.Require("doveadm", "dovecot-core"),
            [.. where, "-c", ConfigurationFile, "fetch", "-u", user, "text", "all"]);
        return fetched.ExitCode == 0 ? fetched.Output : "";
    }

    public async ValueTask DisposeAsync()
    {
        if (daemon is not null)
            await daemon.DisposeAsync();
        directory.Dispose();
    }

    void Configure(string[] users)
    {
        directory.Write("users", string.Join('\n', users.Select(user =>
            $"{user}:{{plain}}x:65534:65534::{directory.PathOf("home/" + user)}::")),
            TemporaryDirectory.Public);
        directory.Write("dovecot.conf", string.Create(CultureInfo.InvariantCulture, $$"""
            protocols = lmtp
            base_dir = {{directory.PathOf("run")}}
            log_path = {{LogFile}}
            listen = 127.0.0.1
            ssl = no
            first_valid_uid = 1
            mail_location = maildir:{{directory.PathOf("mail")}}/%n
            auth_mechanisms = plain
            auth_username_format = %n
            userdb {
              driver = passwd-file
              args = {{directory.PathOf("users")}}
            }
            passdb {
              driver = passwd-file
              args = {{directory.PathOf("users")}}
            }
            service lmtp {
              unix_listener lmtp {
                mode = 0666
              }
              inet_listener lmtp {
                address = 127.0.0.1
                port = {{Port}}
              }
            }
            service stats {
              unix_listener stats-writer {
                mode = 0666
              }
            }
            """), TemporaryDirectory.Public);
    }
}
