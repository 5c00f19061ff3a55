using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Postern.Mta.Configuration;
using Postern.Mta.Store;

namespace Postern.Cli;

/// <summary><c>postern doctor --durability DIR</c>: whether a 250 is worth something on that disk.</summary>
/// <remarks>
/// It writes at most 40 MB into a directory of its own below DIR, and removes it. What a drive does when the
/// power goes no program can see: for that there are <c>--write</c> and <c>--verify</c>, and a plug to pull.
/// </remarks>
sealed class DoctorCommand(CommandContext context, string directory)
{
    const int FlushesMax = 10_000;
    static readonly TimeSpan RateTime = TimeSpan.FromSeconds(1);

    /// <summary>The writer is killed after so many records, or when its time is over on a slow
    /// disk.</summary>
    const int RecordsBeforeKill = 200;
    static readonly TimeSpan WriterTime = TimeSpan.FromSeconds(20);

    static readonly TimeProvider Clock = TimeProvider.System;

    public async Task<int> RunAsync(bool write, long? verify, CancellationToken cancel)
    {
        if (write && verify is not null)
            throw new CommandException(ExitCode.Usage, "--write and --verify: one before the cut, one after");
        if (!Directory.Exists(directory))
            throw new CommandException(ExitCode.CannotCreate, $"there is no directory {directory}");
        if (write)
            return Write(cancel);
        return verify is { } last ? Verify(last) : Report(await ExamineAsync(cancel));
    }

    int Write(CancellationToken cancel)
    {
        using var log = DurabilityLog.Create(directory);
        while (!cancel.IsCancellationRequested)
            Console.Out.WriteLine(log.Append().ToString(CultureInfo.InvariantCulture));
        return ExitCode.Ok;
    }

    int Verify(long last)
    {
        if (last < 1)
            throw new CommandException(ExitCode.Usage, "--verify: the numbers begin with 1");
        var lost = DurabilityLog.FindLost(directory, last);
        var code = Report([DoctorFinding.OfRecords("power cut", last, lost)]);
        if (lost.Count == 0)
            DurabilityLog.Remove(directory);
        return code;
    }

    async Task<IReadOnlyList<DoctorFinding>> ExamineAsync(CancellationToken cancel)
    {
        var space = DiskSpace.Of(directory);
        var findings = new List<DoctorFinding>
        {
            CheckFlushCalls(),
            DoctorFinding.OfSpace(space, FindReserve() ?? space.DefaultReserve),
        };
        var trial = Path.Combine(
            directory,
            string.Create(CultureInfo.InvariantCulture, $"postern-doctor-{Environment.ProcessId}"));
        Directory.CreateDirectory(
            trial, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            findings.AddRange(MeasureRate(trial));
            DurabilityLog.Remove(trial);
            findings.Add(await KillWriterAsync(trial, cancel));
        }
        finally
        {
            Directory.Delete(trial, recursive: true);
        }
        findings.Add(new DoctorFinding("power cut", DoctorVerdict.Unknown, PowerCut));
        return findings;
    }

    static DoctorFinding CheckFlushCalls()
    {
        const string check = "flush calls";
        try
        {
            DurabilityLog.TestFlush();
            return new DoctorFinding(check, DoctorVerdict.Good, "a flush that fails is seen");
        }
        catch (StoreException error)
        {
            return new DoctorFinding(check, DoctorVerdict.Bad, error.Message);
        }
    }

    /// <summary><c>queue.reserve</c> of the configuration, where there is one and it sets it.</summary>
    long? FindReserve() =>
        ConfigurationLocation.Find(context.Config, Environment.GetEnvironmentVariable, File.Exists) switch
        {
            ConfigurationLocation.InFile file => ConfigCommand.Read(file.Path).Queue.Reserve,
            ConfigurationLocation.Missing missing =>
                throw new CommandException(ExitCode.Configuration, missing.Text),
            _ => null,
        };

    static IEnumerable<DoctorFinding> MeasureRate(string trial)
    {
        using var log = DurabilityLog.Create(trial);
        var start = Clock.GetTimestamp();
        var flushes = 0;
        while (flushes < FlushesMax && Clock.GetElapsedTime(start) < RateTime)
        {
            log.Append();
            flushes++;
        }
        return [DoctorFinding.OfRate(flushes, Clock.GetElapsedTime(start)), DoctorFinding.OfMount(log.Mount)];
    }

    /// <summary>Lets this program write in another process, kills it, and looks for what it had
    /// said.</summary>
    static async Task<DoctorFinding> KillWriterAsync(string trial, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(
            Environment.ProcessPath!, ["doctor", "--durability", trial, "--write"])
        {
            RedirectStandardOutput = true,
        };
        using var writer = Process.Start(start)!;
        long last;
        try
        {
            last = await ReadNumbersAsync(writer.StandardOutput, cancel);
        }
        finally
        {
            writer.Kill();
            await writer.WaitForExitAsync(CancellationToken.None);
        }
        // What it said before it died counts as well; a torn number is a smaller one.
        while (await writer.StandardOutput.ReadLineAsync(cancel) is { Length: > 0 } line)
            last = Math.Max(last, long.Parse(line, CultureInfo.InvariantCulture));
        return last == 0
            ? new DoctorFinding("kill -9", DoctorVerdict.Bad, "the writer did not get one record flushed")
            : DoctorFinding.OfRecords("kill -9", last, DurabilityLog.FindLost(trial, last));
    }

    /// <summary>The last number it said by the time that it has said enough.</summary>
    static async Task<long> ReadNumbersAsync(StreamReader numbers, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(WriterTime, Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var last = 0L;
        try
        {
            while (last < RecordsBeforeKill && await numbers.ReadLineAsync(either.Token) is { } line)
                last = long.Parse(line, CultureInfo.InvariantCulture);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            // A slow disk: what it said so far is what it is held to.
        }
        return last;
    }

    int Report(IReadOnlyList<DoctorFinding> findings)
    {
        var worst = findings.Max(finding => finding.Verdict);
        if (worst == DoctorVerdict.Unknown)
            worst = DoctorVerdict.Good;
        if (context.Json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(
                new DoctorReport(directory, worst, findings), DoctorJson.Default.DoctorReport));
        }
        else
        {
            foreach (var finding in findings)
            {
                var verdict = finding.Verdict.ToString().ToLowerInvariant();
                Console.Out.WriteLine($"{verdict,-9} {finding.Check,-12} {Output.Clean(finding.Text)}");
            }
        }
        return worst == DoctorVerdict.Good ? ExitCode.Ok : ExitCode.IoError;
    }

    const string PowerCut =
        "whether the drive keeps what it flushed shows only when the power goes: run with --write from "
        + "another machine (ssh), pull the plug, then run with --verify and the last number that you saw";
}
