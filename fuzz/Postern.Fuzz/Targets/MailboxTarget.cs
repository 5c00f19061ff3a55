using System.Globalization;
using System.Text;
using Postern.Smtp;

namespace Postern.Fuzz.Targets;

/// <summary>An address: what is read is written as it can be read again, and shows nothing that cannot be
/// seen.</summary>
sealed class MailboxTarget : FuzzTarget
{
    public override string Name => "mailbox";

    public override int OctetsMax => 512;

    public override IReadOnlyList<string> Words { get; } =
    [
        "@", ".", "..", "\"", "\\\\\"", "\\\\\\\\", "@[", "]", "[IPv6:", "::1", "192.0.2.1", "postmaster",
        "xn--", "-", "example", "\\xec\\x95\\x84", "\\xc3\\x9f", "\\xc3\\xa9", "\\xe2\\x80\\x8d",
        "\\xef\\xbc\\xa0", "\\xe3\\x80\\x82", "\\xf0\\x9f\\x93\\xac", "\\xc2\\xad", "\\xc2\\x85",
        "\\xe2\\x80\\xae", "\\xd7\\x90", "\\xe2\\x84\\xa0", "\\xef\\xac\\x80",
    ];

    public override int Run(byte[] input)
    {
        if (DomainName.TryRead(input, out var name))
            CheckDomain(name);
        if (!Mailbox.TryParse(input, out var mailbox))
            return Shape(1, name is null ? 0 : Magnitude(name.Length));
        var text = mailbox.ToString();
        Finding.Unless(IsPrintable(text), "a mailbox holds no control character", text);
        Finding.Unless(
            Mailbox.TryParse(text, out var again) && again == mailbox,
            "a mailbox is read as it was written", text);
        Finding.Unless(again.ToString() == text, "a mailbox has one form", text);
        CheckPath(mailbox);
        if (mailbox.Domain.Length > 0)
            CheckDomain(mailbox.Domain);
        return Shape(
            2, text[0] == '"' ? 1 : 0, mailbox.IsInternational ? 1 : 0, Magnitude(mailbox.LocalPart.Length),
            Magnitude(mailbox.Domain.Length), mailbox.Domain.StartsWith('[') ? 1 : 0);
    }

    /// <summary>No control character, no line end of any script, nothing that turns the direction of
    /// writing.</summary>
    public static bool IsPrintable(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            // The joiners are letters of names in Persian and Hindi (RFC 5892 A.1, A.2).
            var isJoiner = rune.Value is 0x200C or 0x200D;
            if (!isJoiner && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format)
            {
                return false;
            }
        }
        return true;
    }

    static void CheckPath(Mailbox mailbox)
    {
        var path = Encoding.UTF8.GetBytes($"{new ForwardPath(mailbox)} X=1");
        var fits = path.Length - 4 <= EnvelopePath.OctetsMax;
        var isRead = EnvelopePath.TryRead(path, out var again, out var rest);
        Finding.Unless(isRead == fits, "a mailbox fits a path", mailbox.ToString());
        Finding.Unless(
            !isRead || (again == mailbox && rest.SequenceEqual(" X=1"u8)),
            "a path holds its mailbox", mailbox.ToString());
    }

    static void CheckDomain(string domain)
    {
        Finding.Unless(IsPrintable(domain), "a domain holds no control character", domain);
        var compared = DomainName.ToALabel(domain);
        Finding.Unless(compared is not null, "a domain has a form for comparison", domain);
        Finding.Unless(Ascii.IsValid(compared), "that form is ASCII", domain);
        Finding.Unless(DomainName.ToALabel(compared!) == compared, "that form is its own", domain);
        Finding.Unless(
            DomainName.TryRead(Encoding.ASCII.GetBytes(compared!), out var again) && again == compared,
            "that form is a domain", domain);
    }
}
