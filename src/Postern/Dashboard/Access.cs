using Postern.Mta.Accounts;

namespace Postern.Dashboard;

sealed record Access(string User, OperatorRole Role, string Csrf)
{
    public bool MayAct => Role >= OperatorRole.Operator;
}
