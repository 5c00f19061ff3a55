using System.Runtime.InteropServices;

namespace Postern.Listeners;

/// <summary>The few calls of the C library that the class library does not have, or hides the errors
/// of.</summary>
static partial class Native
{
    const int ResourceFiles = 7;

    /// <summary>How many file descriptors this process may have. The runtime has already raised soft to
    /// hard.</summary>
    public static long FileDescriptorsMax()
    {
        var limit = default(ResourceLimit);
        if (GetResourceLimit(ResourceFiles, ref limit) != 0)
            return 1024;
        return limit.Soft > int.MaxValue ? int.MaxValue : (long)limit.Soft;
    }

    /// <summary>Files and directories made from here on are for their owner only.</summary>
    public static void SetOwnerOnlyMask() => _ = UMask(63); // octal 077

    /// <summary>Puts <paramref name="from"/> in the place of <paramref name="to"/> in one step.</summary>
    /// <exception cref="IOException">The system says no.</exception>
    public static void Rename(string from, string to)
    {
        if (RenameFile(from, to) != 0)
            throw new IOException($"cannot rename {from} to {to}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>The user this process acts as.</summary>
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    /// <summary>The group of a file. Null: it is not there.</summary>
    public static uint? GroupOf(string path)
    {
        const int fromHere = -100; // AT_FDCWD
        const uint group = 0x10;   // STATX_GID
        const int structure = 256, groupAt = 24;
        Span<byte> facts = stackalloc byte[structure];
        return StatFile(fromHere, path, 0, group, ref facts[0]) == 0
            ? MemoryMarshal.Read<uint>(facts[groupAt..])
            : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatFile(int directory, string path, int flags, uint mask, ref byte facts);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetResourceLimit(int resource, ref ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint UMask(uint mask);

    [LibraryImport(
        "libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameFile(string from, string to);

    struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
