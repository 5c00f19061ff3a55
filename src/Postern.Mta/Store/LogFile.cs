using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Postern.Mta.Store;

/// <summary>SQLite's write-ahead log as a file of ours (sqlite3_io_methods of sqlite.org/c3ref).</summary>
/// <remarks>
/// The build of SQLite at hand writes each page of a commit with two calls and flushes with fsync, which
/// brings the time of the file to the disk too, a write of its own. Here what a commit adds gathers in
/// memory, goes out in one piece when the commit flushes, and fdatasync does the flush: content and size,
/// all that a reader after a crash needs. No other connection looks at octets of the log before the flush
/// that ends their commit. The first flush of a new log flushes its directory too, and nothing is flushed
/// again after a failure (DESIGN §1.1 law 9); SQLite itself ignores a failed flush of a directory. Why:
/// docs/decisions/0006.
/// </remarks>
static unsafe partial class LogFile
{
    const int GatheredMax = 256 << 10;

    /// <summary>The log grows by so much at a time: a flush of octets that lie inside a file of a known size
    /// needs no word of the file system's journal.</summary>
    const int GrowOctets = 1 << 20;

    const int IoErrorRead = raw.SQLITE_IOERR | (1 << 8);
    const int IoErrorShortRead = raw.SQLITE_IOERR | (2 << 8);
    const int IoErrorWrite = raw.SQLITE_IOERR | (3 << 8);
    const int IoErrorFlush = raw.SQLITE_IOERR | (4 << 8);
    const int IoErrorFlushDirectory = raw.SQLITE_IOERR | (5 << 8);
    const int IoErrorTruncate = raw.SQLITE_IOERR | (6 << 8);
    const int IoErrorSize = raw.SQLITE_IOERR | (7 << 8);

    static readonly Methods* Table = MakeTable();
    static readonly byte* Zeroes = (byte*)NativeMemory.AllocZeroed(GrowOctets);

    /// <summary>This thread's next commits need no flush of their own: the next one that flushes covers them,
    /// and a crash before it undoes them. Only for what nobody was told and nothing outside depends
    /// on.</summary>
    [ThreadStatic]
    public static bool FlushesLater;

    /// <summary>An open log, in memory that SQLite gives and takes away.</summary>
    public struct State
    {
        /// <summary>SQLite's part; null: it is not open.</summary>
        internal Methods* Methods;
        internal int Descriptor;
        internal bool IsNew, IsBroken;

        /// <summary>SQLite keeps it until the file is closed.</summary>
        internal byte* Path;

        internal byte* Gathered;
        internal int GatheredOctets;
        internal long GatheredAt;

        /// <summary>Octets of the file, as far as this connection knows.</summary>
        internal long Octets;
    }

