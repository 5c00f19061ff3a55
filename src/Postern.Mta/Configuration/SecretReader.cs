using System.Text;

namespace Postern.Mta.Configuration;

/// <summary>
/// Resolves <c>file:/path</c> and <c>env:NAME</c> (DESIGN §9.6). What was written never stands in an error.
/// </summary>
public static class SecretReader
{
    const string FileScheme = "file:";
    const string VariableScheme = "env:";

    /// <summary>Octets; a key or a PEM chain is far smaller.</summary>
    const int OctetsMax = 1 << 20;

    const UnixFileMode others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>It begins as a reference does; a value itself never stands in such a place.</summary>
    public static bool IsReference(string text) =>
        text.StartsWith(FileScheme, StringComparison.Ordinal)
        || text.StartsWith(VariableScheme, StringComparison.Ordinal);

    /// <param name="directory">What relative paths begin at.</param>
    /// <param name="mend">What is wrong; null when it was read.</param>
    public static Secret? Read(
        string reference, string directory, ConfigurationSurroundings surroundings, SecretReach reach,
        out string? mend)
    {
        if (reference.StartsWith(FileScheme, StringComparison.Ordinal)
            && reference.Length > FileScheme.Length)
        {
            var path = Path.GetFullPath(reference[FileScheme.Length..], directory);
            var value = ReadFile(path, reach, out mend);
            return value is null ? null : new Secret(FileScheme + path, value);
        }
        if (reference.StartsWith(VariableScheme, StringComparison.Ordinal)
            && IsVariableName(reference[VariableScheme.Length..]))
        {
            var name = reference[VariableScheme.Length..];
            var value = surroundings.Variable(name);
            mend = string.IsNullOrEmpty(value) ? $"the environment variable {name} is not set" : null;
            return mend is null ? new Secret(reference, value!) : null;
        }
        mend = "a secret never stands in this file; put it into a file of mode 0600 and write "
            + "\"file:/path\", or \"env:NAME\"";
        return null;
    }

    internal static Secret? Read(string reference, Reading at, SecretReach reach, out string? mend) =>
        Read(reference, at.Directory, at.Surroundings, reach, out mend);

    /// <summary>Checks and reads a file.</summary>
    public static string? ReadFile(string path, SecretReach reach, out string? mend)
    {
        try
        {
            using var file = File.OpenHandle(path);
            if (reach == SecretReach.Owner && !OperatingSystem.IsWindows()
                && (File.GetUnixFileMode(file) & others) != 0)
            {
                mend = $"others can read {path}; run: chmod o-rwx {path}";
                return null;
            }
            var octets = new byte[Math.Min(RandomAccess.GetLength(file), OctetsMax) + 1];
            var length = RandomAccess.Read(file, octets, 0);
            mend = length == 0 ? $"{path} is empty" : length > OctetsMax ? $"{path} is over 1 MiB" : null;
            return mend is null ? WithoutFinalLineEnd(Encoding.UTF8.GetString(octets, 0, length)) : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            mend = $"{path} does not exist";
        }
        catch (UnauthorizedAccessException)
        {
            mend = System.IO.Directory.Exists(path) ? $"{path} is a directory"
                : $"{path} cannot be read by this user";
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            mend = $"{path} cannot be read ({e.GetType().Name})";
        }
        return null;
    }

    static string WithoutFinalLineEnd(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2]
        : text.EndsWith('\n') ? text[..^1]
        : text;

    static bool IsVariableName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0])
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
}

/// <summary>Who may read the file of a reference.</summary>
public enum SecretReach
{
    /// <summary>A secret: others may not, or it is refused.</summary>
    Owner,

    /// <summary>A certificate authority: it is no secret.</summary>
    Anybody,
}
