using System.Globalization;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Postern.Tests.Mta.Store;

/// <summary>
/// Puts another file behind the descriptors that a library holds, so that its calls fail truly.
/// </summary>
sealed partial class Descriptors : IDisposable
{
    readonly List<(int Target, int Saved)> replaced = [];

    Descriptors(string path, SafeHandle instead)
    {
        foreach (var link in Directory.EnumerateFiles("/proc/self/fd"))
        {
            if (new FileInfo(link).LinkTarget != path)
                continue;
            var target = int.Parse(Path.GetFileName(link), CultureInfo.InvariantCulture);
            replaced.Add((target, dup(target)));
            if (replaced[^1].Saved < 0 || dup2((int)instead.DangerousGetHandle(), target) < 0)
                throw new IOException("dup");
        }
        if (replaced.Count == 0)
            throw new FileNotFoundException("no descriptor", path);
    }

    /// <summary>
    /// From now on every open <paramref name="path"/> is <paramref name="instead"/>, until disposed.
    /// </summary>
    public static Descriptors Replace(string path, string instead, FileAccess access)
    {
        using var handle = File.OpenHandle(instead, FileMode.Open, access, FileShare.ReadWrite);
        return new Descriptors(path, handle);
    }

    /// <summary>The same with a pipe, which can be written but not flushed.</summary>
    public static Descriptors ReplaceByPipe(string path)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        return new Descriptors(path, pipe.SafePipeHandle);
    }

    /// <summary>A second descriptor of one open file, as a child has until it runs its program.</summary>
    public static SafeFileHandle Copy(SafeFileHandle handle) =>
        new(dup((int)handle.DangerousGetHandle()), ownsHandle: true);

    /// <summary>A second name for a file.</summary>
    public static void Link(string path, string name)
    {
        if (link(path, name) != 0)
            throw new IOException("link");
    }

    public void Dispose()
    {
        foreach (var (target, saved) in replaced)
        {
            _ = dup2(saved, target);
            _ = close(saved);
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string path, string name);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup2(int from, int to);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int descriptor);
}
