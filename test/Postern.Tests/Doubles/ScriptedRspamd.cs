using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Postern.Mta.Inbound.Filters;

namespace Postern.Tests.Doubles;

/// <summary>An rspamd that says what it is told to; in memory, or over a connection that a test
/// accepted.</summary>
sealed class ScriptedRspamd
{
    readonly List<(string Name, string Value)> headers = [];

    /// <summary>Of the answer, in Latin-1. Null: it reads the request and says nothing.</summary>
    public string? Body { get; set; } = """{"action":"no action","score":0.5,"required_score":15}""";

    public int Status { get; set; } = 200;

    /// <summary>Octets of the body that it claims beyond those that it sends.</summary>
    public int Missing { get; set; }

    /// <summary>In the place of a whole answer of HTTP.</summary>
    public string? Raw { get; set; }

    /// <summary>It answers before it has read the message, and hangs up.</summary>
    public bool IsHasty { get; set; }

    public string Server { get; set; } = "Server: rspamd/3.4\r\n";

    /// <summary>Nobody listens.</summary>
    public bool IsDown { get; set; }

    public string RequestLine { get; private set; } = "";

    /// <summary>The last message.</summary>
    public byte[] Received { get; private set; } = [];

    /// <summary>Of the last request, as it stood there. Null: it did not.</summary>
    public string? this[string name] =>
        headers.Exists(header => header.Name == name)
            ? string.Join('|', headers.Where(header => header.Name == name).Select(header => header.Value))
            : null;

    /// <summary>As of the program, but into memory.</summary>
    public SocketsHttpHandler MakeHandler()
    {
        var handler = RspamdFilter.MakeHandler();
        handler.ConnectCallback = (_, _) =>
        {
            if (IsDown)
                throw new SocketException(111);
            var (ours, theirs) = DuplexStream.CreatePair();
            _ = ServeAsync(theirs);
            return ValueTask.FromResult<Stream>(ours);
        };
        return handler;
    }

    public async Task ServeAsync(Stream peer)
    {
        await using (peer)
        {
            await ReadHeadAsync(peer);
            if (!IsHasty)
            {
                Received = new byte[int.Parse(this["Content-Length"]!, CultureInfo.InvariantCulture)];
                await peer.ReadExactlyAsync(Received);
            }
            if (Raw is not null)
                await peer.WriteAsync(Encoding.Latin1.GetBytes(Raw));
            else if (Body is not null)
                await peer.WriteAsync(Encoding.Latin1.GetBytes(
                    $"HTTP/1.1 {Status} Told\r\nConnection: close\r\n{Server}"
                    + "Content-Type: application/json\r\n"
                    + $"Content-Length: {Body.Length + Missing}\r\n\r\n{Body}"));
            else
                // It waits until the other side has had enough.
                _ = await peer.ReadAsync(new byte[1]);
        }
    }

    async Task ReadHeadAsync(Stream peer)
    {
        var head = new List<byte>();
        var octet = new byte[1];
        while (!(head.Count >= 4 && head[^4..] is [13, 10, 13, 10]))
        {
            await peer.ReadExactlyAsync(octet);
            head.Add(octet[0]);
        }
        var lines = Encoding.UTF8.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        RequestLine = lines[0];
        headers.Clear();
        headers.AddRange(lines.Skip(1).Select(
            line => (line[..line.IndexOf(':', StringComparison.Ordinal)],
                line[(line.IndexOf(':', StringComparison.Ordinal) + 2)..])));
    }
}
