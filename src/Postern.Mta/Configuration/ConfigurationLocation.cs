namespace Postern.Mta.Configuration;

/// <summary>Where the configuration comes from (DESIGN §9.6). Never from the current directory.</summary>
public abstract record ConfigurationLocation
{
    public const string SystemPath = "/etc/postern/postern.toml";

    /// <summary>A file that is there.</summary>
    /// <param name="NamedBy"><c>--config</c>, <c>POSTERN_CONFIG</c>, or null for the file of the system.</param>
    public sealed record InFile(string Path, string? NamedBy) : ConfigurationLocation;

    /// <summary>A file that was named and is not there: exit 78, EX_CONFIG.</summary>
    public sealed record Missing(string Path, string NamedBy) : ConfigurationLocation
    {
        public string Text => $"{Path}: does not exist (named by {NamedBy})";
    }

    /// <summary>None was named and the system has none.</summary>
    public sealed record Sandbox : ConfigurationLocation;

    /// <param name="option">The argument of <c>--config</c>. Null: not given.</param>
    /// <param name="variable">The environment.</param>
    /// <param name="exists">Whether a file is there.</param>
    public static ConfigurationLocation Find(string? option, Func<string, string?> variable, Func<string, bool> exists)
    {
        if (option is not null)
            return Named(option, "--config", exists);
        if (variable("POSTERN_CONFIG") is { Length: > 0 } path)
            return Named(path, "POSTERN_CONFIG", exists);
        return exists(SystemPath) ? new InFile(SystemPath, null) : new Sandbox();
    }

    static ConfigurationLocation Named(string path, string by, Func<string, bool> exists) =>
        exists(path) ? new InFile(path, by) : new Missing(path, by);
}
