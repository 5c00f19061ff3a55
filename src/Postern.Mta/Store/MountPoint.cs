using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;

namespace Postern.Mta.Store;

/// <summary>The mount that a file lies on, as the kernel tells it.</summary>
/// <param name="Path">Where it is mounted.</param>
/// <param name="FileSystem">Its type: <c>ext4</c>, <c>tmpfs</c>, <c>fuse.sshfs</c>. Empty: not known.</param>
/// <param name="Options">Those of the mount and of the file system itself.</param>
public sealed partial record MountPoint(string Path, string FileSystem, IReadOnlyList<string> Options)
{
    /// <summary>Of an open file.</summary>
    public static MountPoint Of(SafeFileHandle file)
    {
        var facts = File.ReadAllText(
            string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{file.DangerousGetHandle()}"));
        return Find(File.ReadAllText("/proc/self/mountinfo"), MountId().Match(facts).Groups[1].Value);
    }

    /// <param name="mountInfo">Lines of <c>/proc/self/mountinfo</c>, see proc(5).</param>
    /// <param name="id">The number that a line begins with.</param>
    public static MountPoint Find(string mountInfo, string id)
    {
        foreach (var line in mountInfo.Split('\n'))
        {
            var halves = line.Split(" - ", 2);
            var (mount, system) = (halves[0].Split(' '), halves[^1].Split(' '));
            if (mount[0] != id || halves.Length < 2 || mount.Length < 6 || system.Length < 3)
                continue;
            var path = Escape().Replace(mount[4], octal => ((char)Convert.ToInt32(
                octal.Groups[1].Value, 8)).ToString());
            return new MountPoint(
                path, system[0], [.. mount[5].Split(','), .. system[2].Split(',')]);
        }
        return new MountPoint("", "", []);
    }

    [GeneratedRegex(@"^mnt_id:\s*(\d+)", RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex MountId();

    /// <summary>A blank, a tab, a line feed and a backslash in a path.</summary>
    [GeneratedRegex(@"\\([0-7]{3})", RegexOptions.NonBacktracking)]
    private static partial Regex Escape();
}
