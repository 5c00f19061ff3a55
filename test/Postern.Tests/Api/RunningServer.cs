using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Postern.Listeners;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Tests.Configuration;

namespace Postern.Tests.Api;

/// <summary>The program in this process on free loopback ports; nobody listens where its relay is.</summary>
public sealed class RunningServer : IAsyncLifetime
{
    readonly TemporaryDirectory directory = new();
    PosternServer server = null!;

    static readonly ListenOptions[] Listeners =
    [
        new ListenOptions { Name = "mx", On = "127.0.0.1:0", For = ListenFor.Mx },
        new ListenOptions { Name = "http", On = "127.0.0.1:0", For = ListenFor.Http },
        new ListenOptions
        {
            Name = "only-metrics", On = "127.0.0.1:0", For = ListenFor.Http, Serves = [HttpFace.Metrics],
        },
        new ListenOptions
        {
            Name = "proxied", On = "127.0.0.1:0", For = ListenFor.Http,
            Serves = [HttpFace.Dashboard], BehindProxy = [Network.Parse("127.0.0.1")],
        },
        new ListenOptions
        {
            Name = "https", On = "127.0.0.1:0", For = ListenFor.Http, Tls = ListenTls.Immediate,
            Serves = [HttpFace.Dashboard],
        },
    ];

    string Data => directory.PathOf("data");

    public LogFormat Format { get; init; }

    /// <summary>Free octets that stay free; more than any disk has: it counts as full.</summary>
    public long? Reserve { get; init; }

    /// <summary>Where links in mail lead. Of itself mail has none.</summary>
    public TrackingOptions Tracking { get; init; } = new();

    public DashboardOptions Dashboard { get; init; } = new();

    /// <summary>Null: the name servers of this machine.</summary>
    public IResolver? Resolver { get; init; }

    /// <summary>Of the relay that mail of the API leaves by.</summary>
    public TransportTls? RelayTls { get; init; }

    /// <summary>A port of the loopback interface, of the same relay.</summary>
    public int RelayPort { get; init; } = 1;

    /// <summary>A transport that puts large messages aside. Null: there is none.</summary>
    public TransportOptions? Claims { get; init; }

    internal MailTransferAgent Agent => server.Agent;

    internal Postern.Dashboard.SignIn SignIn => server.SignIn;

    /// <summary>Whole after <see cref="StopAsync"/>.</summary>
    public string ReadLog() => File.ReadAllText(directory.PathOf("log"));

    public IPEndPoint AddressOf(string listener) =>
        server.Bound.Single(bound => bound.Name == listener).Address;

    public async ValueTask InitializeAsync()
    {
        var options = Options();
        if (Claims is not null)
            options = options with
            {
                Transports = new Dictionary<string, TransportOptions>(options.Transports)
                {
                    ["claims"] = Claims,
                },
            };
        server = await PosternServer.StartAsync(
            options, () => options, null, TimeProvider.System, TestContext.Current.CancellationToken,
            Resolver);
    }

    PosternOptions Options() => new()
    {
        Hostname = "mx.example.org",
        Data = Data,
        Log = new LogOptions { File = directory.PathOf("log"), Format = Format },
        Queue = new QueueOptions { Reserve = Reserve },
        Tracking = Tracking,
        Dashboard = Dashboard,
        Webhooks = new WebhookOptions { Networks = [Network.Parse("127.0.0.1")] },
        Listen = Listeners,
        Accounts = new Dictionary<string, AccountOptions>
        {
            ["robot@other.example.org"] = new() { Password = new Secret("test:", "of-the-file") },
        },
        Api = new ApiOptions { Keys = [new Secret("test:", "key-account")] },
        Domains = new Dictionary<string, DomainOptions>
        {
            ["mg.example.org"] = new() { ApiKeys = [new Secret("test:", "key-mg")] },
            ["other.example.org"] = new() { ApiKeys = [new Secret("test:", "key-other")] },
        },
        Transports = new Dictionary<string, TransportOptions>
        {
            ["relay"] = new()
            {
                Kind = TransportKind.Smtp,
                Host = string.Create(null, $"[127.0.0.1]:{RelayPort}"),
                Tls = RelayTls,
            },
            ["mailgun"] = new()
            {
                Kind = TransportKind.Smtp,
                Host = "[127.0.0.1]:1",
                SigningKey = new Secret("test:", Hooks.SignedHook.Key),
                ReturnPath = "bounces@return.example",
            },
            ["secret-mailgun"] = new()
            {
                Kind = TransportKind.Smtp,
                Host = "[127.0.0.1]:1",
                SigningKey = new Secret("test:", Hooks.SignedHook.Key),
                HookSecret = new Secret("test:", "part"),
            },
        },
        Routes =
        [
            Route("inbound", "me@in.example", MailDoors.Mx),
            Route("own", "*@shop.example", MailDoors.Submission),
            Route("api", "*@net.example", MailDoors.Api),
        ],
    };

    static RouteOptions Route(string name, string to, MailDoors door) => new()
    {
        Name = name,
        To = [AddressPattern.Parse(to)],
        Accepts = door,
        Via = ["relay"],
    };

    public string Token => File.ReadAllText(Path.Combine(Data, "admin.token")).Trim();

    public HttpClient Http(string listener, bool withToken)
    {
        var http = new HttpClient { BaseAddress = new Uri($"http://{AddressOf(listener)}/") };
        if (withToken)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        return http;
    }

    /// <summary>A client of the API that speaks Mailgun's. Null: without a key.</summary>
    public HttpClient Api(string? key)
    {
        var http = Http("http", withToken: false);
        if (key is not null)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
                "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"api:{key}")));
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

    /// <summary>The one message with this Message-ID, which still waits, and what would go out.</summary>
    internal async ValueTask<(StoredMessage Message, string Content)> MailAsync(string messageId) =>
        Assert.Single(await MailsAsync(messageId));

    /// <summary>In the order of their coming.</summary>
    internal async ValueTask<IReadOnlyList<(StoredMessage Message, string Content)>> MailsAsync(
        string messageId)
    {
        var cancel = TestContext.Current.CancellationToken;
        var store = server.Agent.Store;
        var page = await store.ListAsync(QueueFilter.All, default, 1000, cancel);
        var found = new List<(StoredMessage, string)>();
        foreach (var stored in page.Messages.Where(one => one.Message.MessageId == messageId))
        {
            using var content = await store.OpenContentAsync(stored.Message, cancel);
            await using var octets = new EditedContent(stored.Message, content!).OpenReader().AsStream();
            using var text = new StreamReader(octets);
            found.Add((stored, await text.ReadToEndAsync(cancel)));
        }
        return found;
    }

    /// <summary>Where what becomes of this message is told to.</summary>
    internal string ReturnPathOf(QueueId message, string domain) =>
        server.Agent.Queue.ReturnPaths!.Of(message, domain).ToString();

    /// <summary>Of what Postern posts to others.</summary>
    internal ValueTask<string> SigningKeyAsync() =>
        server.Agent.WebhookKey.ReadAsync(TestContext.Current.CancellationToken);

    public ValueTask StopAsync() => server.DisposeAsync();

    /// <summary>Ends it and starts it anew on what it left.</summary>
    public async ValueTask RestartAsync()
    {
        await StopAsync();
        await InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        directory.Dispose();
    }
}
