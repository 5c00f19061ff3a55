using System.Text;
using Postern.Mta.Queue;

namespace Postern.Mta.Lists;

/// <summary>A mailing list that a message goes to, as it was when the message came.</summary>
/// <param name="Address">Of the list.</param>
/// <param name="Fields">What stands in front of the message for its members: whole fields with CRLF.</param>
/// <param name="Cuts">Ranges of the content left out for its members, in order, not overlapping.</param>
/// <param name="KeepsReports">What comes back from its members comes to the list's own return path, and
/// nobody is told of it.</param>
public sealed record ListMail(
    string Address, string Fields, IReadOnlyList<ContentRange> Cuts, bool KeepsReports)
{
    /// <summary>A-labels in lower case.</summary>
    public string Domain => Address[(Address.LastIndexOf('@') + 1)..];

    /// <summary>What the list makes of a message's own edits: its fields stand above ours, since it comes
    /// after us, and what we cut it does not bring back.</summary>
    public HeaderEdits Over(HeaderEdits own)
    {
        var fields = Encoding.ASCII.GetBytes(Fields);
        return new HeaderEdits(
            (byte[])[.. fields, .. own.Prefix.Span], HeaderEdits.Merge(own.Cuts.Concat(Cuts)));
    }

    /// <summary>RFC 2919 and RFC 2369; <c>Precedence</c> keeps answers of machines away.</summary>
    internal static string FieldsOf(MailingList list)
    {
        var text = new StringBuilder();
        text.Append("List-Id: <").Append(list.Id).Append(">\r\n");
        if (list.Stored.Access != ListAccess.Readonly)
        {
            var local = Uri.EscapeDataString(list.Address[..list.Address.LastIndexOf('@')]);
            text.Append("List-Post: <mailto:").Append(local).Append('@').Append(list.Domain)
                .Append(">\r\n");
        }
        text.Append("Precedence: list\r\n");
        if (TakesReplies(list))
            text.Append("Reply-To: ").Append(list.Address).Append("\r\n");
        return text.ToString();
    }

    /// <summary>What a field of the content gives way to a field of the list.</summary>
    internal static bool IsCut(MailingList list, string field) =>
        !field.Equals("Reply-To", StringComparison.OrdinalIgnoreCase) || TakesReplies(list);

    /// <summary>An answer to a list where nobody may post would come back.</summary>
    static bool TakesReplies(MailingList list) =>
        list.Stored.Replies == ReplyPreference.List && list.Stored.Access != ListAccess.Readonly;
}
