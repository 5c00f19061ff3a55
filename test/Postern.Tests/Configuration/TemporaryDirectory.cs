namespace Postern.Tests.Configuration;

/// <summary>A directory of one test, removed after it.</summary>
sealed class TemporaryDirectory : IDisposable
{
    readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("postern-test-");

    public string PathOf(string name) => Path.Combine(directory.FullName, name);

    /// <summary>Writes a file with the mode of a secret, or the one given.</summary>
    public string Write(
        string name, string text, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var path = PathOf(name);
        using (var writer = new StreamWriter(path))
            writer.Write(text);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, mode);
        return path;
    }

    public void Dispose() => directory.Delete(recursive: true);
}
