using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Postern.Cli;

namespace Postern.Listeners;

/// <summary>The data directory, held by this process alone until it is disposed.</summary>
sealed class DataDirectory : IDisposable
{
    /// <summary>sun_path of unix(7), less the final zero.</summary>
    const int SocketPathOctetsMax = 107;

    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    readonly SafeFileHandle handle;

    DataDirectory(string path, SafeFileHandle handle)
    {
        Path = path;
        this.handle = handle;
    }

    public string Path { get; }
    public string AdminSocket => System.IO.Path.Combine(Path, "admin.sock");
    public string DeliverSocket => System.IO.Path.Combine(Path, "deliver.sock");
    public string AdminToken => System.IO.Path.Combine(Path, "admin.token");

    /// <summary>Makes the directory when it is missing and takes its lock; another holder leaves it untouched.</summary>
    /// <exception cref="CommandException">It cannot be made, or another running Postern has it.</exception>
    public static DataDirectory Take(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        if (System.Text.Encoding.UTF8.GetByteCount(System.IO.Path.Combine(full, "deliver.sock")) > SocketPathOctetsMax)
            throw new CommandException(
                ExitCode.Configuration, $"data: {full} is too long a path for the sockets in it", "choose a shorter one");
        SafeFileHandle lockFile;
        try
        {
            Directory.CreateDirectory(full, OwnerOnly);
            lockFile = File.OpenHandle(
                System.IO.Path.Combine(full, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCode.CannotCreate, $"data directory {full}: {e.Message}",
                "make it for the user Postern runs as, or set another \"data\"");
        }
        if (Native.TryLock(lockFile))
            return Own(full, lockFile);
        var owner = ReadOwner(lockFile);
        lockFile.Dispose();
        throw new CommandException(
            ExitCode.TemporaryFailure, $"data directory {full} belongs to another running Postern{owner}",
            "stop it, or set another \"data\"");
    }

    /// <summary>The lock goes with the process, however that ends; the file stays.</summary>
    public void Dispose() => handle.Dispose();

    static DataDirectory Own(string path, SafeFileHandle handle)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, OwnerOnly);
        RandomAccess.SetLength(handle, 0);
        RandomAccess.Write(
            handle, System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)), 0);
        return new DataDirectory(path, handle);
    }

    static string ReadOwner(SafeFileHandle handle)
    {
        var digits = new byte[12];
        var read = RandomAccess.Read(handle, digits, 0);
        return int.TryParse(digits.AsSpan(0, read), CultureInfo.InvariantCulture, out var pid) ? $" (process {pid})" : "";
    }
}
