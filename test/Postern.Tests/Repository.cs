namespace Postern.Tests;

/// <summary>The checkout the tests run from.</summary>
static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Postern.slnx")))
            directory = Path.GetDirectoryName(directory)
                ?? throw new DirectoryNotFoundException("Postern.slnx");
        return directory;
    }
}
