using System.Globalization;
using Postern.Mta.Accounts;

namespace Postern.Dashboard;

sealed partial class EnglishWords : Words
{
    public override string Language => "en";
    public override string SkipToContent => "Skip to the content";
    public override string Menu => "Menu";
    public override string Overview => "Overview";
    public override string Messages => "Messages";
    public override string Queue => "Queue";
    public override string Transports => "Transports";
    public override string Routes => "Routes";
    public override string Inbound => "Inbound";
    public override string Suppressions => "Suppressions";
    public override string Domains => "Domains and keys";
    public override string Sandbox => "Sandbox";
    public override string Settings => "Settings";
    public override string Audit => "Audit";
    public override string Users => "Users";
    public override string SignOut => "Sign out";

    public override string NameOf(OperatorRole role) => role switch
    {
        OperatorRole.Admin => "admin",
        OperatorRole.Operator => "operator",
        _ => "reader",
    };

    public override string Done => "Done.";
    public override string DoneTo(long count) =>
        count == 1 ? "Done: 1 changed." : $"Done: {Number(count)} changed.";
    public override string Refused => "Not done.";
    public override string NotFoundTitle => "Not here";
    public override string NotFound => "There is nothing at this address, or it is not kept any more.";
    public override string NotAllowedTitle => "Not allowed";
    public override string NotAllowed => "Your role does not allow this. An admin can change it.";

    public override string No => "no";
    public override string None => "none";
    public override string Next => "Next page";
    public override string First => "First page";
    public override string Show => "Show";
    public override string State => "State";
    public override string Since => "Since";
    public override string Until => "Until";
    public override string Time => "Time";
    public override string Sender => "From";
    public override string Recipient => "To";
    public override string Subject => "Subject";
    public override string Transport => "Transport";
    public override string Route => "Route";
    public override string Why => "Why";
    public override string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    public override string Length(TimeSpan length) => length switch
    {
        { TotalSeconds: < 0.9995 } => string.Create(
            CultureInfo.InvariantCulture, $"{length.TotalMilliseconds:0.#} ms"),
        { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{length.TotalSeconds:0.#} s"),
        { TotalHours: < 1 } => $"{length.Minutes} min {length.Seconds} s",
        { TotalDays: < 1 } => $"{length.Hours} h {length.Minutes} min",
        _ => $"{(int)length.TotalDays} d {length.Hours} h",
    };
}
