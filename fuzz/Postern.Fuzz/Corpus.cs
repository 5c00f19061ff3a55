namespace Postern.Fuzz;

/// <summary>The inputs in git, <c>fuzz/corpus/TARGET/*.txt</c>, and the place where findings are
/// written.</summary>
sealed class Corpus
{
    readonly string root;

    Corpus(string root) => this.root = root;

    /// <summary>The corpus of the checkout this program was built in.</summary>
    public static Corpus Find()
    {
        for (var at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Postern.slnx")))
                return new Corpus(at);
        }
        throw new DirectoryNotFoundException("Postern.slnx is in no directory above this program.");
    }

    /// <summary>All inputs of a target, in the order of their names.</summary>
    public IReadOnlyList<byte[]> InputsOf(FuzzTarget target)
    {
        var folder = Path.Combine(root, "fuzz", "corpus", target.Name);
        var paths = Directory.GetFiles(folder, "*.txt");
        Array.Sort(paths, StringComparer.Ordinal);
        return [.. paths.Select(Read)];
    }

    public static byte[] Read(string path) => OctetText.Decode(File.ReadAllText(path));

    /// <summary>Writes a finding where git does not look; a fixed one is moved to the corpus by
    /// hand.</summary>
    /// <returns>Its path.</returns>
    public string WriteFinding(FuzzTarget target, int seed, byte[] input)
    {
        var folder = Path.Combine(root, "artifacts", "fuzz");
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"{target.Name}-{seed}.txt");
        using var writer = File.CreateText(path);
        writer.Write(OctetText.Encode(input));
        return path;
    }
}
