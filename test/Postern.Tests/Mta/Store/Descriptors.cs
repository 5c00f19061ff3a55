using System.Globalization;
using System.IO.Pipes;
using System.Runtime.InteropServices;

namespace Postern.Tests.Mta.Store;

/// <summary>Puts another file behind a descriptor that a library holds, so that its writes fail truly.</summary>
sealed partial class Descriptors : IDisposable
{
    readonly int target;
    readonly int saved;

    Descriptors(int target, SafeHandle instead)
    {
        this.target = target;
        saved = dup(target);
        if (saved < 0 || dup2((int)instead.DangerousGetHandle(), target) < 0)
            throw new IOException("dup");
    }

    /// <summary>From now on the open file <paramref name="path"/> is <paramref name="instead"/>, until disposed.</summary>
    public static Descriptors Replace(string path, string instead, FileAccess access)
    {
        using var handle = File.OpenHandle(instead, FileMode.Open, access, FileShare.ReadWrite);
        return new Descriptors(Find(path), handle);
    }

    public static Descriptors ReplaceByPipe(string path)
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        return new Descriptors(Find(path), pipe.SafePipeHandle);
    }

    static int Find(string path)
    {
        foreach (var link in Directory.EnumerateFiles("/proc/self/fd"))
        {
            if (new FileInfo(link).LinkTarget == path)
                return int.Parse(Path.GetFileName(link), CultureInfo.InvariantCulture);
        }
        throw new FileNotFoundException("no descriptor", path);
    }

    public void Dispose()
    {
        _ = dup2(saved, target);
        _ = close(saved);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup2(int from, int to);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int descriptor);
}
