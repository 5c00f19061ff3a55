using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Postern.Interop.Crash;

/// <summary>A file system of its own, in a file and in a private directory, whose power can be cut; gone with
/// its owner.</summary>
/// <remarks>
/// The cut is the shutdown ioctl without a flush of the journal: what the file system had not written to its
/// device is lost, and every later call fails. What the device itself would lose, it cannot show.
/// </remarks>
sealed partial class LoopDisk : IAsyncDisposable
{
    /// <summary>mkfs.xfs makes none smaller; it takes only what is written.</summary>
    const long Octets = 320L << 20;

    const ulong Shutdown = 0x8004587d; // EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
    const int NoLogFlush = 2;
    const int DirectoryOnly = 0x10000; // O_DIRECTORY
    const string MemoryDirectory = "/dev/shm";

    readonly TemporaryDirectory directory = new();
    readonly string image;

    LoopDisk()
    {
        FullPath = directory.MakeDirectory("mount");
        var place = Directory.Exists(MemoryDirectory) ? MemoryDirectory : directory.FullPath;
        image = Path.Combine(place, Path.GetFileName(directory.FullPath) + ".image");
    }

    /// <summary>Where it is mounted.</summary>
    public string FullPath { get; }

    /// <summary>Makes and mounts it, or skips the test and says why.</summary>
    public static async Task<LoopDisk> MakeAsync(string fileSystem)
    {
        Tool.RequireRoot("cutting the power of a file system");
        var package = fileSystem == "xfs" ? "xfsprogs" : "e2fsprogs";
        var make = Tool.Require($"mkfs.{fileSystem}", package);
        var disk = new LoopDisk();
        try
        {
            await using (var file = File.Create(disk.image))
                file.SetLength(Octets);
            (await Command.RunAsync(make, "-q", disk.image)).Succeeded();
            var mounted = await disk.MountAsync();
            Assert.SkipUnless(mounted.ExitCode == 0, $"{fileSystem} cannot be mounted: {mounted.Error}");
            return disk;
        }
        catch
        {
            await disk.DisposeAsync();
            throw;
        }
    }

    /// <summary>From now on nothing reaches the device.</summary>
    public void CutPower()
    {
        using var root = Open(FullPath, DirectoryOnly);
        var flags = NoLogFlush;
        Assert.True(
            !root.IsInvalid && Control(root, Shutdown, ref flags) == 0,
            string.Create(
                CultureInfo.InvariantCulture, $"no shutdown: errno {Marshal.GetLastPInvokeError()}"));
    }

    /// <summary>The power is back: the file system recovers from its journal.</summary>
    public async Task RemountAsync()
    {
        (await Command.RunAsync("/bin/umount", FullPath)).Succeeded();
        // A process that has just begun may hold a copy of all mounts for a moment; until it lets go, the
        // device has the same file system, without power.
        await Eventually.TrueAsync(() => !IsInUse(), "the device is let go");
        (await MountAsync()).Succeeded();
    }

    bool IsInUse()
    {
        foreach (var device in Directory.EnumerateDirectories("/sys/block", "loop*"))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(device, "loop/backing_file")).TrimEnd() == image)
                    return true;
            }
            catch (IOException)
            {
                // It has no file, or none any more.
            }
        }
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        await Command.RunAsync("/bin/umount", "-l", FullPath);
        File.Delete(image);
        directory.Dispose();
    }

    Task<Command> MountAsync() => Command.RunAsync("/bin/mount", "-o", "loop", image, FullPath);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8,
        SetLastError = true)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, ulong request, ref int flags);
}
