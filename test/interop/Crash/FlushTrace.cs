using System.Globalization;
using System.Text.RegularExpressions;

namespace Postern.Interop.Crash;

/// <summary>What strace saw of a program's flushes and of its replies, judged by the order of the
/// lines.</summary>
/// <remarks>
/// A line stands where the call began or where it ended, before the thread went on. So what a thread did
/// because of another's call stands after it, and no clock is needed: a 250 is earned when a flush began
/// after its message's last octets had been read and ended well before the reply left. Where the trace shows
/// whole commits (<see cref="ProofOptions"/>), that flush must also have begun after the message's own record
/// had been written to the log. After the first failed flush nothing is earned any more, but a reply whose
/// flush had ended before that may still leave.
/// </remarks>
sealed partial class FlushTrace
{
    readonly Dictionary<string, string> unfinished = [];
    readonly Dictionary<string, (int Line, long Written)> flushing = [];
    readonly Dictionary<string, Session> sessions = [];
    readonly Dictionary<string, int> recorded = [];
    readonly HashSet<string> failed = [];
    long written;
    int at;

    FlushTrace(IEnumerable<string> lines, long logOctets)
    {
        written = LogOctetsFlushed = logOctets;
        string? before = null;
        foreach (var line in lines)
        {
            ReadWhole(before);
            before = line;
        }
        // The kill may have cut the last one short.
        if (before?.Contains(" = ", StringComparison.Ordinal) == true
            || before?.EndsWith(Unfinished, StringComparison.Ordinal) == true)
            ReadWhole(before);
    }

    /// <summary>Whole commits, and flushes that take <paramref name="delayMs"/> more, so that on any disk
    /// everybody who can share one does.</summary>
    public static IReadOnlyList<string> ProofOptions(string file, int delayMs) =>
    [
        "-f", "-y", "-ttt", "-s", "300000", "-o", file,
        "-e", "trace=fsync,fdatasync,pwrite64,recvfrom,sendto",
        "-e", string.Create(
            CultureInfo.InvariantCulture, $"inject=fsync,fdatasync:delay_enter={delayMs}ms"),
    ];

    /// <summary>The arguments for strace, before those of the program.</summary>
    /// <param name="call">The call whose n-th one of each thread fails.</param>
    public static IReadOnlyList<string> Options(string file, string call, int number) =>
    [
        "-f", "-y", "-ttt", "-s", "256", "-o", file,
        "-e", "trace=fsync,fdatasync,pwrite64,recvfrom,sendto",
        "-e", string.Create(CultureInfo.InvariantCulture, $"inject={call}:error=EIO:when={number}"),
    ];

    /// <param name="logOctets">What the write-ahead log held before the program was started.</param>
    public static FlushTrace Read(IEnumerable<string> lines, long logOctets = 0) => new(lines, logOctets);

    public bool HasFailure => failed.Count > 0;

    /// <summary>How often "250 2.0.0 Ok: queued as" was sent.</summary>
    public int Acknowledged { get; private set; }

    /// <summary>Flushes of the log since the first recipient was named.</summary>
    public int LogFlushes { get; private set; }

    /// <summary>Recipients of <see cref="LoadGenerator"/> whose record was seen in the log.</summary>
    public int Recorded => recorded.Count;

    /// <summary>Replies among them that no flush had earned.</summary>
    public List<string> Unearned { get; } = [];

    /// <summary>Flushes of a file that were tried after one of it had failed.</summary>
    public List<string> FlushedAgain { get; } = [];

    /// <summary>Octets of the write-ahead log that a flush covered: a disk need not have more.</summary>
    public long LogOctetsFlushed { get; private set; }

    void ReadWhole(string? line)
    {
        if (line is null)
            return;
        at++;
        Read(line);
    }

    void Read(string line)
    {
        var match = Call().Match(line);
        if (!match.Success)
            return;
        var (thread, text) = (match.Groups["thread"].Value, match.Groups["text"].Value);
        if (match.Groups["resumed"].Success)
            text = (unfinished.Remove(thread, out var begun) ? begun : "") + text;
        else
            Begin(thread, text);
        if (text.EndsWith(NeverEnded, StringComparison.Ordinal))
            return;
        if (text.EndsWith(Unfinished, StringComparison.Ordinal))
            unfinished[thread] = text[..^Unfinished.Length];
        else
            End(thread, text);
    }

