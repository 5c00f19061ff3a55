using System.Globalization;

namespace Postern.Interop.Peers;

/// <summary>Exim as a next hop, from the unpacked Debian package: STARTTLS, AUTH PLAIN, mail into a
/// Maildir.</summary>
sealed class EximPeer : IAsyncDisposable
{
    readonly TemporaryDirectory directory = new();
    Daemon? daemon;

    public int Port { get; } = PosternProcess.FreePort();
    public string CertificateFile => directory.PathOf("peer.pem");
    public string Maildir => directory.PathOf("mail");

    public string Log => string.Concat(
        Directory.EnumerateFiles(directory.PathOf("log")).Select(File.ReadAllText)) + daemon?.Said;

    public static async Task<EximPeer> NextHopAsync(string user, string password)
    {
        Tool.RequireRoot("Exim");
        var exim = Tool
            .RequireFile(Path.Combine(Tool.PeersDirectory, "exim/usr/sbin/exim4"), "Exim, unpacked");
        var peer = new EximPeer();
        await peer.ConfigureAsync(exim, user, password);
        peer.daemon = new Daemon(exim, ["-C", peer.directory.PathOf("exim.conf"), "-bdf", "-q1m"]);
        await Eventually
            .TrueAsync(() => SmtpWire.IsOpenAsync(peer.Port), "Exim listens", evidence: () => peer.Log);
        return peer;
    }

    public async ValueTask DisposeAsync()
    {
        if (daemon is not null)
            await daemon.DisposeAsync();
        directory.Dispose();
    }

    async Task ConfigureAsync(string exim, string user, string password)
    {
        var (certificate, key) = Certificate.Make(directory);
        foreach (var name in (string[])["spool", "log", "mail"])
            (await Command.RunAsync("/bin/chown", "nobody:nogroup", directory.MakeDirectory(name)))
                .Succeeded();
        (await Command.RunAsync("/bin/chown", "nobody", key)).Succeeded();
        var text = Configuration(exim, user, password, certificate, key);
        directory.Write("exim.conf", text, TemporaryDirectory.Public);
    }

    string Configuration(string exim, string user, string password, string certificate, string key)
    {
        var condition = "${if and{{eq{$auth2}{" + user + "}}{eq{$auth3}{" + password + "}}}}";
        return string.Create(CultureInfo.InvariantCulture, $$$"""
            exim_path = {{{exim}}}
            exim_user = nobody
            exim_group = nogroup
            never_users =
            spool_directory = {{{directory.PathOf("spool")}}}
            log_file_path = {{{directory.PathOf("log")}}}/%slog
            pid_file_path = {{{directory.PathOf("exim.pid")}}}
            primary_hostname = exim.test
            local_interfaces = 127.0.0.1
            daemon_smtp_ports = {{{Port}}}
            disable_ipv6 = true
            keep_environment =
            host_lookup =
            helo_try_verify_hosts =
            rfc1413_query_timeout = 0s
            smtp_enforce_sync = true
            message_size_limit = 60M
            accept_8bitmime = true
            smtputf8_advertise_hosts = *
            tls_advertise_hosts = *
            tls_certificate = {{{certificate}}}
            tls_privatekey = {{{key}}}
            auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
            acl_smtp_rcpt = check_rcpt
            begin acl
            check_rcpt:
              accept authenticated = *
              deny message = relay not permitted
            begin routers
            all:
              driver = accept
              transport = box
            begin transports
            box:
              driver = appendfile
              directory = {{{Maildir}}}
              maildir_format
              create_directory
              delivery_date_add = false
              envelope_to_add = false
              return_path_add = false
              user = nobody
              group = nogroup
            begin authenticators
            plain:
              driver = plaintext
              public_name = PLAIN
              server_prompts = :
              server_condition = {{{condition}}}
              server_set_id = $auth2
            begin retry
            * * F,1h,1m
            """);
    }
}
