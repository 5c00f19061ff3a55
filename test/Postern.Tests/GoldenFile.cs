namespace Postern.Tests;

/// <summary>Expected output in <c>Golden/</c>; <c>POSTERN_BLESS=1</c> rewrites it, and the diff is
/// read.</summary>
static class GoldenFile
{
    public static void Check(string name, string actual)
    {
        var path = Repository.PathOf(Path.Combine("test", "Postern.Tests", "Golden", name));
        if (Environment.GetEnvironmentVariable("POSTERN_BLESS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var writer = new StreamWriter(path);
            writer.Write(actual);
            return;
        }
        Assert.True(File.Exists(path), $"{path} is missing; POSTERN_BLESS=1 writes it.");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
