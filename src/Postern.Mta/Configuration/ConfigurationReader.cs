using System.Text;

namespace Postern.Mta.Configuration;

/// <summary>
/// Reads <c>postern.toml</c>: syntax, keys, values, secrets, then whether all of it fits together.
/// </summary>
public static class ConfigurationReader
{
    /// <summary>Octets.</summary>
    const int FileOctetsMax = 4 << 20;

    /// <summary>
    /// Reads and checks a file. Never throws for what it holds, or for a file that cannot be read.
    /// </summary>
    public static ConfigurationResult Read(string path, ConfigurationSurroundings surroundings)
    {
        try
        {
            if (new FileInfo(path).Length > FileOctetsMax)
                return Unreadable(path, "is over 4 MiB; this is no configuration");
            return ReadText(File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true)), path,
                surroundings);
        }
        catch (DecoderFallbackException)
        {
            return Unreadable(path, "is not UTF-8");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Unreadable(path, "does not exist");
        }
        catch (UnauthorizedAccessException)
        {
            return Unreadable(
                path, Directory.Exists(path) ? "is a directory" : "cannot be read by this user");
        }
        catch (IOException e)
        {
            return Unreadable(path, $"cannot be read ({e.GetType().Name})");
        }
    }

    /// <summary>The same for text that is said to come from <paramref name="file"/>.</summary>
    public static ConfigurationResult ReadText(
        string text, string file, ConfigurationSurroundings surroundings)
    {
        var at = new Reading(file, surroundings);
        var tree = TomlTree.Read(text, file, at.Errors);
        var options = PosternOptions.Settings.Read(new PosternOptions(), tree, "", at);
        options = options with
        {
            Routes = [.. options.Routes.Select(
                (r, i) => r.Name.Length > 0 ? r : r with { Name = $"route-{i + 1}" })],
            Inbound = options.Inbound with
            {
                Milters = [.. options.Inbound.Milters.Select(
                    (m, i) => m.Name.Length > 0 ? m : m with { Name = $"milter-{i + 1}" })],
                Verdicts = [.. options.Inbound.Verdicts.Select(
                    (v, i) => v.Name.Length > 0 ? v : v with { Name = $"verdict-{i + 1}" })],
            },
        };
        new ConfigurationValidator(options, at).Validate();
        return new ConfigurationResult(
            options, [.. at.Errors.OrderBy(e => e.File != file).ThenBy(e => e.Line)]);
    }

    /// <summary>
    /// The line a key stands on, or the table around it; for what is found out only after the file was read.
    /// </summary>
    /// <returns>0: neither is there, or the file cannot be read any more.</returns>
    public static int FindLine(string path, string key)
    {
        try
        {
            var at = new Reading(path, new ConfigurationSurroundings());
            var tree = TomlTree.Read(File.ReadAllText(path), path, at.Errors);
            PosternOptions.Settings.Read(new PosternOptions(), tree, "", at);
            return at.LineOf(key);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    static ConfigurationResult Unreadable(string path, string text) =>
        new(new PosternOptions(), [new ConfigurationError(path, 0, "", text)]);
}

/// <summary>
/// A configuration that was read: the options, and every error of the file. With errors the options may not
/// be used.
/// </summary>
public sealed record ConfigurationResult(PosternOptions Options, IReadOnlyList<ConfigurationError> Errors)
{
    public bool IsGood => Errors.Count == 0;
}
