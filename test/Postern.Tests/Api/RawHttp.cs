using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Postern.Tests.Api;

/// <summary>One request, octet for octet, on a connection of its own, and its answer.</summary>
static class RawHttp
{
    /// <param name="line">Method and target.</param>
    /// <param name="fields">Besides Host, Connection and Content-Length; each with its line end.</param>
    public static async Task<RawAnswer> AskAsync(IPEndPoint to, string line, string fields, byte[] body)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(to, cancel);
        await using var stream = new NetworkStream(socket);
        var head = string.Create(CultureInfo.InvariantCulture,
            $"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {body.Length}\r\n");
        try
        {
            await stream.WriteAsync(
                (byte[])[.. Encoding.Latin1.GetBytes(head + fields + "\r\n"), .. body], cancel);
        }
        catch (IOException)
        {
            // It has heard enough; the answer may be there all the same.
        }
        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer, cancel);
        return RawAnswer.Of(Encoding.UTF8.GetString(answer.ToArray()));
    }

    public static string Login(string key) =>
        $"Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"api:{key}"))}\r\n";
}

/// <param name="Fields">With the line end of each.</param>
/// <param name="Body">Without the marks of its chunks.</param>
sealed record RawAnswer(int Status, string Fields, string Body)
{
    public static RawAnswer Of(string text)
    {
        var head = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.True(head > 0, $"no answer: {text}");
        var fields = text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..(head + 2)];
        var body = text[(head + 4)..];
        return new RawAnswer(
            int.Parse(text.AsSpan(9, 3), CultureInfo.InvariantCulture), fields,
            fields.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase)
                ? Joined(body) : body);
    }

    static string Joined(string chunks)
    {
        var octets = Encoding.UTF8.GetBytes(chunks).AsSpan();
        var joined = new StringBuilder();
        while (octets.IndexOf("\r\n"u8) is var end && end > 0)
        {
            var length = Convert.ToInt32(Encoding.ASCII.GetString(octets[..end]), 16);
            joined.Append(Encoding.UTF8.GetString(octets.Slice(end + 2, length)));
            octets = octets[(end + 2 + length + 2)..];
        }
        return joined.ToString();
    }
}
