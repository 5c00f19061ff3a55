using System.Text;
using MimeKit;
using MimeKit.Utils;

namespace Postern.Mta.Inbound;

/// <summary>The header section of a message as a reader sees it: decoded, in order, within limits. The octets
/// are the truth.</summary>
/// <remarks>Never throws for what stands in a message: what cannot be read is left out and named in
/// <see cref="Defects"/>.</remarks>
sealed class MailHeader
{
    /// <summary>Octets of the section that are read (Postfix's header_size_limit).</summary>
    public const int OctetsMax = 102_400;

    /// <summary>Fields that are read (Haraka's limit).</summary>
    public const int FieldsMax = 1000;

    /// <summary>Addresses of one field that are listed.</summary>
    public const int AddressesMax = 1000;

    const int ReferencesMax = 1000;

    readonly List<MailField> fields = [];
    readonly SortedSet<string> defects = new(StringComparer.Ordinal);

    /// <summary>How octets are read that are no UTF-8. Null: by what they look like.</summary>
    readonly ParserOptions? labelled;

    MailHeader(ReadOnlySpan<byte> head)
    {
        MailCharsets.Register();
        var lines = Split(head);
        if (CharsetOf(lines) is { } charset and not (ASCIIEncoding or UTF8Encoding))
            labelled = new ParserOptions { CharsetEncoding = charset };
        foreach (var (name, value) in lines)
        {
            var octets = EncodedWords.Mend(value);
            var text = Rfc2047.DecodeText(OptionsFor(octets), octets).Trim();
            fields.Add(new MailField(name, text, octets));
        }
    }

    public IReadOnlyList<MailField> Fields => fields;
    public bool IsTruncated { get; private set; }
    public IReadOnlyCollection<string> Defects => defects;

    public static MailHeader Read(ReadOnlySpan<byte> head) => new(head);

    /// <summary>The decoded value of the first such field. Null: there is none.</summary>
    public string? TextOf(string name) => Find(name)?.Value;

    public IReadOnlyList<MailAddress> AddressesOf(string name)
    {
        if (Find(name) is not { } field || field.Octets.Length == 0)
            return [];
        var options = OptionsFor(field.Octets);
        if (InternetAddressList.TryParse(options, field.Octets, out var list))
            return [.. list.Mailboxes.Take(AddressesMax).Select(ToAddress)];
        defects.Add($"unreadable-{name.ToLowerInvariant()}");
        // One that is broken does not take the others with it.
        return [.. PiecesOf(field.Octets).SelectMany(
            piece => InternetAddressList.TryParse(options, piece, out var some) ? some.Mailboxes : [])
            .Take(AddressesMax).Select(ToAddress)];
    }

    static MailAddress ToAddress(MailboxAddress mailbox) =>
        new(mailbox.Name ?? "", mailbox.Address, mailbox.Domain);

    /// <summary>Between commas and semicolons that stand in no quotes.</summary>
    static IEnumerable<byte[]> PiecesOf(byte[] octets)
    {
        var (start, isQuoted, pieces) = (0, false, 0);
        for (var i = 0; i <= octets.Length && pieces < AddressesMax; i++)
        {
            if (i < octets.Length && octets[i] == '\\' && isQuoted)
                i++;
            else if (i < octets.Length && octets[i] == '"')
                isQuoted = !isQuoted;
            else if (i == octets.Length || (!isQuoted && octets[i] is (byte)',' or (byte)';'))
            {
                yield return octets[start..i];
                start = i + 1;
                pieces++;
            }
        }
    }

    // RFC 6532 §3.2: headers are UTF-8; what is not is read in the charset of the body, else guessed.
    ParserOptions OptionsFor(ReadOnlySpan<byte> octets) => labelled ?? Guess(octets);

    /// <summary>For a field whose octets no label explains.</summary>
    internal static ParserOptions Guess(ReadOnlySpan<byte> octets) =>
        Ascii.IsValid(octets) || MailCharsets.Guess(octets) is not { CodePage: 1252 } ? Korean : Western;

    static readonly ParserOptions Korean = new() { CharsetEncoding = MailCharsets.Hangul };
    static readonly ParserOptions Western = new() { CharsetEncoding = MailCharsets.Latin };

    public DateTimeOffset? Date
    {
        get
        {
            if (Find("Date") is not { } found)
                return null;
            if (DateUtils.TryParse(found.Octets, out var date))
                return date;
            defects.Add("unreadable-date");
            return null;
        }
    }

    /// <summary>Message identifiers of a field, with their angle brackets.</summary>
    public IReadOnlyList<string> IdentifiersOf(string name) => Find(name) is { } field
        ? [.. MimeUtils.EnumerateReferences(field.Octets, 0, field.Octets.Length)
            .Take(ReferencesMax).Select(static id => $"<{id}>")]
        : [];

    MailField? Find(string name) =>
        fields.Find(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    List<(string Name, byte[] Value)> Split(ReadOnlySpan<byte> head)
    {
        var found = new List<(string, byte[])>();
        if (head.Length > OctetsMax)
        {
            head = head[..OctetsMax];
            IsTruncated = true;
        }
        while (!head.IsEmpty && !head.StartsWith("\r\n"u8))
        {
            if (found.Count == FieldsMax)
            {
                IsTruncated = true;
                break;
            }
            var field = head[..FieldOctets(head)];
            head = head[field.Length..];
            var colon = field.IndexOf((byte)':');
            var name = colon > 0 ? field[..colon].TrimEnd(" \t"u8) : default;
            // RFC 5322 §3.6.8: ftext.
            if (name.IsEmpty || name.ContainsAnyExceptInRange((byte)33, (byte)126))
                defects.Add("malformed-header-line");
            else
                found.Add((Encoding.ASCII.GetString(name), Unfold(field[(colon + 1)..])));
        }
        return found;
    }

    /// <summary>Octets of one field with its folded lines (RFC 5322 §2.2.3) and its CRLF.</summary>
    static int FieldOctets(ReadOnlySpan<byte> head)
    {
        var octets = 0;
        do
        {
            var end = head[octets..].IndexOf("\r\n"u8);
            octets = end < 0 ? head.Length : octets + end + 2;
        }
        while (octets < head.Length && head[octets] is (byte)' ' or (byte)'\t');
        return octets;
    }

    static byte[] Unfold(ReadOnlySpan<byte> value)
    {
        var unfolded = new byte[value.Length];
        var length = 0;
        foreach (var octet in value.Trim(" \t\r\n"u8))
        {
            if (octet is not ((byte)'\r' or (byte)'\n' or 0))
                unfolded[length++] = octet;
        }
        return unfolded[..length];
    }

    Encoding? CharsetOf(List<(string Name, byte[] Value)> lines)
    {
        var line =
            lines.Find(static line => line.Name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase));
        if (line.Value is null)
            return null;
        if (!ContentType.TryParse(line.Value, out var type))
        {
            defects.Add("unreadable-content-type");
            return null;
        }
        if (type.Charset is not { Length: > 0 } name)
            return null;
        var charset = MailCharsets.Find(name);
        if (charset is null)
            defects.Add("unknown-charset");
        return charset;
    }
}

/// <param name="Value">Unfolded and decoded.</param>
/// <param name="Octets">Unfolded, with the padding that encoded words lack.</param>
sealed record MailField(string Name, string Value, byte[] Octets);

sealed record MailAddress(string Name, string Address, string Domain);
