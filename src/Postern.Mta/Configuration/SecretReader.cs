using System.Text;

namespace Postern.Mta.Configuration;

/// <summary>Resolves <c>file:/path</c> and <c>env:NAME</c> (DESIGN §9.6). What was written never stands in an error.</summary>
static class SecretReader
{
    /// <summary>Octets; a key or a PEM chain is far smaller.</summary>
    const int OctetsMax = 1 << 20;

    const UnixFileMode others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <param name="isPublic">A certificate authority: others may read it.</param>
    /// <param name="mend">What is wrong; null when it was read.</param>
    public static Secret? Read(string reference, Reading at, out string? mend, bool isPublic = false)
    {
        if (reference.StartsWith("file:", StringComparison.Ordinal) && reference.Length > 5)
        {
            var path = Path.GetFullPath(reference[5..], at.Directory);
            var value = ReadFile(path, isPublic, out mend);
            return value is null ? null : new Secret("file:" + path, value);
        }
        if (reference.StartsWith("env:", StringComparison.Ordinal) && IsVariableName(reference[4..]))
        {
            var value = at.Surroundings.Variable(reference[4..]);
            mend = string.IsNullOrEmpty(value) ? $"the environment variable {reference[4..]} is not set" : null;
            return mend is null ? new Secret(reference, value!) : null;
        }
        mend = "a secret never stands in this file; put it into a file of mode 0600 and write \"file:/path\", or \"env:NAME\"";
        return null;
    }

    /// <summary>Checks and reads a file that only we may read.</summary>
    public static string? ReadFile(string path, bool isPublic, out string? mend)
    {
        try
        {
            using var file = File.OpenHandle(path);
            if (!isPublic && !OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & others) != 0)
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
            mend = System.IO.Directory.Exists(path) ? $"{path} is a directory" : $"{path} cannot be read by this user";
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
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
}
