using System.Buffers.Binary;

namespace Postern.Mta.Transports;

/// <summary>A document that a script may read while it runs: a file that its user and we can open, and nobody
/// else.</summary>
/// <remarks>
/// It lies in the directory for temporary files, since another user cannot enter our data directory. Another
/// user gets it by an access control list, which the owner of a file may set; where the file system has none,
/// by becoming its owner, which needs CAP_CHOWN.
/// </remarks>
sealed class PipeDocument : IDisposable
{
    const uint NobodyElse = uint.MaxValue;

    PipeDocument(string path) => Path = path;

    public string Path { get; }

    /// <param name="user">Who may read it too. Null: nobody.</param>
    /// <exception cref="IOException">It cannot be written, or not be given to the user.</exception>
    public static async ValueTask<PipeDocument> WriteAsync(
        ReadOnlyMemory<byte> octets, uint? user, CancellationToken cancel)
    {
        var name = $"postern-{System.IO.Path.GetRandomFileName()}.json";
        var path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), name);
        // Mode 0600 from the first moment, and a name that did not exist.
        var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Options = FileOptions.Asynchronous,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        var document = new PipeDocument(path);
        try
        {
            await using (file.ConfigureAwait(false))
                await file.WriteAsync(octets, cancel).ConfigureAwait(false);
            if (user is { } reader && !TryGive(path, reader))
                throw new IOException(
                    $"{path} cannot be given to the script's user: no access control lists, no CAP_CHOWN");
            return document;
        }
        catch
        {
            document.Dispose();
            throw;
        }
    }

    public void Dispose() => File.Delete(Path);

    static unsafe bool TryGive(string path, uint user)
    {
        var list = ListFor(user);
        fixed (byte* octets = list)
        {
            return Posix.SetAttribute(path, "system.posix_acl_access", octets, (nuint)list.Length, 0) == 0
                || Posix.ChangeOwner(path, user, NobodyElse) == 0;
        }
    }

    /// <summary>As acl(5) lies in the attribute: a version, then tag, permissions and id of each entry, in
    /// the order of tags.</summary>
    static byte[] ListFor(uint user)
    {
        const short read = 4, write = 2, none = 0;
        (short Tag, short Permissions, uint Id)[] entries =
        [
            (0x01, read | write, NobodyElse), // our own
            (0x02, read, user),
            (0x04, none, NobodyElse), // the group
            (0x10, read, NobodyElse), // the most that the two before it may have
            (0x20, none, NobodyElse), // all others
        ];
        var list = new byte[4 + (8 * entries.Length)];
        BinaryPrimitives.WriteUInt32LittleEndian(list, 2);
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = list.AsSpan(4 + (8 * i));
            BinaryPrimitives.WriteInt16LittleEndian(entry, entries[i].Tag);
            BinaryPrimitives.WriteInt16LittleEndian(entry[2..], entries[i].Permissions);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], entries[i].Id);
        }
        return list;
    }
}
