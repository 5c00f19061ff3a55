using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Postern.Smtp;

namespace Postern.Cli;

/// <summary><c>postern send</c>: a mail over SMTP to the running server, as any program would send
/// it.</summary>
static class SendCommand
{
    public static async Task<int> RunAsync(
        string address, string from, IReadOnlyList<string> to, string subject, string? body,
            CancellationToken cancel)
    {
        if (!IPEndPoint.TryParse(address, out var server))
            throw new CommandException(
                ExitCode.Usage, $"--smtp {address}: not an address with a port", "as in 127.0.0.1:2525");
        foreach (var text in to.Append(from))
        {
            if (!Mailbox.TryParse(text, out _))
                throw new CommandException(ExitCode.Usage, $"{text} is no address", "write user@domain");
        }
        body ??= await Console.In.ReadToEndAsync(cancel);
        var content = Compose(from, to, subject, body);
        using var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(server, cancel);
        }
        catch (SocketException e)
        {
            throw new CommandException(
                ExitCode.Unavailable, $"{server}: {e.Message}", "start one with: postern serve");
        }
        await using var stream = new NetworkStream(socket);
        var reader = PipeReader.Create(stream);
        await ExpectAsync(stream, reader, null, cancel);
        await ExpectAsync(stream, reader, "EHLO localhost", cancel);
        await ExpectAsync(
            stream, reader, $"MAIL FROM:<{from}> BODY=8BITMIME{Utf8Of(to.Append(from))}", cancel);
        foreach (var recipient in to)
            await ExpectAsync(stream, reader, $"RCPT TO:<{recipient}>", cancel);
        await ExpectAsync(stream, reader, "DATA", cancel);
        await stream.WriteAsync(content, cancel);
        Console.Out.WriteLine(Output.Clean(await ExpectAsync(stream, reader, ".", cancel)));
        await ExpectAsync(stream, reader, "QUIT", cancel);
        return ExitCode.Ok;
    }

    static string Utf8Of(IEnumerable<string> addresses) =>
        addresses.All(a => Ascii.IsValid(a)) ? "" : " SMTPUTF8";

    static byte[] Compose(string from, IReadOnlyList<string> to, string subject, string body)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"From: <{from}>\r\nTo: {string.Join(", ", to.Select(t => $"<{t}>"))}\r\n");
        var clean = string.Concat(subject.Where(c => !char.IsControl(c)));
        // RFC 2047 §2: one encoded word is at most 75 characters; a subject that needs it is short here.
        text.Append("Subject: ").Append(Ascii.IsValid(clean) ? clean : Encoded(clean)).Append("\r\n");
        text.Append("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
        text.Append("Content-Transfer-Encoding: 8bit\r\n\r\n");
        foreach (var line in body.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n'))
            text.Append(line.StartsWith('.') ? "." : "").Append(line).Append("\r\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    static string Encoded(string subject)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in subject.EnumerateRunes())
        {
            if (Encoding.UTF8.GetByteCount(word.ToString()) + rune.Utf8SequenceLength > 42)
            {
                words.Add(word.ToString());
                word.Clear();
            }
            word.Append(rune.ToString());
        }
        words.Add(word.ToString());
        return string.Join(
            "\r\n ", words.Select(w => $"=?utf-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(w))}?="));
    }

    /// <summary>Sends a line and reads its reply; anything but 2xx and 3xx ends the command.</summary>
    static async ValueTask<string> ExpectAsync(
        Stream stream, PipeReader reader, string? line, CancellationToken cancel)
    {
        if (line is not null)
            await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"), cancel);
        while (true)
        {
            var read = await reader.ReadAsync(cancel);
            var end = read.Buffer.PositionOf((byte)'\n');
            if (end is not { } at)
            {
                if (read.IsCompleted)
                    throw new CommandException(ExitCode.Unavailable, "the server closed the connection");
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }
            var text = Encoding.UTF8.GetString(read.Buffer.Slice(0, at)).TrimEnd('\r');
            reader.AdvanceTo(read.Buffer.GetPosition(1, at));
            if (text.Length < 4 || text[3] == '-')
                continue;
            if (text[0] is '2' or '3')
                return text;
            throw new CommandException(text[0] == '4' ? ExitCode.TemporaryFailure : ExitCode.DataError, text);
        }
    }
}
