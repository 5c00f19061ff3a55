using System.Globalization;
using System.Text.Json.Serialization;
using Postern.Mta.Store;

namespace Postern.Cli;

/// <summary>What one look at a disk showed, in plain words.</summary>
/// <param name="Check">What was looked at.</param>
sealed record DoctorFinding(string Check, DoctorVerdict Verdict, string Text)
{
    /// <summary>So many flushes of one thread are more than a drive that keeps its word makes, unless it has
    /// a cache that outlives the power.</summary>
    const double FlushesPerSecondMax = 20_000;

    static readonly string[] InMemory = ["tmpfs", "ramfs", "devtmpfs"];

    static readonly string[] Elsewhere =
    [
        "nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "glusterfs", "afs", "vboxsf", "prl_fs",
    ];

    /// <summary>Each says that a flush need not reach the drive, or that its order does not count.</summary>
    static readonly string[] Weakening =
        ["nobarrier", "barrier=0", "data=writeback", "async_commit", "nointegrity", "volatile"];

    public static DoctorFinding OfRate(int flushes, TimeSpan elapsed)
    {
        var perSecond = flushes / elapsed.TotalSeconds;
        var figure = string.Create(
            CultureInfo.InvariantCulture, $"{perSecond:0} flushes a second, 4 KiB written before each");
        return perSecond <= FlushesPerSecondMax
            ? new DoctorFinding("flush rate", DoctorVerdict.Good, figure)
            : new DoctorFinding(
                "flush rate", DoctorVerdict.Doubtful,
                $"{figure}: only a drive or controller whose cache outlives the power does that honestly");
    }

    public static DoctorFinding OfMount(MountPoint mount)
    {
        var (verdict, why) = JudgeMount(mount);
        var what = mount.FileSystem.Length == 0
            ? "of a kind that the kernel does not name"
            : $"{mount.FileSystem} on {mount.Path} ({string.Join(',', mount.Options.Distinct())})";
        return new DoctorFinding("file system", verdict, why.Length == 0 ? what : $"{what}: {why}");
    }

    public static DoctorFinding OfSpace(DiskSpace space, long reserve)
    {
        var figure = $"{Megabytes(space.Free)} free, the reserve (queue.reserve) is {Megabytes(reserve)}";
        return space.Free > reserve
            ? new DoctorFinding("free space", DoctorVerdict.Good, figure)
            : new DoctorFinding(
                "free space", DoctorVerdict.Bad, $"{figure}: new mail would be refused with 452");
    }

    /// <param name="last">The last number the writer had said.</param>
    public static DoctorFinding OfRecords(string check, long last, IReadOnlyList<long> lost)
    {
        var range = string.Create(
            CultureInfo.InvariantCulture,
            $"records {Math.Max(1, last - DurabilityLog.RecordsChecked + 1)} to {last}");
        return lost.Count == 0
            ? new DoctorFinding(check, DoctorVerdict.Good, $"{range} were flushed, and all are there")
            : new DoctorFinding(check, DoctorVerdict.Bad, string.Create(
                CultureInfo.InvariantCulture,
                $"of {range}, which were flushed, {lost.Count} are lost, the first is {lost[0]}"));
    }

    static (DoctorVerdict Verdict, string Why) JudgeMount(MountPoint mount)
    {
        var weak = mount.Options.Where(Weakening.Contains).Distinct().ToArray();
        if (InMemory.Contains(mount.FileSystem))
            return (DoctorVerdict.Bad, "it lives in memory and is gone with the power");
        if (mount.Options.Contains("ro"))
            return (DoctorVerdict.Bad, "it is read-only");
        if (weak.Length > 0)
            return (DoctorVerdict.Bad, $"{string.Join(", ", weak)} lets a flush return too early");
        if (mount.FileSystem == "overlay")
            return (DoctorVerdict.Doubtful, "what is written goes with the container; use a volume");
        return Elsewhere.Contains(mount.FileSystem)
            || mount.FileSystem.StartsWith("fuse", StringComparison.Ordinal) || mount.FileSystem.Length == 0
            ? (DoctorVerdict.Doubtful, "another machine or program keeps the files; its word is all there is")
            : (DoctorVerdict.Good, "");
    }

    static string Megabytes(long octets) =>
        string.Create(CultureInfo.InvariantCulture, $"{octets / 1e6:0} MB");
}

/// <summary>In the order of how grave it is.</summary>
enum DoctorVerdict
{
    [JsonStringEnumMemberName("good")]
    Good,

    /// <summary>No program can know it; it does not count against the disk.</summary>
    [JsonStringEnumMemberName("unknown")]
    Unknown,

    /// <summary>It speaks against the disk and proves nothing.</summary>
    [JsonStringEnumMemberName("doubtful")]
    Doubtful,

    [JsonStringEnumMemberName("bad")]
    Bad,
}

/// <summary>All of them, for <c>--json</c>.</summary>
/// <param name="Verdict">The gravest of what is known.</param>
sealed record DoctorReport(string Directory, DoctorVerdict Verdict, IReadOnlyList<DoctorFinding> Findings);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(DoctorReport))]
sealed partial class DoctorJson : JsonSerializerContext;
