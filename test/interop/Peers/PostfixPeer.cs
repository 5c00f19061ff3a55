using System.Globalization;

namespace Postern.Interop.Peers;

/// <summary>A real Postfix with configuration, queue and log in a directory of its own.</summary>
sealed class PostfixPeer : IAsyncDisposable
{
    /// <summary>What every role shares; nothing of /etc/postfix is read.</summary>
    const string Services = """
        pickup     unix  n  -  n  60     1  pickup
        cleanup    unix  n  -  n  -      0  cleanup
        qmgr       unix  n  -  n  300    1  qmgr
        tlsmgr     unix  -  -  n  1000?  1  tlsmgr
        rewrite    unix  -  -  n  -      -  trivial-rewrite
        bounce     unix  -  -  n  -      0  bounce
        defer      unix  -  -  n  -      0  bounce
        trace      unix  -  -  n  -      0  bounce
        verify     unix  -  -  n  -      1  verify
        flush      unix  n  -  n  1000?  0  flush
        proxymap   unix  -  -  n  -      -  proxymap
        proxywrite unix  -  -  n  -      1  proxymap
        smtp       unix  -  -  n  -      -  smtp
        relay      unix  -  -  n  -      -  smtp
        showq      unix  n  -  n  -      -  showq
        error      unix  -  -  n  -      -  error
        retry      unix  -  -  n  -      -  error
        virtual    unix  -  n  n  -      -  virtual
        anvil      unix  -  -  n  -      1  anvil
        scache     unix  -  -  n  -      1  scache
        postlog    unix-dgram n - n  -   1  postlogd
        """;

    readonly TemporaryDirectory directory = new();

    PostfixPeer(int port) => Port = port;

    public int Port { get; }
    public string CertificateFile => directory.PathOf("peer.pem");
    public string Maildir => directory.PathOf("mail/box");
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";
    string LogFile => directory.PathOf("log/postfix.log");
    string Etc => directory.PathOf("etc");

    /// <summary>A next hop like a provider's: STARTTLS first, then AUTH by Cyrus, mail into a
    /// Maildir.</summary>
    /// <param name="login">user and password it knows; null: AUTH is not offered at all.</param>
    public static async Task<PostfixPeer> NextHopAsync(
        (string User, string Password)? login, string settings = "")
    {
        Tool.Require("saslpasswd2", "sasl2-bin");
        var peer = await PrepareAsync();
        Certificate.Make(peer.directory);
        var permit = login is null ? "permit_mynetworks" : "permit_sasl_authenticated";
        await peer.ConfigureAsync($"""
            smtpd_tls_security_level = encrypt
            smtpd_tls_cert_file = {peer.CertificateFile}
            smtpd_tls_key_file = {peer.directory.PathOf("peer.key")}
            smtpd_sasl_auth_enable = {(login is null ? "no" : "yes")}
            smtpd_sasl_path = smtpd
            smtpd_sasl_local_domain = relay.test
            smtpd_sasl_security_options = noanonymous
            smtpd_relay_restrictions = {permit}, reject
            virtual_mailbox_domains = sink.test
            virtual_mailbox_base = {peer.directory.PathOf("mail")}
            virtual_mailbox_maps = static:box/
            virtual_mailbox_limit = 0
            virtual_uid_maps = static:65534
            virtual_gid_maps = static:65534
            {settings}
            """, "");
        if (login is { } known)
            await peer.AddLoginAsync(known.User, known.Password);
        await peer.StartAsync();
        return peer;
    }

    /// <summary>A submitting Postfix; <paramref name="settings"/> are the lines of its main.cf that
    /// matter.</summary>
    public static async Task<PostfixPeer> SubmitterAsync(string settings, string services = "")
    {
        var peer = await PrepareAsync();
        await peer
            .ConfigureAsync("smtpd_relay_restrictions = permit_mynetworks, reject\n" + settings, services);
        await peer.StartAsync();
        return peer;
    }

