using Postern.Mta.Accounts;

namespace Postern.Dashboard;

/// <summary>Who asks for a page or posts a form, and what he may do.</summary>
/// <param name="User">His name, for pages and for the log.</param>
/// <param name="Csrf">Every form of his session carries it in a field <c>csrf</c>.</param>
sealed record Access(string User, OperatorRole Role, Session Session, string Csrf)
{
    /// <summary>Contents of mail are shown, and mail and suppressions may be acted on.</summary>
    public bool MayAct => Role >= OperatorRole.Operator;

    /// <summary>Users, accounts, domains, keys and reload.</summary>
    public bool MayAdminister => Role == OperatorRole.Admin;
}
