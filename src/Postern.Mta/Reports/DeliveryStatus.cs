using System.Text;
using System.Text.RegularExpressions;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>The fields of a delivery-status or feedback-report part, in groups: first of the message, then
/// one for each recipient (RFC 3464 §2.1).</summary>
/// <remarks>As lenient as senders are careless: empty lines inside groups, no empty lines between them,
/// missing fields, types and brackets.</remarks>
sealed partial class DeliveryStatus
{
    /// <summary>Characters of one field with its folded lines.</summary>
    const int ValueCharactersMax = 4000;

    const int FieldsMax = 20 * BounceReader.RecipientsMax;

    readonly Dictionary<string, List<string>> message = new(StringComparer.OrdinalIgnoreCase);
    readonly List<Dictionary<string, List<string>>> recipients = [];

    /// <summary>At most <see cref="BounceReader.RecipientsMax"/>.</summary>
    public IReadOnlyList<Dictionary<string, List<string>>> Recipients => recipients;

    public string? this[string name] => First(message, name);

    public IReadOnlyList<string> All(string name) => message.GetValueOrDefault(name) ?? [];

    public static string? First(Dictionary<string, List<string>> group, string name) =>
        group.TryGetValue(name, out var values) ? values[0] : null;

    public static DeliveryStatus Read(string text)
    {
        var status = new DeliveryStatus();
        var group = status.message;
        foreach (var (name, value) in FieldsOf(text))
        {
            if (name.Length == 0)
                group = null;
            else if (IsOfRecipient(name) && (group is null || group == status.message
                || (IsRecipient(name) && group.ContainsKey(name))))
                status.recipients.Add(group = new(StringComparer.OrdinalIgnoreCase));
            if (status.recipients.Count > BounceReader.RecipientsMax)
            {
                status.recipients.RemoveAt(BounceReader.RecipientsMax);
                break;
            }
            if (name.Length == 0)
                continue;
            group ??= status.message;
            (group.TryGetValue(name, out var values) ? values : group[name] = []).Add(value);
        }
        status.recipients.RemoveAll(static fields => !fields.Keys.Any(IsRecipient)
            && !fields.ContainsKey("Action"));
        return status;
    }

    /// <summary>RFC 3464 §2.3.1: <c>type; address</c>; the type, brackets and source routes are
    /// optional.</summary>
    public static Mailbox? AddressIn(string? value)
    {
        if (value is null)
            return null;
        var text = value[(value.IndexOf(';', StringComparison.Ordinal) + 1)..].Trim();
        if (Bracketed.Match(text) is { Success: true } match)
            text = match.Groups[1].Value;
        else if (text.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space && !text.StartsWith('"'))
            text = text[..space];
        // RFC 6533 §3: an international address in ASCII.
        if (value.StartsWith("utf-8", StringComparison.OrdinalIgnoreCase))
            text = Unitext.Decode(text);
        return EnvelopePath.TryRead(Encoding.UTF8.GetBytes($"<{text}>"), out var mailbox, out _)
            ? mailbox : null;
    }

    /// <summary>The value without its type and comments: <c>dns; host (address)</c> is host.</summary>
    public static string? HostIn(string? value)
    {
        if (value is null)
            return null;
        var text = value[(value.IndexOf(';', StringComparison.Ordinal) + 1)..].Trim();
        var end = text.AsSpan().IndexOfAny(' ', '(');
        text = ReportText.OneAsciiLine(end < 0 ? text : text[..end]);
        return text.Length is 0 or > 255 ? null : text;
    }

    static bool IsRecipient(string name) => name.ToUpperInvariant() is
        "FINAL-RECIPIENT" or "ORIGINAL-RECIPIENT" or "X-ACTUAL-RECIPIENT";

    static bool IsOfRecipient(string name) => IsRecipient(name) || name.ToUpperInvariant() is
        "ACTION" or "STATUS" or "DIAGNOSTIC-CODE" or "REMOTE-MTA" or "LAST-ATTEMPT-DATE" or "FINAL-LOG-ID"
        or "WILL-RETRY-UNTIL";

    /// <summary>Fields unfolded; an empty name stands for an empty line.</summary>
    static IEnumerable<(string Name, string Value)> FieldsOf(string text)
    {
        var name = "";
        var value = new StringBuilder();
        var left = FieldsMax;
        foreach (var line in text.Split('\n').Select(static line => line.TrimEnd()).Append(""))
        {
            var match = Field.Match(line);
            if (!match.Success && line.Length > 0)
            {
                if (name.Length > 0 && value.Length + line.Length < ValueCharactersMax)
                    value.Append(' ').Append(line.TrimStart());
                continue;
            }
            if (name.Length > 0)
                yield return (name, value.ToString().Trim());
            if (--left <= 0)
                yield break;
            if (line.Length == 0)
                yield return ("", "");
            name = match.Success ? match.Groups[1].Value : "";
            value.Clear().Append(match.Success
                ? line.AsSpan(match.Length, Math.Min(line.Length - match.Length, ValueCharactersMax)) : "");
        }
    }

    [GeneratedRegex("^([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:", RegexOptions.NonBacktracking)]
    static partial Regex Field { get; }

    [GeneratedRegex("<([^<>]*)>", RegexOptions.NonBacktracking)]
    static partial Regex Bracketed { get; }
}
