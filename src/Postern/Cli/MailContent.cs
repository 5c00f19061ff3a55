using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Postern.Smtp;

namespace Postern.Cli;

/// <summary>The mail that <c>postern send</c> hands over: composed, or as it was given.</summary>
sealed class MailContent(ReadOnlyMemory<byte> octets) : ContentSource
{
    public override long Octets => octets.Length;
    public override bool HasEightBit => !Ascii.IsValid(octets.Span);

    public override bool HasEightBitHeader
    {
        get
        {
            var end = octets.Span.IndexOf("\r\n\r\n"u8);
            return !Ascii.IsValid(end < 0 ? octets.Span : octets.Span[..end]);
        }
    }

    public override PipeReader OpenReader() => PipeReader.Create(new ReadOnlySequence<byte>(octets));

    public static async Task<MailContent> ReadAsync(SendRequest request, CancellationToken cancel)
    {
        if (request.Message is null)
            return Compose(request, request.Body ?? await Console.In.ReadToEndAsync(cancel));
        if (request.Body is not null || request.Subject.Length > 0)
            throw new CommandException(
                ExitCode.Usage, "--message is the whole mail", "leave out --subject and --body");
        await using var input = request.Message == "-" ? Console.OpenStandardInput() : Open(request.Message);
        using var whole = new MemoryStream();
        await input.CopyToAsync(whole, cancel);
        return new MailContent(WithLineEnds(whole.GetBuffer().AsSpan(0, (int)whole.Length)));
    }

    static FileStream Open(string path)
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.IoError, $"--message {path}: {e.Message}");
        }
    }

    /// <summary>Each LF as CRLF; everything else as it is.</summary>
    internal static byte[] WithLineEnds(ReadOnlySpan<byte> text)
    {
        var canonical = new ArrayBufferWriter<byte>(text.Length + (text.Length >> 4) + 2);
        while (!text.IsEmpty)
        {
            var end = text.IndexOf((byte)'\n');
            if (end < 0)
            {
                canonical.Write(text);
                break;
            }
            canonical.Write(end > 0 && text[end - 1] == (byte)'\r' ? text[..(end - 1)] : text[..end]);
            canonical.Write("\r\n"u8);
            text = text[(end + 1)..];
        }
        return canonical.WrittenSpan.ToArray();
    }

    internal static MailContent Compose(SendRequest request, string body)
    {
        var text = new StringBuilder();
        var from = request.From == "<>" ? "<MAILER-DAEMON@localhost>" : $"<{request.From}>";
        text.Append(CultureInfo.InvariantCulture,
            $"From: {from}\r\nTo: {string.Join(", ", request.To.Select(t => $"<{t}>"))}\r\n");
        var clean = string.Concat(request.Subject.Where(c => !char.IsControl(c)));
        // RFC 2047 §2: one encoded word is at most 75 characters; a subject that needs it is short here.
        text.Append("Subject: ").Append(Ascii.IsValid(clean) ? clean : Encoded(clean)).Append("\r\n");
        text.Append("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
        text.Append("Content-Transfer-Encoding: 8bit\r\n\r\n");
        foreach (var line in body.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n'))
            text.Append(line).Append("\r\n");
        return new MailContent(Encoding.UTF8.GetBytes(text.ToString()));
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
}
