using System.Buffers;
using System.Globalization;
using System.Text;
using Postern.Mta.Queue;
using Postern.Mta.Inbound;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>One message for one mailbox: written in <c>tmp</c>, shown in <c>new</c>.</summary>
/// <remarks>
/// Law: a name in <c>new</c> is whole and on stable storage. The file is flushed before it gets that name,
/// and the directory before anybody is told (the name alone would not outlive a power cut). What a crash
/// leaves is a file in <c>tmp</c>, which readers of a Maildir remove after 36 hours.
/// </remarks>
sealed class MaildirFile(string mailbox, string name)
{
    const byte LineFeed = 10;

    /// <summary>What may not be listed counts as empty: a repeat does less harm than a mailbox that
    /// stops.</summary>
    static readonly EnumerationOptions Every = new() { IgnoreInaccessible = true };

    static int delivered;

    string Unfinished => $"{mailbox}/tmp/{name}";

    /// <summary>The name in <c>new</c>.</summary>
    public string Name => name;

    /// <summary>A name by the rules of Maildir, time, process and count, host; queue id and number of the
    /// recipient stand in it, so that a repeat can be told.</summary>
    public static string NameFor(Recipient recipient, DateTimeOffset now, string host) => string.Create(
        CultureInfo.InvariantCulture,
        $"{now.ToUnixTimeSeconds()}.M{now.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond}"
        + $"P{Environment.ProcessId}Q{Interlocked.Increment(ref delivered)}{MarkOf(recipient)}{host}");

    /// <summary>What an earlier attempt for this recipient put there and nobody was told of. Null:
    /// nothing.</summary>
    /// <exception cref="NativeFileException">It is there and cannot be flushed.</exception>
    public static string? FindEarlier(string mailbox, Recipient recipient)
    {
        foreach (var folder in (ReadOnlySpan<string>)["new", "cur"])
        {
            var path = $"{mailbox}/{folder}";
            if (!Directory.Exists(path))
                continue;
            var found = Directory.EnumerateFiles(path, "*", Every).FirstOrDefault(
                file => file.Contains(MarkOf(recipient), StringComparison.Ordinal));
            if (found is null)
                continue;
            NativeFile.FlushDirectory(path);
            return Path.GetFileName(found);
        }
        return null;
    }

    /// <summary>Makes the three folders, and the mailbox too where <paramref name="pattern"/> lets
    /// it.</summary>
    /// <exception cref="NativeFileException">With the number of the error.</exception>
    public void MakeFolders(MaildirPattern pattern)
    {
        if (Directory.Exists($"{mailbox}/tmp") && Directory.Exists($"{mailbox}/new")
            && Directory.Exists($"{mailbox}/cur"))
            return;
        if (pattern.IsMade)
        {
            NativeFile.AddDirectory(mailbox);
            NativeFile.FlushDirectory(Path.GetDirectoryName(mailbox)!);
        }
        foreach (var folder in (ReadOnlySpan<string>)["tmp", "new", "cur"])
            NativeFile.AddDirectory($"{mailbox}/{folder}");
        NativeFile.FlushDirectory(mailbox);
    }

    /// <summary>Writes the file and brings it to stable storage, still under its name in
    /// <c>tmp</c>.</summary>
    /// <exception cref="NativeFileException">With the number of the error; nothing is left.</exception>
    public async ValueTask WriteAsync(string fields, ContentSource content, CancellationToken cancel)
    {
        using var file = NativeFile.Create(Unfinished);
        try
        {
            file.Write(Encoding.UTF8.GetBytes(fields));
            await WriteLinesAsync(file, content, cancel).ConfigureAwait(false);
            file.Flush();
        }
        catch
        {
            Drop();
            throw;
        }
    }

    /// <summary>Gives it its name in <c>new</c>.</summary>
    /// <exception cref="NativeFileException">It is not there; nothing is left.</exception>
    public void Show()
    {
        try
        {
            // link(2) and no rename: a name that is taken is never replaced.
            NativeFile.Link(Unfinished, $"{mailbox}/new/{name}");
        }
        finally
        {
            Drop();
        }
    }

    /// <summary>Brings the name to stable storage.</summary>
    /// <exception cref="NativeFileException">It may be there after a power cut, or not.</exception>
    public void FlushName() => NativeFile.FlushDirectory($"{mailbox}/new");

    void Drop() => NativeFile.TryUnlink(Unfinished);

    static string MarkOf(Recipient recipient) =>
        string.Create(CultureInfo.InvariantCulture, $"-{recipient.Message}-{recipient.Number}.");

    static async ValueTask WriteLinesAsync(NativeFile file, ContentSource content, CancellationToken cancel)
    {
        var lines = ArrayPool<byte>.Shared.Rent(16 << 10);
        var last = LineFeed;
        try
        {
            await content.ForEachAsync(
                segment =>
                {
                    while (!segment.IsEmpty)
                    {
                        var part = segment[..Math.Min(segment.Length, lines.Length)];
                        segment = segment[part.Length..];
                        var length = PipeConversation.DropReturns(part.Span, lines);
                        if (length > 0)
                            last = lines[length - 1];
                        file.Write(lines.AsSpan(0, length));
                    }
                },
                cancel).ConfigureAwait(false);
            // The last line ends like the others.
            if (last is not LineFeed)
                file.Write([LineFeed]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(lines);
        }
    }
}
