using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Postern.Interop;

/// <summary>The catalogue's cases that need a process of their own: limits of the system, files and
/// sockets.</summary>
public sealed class SecurityTests
{
    const string Relay = """
        [transports.relay]
        kind = "smtp"
        host = "[127.0.0.1]:1"
        tls = "none"

        [[routes]]
        name = "everything"
        via = ["relay"]
        """;

    /// <summary>Requests that are well-formed up to the point where they are not: first line, fields,
    /// body.</summary>
    static readonly (string Line, string Fields, string Body)[] Requests =
    [
        ("POST /admin/v1/accounts", "Content-Type: application/json\r\nContent-Length: 9", "{\"name\":\0"),
        ("POST /admin/v1/accounts", "Content-Type: application/json\r\nContent-Length: 200000",
            new string('[', 200_000)),
        ("POST /admin/v1/accounts", "Content-Type: text/plain\r\nContent-Length: 2", "[]"),
        ("POST /deliver?recipient=%ff%00&sender=%0d%0a&helo=%1b", "Content-Length: 1", "x"),
        ("POST /deliver?sender=a@b.test&recipient=x@in.test", "Transfer-Encoding: chunked",
            "ffffffffffffffff\r\nx"),
        ("POST /admin/v1/queue/expire?older=99999999999999999999d", "Content-Length: 0", ""),
        ("GET /admin/v1/events?after=-9223372036854775808&limit=-1", "Connection: close", ""),
        ("GET /admin/v1/events?after=9223372036854775807&limit=99999999999", "Connection: close", ""),
    ];

