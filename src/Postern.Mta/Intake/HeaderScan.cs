using System.Buffers;
using System.Text;
using Postern.Mta.Inbound;

namespace Postern.Mta.Intake;

/// <summary>What Intake must know of a header section; found in one pass over its octets.</summary>
/// <remarks>Reads canonical content. A line that is no field ends the header section, as receivers take it
/// (RFC 5322 §2.1).</remarks>
sealed record HeaderScan
{
    public const string ListId = "List-Id";

    /// <summary>More than any honest message has.</summary>
    const int ListFieldsMax = 100;

    /// <summary>The section ends within what was scanned.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>The content begins with a field, so that fields may be put in front of it.</summary>
    public required bool StartsWithField { get; init; }

    /// <summary>Fields came first, but what ended the section was no empty line: other readers may skip that
    /// line and read on.</summary>
    public bool IsTorn { get; init; }

    public bool HasEightBit { get; init; }
    public bool HasDate { get; init; }
    public int ReceivedCount { get; init; }

    /// <summary>With its angle brackets. Null: there is none.</summary>
    public string? MessageId { get; init; }

    /// <summary>Of the first Subject field, decoded and cut. Null: there is none.</summary>
    public string? Subject { get; init; }

    /// <summary>Bodies of From and Sender fields, unfolded as they stand.</summary>
    public IReadOnlyList<string> Authors { get; init; } = [];

    /// <summary>How many From fields there are (RFC 5322 §3.6 allows one).</summary>
    public int FromCount { get; init; }

    /// <summary>Addresses of Delivered-To fields: the marks of a loop.</summary>
    public IReadOnlyList<string> DeliveredTo { get; init; } = [];

    /// <summary>Where a Return-Path field stands: it is cut when mail is submitted (RFC 5321 §4.4).</summary>
    public Queue.ContentRange? ReturnPath { get; init; }

    /// <summary>Where Bcc fields stand: they are cut from what the API takes.</summary>
    public IReadOnlyList<Queue.ContentRange> Bcc { get; init; } = [];

    /// <summary>Fields that mailing lists look at or write themselves: List-Id, List-Post, Precedence,
    /// Reply-To.</summary>
    public IReadOnlyList<OptionField> ListFields { get; init; } = [];

    /// <summary>Fields that ask something of us: of the submitter alone, see
    /// <see cref="MailgunFields"/>.</summary>
    public IReadOnlyList<OptionField> Options { get; init; } = [];

