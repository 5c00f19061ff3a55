using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Postern.Interop.Peers;

/// <summary>An SMTP client that sends exactly what it is given and shows exactly what came back.</summary>
sealed class SmtpWire : IAsyncDisposable
{
    readonly TcpClient tcp;
    readonly NetworkStream stream;
    readonly byte[] buffer = new byte[4096];
    int start;
    int end;

    SmtpWire(TcpClient tcp)
    {
        this.tcp = tcp;
        stream = tcp.GetStream();
    }

    public static async Task<bool> IsOpenAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Connects, reads the greeting and says EHLO.</summary>
    public static Task<SmtpWire> ConnectAsync(int port, CancellationToken cancel) =>
        ConnectAsync(port, "127.0.0.1", cancel);

    /// <summary>The same from another address of loopback.</summary>
    public static async Task<SmtpWire> ConnectAsync(int port, string from, CancellationToken cancel)
    {
        var tcp = new TcpClient(new IPEndPoint(IPAddress.Parse(from), 0)) { NoDelay = true };
        await tcp.ConnectAsync("127.0.0.1", port, cancel);
        var wire = new SmtpWire(tcp);
        Assert.StartsWith("220", await wire.ReadReplyAsync(cancel));
        await wire.CommandAsync("EHLO client.test", cancel);
        return wire;
    }

    public async Task<string> CommandAsync(string command, CancellationToken cancel)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"), cancel);
        return await ReadReplyAsync(cancel);
    }

    /// <summary>One transaction; the reply that ended it, be it the one to MAIL, RCPT, DATA or the
    /// dot.</summary>
    public async Task<string> SendAsync(Letter letter, CancellationToken cancel)
    {
        var reply = await BeginAsync(letter, cancel);
        return reply[0] == '3' ? await EndAsync(letter, cancel) : reply;
    }

    /// <summary>A transaction up to its content: a reply that begins with 3 asks for
    /// <see cref="EndAsync"/>.</summary>
    public async Task<string> BeginAsync(Letter letter, CancellationToken cancel)
    {
        var reply = await CommandAsync($"MAIL FROM:<{letter.Sender}>{letter.Parameters}", cancel);
        if (reply[0] == '2')
            reply = await CommandAsync($"RCPT TO:<{letter.Recipient}>", cancel);
        if (reply[0] != '2')
        {
            // After 421 the server hears nothing more.
            if (!reply.StartsWith("421", StringComparison.Ordinal))
                await CommandAsync("RSET", cancel);
            return reply;
        }
        return letter.ByBdat ? "3 BDAT asks for nothing" : await CommandAsync("DATA", cancel);
    }

    /// <summary>The content and its end; the reply to that.</summary>
    public async Task<string> EndAsync(Letter letter, CancellationToken cancel)
    {
        if (letter.ByBdat)
        {
            await stream
                .WriteAsync(Encoding.ASCII.GetBytes($"BDAT {letter.Content.Length} LAST\r\n"), cancel);
            await stream.WriteAsync(letter.Content, cancel);
        }
        else
            await stream.WriteAsync(Stuffed(letter.Content), cancel);
        return await ReadReplyAsync(cancel);
    }

    public async Task<string> ReadReplyAsync(CancellationToken cancel)
    {
        var reply = new StringBuilder();
        while (true)
        {
            var line = await ReadLineAsync(cancel);
            reply.Append(line).Append('\n');
            if (line.Length < 4 || line[3] != '-')
                return reply.ToString().TrimEnd();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stream.DisposeAsync();
        tcp.Dispose();
    }

    async Task<string> ReadLineAsync(CancellationToken cancel)
    {
        var line = new List<byte>();
        while (true)
        {
            if (start == end)
            {
                start = 0;
                end = await stream.ReadAsync(buffer, cancel);
                if (end == 0)
                    throw new EndOfStreamException("the server closed the connection");
            }
            var octet = buffer[start++];
            if (octet == '\n')
                return Encoding.UTF8.GetString([.. line]).TrimEnd('\r');
            line.Add(octet);
        }
    }

    /// <summary>RFC 5321 §4.5.2, with the final dot; content must end in CRLF.</summary>
    static byte[] Stuffed(byte[] content)
    {
        var wire = new MemoryStream(content.Length + 64);
        for (var i = 0; i < content.Length; i++)
        {
            if (content[i] == '.' && (i == 0 || content[i - 1] == '\n'))
                wire.WriteByte((byte)'.');
            wire.WriteByte(content[i]);
        }
        wire.Write(".\r\n"u8);
        return wire.ToArray();
    }
}

/// <summary>One message for one recipient.</summary>
/// <param name="Parameters">After MAIL FROM, with the blank before it.</param>
sealed record Letter(
    string Sender, string Recipient, byte[] Content, string Parameters = "", bool ByBdat = false);