    /// <summary>Assemblies and files of the store that a first use opens, once for the process.</summary>
    const int OpenedLateMax = 10;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory] // The issue's figures; bench has them for 10,000.
    [InlineData("submission", 2000, 20)]
    [InlineData("submissions", 300, 80)]
    public async Task Connections_ThatIdle_TakeLittleMemory(string listener, int count, int kibibytesEach)
    {
        await using var postern = await PosternProcess.StartAsync(Relay);
        await using var idle = new IdleConnections(postern.Port(listener), isTls: listener == "submissions");
        // The first ones pay for code and pools.
        await idle.OpenAsync(100);
        var before = postern.ResidentKibibytes;
        await idle.OpenAsync(count);
        Assert.InRange(postern.ResidentKibibytes - before, 0, count * kibibytesEach);
        await using var another = await SmtpWire.ConnectAsync(postern.Port("submission"), Cancel);
        Assert.StartsWith("250", await another.CommandAsync("NOOP", Cancel));
    }

    [Fact]
    public async Task Connections_OpenedAndClosed_LeaveNoDescriptor()
    {
        await using var postern = await PosternProcess.StartAsync(Relay);
        await FloodAsync(postern, 100);
        var before = await postern.SettledSocketsAsync();
        var files = postern.Descriptors;
        await FloodAsync(postern, 3000);
        await Eventually.TrueAsync(
            () => postern.Sockets <= before && postern.Descriptors <= files + OpenedLateMax,
            "the descriptors are back", evidence: () =>
                $"{postern.Sockets} sockets open, {before} before; "
                + $"{postern.Descriptors} in all, {files} before");
    }

    [Theory]
    [InlineData(256, false)]
    [InlineData(800, true)]
    public async Task Descriptors_ThatAreFew_EndNoProcess(int descriptors, bool runs)
    {
        var prlimit = Tool.Require("prlimit", "util-linux");
        await using var postern = new PosternProcess(Relay)
        {
            Wrapper = [prlimit, $"--nofile={descriptors}"],
        };
        if (!runs)
        {
            var failure = await Assert.ThrowsAnyAsync<Exception>(() => postern.StartAsync());
            Assert.Contains($"may have {descriptors} open files", failure.Message, StringComparison.Ordinal);
            Assert.Contains("LimitNOFILE=", failure.Message, StringComparison.Ordinal);
            return;
        }
        await postern.StartAsync();
        await using (var idle = new IdleConnections(postern.Port("submission"), isTls: false))
        {
            await idle.OpenAsync(400);
            Assert.InRange(idle.Greeted, 50, 399);
            Assert.Equal(400, idle.Greeted + idle.TurnedAway);
            Assert.InRange(postern.Descriptors, 0, descriptors - 100);
            using var http = new HttpClient();
            Assert.Equal("live\n", await http.GetStringAsync(
                new Uri($"http://127.0.0.1:{postern.Port("http")}/health/live"), Cancel));
        }
        await Eventually.TrueAsync(
            async () => await GreetingAsync(postern) == "220", "it takes connections again by itself",
            evidence: () => postern.Said);
    }

    /// <summary>Memory is limited to what is asserted: an allocation over it would end the process.</summary>
    [Fact]
    public async Task Contents_OfManyClients_StayWithinTheMemoryOfTheProcess()
    {
        const int clients = 200, lines = 5000;
        await using var postern = new PosternProcess(Relay);
        postern.Environment["DOTNET_GCHeapHardLimit"] =
            (192 << 20).ToString("x", CultureInfo.InvariantCulture);
        await postern.StartAsync();
        var content = Encoding.ASCII.GetBytes(
            "Subject: large\r\n\r\n"
            + string.Concat(Enumerable.Repeat(new string('x', 78) + "\r\n", lines)));
        var letter = new Letter("a@sender.test", "b@sink.test", content);
        var wires = new List<SmtpWire>();
        for (var i = 0; i < clients; i++)
        {
            wires.Add(await SmtpWire.ConnectAsync(postern.Port("submission"), Cancel));
            Assert.StartsWith("354", await wires[i].BeginAsync(letter, Cancel));
        }
        var replies = await Task.WhenAll(wires.Select(wire => wire.EndAsync(letter, Cancel)));
        Assert.All(replies, reply => Assert.Matches("^(250 2.0.0|452 4.3.1) ", reply));
        Assert.Contains(replies, reply => reply[0] == '2');
        Assert.InRange(postern.PeakResidentKibibytes, 0, 256 << 10);
        foreach (var wire in wires)
            await wire.DisposeAsync();
    }

    [Fact]
    public async Task Noise_OnEveryPort_EndsTheSessionAlone()
    {
        await using var postern = await PosternProcess.StartAsync(Relay);
        foreach (var listener in new[] { "mx", "submission", "submissions", "http" })
        {
            // At once: who errs often is answered slowly.
            await Task.WhenAll(Enumerable.Range(0, 40).Select(
                seed => NoiseAsync(new TcpClient("127.0.0.1", postern.Port(listener)).Client, seed)));
        }
        Assert.False(postern.HasExited, postern.Said);
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), Cancel);
        Assert.StartsWith("250", await wire.SendAsync(
            new Letter("a@sender.test", "b@sink.test", "Subject: x\r\n\r\n"u8.ToArray()), Cancel));
    }

    [Fact]
    public async Task Noise_OnEverySocket_EndsTheRequestAlone()
    {
        await using var postern = await PosternProcess.StartAsync(Relay);
        foreach (var name in new[] { "admin.sock", "deliver.sock" })
        {
            var path = Path.Combine(postern.Data, name);
            Assert.Equal("660", Convert.ToString((int)File.GetUnixFileMode(path), 8));
            for (var seed = 0; seed < 20; seed++)
                await NoiseAsync(Unix(path), seed);
            foreach (var (line, fields, body) in Requests)
                await SendAsync(Unix(path), Encoding.ASCII.GetBytes(
                    $"{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n{body}"));
        }
        Assert.False(postern.HasExited, postern.Said);
        (await postern.CommandAsync("queue", "list")).Succeeded();
    }

    [Fact]
    public async Task Files_WhateverTheUmask_AreForTheirOwner()
    {
        await using var postern = new PosternProcess(Relay)
        {
            Wrapper = ["/bin/sh", "-c", "umask 000; exec \"$0\" \"$@\""],
        };
        await postern.StartAsync();
        // One that lies in a file of its own.
        var content = Encoding.ASCII.GetBytes(
            "Subject: large\r\n\r\n" + string.Concat(Enumerable.Repeat("line\r\n", 60_000)));
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), Cancel);
        var letter = new Letter("a@sender.test", "b@sink.test", content);
        Assert.StartsWith("250", await wire.SendAsync(letter, Cancel));
        var entries = Directory.GetFileSystemEntries(postern.Data, "*", SearchOption.AllDirectories);
        Assert.Contains(entries, entry => Path.GetFileName(Path.GetDirectoryName(entry)) == "content");
        foreach (var entry in entries.Append(postern.Data))
        {
            var expected = Directory.Exists(entry) ? "700"
                : entry.EndsWith(".sock", StringComparison.Ordinal) ? "660" : "600";
            Assert.Equal((entry, expected), (entry, ModeOf(entry)));
        }
        Assert.Equal("640", ModeOf(postern.LogFile));
        Assert.Equal("600", ModeOf(postern.Directory.PathOf("ready.json")));
    }

    [Fact]
    public async Task DataDirectory_OfARunningPostern_IsRefused()
    {
        await using var first = await PosternProcess.StartAsync(Relay);
        await using var second = new PosternProcess(Relay, first.Data);
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => second.StartAsync());
        Assert.Contains("belongs to another running Postern", failure.Message, StringComparison.Ordinal);
        await first.KillAsync();
        // The lock went with the process, whatever it left behind.
        await second.StartAsync();
        await using var third = new PosternProcess(Relay, first.Data);
        await Assert.ThrowsAnyAsync<Exception>(() => third.StartAsync());
    }

    [Fact]
    public async Task DataDirectory_OfAnotherUser_IsRefused()
    {
        Tool.RequireRoot("a directory of another user");
        await using var postern = new PosternProcess(Relay);
        Directory.CreateDirectory(postern.Data);
        (await Command.RunAsync("/bin/chown", "nobody", postern.Data)).Succeeded();
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => postern.StartAsync());
        Assert.Contains("belongs to user", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reload_OfATornFile_KeepsTheOldConfiguration()
    {
        await using var postern = await PosternProcess.StartAsync(Relay);
        var good = File.ReadAllText(postern.ConfigurationFile).Replace("postern.test", "other.test");
        foreach (var text in new[]
        {
            good[..(good.Length / 2)] + "\"", "", new string('\0', 4096), "a = " + new string('[', 100_000),
        })
        {
            postern.Directory.Write("postern.toml", text);
            var socket = Path.Combine(postern.Data, "admin.sock");
            var reload = await Command.RunAsync(PosternProcess.Program, "reload", "--server", socket);
            Assert.Equal(78, reload.ExitCode);
        }
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("mx"), Cancel);
        Assert.Contains("postern.test", await wire.CommandAsync("EHLO client.test", Cancel));
    }

    static string ModeOf(string path) => Convert.ToString((int)File.GetUnixFileMode(path), 8);

    static async Task FloodAsync(PosternProcess postern, int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", postern.Port("submission"), Cancel);
            // Every other one with a reset.
            if (i % 2 == 0)
                client.LingerState = new LingerOption(true, 0);
        }
    }

    static async Task<string> GreetingAsync(PosternProcess postern)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", postern.Port("submission"), Cancel);
        var line = new byte[512];
        return Encoding.ASCII.GetString(line, 0, await client.GetStream().ReadAsync(line, Cancel))[..3];
    }

    static Socket Unix(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    /// <summary>64 KiB that anybody could send; every other seed has commands in it.</summary>
    static Task NoiseAsync(Socket socket, int seed)
    {
        var chance = new Random(seed);
        var octets = new byte[64 << 10];
        chance.NextBytes(octets);
        string[] lines =
            ["EHLO ", "MAIL FROM:<", "\r\n", "AUTH PLAIN ", "BDAT 9", "GET / HTTP/1.1\r\n", "\x16\x03\u0001"];
        for (var at = 0; seed % 2 == 0 && at < octets.Length - 100; at += chance.Next(1, 100))
            Encoding.Latin1.GetBytes(lines[chance.Next(lines.Length)]).CopyTo(octets, at);
        return SendAsync(socket, octets);
    }

    /// <summary>Sends, ends our side, and waits for the other side's end.</summary>
    static async Task SendAsync(Socket socket, byte[] octets)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            await stream.WriteAsync(octets, Cancel);
            socket.Shutdown(SocketShutdown.Send);
            await stream.CopyToAsync(Stream.Null, Cancel);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // It had enough before the end.
        }
    }

    /// <summary>Connections that have said EHLO and nothing more.</summary>
    sealed class IdleConnections(int port, bool isTls) : IAsyncDisposable
    {
        readonly List<Stream> streams = [];

        public int Greeted { get; private set; }
        public int TurnedAway { get; private set; }

        public async Task OpenAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var client = new TcpClient("127.0.0.1", port);
                Stream stream = client.GetStream();
                streams.Add(stream);
                if (isTls)
                {
                    var tls = new SslStream(
                        stream, leaveInnerStreamOpen: false, static (_, shown, _, _) => shown is not null);
                    await tls.AuthenticateAsClientAsync("postern.test");
                    streams[^1] = stream = tls;
                }
                var greeting = await ReadAsync(stream);
                Greeted += greeting.StartsWith("220", StringComparison.Ordinal) ? 1 : 0;
                TurnedAway += greeting.StartsWith("421 4.7.0", StringComparison.Ordinal) ? 1 : 0;
                if (greeting[0] != '2')
                    continue;
                await stream.WriteAsync("EHLO client.test\r\n"u8.ToArray(), Cancel);
                Assert.StartsWith("250", await ReadAsync(stream));
            }
        }

        static async Task<string> ReadAsync(Stream stream)
        {
            var octets = new byte[1024];
            return Encoding.ASCII.GetString(octets, 0, await stream.ReadAsync(octets, Cancel));
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var stream in streams)
                await stream.DisposeAsync();
        }
    }
}