    public static HeaderScan Of(ReadOnlySequence<byte> content)
    {
        if (content.IsSingleSegment)
            return Of(content.FirstSpan);
        var length = (int)content.Length;
        var copy = ArrayPool<byte>.Shared.Rent(length);
        content.CopyTo(copy);
        var scan = Of(copy.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(copy);
        return scan;
    }

    static HeaderScan Of(ReadOnlySpan<byte> content)
    {
        var scan = new HeaderScan { IsComplete = false, StartsWithField = false };
        var authors = new List<string>();
        var delivered = new List<string>();
        var bcc = new List<Queue.ContentRange>();
        var options = new List<OptionField>();
        var listFields = new List<OptionField>();
        string? subject = null;
        var at = 0;
        while (at < content.Length)
        {
            var length = FieldLength(content[at..]);
            var field = content.Slice(at, length);
            var colon = NameLength(field);
            // Without its line end it may be a field's name of which the rest is still to come.
            if (colon == 0 && !content[at..].Contains((byte)'\n'))
                return Ended(scan, content, at, authors, delivered) with
                {
                    Bcc = bcc,
                    Options = options,
                    ListFields = listFields,
                    Subject = subject,
                    IsComplete = false,
                };
            if (colon == 0)
                return Ended(scan, content, at, authors, delivered) with
                {
                    Bcc = bcc,
                    Options = options,
                    ListFields = listFields,
                    Subject = subject,
                };
            scan = Read(scan with { StartsWithField = true }, field, colon, at, authors, delivered, bcc);
            if (field[0] is (byte)'X' or (byte)'x' && options.Count < MailgunFields.FieldsMax)
                AddOption(options, field, colon, at);
            if (field[0] is (byte)'L' or (byte)'l' or (byte)'P' or (byte)'p' or (byte)'R' or (byte)'r'
                && listFields.Count < ListFieldsMax)
                AddListField(listFields, field, colon, at);
            if (subject is null && IsSubject(field[..colon]))
                subject = SubjectText.Of(content, field[(colon + 1)..]);
            at += length;
        }
        return scan with
        {
            Authors = authors,
            DeliveredTo = delivered,
            Bcc = bcc,
            Options = options,
            ListFields = listFields,
            Subject = subject,
            HasEightBit = !Ascii.IsValid(content),
        };
    }

    static HeaderScan Ended(
        HeaderScan scan, ReadOnlySpan<byte> content, int at, List<string> authors, List<string> delivered) =>
        scan with
        {
            IsComplete = true,
            IsTorn = scan.StartsWithField && at < content.Length && !content[at..].StartsWith("\r\n"u8),
            Authors = authors,
            DeliveredTo = delivered,
            HasEightBit = !Ascii.IsValid(content[..at]),
        };

    /// <summary>One field with its folded lines and the line end.</summary>
    static int FieldLength(ReadOnlySpan<byte> content)
    {
        var at = 0;
        while (true)
        {
            var end = content[at..].IndexOf((byte)'\n');
            if (end < 0)
                return content.Length;
            at += end + 1;
            if (at >= content.Length || content[at] is not ((byte)' ' or (byte)'\t'))
                return at;
        }
    }

    /// <summary>Octets before the colon; 0 when this is no field (RFC 5322 §3.6.8).</summary>
    static int NameLength(ReadOnlySpan<byte> field)
    {
        var colon = field.IndexOf((byte)':');
        if (colon <= 0)
            return 0;
        var name = field[..colon].TrimEnd(" \t"u8);
        return name.IsEmpty || name.ContainsAnyExceptInRange((byte)33, (byte)126) ? 0 : colon;
    }

    static HeaderScan Read(
        HeaderScan scan, ReadOnlySpan<byte> field, int colon, int at, List<string> authors,
            List<string> delivered, List<Queue.ContentRange> bcc)
    {
        var name = field[..colon].TrimEnd(" \t"u8);
        var body = field[(colon + 1)..];
        if (Ascii.EqualsIgnoreCase(name, "Received"u8))
            return scan with { ReceivedCount = scan.ReceivedCount + 1 };
        if (Ascii.EqualsIgnoreCase(name, "Message-ID"u8))
            return scan with { MessageId = scan.MessageId ?? TextOf(body) };
        if (Ascii.EqualsIgnoreCase(name, "Date"u8))
            return scan with { HasDate = true };
        if (Ascii.EqualsIgnoreCase(name, "Return-Path"u8))
            return scan with { ReturnPath = scan.ReturnPath ?? new Queue.ContentRange(at, field.Length) };
        if (Ascii.EqualsIgnoreCase(name, "Bcc"u8))
            bcc.Add(new Queue.ContentRange(at, field.Length));
        if (Ascii.EqualsIgnoreCase(name, "Delivered-To"u8))
            delivered.Add(TextOf(body));
        if (Ascii.EqualsIgnoreCase(name, "Sender"u8))
            authors.Add(TextOf(body));
        if (!Ascii.EqualsIgnoreCase(name, "From"u8))
            return scan;
        authors.Add(TextOf(body));
        return scan with { FromCount = scan.FromCount + 1 };
    }

    static bool IsSubject(ReadOnlySpan<byte> name) =>
        name[0] is (byte)'S' or (byte)'s' && Ascii.EqualsIgnoreCase(name.TrimEnd(" \t"u8), "Subject"u8);

    static void AddOption(List<OptionField> options, ReadOnlySpan<byte> field, int colon, int at)
    {
        var name = field[..colon].TrimEnd(" \t"u8);
        if (name.Length > MailgunFields.Prefix.Length
            && Ascii.EqualsIgnoreCase(name[..MailgunFields.Prefix.Length], MailgunFields.Prefix)
            && Encoding.ASCII.GetString(name) is var text && MailgunFields.IsOne(text))
            options.Add(new OptionField(
                text, TextOf(field[(colon + 1)..]), new Queue.ContentRange(at, field.Length)));
    }

    static void AddListField(
        List<OptionField> listFields, ReadOnlySpan<byte> field, int colon, int at)
    {
        var name = field[..colon].TrimEnd(" \t"u8);
        var known = Ascii.EqualsIgnoreCase(name, "List-Id"u8) ? ListId
            : Ascii.EqualsIgnoreCase(name, "List-Post"u8) ? "List-Post"
            : Ascii.EqualsIgnoreCase(name, "Precedence"u8) ? "Precedence"
            : Ascii.EqualsIgnoreCase(name, "Reply-To"u8) ? "Reply-To" : null;
        if (known is not null)
            listFields.Add(new OptionField(
                known, TextOf(field[(colon + 1)..]), new Queue.ContentRange(at, field.Length)));
    }

    static string TextOf(ReadOnlySpan<byte> body) =>
        Encoding.UTF8.GetString(body).Replace("\r\n", "", StringComparison.Ordinal).Trim(' ', '\t');
}
