using System.Text;

namespace Postern.Mta.Store;

/// <summary>
/// The data directory while this process owns it: 0700, one lock, the directory of large contents.
/// </summary>
/// <remarks>
/// The lock is flock on <c>lock</c>: the kernel drops it with the process, so that none can be left over.
/// </remarks>
sealed class DataDirectory : IDisposable
{
    readonly NativeFile lockFile;

    DataDirectory(string path, NativeFile lockFile)
    {
        Path = path;
        this.lockFile = lockFile;
    }

    public string Path { get; }
    public string Database => System.IO.Path.Combine(Path, "postern.db");
    public string Contents => System.IO.Path.Combine(Path, "content");

    public string ContentFile(string name) => System.IO.Path.Combine(Contents, name);

    /// <exception cref="StoreException">It cannot be made, or another process has it.</exception>
    public static DataDirectory Take(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        DataDirectory? directory = null;
        try
        {
            if (System.IO.Path.GetDirectoryName(path) is { } parent)
                Directory.CreateDirectory(parent);
            NativeFile.MakeDirectory(path);
            directory = new DataDirectory(path, Lock(path));
            NativeFile.MakeDirectory(directory.Contents);
            // SQLite makes its files with 0644; made here first, they and their journals are 0600.
            NativeFile.OpenOrCreate(directory.Database).Dispose();
            NativeFile.FlushDirectory(path);
            return directory;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            directory?.Dispose();
            throw new StoreException(
                StoreHealth.Failed, $"the data directory {path} cannot be used: {error.Message}", error);
        }
    }

    public void Dispose()
    {
        lockFile.Unlock();
        lockFile.Dispose();
    }

    static NativeFile Lock(string path)
    {
        var file = NativeFile.OpenOrCreate(System.IO.Path.Combine(path, "lock"));
        if (!file.TryLock())
        {
            var owner = ReadOwner(file);
            file.Dispose();
            throw new StoreException(
                StoreHealth.Failed,
                $"the data directory {path} belongs to another running Postern (pid {owner})");
        }
        file.Replace(Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"));
        return file;
    }

    static string ReadOwner(NativeFile file)
    {
        const int digitsMax = 20;
        Span<byte> octets = stackalloc byte[digitsMax];
        var text = Encoding.ASCII.GetString(octets[..file.Read(octets)]).TrimEnd('\n');
        return text.Length > 0 && text.All(char.IsAsciiDigit) ? text : "unknown";
    }
}