    public async Task StartAsync()
    {
        (await Command.RunAsync(Tool.Require("postfix"), "-c", Etc, "start")).Succeeded();
        await Eventually.TrueAsync(() => SmtpWire.IsOpenAsync(Port), "Postfix listens", evidence: () => Log);
    }

    public Task<Command> StopAsync() => Command.RunAsync(Tool.Require("postfix"), "-c", Etc, "stop");

    public async Task FlushAsync() =>
        (await Command.RunAsync(Tool.Require("postqueue", "postfix"), "-c", Etc, "-f")).Succeeded();

    /// <summary>Messages it has in its queue.</summary>
    public int QueueCount() => new[] { "incoming", "active", "deferred", "maildrop" }
        .Select(name => directory.PathOf("queue/" + name)).Where(Directory.Exists)
        .Sum(queue => Directory.EnumerateFiles(queue, "*", SearchOption.AllDirectories).Count());

    /// <summary>Messages in its Maildir.</summary>
    public int ArrivedCount
    {
        get
        {
            var arrived = Path.Combine(Maildir, "new");
            return Directory.Exists(arrived) ? Directory.EnumerateFiles(arrived).Count() : 0;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        directory.Dispose();
    }

    static Task<PostfixPeer> PrepareAsync()
    {
        Tool.RequireRoot("a Postfix of our own");
        Tool.Require("postfix");
        var peer = new PostfixPeer(PosternProcess.FreePort());
        foreach (var name in (string[])["etc", "queue", "data", "log", "mail", "etc/sasl"])
            peer.directory.MakeDirectory(name);
        return Task.FromResult(peer);
    }

    async Task ConfigureAsync(string settings, string services)
    {
        foreach (var owned in (string[])["data", "mail"])
            (await Command
                .RunAsync("/bin/chown", owned == "data" ? "postfix" : "nobody", directory.PathOf(owned)))
                .Succeeded();
        foreach (var file in (string[])["postfix-files", "post-install", "postfix-script"])
            if (File.Exists("/etc/postfix/" + file))
                File.Copy("/etc/postfix/" + file, Path.Combine(Etc, file), overwrite: true);
        directory.MakeDirectory("etc/postfix-files.d");
        directory.Write("etc/main.cf", string.Create(CultureInfo.InvariantCulture, $"""
            compatibility_level = 3.6
            command_directory = /usr/sbin
            daemon_directory = /usr/lib/postfix/sbin
            queue_directory = {directory.PathOf("queue")}
            data_directory = {directory.PathOf("data")}
            meta_directory = {Etc}
            maillog_file = {LogFile}
            maillog_file_prefixes = {directory.FullPath}
            myhostname = relay.test
            mydestination =
            mynetworks = 127.0.0.0/8
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            alias_maps =
            alias_database =
            local_recipient_maps =
            message_size_limit = 60000000
            smtputf8_enable = yes
            smtp_dns_support_level = disabled
            biff = no
            append_dot_mydomain = no
            {settings}
            """), TemporaryDirectory.Public);
        directory.Write(
            "etc/master.cf", $"127.0.0.1:{Port} inet n - n - - smtpd\n{Services}\n{services}",
            TemporaryDirectory.Public);
    }

    async Task AddLoginAsync(string user, string password)
    {
        var database = directory.PathOf("etc/sasl/sasldb2");
        directory.Write("etc/sasl/smtpd.conf", $"""
            pwcheck_method: auxprop
            auxprop_plugin: sasldb
            sasldb_path: {database}
            mech_list: PLAIN LOGIN
            """, TemporaryDirectory.Public);
        (await Command.RunAsync(
            Tool.Require("saslpasswd2", "sasl2-bin"), ["-p", "-c", "-f", database, "-u", "relay.test", user],
            System.Text.Encoding.ASCII.GetBytes(password))).Succeeded();
        (await Command.RunAsync("/bin/chown", "postfix", database)).Succeeded();
    }
}
