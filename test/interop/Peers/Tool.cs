namespace Postern.Interop.Peers;

/// <summary>What must be on the machine for a test to mean anything; otherwise the test skips and names
/// it.</summary>
static class Tool
{
    const string Mend = "./do test --install (as root) installs it";

    public static string Root { get; } = FindRoot();

    /// <summary>What install-peers unpacks and builds.</summary>
    public static string PeersDirectory => Path.Combine(Root, "artifacts", "peers");

    public static string InteropDirectory => Path.Combine(Root, "test", "interop");

    /// <summary>The full path of a program, or a skipped test.</summary>
    public static string Require(string name, string? package = null)
    {
        var path = Find(name);
        Assert.SkipWhen(path is null, $"{name} is missing (Debian package {package ?? name}); {Mend}");
        return path!;
    }

    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':')
            .Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);

    public static string RequireFile(string path, string what)
    {
        Assert.SkipUnless(File.Exists(path), $"{what} is missing; {Mend}");
        return path;
    }

    public static void RequireRoot(string why) =>
        Assert.SkipUnless(Environment.IsPrivilegedProcess, $"{why} needs root");

    public static string RequireNode(string script)
    {
        Require("node", "nodejs");
        var npm = Path.Combine(InteropDirectory, "npm");
        // npm writes the first when it has installed what the second names.
        var installed = File.GetLastWriteTimeUtc(Path.Combine(npm, "node_modules", ".package-lock.json"));
        Assert.SkipUnless(
            installed >= File.GetLastWriteTimeUtc(Path.Combine(npm, "package-lock.json")),
            $"the npm packages are missing or old; {Mend}");
        return Path.Combine(npm, script);
    }

    static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Postern.slnx")))
            directory = Path.GetDirectoryName(directory)
                ?? throw new DirectoryNotFoundException("Postern.slnx");
        return directory;
    }
}
