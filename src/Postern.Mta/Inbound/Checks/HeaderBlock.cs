using System.Text;
using Postern.Mta.Queue;

namespace Postern.Mta.Inbound.Checks;

/// <summary>A header section as the octets that signatures are made of, cut into its fields.</summary>
/// <remarks>Nothing is decoded or mended: <see cref="MailHeader"/> is for who wants to read it.</remarks>
sealed class HeaderBlock
{
    readonly ReadOnlyMemory<byte> octets;
    readonly List<HeaderField> fields = [];

    // From the last field of a name to its first: so signatures count them (RFC 6376 §5.4.2).
    readonly Dictionary<string, List<int>> byName = new(StringComparer.OrdinalIgnoreCase);

    HeaderBlock(ReadOnlyMemory<byte> octets)
    {
        this.octets = octets;
        for (var at = 0; at < octets.Length;)
        {
            var length = FieldLength(octets.Span[at..]);
            Add(octets.Span.Slice(at, length), at);
            at += length;
        }
        foreach (var found in byName.Values)
            found.Reverse();
    }

    /// <summary>Lines that are no fields are left out, and <see cref="IsTorn"/> says so.</summary>
    public IReadOnlyList<HeaderField> Fields => fields;

    /// <summary>A line is no field: some readers end the section there, others read on.</summary>
    public bool IsTorn { get; private set; }

    /// <param name="octets">Up to the empty line, without it.</param>
    public static HeaderBlock Read(ReadOnlyMemory<byte> octets) => new(octets);

    /// <summary>Numbers of the fields of this name, the last one first.</summary>
    public IReadOnlyList<int> Named(string name) => byName.TryGetValue(name, out var found) ? found : [];

    public ReadOnlySpan<byte> OctetsOf(int field) =>
        octets.Span.Slice(fields[field].Start, fields[field].Length);

    /// <summary>What stands behind the colon, folded as it is.</summary>
    public ReadOnlySpan<byte> ValueOf(int field) => OctetsOf(field)[(fields[field].ColonAt + 1)..];

    public ContentRange RangeOf(int field) => new(fields[field].Start, fields[field].Length);

    /// <summary>The fields that <c>h=</c> names, each taken once, from the last to the first (RFC 6376
    /// §5.4.2); what is not there is nothing.</summary>
    /// <param name="except">The signature itself, which no signature signs with its value.</param>
    public IEnumerable<int> Select(IEnumerable<string> names, int except)
    {
        var taken = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in names)
        {
            var all = Named(name);
            var next = taken.GetValueOrDefault(name);
            if (next < all.Count && all[next] == except)
                next++;
            if (next < all.Count)
                yield return all[next];
            taken[name] = next + 1;
        }
    }

    void Add(ReadOnlySpan<byte> field, int at)
    {
        var colon = field.IndexOf((byte)':');
        // RFC 5322 §3.6.8: ftext. Space before the colon is of old (RFC 5322 §4.5).
        var name = colon > 0 ? field[..colon].TrimEnd(" \t\r\n"u8) : default;
        if (name.IsEmpty || name.ContainsAnyExceptInRange((byte)33, (byte)126))
        {
            IsTorn = true;
            return;
        }
        // A fold before the colon is none of the grammar, but it hides no field from us.
        IsTorn |= field[name.Length..colon].ContainsAny((byte)'\r', (byte)'\n');
        var text = Encoding.ASCII.GetString(name);
        if (!byName.TryGetValue(text, out var numbers))
            byName[text] = numbers = [];
        numbers.Add(fields.Count);
        fields.Add(new HeaderField(at, field.Length, name.Length, colon));
    }

    /// <summary>Octets of one field with its folded lines (RFC 5322 §2.2.3) and its CRLF.</summary>
    static int FieldLength(ReadOnlySpan<byte> rest)
    {
        var length = 0;
        do
        {
            var end = rest[length..].IndexOf("\r\n"u8);
            length = end < 0 ? rest.Length : length + end + 2;
        }
        while (length < rest.Length && rest[length] is (byte)' ' or (byte)'\t');
        return length;
    }
}

/// <param name="Start">Where it begins in the content.</param>
/// <param name="Length">With its line end.</param>
/// <param name="NameLength">Octets of its name.</param>
/// <param name="ColonAt">From its start.</param>
readonly record struct HeaderField(int Start, int Length, int NameLength, int ColonAt);