    public static int Open(byte* path, State* file)
    {
        const int ownerOnly = 0x180; // 0600
        *file = default;
        var descriptor = open(path, OpenReadWrite | OpenCreate | OpenCloseOnExec, ownerOnly);
        if (descriptor < 0)
            return raw.SQLITE_CANTOPEN;
        file->Descriptor = descriptor;
        file->Path = path;
        file->Octets = lseek(descriptor, 0, SeekEnd);
        file->IsNew = file->Octets == 0;
        file->Methods = Table;
        return raw.SQLITE_OK;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Close(State* file)
    {
        NativeMemory.Free(file->Gathered);
        _ = close(file->Descriptor);
        *file = default;
        return raw.SQLITE_OK;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Read(State* file, byte* octets, int count, long at)
    {
        if (WriteGathered(file) is not raw.SQLITE_OK and var failure)
            return failure;
        while (count > 0)
        {
            var got = (int)pread(file->Descriptor, octets, (nuint)count, at);
            if (got < 0 && IsInterrupted())
                continue;
            if (got < 0)
                return IoErrorRead;
            if (got == 0)
            {
                // sqlite.org/c3ref/io_methods.html: the rest must be zeroes.
                new Span<byte>(octets, count).Clear();
                return IoErrorShortRead;
            }
            octets += got;
            count -= got;
            at += got;
        }
        return raw.SQLITE_OK;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Write(State* file, byte* octets, int count, long at)
    {
        if (file->GatheredOctets > 0
            && (at != file->GatheredAt + file->GatheredOctets || file->GatheredOctets + count > GatheredMax)
            && WriteGathered(file) is not raw.SQLITE_OK and var failure)
            return failure;
        if (count > GatheredMax)
            return WriteOut(file, octets, count, at);
        if (file->Gathered is null)
            file->Gathered = (byte*)NativeMemory.Alloc(GatheredMax);
        if (file->GatheredOctets == 0)
            file->GatheredAt = at;
        NativeMemory.Copy(octets, file->Gathered + file->GatheredOctets, (nuint)count);
        file->GatheredOctets += count;
        return raw.SQLITE_OK;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Truncate(State* file, long octets)
    {
        if (WriteGathered(file) is not raw.SQLITE_OK and var failure)
            return failure;
        file->Octets = octets;
        return ftruncate(file->Descriptor, octets) == 0 ? raw.SQLITE_OK : IoErrorTruncate;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Flush(State* file, int flags)
    {
        if (file->IsBroken)
            return IoErrorFlush;
        // A log that begins anew says so on the disk before a frame of it follows: without its new salt the
        // rest of the old log would be read after a crash.
        var isBeginning = file->GatheredOctets == 0 || file->GatheredAt == 0;
        if (WriteGathered(file) is not raw.SQLITE_OK and var failure)
            return failure;
        if (FlushesLater && !isBeginning)
            return raw.SQLITE_OK;
        while (fdatasync(file->Descriptor) != 0)
        {
            // EINTR reports no lost page: only then it is called again.
            if (IsInterrupted())
                continue;
            file->IsBroken = true;
            return IoErrorFlush;
        }
        return file->IsNew ? FlushDirectory(file) : raw.SQLITE_OK;
    }

    static int FlushDirectory(State* file)
    {
        try
        {
            NativeFile.FlushDirectory(Path.GetDirectoryName(Marshal.PtrToStringUTF8((nint)file->Path)!)!);
            file->IsNew = false;
            return raw.SQLITE_OK;
        }
        catch (NativeFileException)
        {
            file->IsBroken = true;
            return IoErrorFlushDirectory;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Size(State* file, long* octets)
    {
        if (WriteGathered(file) is not raw.SQLITE_OK and var failure)
            return failure;
        *octets = lseek(file->Descriptor, 0, SeekEnd);
        return *octets < 0 ? IoErrorSize : raw.SQLITE_OK;
    }

    static int WriteGathered(State* file)
    {
        var count = file->GatheredOctets;
        if (count == 0)
            return raw.SQLITE_OK;
        file->GatheredOctets = 0;
        return WriteOut(file, file->Gathered, count, file->GatheredAt);
    }

    static int WriteOut(State* file, byte* octets, int count, long at)
    {
        Grow(file, at + count);
        while (count > 0)
        {
            var put = (int)pwrite(file->Descriptor, octets, (nuint)count, at);
            if (put < 0 && IsInterrupted())
                continue;
            if (put <= 0)
                return put < 0 && Marshal.GetLastPInvokeError() is not (Errno.NoSpace or Errno.Quota)
                    ? IoErrorWrite
                    : raw.SQLITE_FULL;
            octets += put;
            count -= put;
            at += put;
        }
        return raw.SQLITE_OK;
    }

    /// <summary>Lengthens the file with zeroes beyond <paramref name="end"/>, which SQLite takes for the end
    /// of the log. A full disk is told by the write that needs the room.</summary>
    static void Grow(State* file, long end)
    {
        if (end <= file->Octets)
            return;
        var left = GrowOctets - (end % GrowOctets);
        var put = pwrite(file->Descriptor, Zeroes, (nuint)left, end);
        file->Octets = put > 0 ? end + put : end;
    }

    static bool IsInterrupted() => Marshal.GetLastPInvokeError() == Errno.Interrupted;

    /// <summary>The log is never locked: what guards it are the locks of the database's file.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Lock(State* file, int level) => raw.SQLITE_OK;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int IsReserved(State* file, int* result)
    {
        *result = 0;
        return raw.SQLITE_OK;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Control(State* file, int operation, void* argument) => raw.SQLITE_NOTFOUND;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int SectorOctets(State* file) => 4096;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Characteristics(State* file) => 0x1000; // SQLITE_IOCAP_POWERSAFE_OVERWRITE, as SQLite has it

    static Methods* MakeTable()
    {
        var table = (Methods*)NativeMemory.AllocZeroed((nuint)sizeof(Methods));
        *table = new Methods
        {
            Version = 1,
            Close = &Close,
            Read = &Read,
            Write = &Write,
            Truncate = &Truncate,
            Flush = &Flush,
            Size = &Size,
            Lock = &Lock,
            Unlock = &Lock,
            IsReserved = &IsReserved,
            Control = &Control,
            SectorOctets = &SectorOctets,
            Characteristics = &Characteristics,
        };
        return table;
    }

    /// <summary>sqlite3_io_methods, version 1, in its order.</summary>
    internal struct Methods
    {
        public int Version;
        public delegate* unmanaged[Cdecl]<State*, int> Close;
        public delegate* unmanaged[Cdecl]<State*, byte*, int, long, int> Read;
        public delegate* unmanaged[Cdecl]<State*, byte*, int, long, int> Write;
        public delegate* unmanaged[Cdecl]<State*, long, int> Truncate;
        public delegate* unmanaged[Cdecl]<State*, int, int> Flush;
        public delegate* unmanaged[Cdecl]<State*, long*, int> Size;
        public delegate* unmanaged[Cdecl]<State*, int, int> Lock;
        public delegate* unmanaged[Cdecl]<State*, int, int> Unlock;
        public delegate* unmanaged[Cdecl]<State*, int*, int> IsReserved;
        public delegate* unmanaged[Cdecl]<State*, int, void*, int> Control;
        public delegate* unmanaged[Cdecl]<State*, int> SectorOctets;
        public delegate* unmanaged[Cdecl]<State*, int> Characteristics;
    }

    const int OpenReadWrite = 0x2;
    const int OpenCreate = 0x40;
    const int OpenCloseOnExec = 0x80000;
    const int SeekEnd = 2;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int open(byte* path, int flags, int mode);

    [LibraryImport("libc")]
    private static partial int close(int file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pread(int file, byte* octets, nuint count, long at);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pwrite(int file, byte* octets, nuint count, long at);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(int file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int file, long octets);

    [LibraryImport("libc")]
    private static partial long lseek(int file, long at, int from);
}
