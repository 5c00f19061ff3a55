using Postern.Mta;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string DoorName(MailDoors door);
    public abstract string RoutesExplained { get; }
    public abstract string Accepts { get; }
    public abstract string Conditions { get; }
    public abstract string AnyMail { get; }
    public abstract string ConditionFrom(string patterns);
    public abstract string ConditionTo(string patterns);
    public abstract string ConditionAccount(string names);
    public abstract string ConditionListener(string names);
    public abstract string OrWord { get; }
    public abstract string Via { get; }
    public abstract string FirstOpenOf { get; }
    public abstract string CopyToEach { get; }
    public abstract string RetryWord { get; }
    public abstract string RetryUsual { get; }
    public abstract string RetryAfter(string waits);
    public abstract string GiveUpAfter(string age);
    public abstract string WarnsAfter(string age);
    public abstract string PriorityIs(int priority);
    public abstract string Bounces { get; }
    public abstract string BouncesNot { get; }
    public abstract string FromFile { get; }
    public abstract string FromApi { get; }
    public abstract string NoRoutes { get; }
    public abstract string ServedDomains { get; }
    public abstract string ServedNone { get; }
    public abstract string ExplainRoute { get; }
    public abstract string ExplainDo { get; }
    public abstract string DoorWord { get; }
    public abstract string SenderHint { get; }
    public abstract string NotAnAddress { get; }
    public abstract string DecisionVia(string transport);
    public abstract string DecisionAll(string transports);
    public abstract string DecisionNoTransport(string transport);
    public abstract string DecisionNoRoute { get; }
    public abstract string DecisionApi(string route);
    public abstract string LaneWord { get; }
    public abstract string ThisOne { get; }
    public abstract string ActionsWord { get; }
}
