using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Postern.Tests.Doubles;

/// <summary>
/// The relay's side of one connection: says what it is told, reads lines and content as octets (Latin-1).
/// </summary>
sealed class RelayConversation : IAsyncDisposable
{
    readonly Stream wire;
    readonly CancellationToken stop;
    readonly byte[] buffer = new byte[64 * 1024];
    Stream stream;
    int start, end;

    public RelayConversation(Stream wire, CancellationToken stop)
    {
        this.wire = wire;
        this.stop = stop;
        stream = wire;
    }

    /// <summary>Every line read, in order.</summary>
    public List<string> Lines { get; } = [];

    /// <summary>Octets the client sent that are not read yet, as far as they have arrived.</summary>
    public string Unread => Encoding.Latin1.GetString(buffer, start, end - start);

    /// <summary>Says lines; CRLF is added to each.</summary>
    public async Task SayAsync(params string[] lines)
    {
        foreach (var line in lines)
            await SayRawAsync(line + "\r\n");
    }

    /// <summary>Writes octets as they are, in one piece.</summary>
    public async Task SayRawAsync(string octets) =>
        await stream.WriteAsync(Encoding.Latin1.GetBytes(octets), stop);

    /// <summary>The next line without CRLF. Null: the client closed.</summary>
    public async Task<string?> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            if (start == end && !await FillAsync())
                return null;
            var octet = (char)buffer[start++];
            if (octet == '\n' && line.Length > 0 && line[^1] == '\r')
                break;
            line.Append(octet);
        }
        line.Length--;
        Lines.Add(line.ToString());
        return line.ToString();
    }

    /// <summary>Reads a line that must begin with <paramref name="prefix"/>, then says the reply.</summary>
    public async Task<string> ExpectAsync(string prefix, params string[] reply)
    {
        var line = await ReadLineAsync();
        Assert.StartsWith(prefix, line ?? "(closed)", StringComparison.OrdinalIgnoreCase);
        await SayAsync(reply);
        return line ?? "";
    }

    /// <summary>The client says nothing more and closes, apart from QUIT.</summary>
    public async Task ExpectEndAsync()
    {
        var line = await ReadLineAsync();
        if (line == "QUIT")
        {
            await SayAsync("221 bye");
            line = await ReadLineAsync();
        }
        Assert.Null(line);
    }

    /// <summary>Exactly so many octets.</summary>
    public async Task<string> ReadOctetsAsync(int count)
    {
        var octets = new StringBuilder();
        while (octets.Length < count)
        {
            if (start == end && !await FillAsync())
                break;
            var take = Math.Min(end - start, count - octets.Length);
            octets.Append(Encoding.Latin1.GetString(buffer, start, take));
            start += take;
        }
        return octets.ToString();
    }

    /// <summary>
    /// Content of DATA as it is on the wire, dots stuffed, without the final dot. Null: the client closed
    /// before it.
    /// </summary>
    public async Task<string?> ReadDataAsync()
    {
        var content = new StringBuilder();
        while (await ReadLineAsync() is { } line)
        {
            Lines.RemoveAt(Lines.Count - 1);
            if (line == ".")
                return content.ToString();
            content.Append(line).Append("\r\n");
        }
        return null;
    }

    /// <summary>Does the server's half of the handshake.</summary>
    public async Task StartTlsAsync(X509Certificate2 certificate)
    {
        var encrypted = new SslStream(stream, leaveInnerStreamOpen: false);
        await encrypted.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificate = certificate }, stop);
        stream = encrypted;
    }

    /// <summary>Ends the connection with a reset.</summary>
    public void Reset()
    {
        if (wire is NetworkStream network)
        {
            network.Socket.LingerState = new LingerOption(true, 0);
            network.Socket.Dispose();
        }
        else
        {
            ((DuplexStream)wire).Break();
        }
    }

    public async ValueTask DisposeAsync() => await stream.DisposeAsync();

    async Task<bool> FillAsync()
    {
        start = 0;
        end = await stream.ReadAsync(buffer, stop);
        return end > 0;
    }
}
