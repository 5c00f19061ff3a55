using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Postern.Api;
using Postern.Cli;
using Postern.Dashboard;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp.Server;
using KestrelListen = Microsoft.AspNetCore.Server.Kestrel.Core.ListenOptions;
using ListenOptions = Postern.Mta.ListenOptions;

namespace Postern.Listeners;

/// <summary>The running program: bound sockets, the agent behind them, and Kestrel in between.</summary>
/// <remarks>
/// Law of the start: bind, then take the data directory, then answer anybody. Whatever fails is one line, and
/// nothing was touched that a running Postern uses. Law of the stop: no new mail, sessions end with 421,
/// attempts finish or are recorded, then the store closes; ten seconds at most.
/// </remarks>
sealed partial class PosternServer : IAsyncDisposable
{
    /// <summary>Together less than 10 s: sessions first, then attempts.</summary>
    static readonly TimeSpan SessionsWithin = TimeSpan.FromSeconds(5);
    static readonly TimeSpan AttemptsWithin = TimeSpan.FromSeconds(4);

    /// <summary>sun_path of unix(7), less the final zero.</summary>
    const int SocketPathOctetsMax = 107;


    const UnixFileMode OwnerAndGroup =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    readonly IReadOnlyList<BoundListener> bound;
    readonly MailTransferAgent agent;
    readonly WebApplication web;
    readonly CertificateWatch certificateWatch;
    readonly SignIn signIn;
    readonly Metrics metrics;
    readonly TraceExport? traces;

    PosternServer(
        IReadOnlyList<BoundListener> bound, MailTransferAgent agent, ServerCertificate certificate,
            SignIn signIn, WebApplication web, Metrics metrics, TraceExport? traces, TimeProvider clock)
    {
        this.signIn = signIn;
        this.bound = bound;
        this.agent = agent;
        this.web = web;
        this.metrics = metrics;
        this.traces = traces;
        certificateWatch = new CertificateWatch(certificate, agent, clock);
    }

    public MailTransferAgent Agent => agent;

    public SignIn SignIn => signIn;

    public IReadOnlyList<BoundListener> Bound => bound;

    /// <summary>Binds, opens the store and begins to answer.</summary>
    /// <param name="resolver">Null: the name servers of the options.</param>
    /// <exception cref="CommandException">Something the operator must mend.</exception>
    public static async Task<PosternServer> StartAsync(
        PosternOptions options, Func<PosternOptions> reread, SandboxMail? sandbox, TimeProvider clock,
            CancellationToken cancel, IResolver? resolver = null)
    {
        CheckSocketPath(DeliverSocketOf(options));
        // Asked here for its refusal: nothing is bound or opened yet.
        _ = ConnectionsMaxOf(options);
        var bound = BoundListener.BindAll(options.Listen);
        MailTransferAgent? agent = null;
        SignIn? signIn = null;
        WebApplication? web = null;
        TraceExport? traces = null;
        try
        {
            var certificate = OpenCertificate(options, clock);
            var logs = LoggerFactory.Create(logging => LogPlainly(logging));
            var metrics = new Metrics();
            metrics.ObserveProcess(Version, Native.FileDescriptorsMax(), () => certificate.NotAfter);
            var store = OpenStore(options, clock, logs);
            await CheckLogAsync(options.Log, store);
            resolver ??= new CachedResolver(
                DnsResolver.Create(clock, NewRandom(), options.Dns.Servers), clock, NewRandom());
            var kinds = new TransportKinds(options, Version, resolver, metrics, clock);
            var parts = new AgentParts(clock, NewRandom(), logs, metrics, kinds.Build, resolver)
            {
                ClaimLinks = kinds.ClaimLinks,
                Traces = (traces = TraceExport.Start(options, Version, clock))?.Traces,
                Index = Path.Combine(options.Data, MessageIndex.FileName),
            };
            agent = await MailTransferAgent.StartAsync(options, store, parts, cancel);
            signIn = await SignIn.OpenAsync(agent, bound, clock, cancel);
            web = BuildWeb(bound, agent, certificate, signIn, reread, sandbox, clock, logs);
            await web.StartAsync(cancel);
            foreach (var socket in (string[])[AdminSocketOf(options), DeliverSocketOf(options)])
                File.SetUnixFileMode(socket, OwnerAndGroup);
            return new PosternServer(bound, agent, certificate, signIn, web, metrics, traces, clock);
        }
        catch
        {
            if (web is not null)
                await web.DisposeAsync();
            if (signIn is not null)
                await signIn.DisposeAsync();
            // It delivers already: attempts are recorded, and the data directory is free again.
            if (agent is not null)
                await agent.DisposeAsync();
            traces?.Dispose();
            BoundListener.CloseAll(bound);
            throw;
        }
    }

