using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Postern.Listeners;
using Postern.Mta;
using Postern.Mta.Routing;
using Postern.Tests.Configuration;

namespace Postern.Tests.Api;

/// <summary>The program in this process on free loopback ports; nobody listens where its relay is.</summary>
public sealed class RunningServer : IAsyncLifetime
{
    readonly TemporaryDirectory directory = new();
    PosternServer server = null!;

    string Data => directory.PathOf("data");

    public LogFormat Format { get; init; }

    /// <summary>Free octets that stay free; more than any disk has: it counts as full.</summary>
    public long? Reserve { get; init; }

    /// <summary>Whole after <see cref="StopAsync"/>.</summary>
    public string ReadLog() => File.ReadAllText(directory.PathOf("log"));

    public IPEndPoint AddressOf(string listener) =>
        server.Bound.Single(bound => bound.Name == listener).Address;

    public async ValueTask InitializeAsync()
    {
        var options = Options();
        server = await PosternServer.StartAsync(
            options, () => options, null, TimeProvider.System, TestContext.Current.CancellationToken);
    }

    PosternOptions Options() => new()
    {
        Hostname = "mx.example.org",
        Data = Data,
        Log = new LogOptions { File = directory.PathOf("log"), Format = Format },
        Queue = new QueueOptions { Reserve = Reserve },
        Listen =
        [
            new ListenOptions { Name = "mx", On = "127.0.0.1:0", For = ListenFor.Mx },
            new ListenOptions { Name = "http", On = "127.0.0.1:0", For = ListenFor.Http },
            new ListenOptions
            {
                Name = "only-metrics", On = "127.0.0.1:0", For = ListenFor.Http, Serves = [HttpFace.Metrics],
            },
        ],
        Transports = new Dictionary<string, TransportOptions>
        {
            ["relay"] = new() { Kind = TransportKind.Smtp, Host = "[127.0.0.1]:1" },
        },
        Routes =
        [
            new RouteOptions
            {
                Name = "inbound",
                To = [AddressPattern.Parse("me@in.example")],
                Accepts = MailDoors.Mx,
                Via = ["relay"],
            },
        ],
    };

    public string Token => File.ReadAllText(Path.Combine(Data, "admin.token")).Trim();

    public HttpClient Http(string listener, bool withToken)
    {
        var http = new HttpClient { BaseAddress = new Uri($"http://{AddressOf(listener)}/") };
        if (withToken)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return http;
    }

    public HttpClient Socket(string name) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(Data, name)), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://localhost/"),
    };

    public UnixFileMode ModeOf(string name) => File.GetUnixFileMode(Path.Combine(Data, name));

    public ValueTask StopAsync() => server.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        directory.Dispose();
    }
}
