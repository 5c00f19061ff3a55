using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Transports;
using Postern.Mta.Webhooks;
using Postern.Tests.Doubles;
using Postern.Tests.Security;

namespace Postern.Tests.Webhooks;

/// <summary>The cases of area SSRF: refused when the address is set, and again when it is connected
/// to.</summary>
public sealed class WebTargetsTests
{
    static readonly StoredEvent Event = new(1, new MailEvent
    {
        Kind = EventKind.Delivered,
        At = DateTimeOffset.UnixEpoch,
        RecipientAddress = "x@net.example",
    });

    static readonly FakeResolver Names = new FakeResolver()
        .Address("ok.example", "93.184.216.34", "2606:2800::1")
        .Address("localtest.example", "127.0.0.1")
        .Address("half.example", "93.184.216.34", "10.0.0.1")
        .Address("metadata.google.internal", "169.254.169.254")
        .Unknown("silent.example");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static WebTargets Targets(IResolver? names = null, params string[] networks) => new(
        names ?? Names, () => new PosternOptions
        {
            Webhooks = new WebhookOptions { Networks = [.. networks.Select(Network.Parse)] },
        });

    [Theory]
    [InlineData("SSRF-01", "http://127.0.0.1/", "address is not allowed")]
    [InlineData("SSRF-02", "http://localhost:8080/", "address is not allowed")]
    [InlineData("SSRF-02", "http://a.localhost.:8080/", "address is not allowed")]
    [InlineData("SSRF-03", "http://[::1]/", "address is not allowed")]
    [InlineData("SSRF-05", "http://0.0.0.0/", "address is not allowed")]
    [InlineData("SSRF-06", "http://169.254.169.254/computeMetadata/v1/", "address is not allowed")]
    [InlineData("SSRF-07", "http://metadata.google.internal/", "address is not allowed")]
    [InlineData("SSRF-09", "http://[fd00::1]/", "address is not allowed")]
    [InlineData("SSRF-09", "http://[fe80::1]/", "address is not allowed")]
    [InlineData("SSRF-09", "http://[fe80::1%251]/", "address is not allowed")]
    [InlineData("SSRF-09", "http://[64:ff9b::7f00:1]/", "address is not allowed")]
    [InlineData("SSRF-09", "http://[2002:7f00:1::]/", "address is not allowed")]
    [InlineData("SSRF-09", "http://[::ffff:127.0.0.1]/", "address is not allowed")]
    [InlineData("SSRF-09", "http://[::127.0.0.1]/", "address is not allowed")]
    [InlineData("SSRF-10", "http://2130706433/", "address is not allowed")]
    [InlineData("SSRF-10", "http://0x7f000001/", "address is not allowed")]
    [InlineData("SSRF-10", "http://0177.0.0.1/", "address is not allowed")]
    [InlineData("SSRF-10", "http://127.1/", "address is not allowed")]
    [InlineData("SSRF-11", "http://a.example@127.0.0.1/", "address is not allowed")]
    [InlineData("SSRF-11", "http://127.0.0.1#@a.example/", "address is not allowed")]
    [InlineData("SSRF-12", "http://①②⑦.⓪.⓪.①/", "address is not allowed")]
    [InlineData("SSRF-13", "http://localtest.example/", "address is not allowed")]
    [InlineData("SSRF-13", "http://half.example/", "address is not allowed")]
    [InlineData("SSRF-16", "http://ok.example:25/", "port is not allowed")]
    [InlineData("SSRF-16", "http://ok.example:22/", "port is not allowed")]
    [InlineData("SSRF-16", "http://ok.example:6379/", "port is not allowed")]
    [InlineData("SSRF-17", "file:///etc/passwd", "scheme is not http or https")]
    [InlineData("SSRF-17", "gopher://ok.example/", "scheme is not http or https")]
    [InlineData("SSRF-17", "ftp://ok.example/", "scheme is not http or https")]
    [InlineData("SSRF-17", "dict://ok.example/", "scheme is not http or https")]
    [InlineData("SSRF-01", "http://10.1.2.3/", "address is not allowed")]
    [InlineData("SSRF-01", "http://192.168.0.1/", "address is not allowed")]
    [InlineData("SSRF-01", "http://198.18.0.1/", "address is not allowed")]
    [InlineData("SSRF-01", "http://224.0.0.1/", "address is not allowed")]
    [InlineData("SSRF-01", "http://255.255.255.255/", "address is not allowed")]
    [InlineData("SSRF-07", "http://nowhere.example/", "host not found")]
    [InlineData("SSRF-07", "http://silent.example/", "host not found")]
    [InlineData("SSRF-11", "http://ok.example\\@127.0.0.1/", "it cannot be read")]
    [InlineData("SSRF-11", "http://ok.example/\r\nHost: x", "it cannot be read")]
    [InlineData("SSRF-11", "ok.example/hook", "it cannot be read")]
    [InlineData("SSRF-11", "", "it cannot be read")]
    public async Task Url_ThatLeadsInside_IsRefusedWhenSet(string id, string url, string trouble)
    {
        SecurityCase.Get(id);
        Assert.Equal(trouble, await Targets().FindTroubleAsync(url, Cancel));
    }