    static string Version => typeof(PosternServer).Assembly.GetName().Version!.ToString(3);

    /// <summary>Troubles of the program, one line each on standard error; mail has its own log.</summary>
    static void LogPlainly(ILoggingBuilder logging)
    {
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.AddSimpleConsole(line => line.SingleLine = true);
    }

    static Random NewRandom() => new(RandomNumberGenerator.GetInt32(int.MaxValue));

    public static string AdminSocketOf(PosternOptions options) =>
        Path.Combine(SocketDirectoryOf(options), "admin.sock");

    public static string DeliverSocketOf(PosternOptions options) =>
        Path.Combine(SocketDirectoryOf(options), "deliver.sock");

    /// <summary>systemd's runtime directory, which other users may enter; without one, the data directory,
    /// which they may not.</summary>
    static string SocketDirectoryOf(PosternOptions options) =>
        Environment.GetEnvironmentVariable("RUNTIME_DIRECTORY") is { Length: > 0 } runtime
            ? runtime
            : Path.GetFullPath(options.Data);

    static void CheckSocketPath(string path)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(path) > SocketPathOctetsMax)
            throw new CommandException(
                ExitCode.Configuration, $"data: {path} is too long a path for a socket",
                "choose a shorter \"data\"");
    }

    static SqliteStore OpenStore(PosternOptions options, TimeProvider clock, ILoggerFactory logs)
    {
        try
        {
            return SqliteStore.Open(
                new SqliteStoreOptions { Directory = options.Data, Reserve = options.Queue.Reserve }, clock,
                logs.CreateLogger<SqliteStore>());
        }
        catch (StoreException e)
        {
            throw new CommandException(ExitCode.TemporaryFailure, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NoDataDirectory(options, e);
        }
    }

    /// <summary>The log may lie in the data directory, which is there only now.</summary>
    static async ValueTask CheckLogAsync(LogOptions log, SqliteStore store)
    {
        try
        {
            CheckLog(log);
        }
        catch (CommandException)
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <exception cref="CommandException">Lines could not be written to the log file.</exception>
    public static void CheckLog(LogOptions log)
    {
        if (log.File is { } file && LogTarget.FindTrouble(file) is { } trouble)
            throw new CommandException(
                ExitCode.CannotCreate, trouble,
                "make its directory for the user Postern runs as, or take the key out: the log then goes to "
                + "standard output")
            {
                Key = "log.file",
            };
    }

    static CommandException NoDataDirectory(PosternOptions options, Exception e) => new(
        ExitCode.CannotCreate, $"data directory {options.Data}: {e.Message}",
        "make it for the user Postern runs as, or set another \"data\"");

    static ServerCertificate OpenCertificate(PosternOptions options, TimeProvider clock)
    {
        try
        {
            if (options.Tls.Certificate is null)
                Directory.CreateDirectory(
                    options.Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return ServerCertificate.Open(options.Tls, options.Hostname, options.Data, clock);
        }
        catch (Exception e) when (ServerCertificate.IsUnusable(e))
        {
            if (options.Tls.Certificate is null)
                throw NoDataDirectory(options, e);
            throw new CommandException(
                ExitCode.Configuration, $"tls: {options.Tls.Certificate ?? options.Data}: {e.Message}",
                "give a PEM certificate and its key that this user may read");
        }
    }

    static WebApplication BuildWeb(
        IReadOnlyList<BoundListener> bound, MailTransferAgent agent, ServerCertificate certificate,
        SignIn signIn, Func<PosternOptions> reread, SandboxMail? sandbox, TimeProvider clock,
        ILoggerFactory logs)
    {
        var options = agent.Options;
        var builder = WebApplication
            .CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "postern" });
        builder.Services.AddSingleton(logs);
        builder.Services.AddRoutingCore();
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(
                "postern", serviceVersion: Version, autoGenerateServiceInstanceId: false))
            .WithMetrics(metrics => metrics.AddMeter(Metrics.MeterName).AddPrometheusExporter());
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = SessionsWithin);
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.Limits.MessageSize;
            var limits = new ConnectionLimits(
                ConnectionsMaxOf(options), () => agent.Options.Limits.ConnectionsPerClient);
            var http = new HttpConnections();
            foreach (var listener in bound)
                Listen(kestrel, listener, agent, certificate, limits, http, clock, logs);
            if (sandbox is not null)
                kestrel.Listen(sandbox.Address, listen => listen.Run(sandbox.ServeAsync));
            ListenUnix(kestrel, AdminSocketOf(options), static _ => HttpDoor.Admin);
            var deliver = DeliverSocketOf(options);
            ListenUnix(
                kestrel, deliver, peer => HttpDoor.Deliver with { Refusal = RefusalOf(peer, deliver) });
        });
        Socket SocketOf(EndPoint endPoint) =>
            bound.FirstOrDefault(listener => listener.Address.Equals(endPoint))?.Socket
            ?? (sandbox is not null && sandbox.Address.Equals(endPoint) ? sandbox.Socket : null)
            ?? SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = SocketOf);
        // The last one is asked first.
        builder.Services.AddSingleton<IConnectionListenerFactory>(new SmtpSockets(
            [.. bound.Where(listener => listener.Options.For != ListenFor.Http).Select(l => l.Address)],
            SocketOf, logs));
        builder.Services.AddSingleton(
            new ServerFacts(Version, clock.GetUtcNow(), bound, () => certificate.NotAfter));
        var web = builder.Build();
        var deliver = agent.OpenDoor(new ListenOptions { Name = "deliver", For = ListenFor.Mx });
        new WebApi(
            agent, deliver, signIn, () => SignIn.OriginOf(agent.Options, bound), reread, sandbox, clock,
            logs.CreateLogger("Postern.Api")).Map(web);
        return web;
    }

    /// <summary>What the file descriptor limit leaves after ourselves, http and the way out (DESIGN
    /// §9.4).</summary>
    /// <exception cref="CommandException">It leaves too little: a process that runs out of descriptors
    /// ends.</exception>
    static int ConnectionsMaxOf(PosternOptions options)
    {
        // The idle program has 230 open, most of them its own libraries; the rest is for contents in files.
        const int reserved = 350, roomMin = 50;
        var outbound = MailTransferAgent.WebConnectionsMax
            + options.Transports.Values.Sum(transport => transport.MaxConnections);
        var most = Native.FileDescriptorsMax();
        var room = (int)Math.Min(int.MaxValue, most - reserved - HttpConnections.Max - outbound);
        var wanted = options.Limits.Connections ?? int.MaxValue;
        if (room >= Math.Min(wanted, roomMin))
            return Math.Min(wanted, room);
        throw new CommandException(
            ExitCode.OsError, $"this process may have {most} open files, and needs {most - room + roomMin}",
            "raise it (LimitNOFILE= of the unit, or ulimit -n), or lower max-connections of the transports");
    }

    static void ListenUnix(KestrelServerOptions kestrel, string path, Func<Socket, HttpDoor> doorOf)
    {
        // The data directory is ours alone by now: what lies there is a socket of a process that is gone.
        File.Delete(path);
        kestrel.ListenUnixSocket(path, listen => Mark(
            listen,
            connection => doorOf(connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket)));
    }

    /// <summary>Why this peer may not hand in mail (DESIGN §9.6); whatever mode somebody gave the socket.
    /// Null: it may.</summary>
    static string? RefusalOf(Socket peer, string path)
    {
        if (PeerCredentials.Of(peer) is not { } who || Native.GroupOf(path) is not { } group)
            return "the system does not say who asks";
        return who.MayUse(Native.EffectiveUser(), group)
            ? null
            : $"user {who.User} may not deliver: it is not in the group of {path}, {group}";
    }

    /// <summary>Every connection knows the door it came through; requests ask for it.</summary>
    static void Mark(KestrelListen listen, Func<ConnectionContext, HttpDoor> doorOf)
    {
        listen.Protocols = HttpProtocols.Http1;
        listen.Use(next => connection =>
        {
            connection.Items[HttpDoor.Key] = doorOf(connection);
            return next(connection);
        });
    }

    static void Listen(
        KestrelServerOptions kestrel, BoundListener listener, MailTransferAgent agent,
            ServerCertificate certificate,
        ConnectionLimits limits, HttpConnections http, TimeProvider clock, ILoggerFactory logs) =>
            kestrel.Listen(listener.Address, listen =>
    {
        if (listener.Options.For == ListenFor.Http)
        {
            listen.Use(next => connection => http.PassAsync(connection, next));
            var door = new HttpDoor(listener.Options.Serves ?? Enum.GetValues<HttpFace>(), IsLocal: false)
            {
                BehindProxy = listener.Options.BehindProxy,
            };
            Mark(listen, _ => door);
            if (listener.Options.Tls == ListenTls.Immediate)
                listen.UseHttps((_, _, _, _) => new(certificate.HttpsOptions), state: null!);
            return;
        }
        // One instance while the configuration stands: the sessions share its encoded replies.
        var from = agent.Options;
        var session = SessionOptions(listener, from, certificate);
        var doorway = new SmtpDoorway(
            agent.OpenDoor(listener.Options with { Name = listener.Name }),
            () => ReferenceEquals(from, agent.Options) ? session
                : session = SessionOptions(listener, from = agent.Options, certificate),
            listener.Options.For == ListenFor.Mx ? []
                : listener.Options.Trusted ?? agent.Options.Submission.Trusted,
            ExemptOnLoopbackOnly: listener.Options.Trusted is null,
            Replies.TooManyConnections(agent.Options.Hostname))
        {
            NetworkOf = listener.Options.For == ListenFor.Mx
                ? client => PlacesOf(client, agent.Options) : null,
        };
        var smtp = new SmtpListener(listener, doorway, limits, clock, logs.CreateLogger<SmtpListener>());
        listen.Run(smtp.OnConnectedAsync);
    });

    static NetworkPlaces? PlacesOf(IPAddress client, PosternOptions options) =>
        options.Inbound.Unchecked.Any(network => network.Contains(client)) ? null : new NetworkPlaces(
            ClientNetwork.Of(client, options.Limits.NetworkIPv4, options.Limits.NetworkIPv6),
            options.Limits.ConnectionsPerNetwork);

    static SmtpServerOptions SessionOptions(
        BoundListener listener, PosternOptions options, ServerCertificate certificate)
    {
        var tls = listener.Options.Tls switch
        {
            ListenTls.None => TlsMode.None,
            ListenTls.Immediate => TlsMode.Immediate,
            _ => TlsMode.StartTls,
        };
        return new SmtpServerOptions
        {
            Hostname = options.Hostname,
            Tls = tls,
            TlsOptions = () => tls == TlsMode.Immediate ? certificate.ImmediateOptions : certificate.Options,
            Auth = listener.Options.For == ListenFor.Submission ? AuthOffer.UnderTls : AuthOffer.Never,
            ContentOctetsMax = options.Limits.MessageSize,
            RecipientsMax = options.Limits.Recipients,
            CommandTimeout = options.Limits.CommandTimeout,
        };
    }

    /// <summary>No new mail; sessions end with 421, attempts finish or are recorded.</summary>
    public async ValueTask DisposeAsync()
    {
        using (var patience = new CancellationTokenSource(SessionsWithin, TimeProvider.System))
            await web.StopAsync(patience.Token);
        await web.DisposeAsync();
        await certificateWatch.DisposeAsync();
        await signIn.DisposeAsync();
        await agent.StopAsync(AttemptsWithin);
        await agent.DisposeAsync();
        traces?.Dispose();
        BoundListener.CloseAll(bound);
        metrics.Dispose();
    }
}
