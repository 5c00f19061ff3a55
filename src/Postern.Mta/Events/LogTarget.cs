using Postern.Mta.Transports;

namespace Postern.Mta.Events;

/// <summary>The file of the log, or standard output.</summary>
public static class LogTarget
{
    /// <summary>Who reads logs need not be who reads mail: its group may.</summary>
    const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    /// <param name="file">Null: standard output.</param>
    internal static Stream Open(string? file)
    {
        if (file is null)
            return Console.OpenStandardOutput();
        var options = new FileStreamOptions
        {
            Mode = FileMode.Append,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        };
        if (OperatingSystem.IsWindows())
            return new FileStream(file, options);
        options.UnixCreateMode = Mode;
        var isNew = !File.Exists(file);
        var stream = new FileStream(file, options);
        // Our umask takes from the group. A file that was there keeps the mode its owner gave it.
        if (isNew)
            File.SetUnixFileMode(stream.SafeFileHandle, Mode);
        return stream;
    }

    /// <summary>
    /// Why lines cannot be written there; null when they can. A file that is missing is made.
    /// </summary>
    /// <remarks>
    /// One that is there is asked about and not opened: to open a pipe would wait for its reader.
    /// </remarks>
    public static string? FindTrouble(string file)
    {
        if (Directory.Exists(file))
            return $"{file} is a directory";
        if (File.Exists(file))
            return Posix.IsWritable(file) ? null : $"{file} cannot be written by this user";
        try
        {
            Open(file).Dispose();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{file} cannot be made ({e.Message.TrimEnd('.')})";
        }
    }
}