    [Theory]
    [InlineData("https://ok.example/hook?key=1")]
    [InlineData("http://ok.example:8080/")]
    [InlineData("https://user:secret@ok.example/")]
    [InlineData("http://93.184.216.34/")]
    [InlineData("http://[2606:2800::1]/")]
    [InlineData("http://[64:ff9b::5db8:d822]/")]
    public async Task Url_OfThePublic_IsTaken(string url) =>
        Assert.Null(await Targets().FindTroubleAsync(url, Cancel));

    [Fact]
    public async Task Url_OfANetworkThatIsNamed_IsTaken()
    {
        Assert.Null(await Targets(null, "127.0.0.1").FindTroubleAsync("http://127.0.0.1:9000/", Cancel));
        Assert.NotNull(await Targets(null, "127.0.0.1").FindTroubleAsync("http://127.0.0.2/", Cancel));
        Assert.Null(await Targets(null, "10.0.0.0/8").FindTroubleAsync("http://half.example/", Cancel));
    }

    [Fact]
    public async Task Url_OfThePublic_IsRefusedWhereOnlyNetworksAreMeant()
    {
        var targets = new WebTargets(Names, () => new PosternOptions
        {
            Webhooks = new WebhookOptions { Public = false, Networks = [Network.Parse("::1")] },
        });
        Assert.NotNull(await targets.FindTroubleAsync("http://ok.example/", Cancel));
        Assert.Null(await targets.FindTroubleAsync("http://[::1]/", Cancel));
    }

    [Fact]
    public async Task Url_ThatIsTooLong_IsRefused() => Assert.Equal(
        "longer than 2048 characters",
        await Targets().FindTroubleAsync("http://ok.example/" + new string('x', 2048), Cancel));

    static async Task<WebhookAnswer> SendAsync(WebTargets targets, string url)
    {
        using var post = new WebhookPost(targets.MakeHandler(), TimeProvider.System);
        return await post.SendAsync(url, Event, "key", Cancel);
    }

