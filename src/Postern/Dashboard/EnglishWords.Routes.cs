using System.Diagnostics;
using Postern.Mta;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string DoorName(MailDoors door) => door switch
    {
        MailDoors.Mx => "mail from outside (mx)",
        MailDoors.Submission => "submission",
        MailDoors.Api => "the API",
        MailDoors.Forward => "forwarding",
        _ => throw new UnreachableException(),
    };
    public override string RoutesExplained =>
        "The first route that fits decides, for each recipient. Routes of the file come first.";
    public override string Accepts => "Takes";
    public override string Conditions => "Conditions";
    public override string AnyMail => "any mail";
    public override string ConditionFrom(string patterns) => $"from {patterns}";
    public override string ConditionTo(string patterns) => $"to {patterns}";
    public override string ConditionAccount(string names) => $"logged in as {names}";
    public override string ConditionListener(string names) => $"came through listener {names}";
    public override string OrWord => " or ";
    public override string Via => "Via";
    public override string FirstOpenOf => "the first open one of";
    public override string CopyToEach => "a copy to each of";
    public override string RetryWord => "Retries";
    public override string RetryUsual => "after 5 minutes, then ever later, up to 67 minutes";
    public override string RetryAfter(string waits) => $"after {waits}; the last one repeats";
    public override string GiveUpAfter(string age) => $"gives up at the age of {age}";
    public override string WarnsAfter(string age) => $"tells the sender at the age of {age}";
    public override string PriorityIs(int priority) => $"priority {priority}";
    public override string Bounces => "reports failures to the sender";
    public override string BouncesNot => "sends no reports of failures";
    public override string FromFile => "file";
    public override string FromApi => "API";
    public override string NoRoutes => "There is no route: no mail is taken.";
    public override string ServedDomains => "Domains whose mail from outside is taken";
    public override string ServedNone => "None: no route takes mail from outside.";
    public override string ExplainRoute => "Which route takes it?";
    public override string ExplainDo => "Explain";
    public override string DoorWord => "Came through";
    public override string SenderHint => "user@domain, or <> for reports";
    public override string NotAnAddress => "This is no address: write user@domain.";
    public override string DecisionVia(string transport) => $"It goes by {transport}.";
    public override string DecisionAll(string transports) => $"Each of these gets a copy: {transports}.";
    public override string DecisionNoTransport(string transport) =>
        $"Its route names {transport}, which is not configured.";
    public override string DecisionNoRoute => "No route takes it.";
    public override string DecisionApi(string route) =>
        $"Route {route} of the API may take it; some conditions are read from the message itself.";
    public override string LaneWord => "Lane";
    public override string ThisOne => "this one decides";
    public override string ActionsWord => "Actions";
}
