using System.Buffers;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Store;

namespace Postern.Mta.Inbound.Filters;

/// <summary>A message as milters are told of it.</summary>
/// <param name="Header">Before any of them changed it.</param>
/// <param name="BodyAt">Where the body begins in the content.</param>
sealed record MilterMail(FilterQuestion Question, StoredContent Content, MilterHeader Header, long BodyAt)
{
    public static async ValueTask<MilterMail> ReadAsync(
        FilterQuestion mail, StoredContent content, CancellationToken cancel)
    {
        var (head, bodyAt) = await ReadHeadAsync(content, cancel).ConfigureAwait(false);
        var block = HeaderBlock.Read(head);
        // What does not begin with a field has no header: all of it is body.
        return block.Fields is [{ Start: 0 }, ..]
            ? new MilterMail(mail, content, MilterHeader.Read(block, mail.Hostname), bodyAt)
            : new MilterMail(mail, content, MilterHeader.Empty, 0);
    }

    /// <returns>The header section without the empty line, and where the body begins.</returns>
    static async ValueTask<(byte[] Head, long BodyAt)> ReadHeadAsync(
        StoredContent content, CancellationToken cancel)
    {
        var reader = content.OpenReader();
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancel).ConfigureAwait(false);
                var octets = read.Buffer.Slice(
                    0, Math.Min(read.Buffer.Length, SignedContent.HeaderOctetsMax)).ToArray();
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                var end = octets.AsSpan().IndexOf("\r\n\r\n"u8);
                if (end >= 0)
                    return (octets[..(end + 2)], end + 4);
                if (read.IsCompleted || octets.Length == SignedContent.HeaderOctetsMax)
                    return (octets, octets.Length);
            }
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }
}
