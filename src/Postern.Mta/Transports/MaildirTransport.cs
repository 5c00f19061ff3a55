using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>Mailboxes on this machine as the way out: one file for each recipient, in the Maildir of its
/// address.</summary>
/// <remarks>
/// Law: nothing that a disk does fails mail. A full disk, a missing root and a mode or owner that is wrong
/// are the next hop's trouble and an operator's case. A mailbox that is missing below a root that is there is
/// the recipient's alone: a stranger who writes to nobody must not close the way for everybody. Files and
/// folders belong to the user Postern runs as; there is no changing to another.
/// </remarks>
public sealed class MaildirTransport : ITransport
{
    const string Alarm = "maildir";

    /// <summary>Files written at the same time: a flush holds its thread, and the pool has other work.
    /// Ours.</summary>
    const int WritersMax = 8;

    static readonly EnhancedStatus NoMailbox = new(5, 1, 1);
    static readonly EnhancedStatus MailboxMissing = new(4, 2, 0);
    static readonly EnhancedStatus SystemFull = new(4, 3, 1);
    static readonly EnhancedStatus Stopping = new(4, 3, 2);
    static readonly EnhancedStatus BadConfiguration = new(4, 3, 5);
    static readonly EnhancedStatus OtherTrouble = new(4, 3, 0);

    readonly MaildirPattern pattern;
    readonly string host;
    readonly string delimiters;
    readonly TimeProvider clock;
    readonly SemaphoreSlim writers = new(WritersMax);

    /// <param name="host">Stands in the names of files.</param>
    /// <param name="delimiters">Characters between user and extension (<c>inbound.delimiter</c>).</param>
    /// <exception cref="ArgumentException">The options do not pass <see cref="FindProblem"/>.</exception>
    public MaildirTransport(
        string name, TransportOptions options, string host, string delimiters, TimeProvider clock)
    {
        if (!MaildirPattern.TryParse(options.Directory, out var parsed, out var problem))
            throw new ArgumentException(problem, nameof(options));
        Name = name;
        pattern = parsed;
        this.host = host;
        this.delimiters = delimiters;
        this.clock = clock;
    }

    public string Name { get; }

    /// <summary>What is wrong with <c>directory</c> whatever the machine looks like. Null: nothing.</summary>
    public static string? FindProblem(TransportOptions options) =>
        MaildirPattern.TryParse(options.Directory, out _, out var problem) ? null : problem;

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        var facts = new PipeFacts(attempt, Name, delimiters);
        var results = new List<AttemptResult>();
        foreach (var recipient in attempt.Recipients)
            results.Add(await DeliverAsync(attempt, facts, recipient, cancel).ConfigureAwait(false));
        return new AttemptReport(
            results, new AttemptFacts(Name, 0, TimeSpan.Zero, clock.GetElapsedTime(started), null));
    }

    public ValueTask<TransportFinding> CheckAsync(CancellationToken cancel)
    {
        var problem = !Directory.Exists(pattern.Root) ? RootMissing()
            : !Posix.IsEnterable(pattern.Root)
                ? new AlarmNotice(Alarm, $"{pattern.Root} may not be entered", "see its owner and mode")
                : null;
        return new(problem is null
            ? new TransportFinding.Well([Alarm])
            : new TransportFinding.Wrong(problem));
    }

    public ValueTask DisposeAsync()
    {
        writers.Dispose();
        return ValueTask.CompletedTask;
    }

    async ValueTask<AttemptResult> DeliverAsync(
        Attempt attempt, PipeFacts facts, Recipient recipient, CancellationToken cancel)
    {
        if (!pattern.TryExpand(facts, recipient, out var mailbox, out var problem))
            return new AttemptResult.Failed(NoMailbox, $"unknown user: {problem}");
        try
        {
            await writers.WaitAsync(cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return NotBegun;
        }
        try
        {
            // Nobody was told of the earlier attempt, which may have ended well.
            if (recipient.Uncertain > 0 && MaildirFile.FindEarlier(mailbox, recipient) is { } earlier)
                return Delivered(earlier);
            var file = new MaildirFile(mailbox, MaildirFile.NameFor(recipient, clock.GetUtcNow(), host));
            file.MakeFolders(pattern);
            await file.WriteAsync(facts.FieldsFor([recipient]), attempt.Content, cancel)
                .ConfigureAwait(false);
            file.Show();
            return Settle(file);
        }
        catch (NativeFileException failed)
        {
            return Judge(failed);
        }
        catch (OperationCanceledException)
        {
            // Nothing stands in new: this recipient can go again.
            return NotBegun;
        }
        finally
        {
            writers.Release();
        }
    }

    static AttemptResult Settle(MaildirFile file)
    {
        try
        {
            file.FlushName();
            return Delivered(file.Name);
        }
        catch (NativeFileException failed)
        {
            return new AttemptResult.Uncertain(OtherTrouble, $"delivered, but not flushed: {failed.Message}");
        }
    }

    AttemptResult Judge(NativeFileException failed)
    {
        if (failed.HResult is Errno.NotFound or Errno.NoDirectory)
        {
            if (!HoldsAnything(pattern.Root))
                return Down(BadConfiguration, RootMissing());
            return pattern.IsOne
                ? Down(BadConfiguration, new AlarmNotice(Alarm, failed.Message, "correct directory"))
                : new AttemptResult.Deferred(
                    MailboxMissing, $"mailbox does not exist: {failed.Message}", Blame.Recipient);
        }
        if (failed.IsFull)
            return Down(SystemFull, new AlarmNotice(Alarm, failed.Message, "make room"));
        return failed.HResult is Errno.NoAccess
            ? Down(BadConfiguration, new AlarmNotice(
                Alarm, failed.Message, "see owner and mode: it belongs to the user Postern runs as"))
            : Down(OtherTrouble, new AlarmNotice(Alarm, failed.Message, "see to the disk"));
    }

    /// <summary>An empty root is most often a disk that is not mounted.</summary>
    static bool HoldsAnything(string root)
    {
        try
        {
            return Directory.EnumerateFileSystemEntries(root).Any();
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            // It may be entered and not listed: what it holds is not for us to see.
            return true;
        }
    }

    AlarmNotice RootMissing() => Directory.Exists(pattern.Root)
        ? new AlarmNotice(Alarm, $"{pattern.Root} holds nothing", "mount its disk, or make the mailboxes")
        : new AlarmNotice(Alarm, $"{pattern.Root} does not exist", "make it, mount it, or correct directory");

    static AttemptResult.NextHopDown Down(EnhancedStatus status, AlarmNotice alarm) =>
        new(status, alarm.Text, NextHopTrouble.Unreachable) { Alarm = alarm };

    static AttemptResult.Relayed Delivered(string name) =>
        new(new EnhancedStatus(2, 0, 0), "delivered to maildir", name, HandOver.Final);

    static AttemptResult.NextHopDown NotBegun =>
        new(Stopping, "The server stops", NextHopTrouble.Unreachable);
}
