using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Postern.Mta.Store;

/// <summary>A file written and flushed through the system calls themselves, every result checked.</summary>
/// <remarks>
/// The framework's own flush calls return normally when fsync fails (DESIGN §3), and a directory cannot be
/// flushed through it at all. A failed flush is never repeated: Linux forgets the error with the first
/// report, so that a second call would succeed over lost pages.
/// </remarks>
public sealed partial class NativeFile : IDisposable
{
    const int InterruptedMax = 100;

    readonly SafeFileHandle handle;
    readonly string path;
    bool broken;

    NativeFile(SafeFileHandle handle, string path)
    {
        this.handle = handle;
        this.path = path;
    }

    public SafeFileHandle Handle => handle;

    /// <summary>Creates a file, mode 0600; it must not exist.</summary>
    /// <exception cref="NativeFileException">With the number of the error.</exception>
    public static NativeFile Create(string path) =>
        Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive);

    /// <summary>Opens a file for reading and writing, made with mode 0600 where it does not exist. A symbolic
    /// link is refused, and so is a file that has another name besides: its octets may be
    /// somebody's.</summary>
    public static NativeFile OpenOrCreate(string path)
    {
        var file = Open(path, OpenFlags.ReadWrite | OpenFlags.Create | NoFollow);
        if (file.Facts().Links == 1)
            return file;
        file.Dispose();
        throw new IOException($"{path} has another name besides (a hard link); remove it");
    }

    /// <summary>Writes all octets at the end of what was written before.</summary>
    public void Write(ReadOnlySpan<byte> octets)
    {
        var interrupted = 0;
        while (!octets.IsEmpty)
        {
            var written = write(handle, octets, (nuint)octets.Length);
            if (written > 0)
                octets = octets[(int)written..];
            else if (Marshal.GetLastPInvokeError() != Errno.Interrupted || ++interrupted > InterruptedMax)
                throw Broken("write");
        }
    }

    /// <summary>Reads from where the file stands. How many octets it gave.</summary>
    public int Read(Span<byte> octets)
    {
        var count = read(handle, octets, (nuint)octets.Length);
        return count >= 0 ? (int)count : throw Broken("read");
    }

    /// <summary>Brings content and size to stable storage.</summary>
    public void Flush()
    {
        if (broken)
            throw new NativeFileException("fsync", path, Errno.InputOutput);
        if (Synchronise(handle) != 0)
            throw Broken("fsync");
    }

    /// <summary>Sets the octets of a small file anew.</summary>
    public void Replace(ReadOnlySpan<byte> octets)
    {
        if (ftruncate(handle, 0) != 0)
            throw Broken("ftruncate");
        Write(octets);
    }

    /// <summary>Takes the lock of the open file (flock). False: another open file has it.</summary>
    public bool TryLock() => flock(handle, LockExclusive | LockNonBlocking) == 0;

    /// <summary>
    /// Gives the lock back. A close alone does not as long as a child that is just being started has a copy.
    /// </summary>
    public void Unlock() => _ = flock(handle, LockRelease);

    public void Dispose() => handle.Dispose();

    /// <summary>Brings the entries of a directory to stable storage.</summary>
    public static void FlushDirectory(string path)
    {
        using var directory = Open(path, OnlyDirectory);
        directory.Flush();
    }

    /// <summary>Makes a directory, where it is not there already, and sets it to 0700. One of another user is
    /// refused.</summary>
    public static void MakeDirectory(string path)
    {
        const int ownerOnly = 0x1C0; // 0700
        if (mkdir(path, ownerOnly) != 0 && Marshal.GetLastPInvokeError() != Errno.Exists)
            throw new NativeFileException("mkdir", path, Marshal.GetLastPInvokeError());
        using var directory = Open(path, OnlyDirectory);
        var owner = directory.Facts().Owner;
        if (owner != geteuid())
            throw new IOException(
                $"{path} belongs to user {owner}, Postern runs as {geteuid()}; chown it or choose another");
        if (fchmod(directory.handle, ownerOnly) != 0)
            throw directory.Broken("fchmod");
    }

    /// <summary>Makes a directory, mode 0700; one that is there stays as it is.</summary>
    /// <exception cref="NativeFileException">With the number of the error.</exception>
    public static void AddDirectory(string path)
    {
        const int ownerOnly = 0x1C0; // 0700
        if (mkdir(path, ownerOnly) != 0 && Marshal.GetLastPInvokeError() is var error and not Errno.Exists)
            throw new NativeFileException("mkdir", path, error);
    }

    /// <summary>Gives a file a second name, which must not exist.</summary>
    /// <exception cref="NativeFileException">With the number of the error.</exception>
    public static void Link(string path, string name)
    {
        if (link(path, name) != 0)
            throw new NativeFileException("link", name, Marshal.GetLastPInvokeError());
    }

    /// <summary>Removes a name. True when it is gone, also when it never was there.</summary>
    public static bool TryUnlink(string path) =>
        unlink(path) == 0 || Marshal.GetLastPInvokeError() == Errno.NotFound;

    /// <summary>Proves that a failed fsync is seen: on a closed descriptor it must say EBADF.</summary>
    /// <exception cref="StoreException">It did not; a 250 would be worth nothing.</exception>
    public static void TestSelf()
    {
        // A number no process has open: the limit of descriptors is far below.
        var result = fsyncNumber(int.MaxValue - 1);
        if (result != -1 || Marshal.GetLastPInvokeError() != Errno.BadDescriptor)
            throw new StoreException(
                StoreHealth.Failed,
                "fsync on a closed file did not report EBADF; flush errors would go unseen here");
    }

    /// <summary>How many names the file has, and whose it is.</summary>
    (uint Links, uint Owner) Facts()
    {
        const int emptyPath = 0x1000; // AT_EMPTY_PATH
        const uint linksAndOwner = 0xC; // STATX_NLINK, STATX_UID
        const int structure = 256, linksAt = 16, ownerAt = 20;
        Span<byte> facts = stackalloc byte[structure];
        if (statx(handle, "", emptyPath, linksAndOwner, facts) != 0)
            throw Broken("statx");
        return (MemoryMarshal.Read<uint>(facts[linksAt..]), MemoryMarshal.Read<uint>(facts[ownerAt..]));
    }

    static NativeFile Open(string path, OpenFlags flags)
    {
        const int ownerOnly = 0x180; // 0600
        for (var interrupted = 0; ; interrupted++)
        {
            var handle = open(path, (int)(flags | OpenFlags.CloseOnExec), ownerOnly);
            if (!handle.IsInvalid)
                return new NativeFile(handle, path);
            var error = Marshal.GetLastPInvokeError();
            handle.Dispose();
            if (error != Errno.Interrupted || interrupted >= InterruptedMax)
                throw new NativeFileException("open", path, error);
        }
    }

    static int Synchronise(SafeFileHandle file)
    {
        for (var interrupted = 0; ; interrupted++)
        {
            if (fsync(file) == 0)
                return 0;
            // EINTR reports no lost page: only this is called again, and not for ever.
            if (Marshal.GetLastPInvokeError() != Errno.Interrupted || interrupted >= InterruptedMax)
                return -1;
        }
    }

    NativeFileException Broken(string call)
    {
        var error = Marshal.GetLastPInvokeError();
        broken = true;
        return new NativeFileException(call, path, error);
    }

    [Flags]
    enum OpenFlags
    {
        WriteOnly = 0x1,
        ReadWrite = 0x2,
        Create = 0x40,
        Exclusive = 0x80,
        CloseOnExec = 0x80000,
    }

    // The two that differ between processors: asm-generic and x86 against arm64.
    static readonly OpenFlags OnlyDirectory =
        (OpenFlags)(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000);

    static readonly OpenFlags NoFollow =
        (OpenFlags)(RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000);

    const int LockExclusive = 2;
    const int LockNonBlocking = 4;
    const int LockRelease = 8;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(SafeFileHandle file, Span<byte> octets, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(SafeFileHandle file, ReadOnlySpan<byte> octets, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int fsyncNumber(int file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(SafeFileHandle file, long octets);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlink(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string path, string name);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdir(string path, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchmod(SafeFileHandle file, int mode);

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(
        SafeFileHandle file, string path, int flags, uint mask, Span<byte> facts);
}

/// <summary>Numbers of errors on Linux (errno.h).</summary>
static class Errno
{
    public const int NotFound = 2;
    public const int Interrupted = 4;
    public const int InputOutput = 5;
    public const int BadDescriptor = 9;
    public const int NoAccess = 13;
    public const int Exists = 17;
    public const int NoDirectory = 20;
    public const int NoSpace = 28;
    public const int Quota = 122;
}

/// <summary>A system call on a file failed.</summary>
public sealed class NativeFileException(string call, string path, int error)
    : IOException($"{call} {path}: {Marshal.GetPInvokeErrorMessage(error)}", error)
{
    /// <summary>Nothing is wrong with the disk but that it is full.</summary>
    public bool IsFull => HResult is Errno.NoSpace or Errno.Quota;
}
