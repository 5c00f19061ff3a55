using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Intake;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Listeners;

/// <summary>One <c>[[listen]]</c> of kind mx or submission: takes connections from Kestrel and gives each to
/// a session.</summary>
/// <remarks>
/// Purpose: decide whether a connection may become a session at all, and make its facts. Legal moves: place
/// in the total, PROXY header, place of the client, session; whatever ends early gives back what it took.
/// Debug tells of connections that never became a session, Warning of a proxy that breaks its protocol, Error
/// of bugs.
/// </remarks>
sealed partial class SmtpListener(
    BoundListener bound, SmtpDoorway door, ConnectionLimits limits, TimeProvider clock,
        ILogger<SmtpListener> log)
    : ConnectionHandler
{
    static readonly TimeSpan ProxyHeaderWithin = TimeSpan.FromSeconds(5);

    /// <summary>Postfix's smtpd_timeout under stress.</summary>
    static readonly TimeSpan CommandTimeoutUnderStress = TimeSpan.FromSeconds(10);

    static readonly TimeSpan TellEvery = TimeSpan.FromMinutes(1);

    readonly IReadOnlyList<Network> proxies = bound.Options.ProxyProtocol;
    readonly Lock telling = new();
    long? toldAt;
    int untold;

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        if (!limits.TryEnterTotal())
        {
            TellThatAllAreTaken();
            await TurnAwayAsync(connection);
            return;
        }
        try
        {
            await WelcomeAsync(connection);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException
            or ConnectionResetException or ConnectionAbortedException)
        {
            Broken(bound.Name, e.Message);
        }
        finally
        {
            limits.LeaveTotal();
        }
    }

    /// <summary>Once a minute: a flood is not to flood the log as well.</summary>
    void TellThatAllAreTaken()
    {
        int count;
        lock (telling)
        {
            untold++;
            if (toldAt is { } at && clock.GetElapsedTime(at) < TellEvery)
                return;
            (toldAt, count, untold) = (clock.GetTimestamp(), untold, 0);
        }
        TooManyInAll(bound.Name, limits.TotalMax, count);
    }

    async Task WelcomeAsync(ConnectionContext connection)
    {
        var remote = Plain(connection.RemoteEndPoint);
        var local = Plain(connection.LocalEndPoint);
        var isProxied = proxies.Any(network => network.Contains(remote.Address));
        if (isProxied)
        {
            if (await ReadProxyHeaderAsync(connection) is not { } header)
            {
                NoProxyHeader(bound.Name, remote);
                return;
            }
            (remote, local) = (header.Remote ?? remote, header.Local ?? local);
        }
        var isCounted = isProxied || !door.IsExempt(remote.Address, local.Address);
        if (isCounted && !limits.TryEnterClient(remote.Address))
        {
            TooManyOfOne(bound.Name, remote.Address);
            await TurnAwayAsync(connection);
            return;
        }
        try
        {
            await ServeWithinNetworkAsync(connection, remote, local, isProxied);
        }
        finally
        {
            if (isCounted)
                limits.LeaveClient(remote.Address);
        }
    }

    async Task ServeWithinNetworkAsync(
        ConnectionContext connection, IPEndPoint remote, IPEndPoint local, bool isProxied)
    {
        if (door.NetworkOf?.Invoke(remote.Address) is not { } network)
        {
            await ServeAsync(connection, remote, local, isProxied);
            return;
        }
        if (!limits.TryEnterNetwork(network.Network, network.ConnectionsMax))
        {
            TooManyOfNetwork(bound.Name, network.Network);
            await TurnAwayAsync(connection);
            return;
        }
        try
        {
            await ServeAsync(connection, remote, local, isProxied);
        }
        finally
        {
            limits.LeaveNetwork(network.Network);
        }
    }

    async Task ServeAsync(ConnectionContext connection, IPEndPoint remote, IPEndPoint local, bool isProxied)
    {
        var facts = new SessionFacts
        {
            Listener = bound.Name,
            Kind = bound.Options.For == ListenFor.Mx ? ListenerKind.Mx : ListenerKind.Submission,
            Remote = remote,
            Local = local,
            StartedAt = clock.GetUtcNow(),
            IsProxied = isProxied,
        };
        var closing = connection.Features
            .Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested;
        await SmtpServer.ServeAsync(
            connection.Transport, facts, OptionsNow(), door.Policy, clock, closing
                ?? CancellationToken.None);
    }

    /// <summary>Sessions that begin while places are short have less time.</summary>
    SmtpServerOptions OptionsNow()
    {
        var options = door.Options();
        // Deviation: RFC 5321 §4.5.3.2 asks for minutes, which idle clients would then keep from all others.
        return limits.IsUnderStress && options.CommandTimeout > CommandTimeoutUnderStress
            ? options with { CommandTimeout = CommandTimeoutUnderStress }
            : options;
    }

    async ValueTask<ProxyHeader?> ReadProxyHeaderAsync(ConnectionContext connection)
    {
        using var limit = new CancellationTokenSource(ProxyHeaderWithin, clock);
        try
        {
            return await ProxyHeader.ReadAsync(connection.Transport.Input, limit.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    async ValueTask TurnAwayAsync(ConnectionContext connection)
    {
        // With TLS from the first octet a reply in the clear would only be noise.
        if (bound.Options.Tls != ListenTls.Immediate)
            await connection.Transport.Output.WriteAsync(door.TooManyConnections.Encoded);
    }

    /// <summary>An IPv4 address that came through an IPv6 socket is IPv4 again.</summary>
    static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    static IPEndPoint Plain(EndPoint? endPoint) => endPoint is IPEndPoint ip
        ? new IPEndPoint(Plain(ip.Address), ip.Port)
        : new IPEndPoint(IPAddress.Loopback, 0);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "{Listener}: all {Max} connections are in use; newly turned away with 421: {Count}")]
    partial void TooManyInAll(string listener, int max, int count);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "{Listener}: {Client} has all the connections it may have; one was turned away with 421")]
    partial void TooManyOfOne(string listener, IPAddress client);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "{Listener}: {Network} has all the connections it may have; one was turned away with 421")]
    partial void TooManyOfNetwork(string listener, ClientNetwork network);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "{Listener}: {Proxy} sent no whole PROXY protocol v2 header; closed")]
    partial void NoProxyHeader(string listener, IPEndPoint proxy);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Listener}: connection broke: {Reason}")]
    partial void Broken(string listener, string reason);
}

/// <summary>What the sessions of one listener share.</summary>
/// <param name="Policy">The house's rules for this listener.</param>
/// <param name="Options">Asked for each connection, since limits and certificate may have changed.</param>
/// <param name="Exempt">Clients of these networks are not counted. Never for mx.</param>
/// <param name="ExemptOnLoopbackOnly">The exemption needs a loopback local address too (DESIGN §9.5).</param>
sealed record SmtpDoorway(
    ISessionPolicy Policy, Func<SmtpServerOptions> Options, IReadOnlyList<Network> Exempt,
        bool ExemptOnLoopbackOnly, Reply TooManyConnections)
{
    /// <summary>The network of a client, with how many connections it may have. Null, or none given: networks
    /// are not counted here.</summary>
    public Func<IPAddress, NetworkPlaces?>? NetworkOf { get; init; }

    public bool IsExempt(IPAddress remote, IPAddress local) =>
        Exempt.Any(network => network.Contains(remote))
            && (!ExemptOnLoopbackOnly || IPAddress.IsLoopback(local));
}

/// <summary>How many connections a network may have.</summary>
readonly record struct NetworkPlaces(ClientNetwork Network, int ConnectionsMax);
