using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Postern.Mta.Store;

/// <summary>SQLite's way to its files (a VFS, sqlite.org/vfs.html): its own, but for the write-ahead log,
/// which is a <see cref="LogFile"/>.</summary>
static unsafe partial class SqliteFiles
{
    const int OpenLogFlag = 0x00080000; // SQLITE_OPEN_WAL

    static readonly Vfs* Usual = (Vfs*)sqlite3_vfs_find(0);

    /// <summary>What <c>sqlite3_open_v2</c> is told; registered by the first use.</summary>
    public static string Name { get; } = Register();

    static string Register()
    {
        const string name = "postern";
        // Both live as long as the process.
        var vfs = (Vfs*)NativeMemory.AllocZeroed((nuint)sizeof(Vfs));
        *vfs = *Usual;
        vfs->FileOctets = Math.Max(Usual->FileOctets, sizeof(LogFile.State));
        vfs->Next = null;
        vfs->Name = (byte*)Marshal.StringToCoTaskMemUTF8(name);
        vfs->Open = &Open;
        var result = sqlite3_vfs_register(vfs, 0);
        return result == raw.SQLITE_OK
            ? name
            : throw new StoreException(
                StoreHealth.Failed, $"SQLite does not let its log be written by us: {result}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static int Open(Vfs* vfs, byte* path, void* file, int flags, int* flagsOut)
    {
        if ((flags & OpenLogFlag) == 0)
            return Usual->Open(Usual, path, file, flags, flagsOut);
        if (flagsOut is not null)
            *flagsOut = flags;
        return LogFile.Open(path, (LogFile.State*)file);
    }

    [LibraryImport("e_sqlite3")]
    private static partial nint sqlite3_vfs_find(nint name);

    [LibraryImport("e_sqlite3")]
    private static partial int sqlite3_vfs_register(Vfs* vfs, int makeDefault);

    /// <summary>sqlite3_vfs as sqlite3.h has it, version 3, on 64 bits; the rest is only copied.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 168)]
    struct Vfs
    {
        [FieldOffset(4)]
        public int FileOctets;

        [FieldOffset(16)]
        public Vfs* Next;

        [FieldOffset(24)]
        public byte* Name;

        [FieldOffset(40)]
        public delegate* unmanaged[Cdecl]<Vfs*, byte*, void*, int, int*, int> Open;
    }
}
