using Postern.Mta.Accounts;

namespace Postern.Dashboard;

sealed record Access(string User, OperatorRole Role, string Csrf);
