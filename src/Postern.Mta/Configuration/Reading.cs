namespace Postern.Mta.Configuration;

/// <summary>What a configuration is read with besides its text.</summary>
public sealed record ConfigurationSurroundings
{
    /// <summary>Environment variables, for <c>env:</c> references. Null: not set.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Accounts made by command, which routes may name too.</summary>
    public IReadOnlyCollection<string> StoredAccounts { get; init; } = [];
}

/// <summary>One file being read: its errors, and on which line each key stood.</summary>
sealed class Reading(string file, ConfigurationSurroundings surroundings)
{
    readonly Dictionary<string, int> lines = new(StringComparer.Ordinal);

    public string File { get; } = file;

    /// <summary>What relative paths begin at.</summary>
    public string Directory { get; } = Path.GetDirectoryName(Path.GetFullPath(file)) ?? "/";

    public ConfigurationSurroundings Surroundings { get; } = surroundings;
    public List<ConfigurationError> Errors { get; } = [];

    /// <summary>Remembers where a key stands.</summary>
    public void Mark(string path, int line) => lines.TryAdd(path, line);

    /// <summary>The file sets this key.</summary>
    public bool Has(string path) => lines.ContainsKey(path);

    /// <summary>The line of the key, or of the nearest table around it.</summary>
    public int LineOf(string path)
    {
        for (var key = path; key.Length > 0; key = key[..Math.Max(0, key.LastIndexOfAny(['.', '[']))])
            if (lines.TryGetValue(key, out var line))
                return line;
        return 0;
    }

    public void Error(string path, string text) => Error(path, LineOf(path), text);

    public void Error(string path, int line, string text) =>
        Errors.Add(new ConfigurationError(File, line, path, text));

    /// <summary>The path of a key inside a table; names that are no bare keys are quoted.</summary>
    public static string Join(string path, string key)
    {
        var name = TomlWriter.Key(key);
        return path.Length == 0 ? name : $"{path}.{name}";
    }

    /// <summary>The path of the n-th table or item of a list, counted from 1.</summary>
    public static string Item(string path, int index) => $"{path}[{index + 1}]";
}
