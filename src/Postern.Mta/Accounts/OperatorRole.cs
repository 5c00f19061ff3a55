namespace Postern.Mta.Accounts;

public enum OperatorRole
{
    Reader,
    Operator,
    Admin,
}