    [Fact]
    public async Task Connections_ToManyHosts_AreCapped()
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start(100);
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var http = new HttpClient(Targets(null, "127.0.0.0/8").MakeHandler());
        var more = 6;
        var requests = Enumerable.Range(1, WebTargets.ConnectionsMax + more)
            .Select(host => http.GetStringAsync(
                new Uri(string.Create(null, $"http://127.0.0.{host}:{port}/")), Cancel))
            .ToArray();
        var open = new Queue<Socket>();
        while (open.Count < WebTargets.ConnectionsMax)
            open.Enqueue(await listener.AcceptSocketAsync(Cancel));
        while (open.TryDequeue(out var socket))
        {
            Assert.False(listener.Pending());
            using (socket)
                await socket.SendAsync(
                    "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"u8.ToArray(), Cancel);
            if (more-- > 0)
                open.Enqueue(await listener.AcceptSocketAsync(Cancel));
        }
        await Task.WhenAll(requests);
    }

    /// <summary>SSRF-14: the name leads elsewhere by the time of the connection.</summary>
    [Theory]
    [InlineData("SSRF-14", "rebind.example")]
    [InlineData("SSRF-01", "127.0.0.1")]
    [InlineData("SSRF-02", "localhost")]
    public async Task Connection_ToAnAddressInside_IsNotMade(string id, string host)
    {
        SecurityCase.Get(id);
        using var inside = new TcpListener(IPAddress.Loopback, 0);
        inside.Start();
        var names = new FakeResolver().Address("rebind.example", "93.184.216.34");
        var url = $"http://{host}:{((IPEndPoint)inside.LocalEndpoint).Port}/";
        if (id == "SSRF-14")
            Assert.Null(await Targets(names).FindTroubleAsync(url, Cancel));
        names.Address("rebind.example", "127.0.0.1");
        var answer = Assert.IsType<WebhookAnswer.Untaken>(await SendAsync(Targets(names), url));
        Assert.StartsWith("address is not allowed", answer.Text);
        Assert.False(inside.Pending());
    }

    /// <summary>Answers each connection with the same octets.</summary>
    static async Task<List<string>> ServeAsync(TcpListener listener, byte[] answer, int connections)
    {
        var asked = new List<string>();
        for (var i = 0; i < connections; i++)
        {
            using var peer = await listener.AcceptTcpClientAsync(Cancel);
            var buffer = new byte[64 << 10];
            var count = await peer.GetStream().ReadAsync(buffer, Cancel);
            asked.Add(Encoding.Latin1.GetString(buffer, 0, count).Split('\r')[0]);
            try
            {
                await peer.GetStream().WriteAsync(answer, Cancel);
            }
            catch (IOException)
            {
                // The sender has had enough.
            }
        }
        return asked;
    }

    static async Task<(WebhookAnswer Answer, List<string> Asked)> ExchangeAsync(string answer)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync(listener, Encoding.Latin1.GetBytes(answer), connections: 1);
        var url = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/hook";
        var result = await SendAsync(Targets(null, "127.0.0.1"), url);
        Assert.False(listener.Pending());
        return (result, await serving);
    }

    /// <summary>SSRF-19.</summary>
    [Fact]
    public async Task Answer_OfAHundredThousandFields_IsNone()
    {
        SecurityCase.Get("SSRF-19");
        var fields = string.Concat(Enumerable.Range(0, 100_000).Select(i => $"X-{i}: y\r\n"));
        var (answer, _) = await ExchangeAsync($"HTTP/1.1 200 OK\r\n{fields}\r\n");
        Assert.IsType<WebhookAnswer.Untaken>(answer);
    }

    [Fact]
    public async Task Redirect_IsNotFollowed()
    {
        var (answer, asked) = await ExchangeAsync(
            "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal("302", Assert.IsType<WebhookAnswer.Untaken>(answer).Text);
        Assert.Equal(["POST /hook HTTP/1.1"], asked);
    }

    /// <summary>SSRF-19: an endless body, and a gzip bomb, which is the same to who unpacks
    /// nothing.</summary>
    [Fact]
    public async Task Answer_WithoutEnd_IsReadUpToALimit()
    {
        SecurityCase.Get("SSRF-19");
        var clock = new FakeTimeProvider(MailHall.Start);
        var endless = new AnswerStream { IsEndless = true };
        using var receiver = new WebhookReceiver(clock)
        {
            Body = () => new StreamContent(endless) { Headers = { ContentEncoding = { "gzip" } } },
        };
        using var post = new WebhookPost(receiver, clock);
        Assert.IsType<WebhookAnswer.Taken>(
            await post.SendAsync("https://ok.example/", Event, "key", Cancel));
        Assert.Equal(64 << 10, endless.Octets);
    }

    /// <summary>SSRF-19: one octet in a second.</summary>
    [Fact]
    public async Task Answer_ThatTrickles_IsCutAfterTenSeconds()
    {
        SecurityCase.Get("SSRF-19");
        var clock = new FakeTimeProvider(MailHall.Start);
        var trickle = new AnswerStream();
        using var receiver = new WebhookReceiver(clock) { Body = () => new StreamContent(trickle) };
        using var post = new WebhookPost(receiver, clock);
        var sending = post.SendAsync("https://ok.example/", Event, "key", Cancel).AsTask();
        Assert.False(sending.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.IsType<WebhookAnswer.Taken>(await sending);
    }

    /// <summary>Without an end, or without a beginning.</summary>
    sealed class AnswerStream : Stream
    {
        public bool IsEndless { get; init; }
        public int Octets { get; private set; }
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(
            Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!IsEndless)
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            Octets += buffer.Length;
            return buffer.Length;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Flush() => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) =>
            throw new NotSupportedException();
    }
}