    void Begin(string thread, string text)
    {
        if (IsFlush(text))
        {
            flushing[thread] = (at, written);
            if (failed.Contains(PathOf(text)))
                FlushedAgain.Add(text);
        }
        else if (text.StartsWith("sendto(", StringComparison.Ordinal)
            && text.Contains("\"250 2.0.0 Ok: queued as ", StringComparison.Ordinal))
        {
            Acknowledged++;
            if (!sessions.TryGetValue(File(text), out var session) || !session.IsFlushed)
                Unearned.Add(text);
        }
    }

    void End(string thread, string text)
    {
        if (IsFlush(text))
            EndFlush(flushing[thread], text);
        else if (text.StartsWith("recvfrom(", StringComparison.Ordinal) && Result(text) > 0)
            EndRead(File(text), text);
        else if (text.StartsWith("pwrite64(", StringComparison.Ordinal) && IsLog(text))
        {
            var offset = long.Parse(Offset().Match(text).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            // At 0 the log begins anew.
            written = Math.Max(offset == 0 ? 0 : written, offset + Result(text));
            foreach (Match recipient in Recipient().Matches(text))
                recorded.TryAdd(recipient.Value, at);
        }
    }

    void EndRead(string name, string text)
    {
        var known = sessions.GetValueOrDefault(name).Recipient;
        var named = text.Contains("RCPT TO:<", StringComparison.Ordinal)
            && Recipient().Match(text) is { Success: true } recipient ? recipient.Value : known;
        sessions[name] = new Session(at, IsFlushed: false, named);
    }

    void EndFlush((int Line, long Written) flush, string text)
    {
        if (text.EndsWith("(INJECTED)", StringComparison.Ordinal))
            failed.Add(PathOf(text));
        // One that a stop cut off has no result, and proves nothing.
        if (HasFailure || !Returned().IsMatch(text) || Result(text) != 0)
            return;
        if (IsLog(text))
            LogOctetsFlushed = flush.Written;
        if (IsLog(text) && recorded.Count > 0)
            LogFlushes++;
        foreach (var (name, session) in sessions.Where(pair => IsCovered(pair.Value, flush.Line)).ToArray())
            sessions[name] = session with { IsFlushed = true };
    }

    bool IsCovered(Session session, int flushBegan) =>
        session.Line < flushBegan
        && (session.Recipient is null
            || (recorded.TryGetValue(session.Recipient, out var line) && line < flushBegan));

    static bool IsFlush(string text) =>
        text.StartsWith("fsync(", StringComparison.Ordinal)
        || text.StartsWith("fdatasync(", StringComparison.Ordinal);

    static bool IsLog(string text) => File(text).EndsWith("-wal>", StringComparison.Ordinal);

    /// <summary>The first argument: number and name of the file or socket.</summary>
    static string File(string text) => Descriptor().Match(text).Groups[1].Value;

    static long Result(string text) =>
        long.Parse(Returned().Match(text).Groups[1].ValueSpan, CultureInfo.InvariantCulture);

    static string PathOf(string text) => Descriptor().Match(text).Groups[2].Value;

    const string Unfinished = " <unfinished ...>";

    /// <summary>The process was killed in it.</summary>
    const string NeverEnded = " = ?";

    /// <param name="Line">Where its last octets had been read.</param>
    /// <param name="Recipient">Null: none that this could find in the log.</param>
    readonly record struct Session(int Line, bool IsFlushed, string? Recipient);

    /// <summary>As <see cref="LoadGenerator"/> names them.</summary>
    [GeneratedRegex(@"(?<!\d)\d{7}@sink\.test")]
    private static partial Regex Recipient();

    [GeneratedRegex(@"^(?<thread>\d+)\s+\d+\.\d+ (?<resumed><\.\.\. \w+ resumed>)?(?<text>\w*.*)$")]
    private static partial Regex Call();

    [GeneratedRegex(@"^\w+\((\d+<([^>]*)>)")]
    private static partial Regex Descriptor();

    [GeneratedRegex(@", (\d+)\s*\) += \d+$")]
    private static partial Regex Offset();

    [GeneratedRegex(@"\) += (-?\d+)(?: [^=]*)?$")]
    private static partial Regex Returned();
}
