using System.Diagnostics.CodeAnalysis;
using Postern.Mta;
using Postern.Mta.Routing;
using Postern.Smtp;

namespace Postern.Dashboard;

/// <summary>What the form of the routes asks, as its address says it, and the answer.</summary>
/// <param name="IsAsked">Something was filled in.</param>
/// <param name="Decision">Null: nothing was asked, or an address is none.</param>
/// <param name="RuleName">The route that decided, by its name. Null: none did.</param>
/// <param name="IsByApi">That route was made by the API, and may still say no when it sees the
/// message.</param>
public sealed record RouteQuestion(
    string From, string To, MailDoors Door, string Account, bool IsAsked, bool IsSenderWrong,
    bool IsRecipientWrong, RoutingDecision? Decision, string? RuleName, bool IsByApi)
{
    public static readonly IReadOnlyList<MailDoors> Doors =
        [MailDoors.Submission, MailDoors.Api, MailDoors.Mx];

    internal static RouteQuestion Read(Visit visit)
    {
        var (from, to, account) = (visit.Query("from"), visit.Query("to"), visit.Query("account"));
        var door = Doors.FirstOrDefault(
            one => one.ToString().Equals(visit.Query("door"), StringComparison.OrdinalIgnoreCase),
            MailDoors.Submission);
        Mailbox? sender = null;
        var isSenderWrong = from is not ("" or "<>") && !TryReadAddress(from, out sender);
        var isAsked = from.Length + to.Length + account.Length > 0;
        var recipient = TryReadAddress(to, out var read) ? read : null;
        var asked = new RouteQuestion(
            from, to, door, account, isAsked, isSenderWrong, isAsked && recipient is null, null, null, false);
        return recipient is null || isSenderWrong ? asked
            : asked.Ask(visit.Agent, new ReversePath(sender), recipient);
    }

    /// <summary>A lone local part gets its domain at the door: no route ever sees it without.</summary>
    static bool TryReadAddress(string text, [NotNullWhen(true)] out Mailbox? address) =>
        Mailbox.TryParse(text, out address) && address.Domain.Length > 0;

    RouteQuestion Ask(MailTransferAgent agent, ReversePath sender, Mailbox recipient)
    {
        var question = new RoutingQuestion(
            sender, recipient, Door, Account.Length > 0 ? Account : null, Listener: "");
        var decision = agent.Explain(question);
        var table = agent.Queue.Routes;
        var rule = table.Routes.FirstOrDefault(route => route.Matches(question, table.Delimiter));
        var made = rule is null && Door == MailDoors.Mx && agent.Domains.TryFind(recipient.Domain, out _)
            ? agent.Routes.Find(recipient) : null;
        return this with
        {
            Decision = decision,
            RuleName = rule?.Options.Name ?? made?.Name,
            IsByApi = made is not null,
        };
    }
}
