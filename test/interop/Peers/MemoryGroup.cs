using System.Globalization;

namespace Postern.Interop.Peers;

/// <summary>A control group whose processes have so much memory together and no swap.</summary>
/// <remarks>Of either version. Its processes must have ended when it is removed.</remarks>
sealed class MemoryGroup : IDisposable
{
    const string First = "/sys/fs/cgroup/memory";
    const string Second = "/sys/fs/cgroup";

    readonly string path;
    readonly bool isSecond;

    MemoryGroup(string path, bool isSecond) => (this.path, this.isSecond) = (path, isSecond);

    /// <summary>Put before a command line: it runs inside.</summary>
    public IReadOnlyList<string> Wrapper =>
        ["/bin/sh", "-c", $"echo $$ > {path}/cgroup.procs && exec \"$@\"", "sh"];

    /// <summary>The most that was used so far, in octets.</summary>
    public long Peak => long.Parse(
        Read(isSecond ? "memory.peak" : "memory.max_usage_in_bytes"), CultureInfo.InvariantCulture);

    /// <summary>Processes that were ended for want of memory.</summary>
    public int Killed => int.Parse(
        Read(isSecond ? "memory.events" : "memory.oom_control").Split('\n')
            .First(line => line.StartsWith("oom_kill ", StringComparison.Ordinal)).Split(' ')[1],
        CultureInfo.InvariantCulture);

    /// <summary>Skips the test where none can be made.</summary>
    public static MemoryGroup Make(long octets)
    {
        Tool.RequireRoot("a control group of our own");
        var isSecond = File.Exists(Second + "/cgroup.controllers");
        var path = $"{(isSecond ? Second : First)}/postern-{Environment.ProcessId}";
        try
        {
            if (isSecond)
                File.WriteAllLines(Second + "/cgroup.subtree_control", ["+memory"]);
            Directory.CreateDirectory(path);
            File.WriteAllLines(
                $"{path}/{(isSecond ? "memory.max" : "memory.limit_in_bytes")}",
                [octets.ToString(CultureInfo.InvariantCulture)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Assert.Skip($"control groups cannot be made here: {e.Message}");
        }
        return new MemoryGroup(path, isSecond);
    }

    public void Dispose() => Directory.Delete(path);

    string Read(string file) => File.ReadAllText(Path.Combine(path, file));
}
