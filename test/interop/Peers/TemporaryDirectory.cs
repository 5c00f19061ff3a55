namespace Postern.Interop.Peers;

/// <summary>A directory of its own for a peer: every user may walk through it, and it goes with its
/// owner.</summary>
sealed class TemporaryDirectory : IDisposable
{
    const UnixFileMode Walkable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead
            | UnixFileMode.OtherExecute;

    /// <summary>A file that everyone may read.</summary>
    public const UnixFileMode Public = UnixFileMode.UserRead | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public TemporaryDirectory()
    {
        FullPath = Directory.CreateTempSubdirectory("postern-").FullName;
        File.SetUnixFileMode(FullPath, Walkable);
    }

    public string FullPath { get; }

    public string PathOf(string name) => Path.Combine(FullPath, name);

    public string MakeDirectory(string name)
    {
        Directory.CreateDirectory(PathOf(name));
        File.SetUnixFileMode(PathOf(name), Walkable);
        return PathOf(name);
    }

    public string Write(
        string name, string text, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        File.WriteAllLines(PathOf(name), text.Split('\n'));
        File.SetUnixFileMode(PathOf(name), mode);
        return PathOf(name);
    }

    public string WriteScript(string name, string text) => Write(name, text, Walkable);

    /// <summary>A secret as Postern wants it: readable by its owner alone.</summary>
    public string WriteSecret(string name, string secret) => Write(name, secret);

    public void Dispose()
    {
        try
        {
            Directory.Delete(FullPath, recursive: true);
        }
        catch (IOException)
        {
            // A peer that is still going away may write into it; the system's own cleaning takes the rest.
        }
    }
}
