using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using SQLitePCL;

namespace Postern.Mta.Store;

/// <summary>The flushes of directories that SQLite wants, made and checked by us.</summary>
/// <remarks>
/// SQLite flushes the directory of a new log or journal and ignores the result (unixSync in its os_unix.c),
/// so that a commit would be acknowledged whose log may have no name on disk (DESIGN §1.1 law 9). It opens
/// the directory through a table of system calls; the entry put there flushes it and keeps the error for the
/// thread that asked. To SQLite it says that there is no directory to open, which SQLite allows.
/// </remarks>
static unsafe partial class DirectoryFlush
{
    /// <summary>Where the unix VFS has xSetSystemCall: an int, a padded pair, three pointers and thirteen
    /// functions before it.</summary>
    const int SetSystemCallOffset = 144;

    const int IoErrorDirectoryFlush = raw.SQLITE_IOERR | (5 << 8); // SQLITE_IOERR_DIR_FSYNC

    [ThreadStatic]
    static NativeFileException? error;

    /// <summary>Puts the entry into SQLite's table, once in the life of the process.</summary>
    [SuppressMessage(
        "Performance", "CA1810", Justification = "Run by the first use, not by a static field's.")]
    static DirectoryFlush()
    {
        var files = sqlite3_vfs_find(0);
        var set = *(delegate* unmanaged[Cdecl]<nint, byte*, void*, int>*)(files + SetSystemCallOffset);
        int result;
        fixed (byte* name = "openDirectory\0"u8)
            result = set(files, name, (delegate* unmanaged[Cdecl]<byte*, int*, int>)&OpenDirectory);
        if (result != raw.SQLITE_OK)
            throw new StoreException(
                StoreHealth.Failed, $"SQLite does not let its flushes be checked: {result}");
    }

    /// <exception cref="SqliteFailure">A flush of a directory failed in what this thread did
    /// last.</exception>
    public static void ThrowIfFailed()
    {
        if (error is not { } failed)
            return;
        error = null;
        throw new SqliteFailure(IoErrorDirectoryFlush, failed.Message);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int OpenDirectory(byte* file, int* descriptor)
    {
        *descriptor = -1;
        var path = Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(file));
        try
        {
            NativeFile.FlushDirectory(Path.GetDirectoryName(path)!);
        }
        catch (NativeFileException failed)
        {
            error = failed;
        }
        return raw.SQLITE_CANTOPEN;
    }

    [LibraryImport("e_sqlite3")]
    private static partial nint sqlite3_vfs_find(nint name);
}
