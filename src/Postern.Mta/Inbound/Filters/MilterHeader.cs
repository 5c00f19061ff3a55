using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Queue;

namespace Postern.Mta.Inbound.Filters;

/// <summary>A header section as milters see it, with what they have changed in it.</summary>
/// <remarks>
/// Immutable: what a milter changes counts once it has come to its end, and the next one sees it. Stored
/// content never changes (DESIGN §9.3), so that in the message as it goes out fields of milters stand in
/// front of it, in the order they have here, and what they deleted or changed is cut.
/// </remarks>
/// <param name="Fields">From the top.</param>
/// <param name="Cuts">Where deleted and changed fields stand in the content.</param>
sealed record MilterHeader(ImmutableList<MilterField> Fields, ImmutableList<ContentRange> Cuts)
{
    /// <summary>Octets that all milters together may put in front of a message; a report of rspamd's has
    /// some two thousand.</summary>
    public const int AddedOctetsMax = 64 << 10;

    /// <summary>Octets, line end not counted (RFC 5322 §2.1.1).</summary>
    const int LineMax = 998;

    const int NameMax = 128;

    public static readonly MilterHeader Empty = new([], []);

    int AddedOctets { get; init; }

    /// <param name="hostname">Ours: fields that claim to be written here are kept from milters, as from
    /// everybody.</param>
    public static MilterHeader Read(HeaderBlock block, string hostname)
    {
        var forged = CheckedMail.FindForged(block, hostname);
        return Empty with
        {
            Fields =
            [
                .. Enumerable.Range(0, block.Fields.Count)
                    .Where(number => !forged.Contains(block.RangeOf(number)))
                    .Select(number => Read(block, number)),
            ],
        };
    }

    /// <summary>The fields that milters have written, whole, in ASCII.</summary>
    public string Compose() => string.Concat(Fields.Where(field => field.Origin is null)
        .Select(field => $"{field.Name}:{field.Value}\r\n"));

    /// <summary>Does what a milter wants done.</summary>
    /// <param name="steps">What was agreed on with it.</param>
    /// <returns>False: it cannot be done.</returns>
    public bool TryApply(
        MilterAnswer change, MilterSteps steps, [NotNullWhen(true)] out MilterHeader? changed)
    {
        changed = change switch
        {
            MilterAnswer.AddField(var name, var value) => Insert(uint.MaxValue, name, value, steps),
            MilterAnswer.InsertField(var index, var name, var value) => Insert(index, name, value, steps),
            MilterAnswer.ChangeField(var index, var name, "") => Delete(Find(index, name)),
            MilterAnswer.ChangeField(var index, var name, var value) =>
                Replace(Find(index, name), name, value, steps),
            _ => null,
        };
        return changed is { AddedOctets: <= AddedOctetsMax };
    }

    static MilterField Read(HeaderBlock block, int number)
    {
        var field = block.Fields[number];
        var value = block.ValueOf(number);
        if (value.EndsWith("\r\n"u8))
            value = value[..^2];
        return new MilterField(
            Encoding.Latin1.GetString(block.OctetsOf(number)[..field.NameLength]),
            Encoding.Latin1.GetString(value), block.RangeOf(number));
    }

    /// <summary>Which field is meant: of those of this name that are there now, as Postfix counts them; 0 is
    /// the first too. Below 0: none.</summary>
    int Find(uint index, string name)
    {
        var left = Math.Max(1, index);
        return Fields.FindIndex(
            field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase) && --left == 0);
    }

    MilterHeader? Insert(uint index, string name, string value, MilterSteps steps) =>
        Compose(name, value, steps) is not { } field ? null : this with
        {
            Fields = Fields.Insert((int)Math.Min(index, (uint)Fields.Count), field),
            AddedOctets = AddedOctets + field.Octets,
        };

    /// <summary>What is not there is added, as Sendmail and Postfix do.</summary>
    MilterHeader? Replace(int at, string name, string value, MilterSteps steps) =>
        at < 0 ? Insert(uint.MaxValue, name, value, steps)
            : Delete(at).Insert((uint)at, name, value, steps);

    MilterHeader Delete(int at) => at < 0 ? this : this with
    {
        Fields = Fields.RemoveAt(at),
        Cuts = Fields[at].Origin is { } range ? Cuts.Add(range) : Cuts,
        AddedOctets = AddedOctets - (Fields[at].Origin is null ? Fields[at].Octets : 0),
    };

    /// <summary>Null: it has no name that a field can have.</summary>
    static MilterField? Compose(string name, string value, MilterSteps steps)
    {
        // RFC 5322 §3.6.8: ftext.
        if (name.Length is 0 or > NameMax || name.Any(c => c is < '!' or > '~' or ':'))
            return null;
        var space = (steps & MilterSteps.LeadingSpace) == 0 ? " " : "";
        return new MilterField(name, Clean(space + value, LineMax - name.Length - 1), null);
    }

    /// <summary>Whole lines in printable ASCII. A milter may repeat what a peer wrote, so that it is no
    /// reason to hear nothing of what it says: whatever could begin a field of its own, or end the header, is
    /// a question mark.</summary>
    static string Clean(string value, int room)
    {
        var text = new StringBuilder();
        foreach (var piece in value.TrimEnd().Split('\n'))
        {
            var line = piece.EndsWith('\r') ? piece[..^1] : piece;
            // A line of blanks alone ends the header for some readers.
            if (text.Length > 0 && string.IsNullOrWhiteSpace(line))
                continue;
            if (text.Length > 0 && line[0] is ' ' or '\t')
            {
                text.Append("\r\n");
                room = LineMax;
            }
            else if (text.Length > 0)
                line = '?' + line;
            line = line[..Math.Min(line.Length, room)];
            room -= line.Length;
            foreach (var c in line)
                text.Append(c is >= ' ' and <= '~' or '\t' ? c : '?');
        }
        return text.ToString();
    }
}

/// <summary>A field, in Latin-1.</summary>
/// <param name="Value">What stands behind the colon, folded with CRLF, without the last line end.</param>
/// <param name="Origin">Where it stands in the content. Null: a milter wrote it.</param>
sealed record MilterField(string Name, string Value, ContentRange? Origin)
{
    public int Octets => Name.Length + Value.Length + 3;
}
