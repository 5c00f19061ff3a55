using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Store;

namespace Postern.Listeners;

/// <summary>Small files beside the store that only their owner may read: keys, tokens, the ready
/// file.</summary>
static class PrivateFile
{
    /// <summary>Puts the text in place whole: a reader sees the old file or the new one, never a part, also
    /// after a power cut.</summary>
    public static void Write(string path, string text)
    {
        var beside = path + ".new";
        File.Delete(beside);
        using (var file = NativeFile.Create(beside))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush();
        }
        Native.Rename(beside, path);
        NativeFile.FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>The token in the file; made at the first start: 256 bits, base64url. One that others could
    /// read, or a link in its place, is replaced.</summary>
    public static string ReadOrMakeToken(string path)
    {
        if (IsPrivate(path) && File.ReadAllText(path).Trim() is { Length: >= 32 } known)
            return known;
        var token = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))
            .TrimEnd('=').Replace('+', '-').Replace('/', '_');
        Write(path, token + "\n");
        return token;
    }

    static bool IsPrivate(string path) =>
        File.Exists(path) && new FileInfo(path).LinkTarget is null
            && (File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) == 0;
}
