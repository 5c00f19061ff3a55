using System.Text;

namespace Postern.Api.Mailgun;

/// <summary>The fields and files of a request, in their order; a name may come several times.</summary>
/// <remarks>A trailing <c>[]</c> or <c>[n]</c> of a name is left out, as some SDKs write lists so. Names keep
/// their case: <c>v:userId</c> is not <c>v:userid</c>.</remarks>
sealed class ApiForm : IAsyncDisposable
{
    readonly List<KeyValuePair<string, string>> fields = [];
    readonly List<ApiFile> files = [];

    public IReadOnlyList<KeyValuePair<string, string>> Fields => fields;
    public IReadOnlyList<ApiFile> Files => files;

    /// <summary>Octets of all fields, names included.</summary>
    public long FieldOctets { get; private set; }

    /// <summary>The last one of this name. Null: there is none.</summary>
    public string? Find(string name) => fields.LastOrDefault(field => field.Key == name).Value;

    /// <summary>All of this name, in order.</summary>
    public IEnumerable<string> All(string name) =>
        fields.Where(field => field.Key == name).Select(field => field.Value);

    public void Add(string name, string value)
    {
        FieldOctets += Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(value);
        fields.Add(new(Plain(name), value));
    }

    /// <summary>The file belongs to the form from here on.</summary>
    public void Add(ApiFile file) => files.Add(file);

    /// <summary>Without the marks of a list.</summary>
    public static string Plain(string name)
    {
        if (!name.EndsWith(']') || name.LastIndexOf('[') is var open && open <= 0)
            return name;
        return name.AsSpan(open + 1, name.Length - open - 2).ContainsAnyExceptInRange('0', '9')
            ? name : name[..open];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var file in files)
            await file.DisposeAsync();
    }
}

/// <summary>A file part: its octets lie in memory while they are few, else in a file without a
/// name.</summary>
sealed class ApiFile(string fieldName, string name, string? contentType, string directory) : IAsyncDisposable
{
    const int MemoryOctetsMax = 64 << 10;
    Stream octets = new MemoryStream();

    /// <summary>The name of its field, without the marks of a list.</summary>
    public string Field => fieldName;

    /// <summary>Without a path. May hold any characters but controls.</summary>
    public string Name => name;

    /// <summary>As the part said. Null: it did not.</summary>
    public string? ContentType => contentType;

    public long Octets => octets.Length;

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> more, CancellationToken cancel)
    {
        if (octets is MemoryStream memory && memory.Length + more.Length > MemoryOctetsMax)
        {
            octets = OpenNameless(directory);
            memory.Position = 0;
            await memory.CopyToAsync(octets, cancel);
        }
        await octets.WriteAsync(more, cancel);
    }

    /// <summary>From its beginning. One reader at a time; closing it is not the reader's.</summary>
    public Stream Read()
    {
        octets.Position = 0;
        return octets;
    }

    /// <summary>Gone with its last descriptor, also when the process is killed.</summary>
    static FileStream OpenNameless(string directory)
    {
        var path = Path.Combine(directory, Path.GetRandomFileName());
        var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.Asynchronous,
            // Who encodes it asks for a little at a time.
            BufferSize = MemoryOctetsMax,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        File.Delete(path);
        return file;
    }

    public ValueTask DisposeAsync() => octets.DisposeAsync();
}
