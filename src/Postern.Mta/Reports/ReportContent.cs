using System.Buffers;
using System.Globalization;
using System.Text;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>What all reports have in common: parts that are 7-bit safe, a boundary, dates.</summary>
static class ReportContent
{
    /// <summary>One part with its header: as it is when ASCII with short lines, else
    /// quoted-printable.</summary>
    public static byte[] EncodePart(string type, string description, string body)
    {
        var octets = Encoding.UTF8.GetBytes(body);
        var is7Bit = ReturnedPart.Is7Bit(octets);
        if (is7Bit)
            type = type.Replace("charset=utf-8", "charset=us-ascii", StringComparison.Ordinal);
        var head = $"Content-Description: {description}\r\nContent-Type: {type}\r\n"
            + $"Content-Transfer-Encoding: {(is7Bit ? "7bit" : "quoted-printable")}\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(head), .. is7Bit ? octets : QuotedPrintable.Encode(octets)];
    }

    /// <param name="id">The id the report will have.</param>
    /// <param name="header">Gives the header section, with its empty line, for a boundary.</param>
    public static ReadOnlyMemory<byte> Join(QueueId id, byte[][] parts, Func<string, string> header)
    {
        var boundary = FreeBoundary(id, parts);
        var content = new ArrayBufferWriter<byte>();
        content.Write(Encoding.UTF8.GetBytes(header(boundary)));
        foreach (var part in parts)
        {
            content.Write(Encoding.ASCII.GetBytes($"--{boundary}\r\n"));
            content.Write(part);
            content.Write("\r\n"u8);
        }
        content.Write(Encoding.ASCII.GetBytes($"--{boundary}--\r\n"));
        return content.WrittenMemory;
    }

    /// <summary>The beginning of a content, at most so many octets.</summary>
    public static async ValueTask<byte[]> ReadAsync(
        ContentSource source, int octetsMax, CancellationToken cancel)
    {
        var reader = source.OpenReader();
        var octets = new ArrayBufferWriter<byte>();
        try
        {
            while (octets.WrittenCount < octetsMax)
            {
                var read = await reader.ReadAsync(cancel);
                foreach (var segment in read.Buffer)
                    octets.Write(segment.Span[..Math.Min(segment.Length, octetsMax - octets.WrittenCount)]);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    break;
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
        return octets.WrittenSpan.ToArray();
    }

    /// <summary>RFC 5322 §3.3.</summary>
    public static string Rfc5322Date(DateTimeOffset at) =>
        at.UtcDateTime.ToString("ddd, d MMM yyyy HH:mm:ss '+0000'", CultureInfo.InvariantCulture);

    /// <summary>A boundary that occurs in no part: the original's author may have guessed the first
    /// choice.</summary>
    static string FreeBoundary(QueueId id, byte[][] parts)
    {
        for (var attempt = 0; ; attempt++)
        {
            var boundary = string.Create(CultureInfo.InvariantCulture, $"{id}.{attempt}/postern");
            var octets = Encoding.ASCII.GetBytes(boundary);
            if (!parts.Any(part => part.AsSpan().IndexOf(octets) >= 0))
                return boundary;
        }
    }
}
