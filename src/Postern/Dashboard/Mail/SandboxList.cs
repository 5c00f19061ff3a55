using System.Globalization;
using Postern.Listeners;

namespace Postern.Dashboard.Mail;

/// <summary>A page of what the sandbox caught, newest first.</summary>
/// <param name="Next">Behind which number the next page begins. Null: this is the last.</param>
sealed record SandboxList(IReadOnlyList<SandboxMessage> Mails, int? Next)
{
    public const int RowsMax = 50;

    public static readonly SandboxList Empty = new([], null);

    /// <param name="all">Oldest first.</param>
    /// <param name="search">What sender, recipients or subject hold, in whatever case, composed or
    /// not.</param>
    /// <param name="after">A number; anything else is the beginning.</param>
    public static SandboxList Of(IReadOnlyList<SandboxMessage> all, string search, string after)
    {
        var before = int.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : int.MaxValue;
        var wanted = MailView.Composed(search);
        var rows = all.Reverse().Where(mail => mail.Number < before && Fits(mail, wanted))
            .Take(RowsMax + 1).ToArray();
        return rows.Length > RowsMax
            ? new SandboxList(rows[..RowsMax], rows[RowsMax - 1].Number) : new SandboxList(rows, null);
    }

    static bool Fits(SandboxMessage mail, string wanted) => wanted.Length == 0
        || Holds(mail.Subject, wanted) || Holds(mail.From, wanted) || Holds(mail.Sender, wanted)
        || mail.Recipients.Any(recipient => Holds(recipient, wanted));

    static bool Holds(string text, string wanted) =>
        MailView.Composed(text).Contains(wanted, StringComparison.OrdinalIgnoreCase);
}
