using Postern.Mta.Queue;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string QueueState(RecipientState state);
    public abstract string QueueCause(WaitCause cause);

    /// <summary>What a cause means and whether something is to be done. Null: the text of the explanation,
    /// which is English, says it.</summary>
    public virtual string? QueueCauseMeans(WaitCause cause) => null;
    public abstract string QueueDo(QueueCommand command);
    public abstract string QueueDoThese(QueueCommand command);
    public abstract string QueueDoes(QueueCommand command);

    public abstract string WaitsByAge { get; }
    public abstract string AgeExplained { get; }
    public abstract string NextHopWord { get; }
    public abstract string OtherHops { get; }
    public abstract string NoHopYet { get; }
    public abstract string Total { get; }
    public abstract string HeldMail { get; }
    public abstract string NothingWaits { get; }

    public abstract string QueuedMessages { get; }
    public abstract string AnyState { get; }
    public abstract string DeadLetters { get; }
    public abstract string OrderWord { get; }
    public abstract string NewestFirst { get; }
    public abstract string OldestFirst { get; }
    public abstract string SendingDomain { get; }
    public abstract string ArrivedBefore { get; }
    public abstract string ArrivedAfter { get; }
    public abstract string PatternExplained { get; }
    public abstract string FilterUnread { get; }
    public abstract string Arrived { get; }
    public abstract string NextTry { get; }
    public abstract string LastReason { get; }
    public abstract string MarkMessage(string id);
    public abstract string MarkAll { get; }
    public abstract string WithMarked { get; }
    public abstract string WithAllThatFit { get; }
    public abstract string NothingFitsYet { get; }
    public abstract string LookedAtSome { get; }
    public abstract string GoOn { get; }
    public abstract string AndMore(int count);

    public abstract string WhichIsAll { get; }
    public abstract string WhichAre(string state);
    public abstract string WhichAreDeadLetters { get; }
    public abstract string WhichGoBy(string transport);
    public abstract string WhichTookRoute(string route);
    public abstract string WhichAreFrom(string pattern);
    public abstract string WhichAreTo(string pattern);
    public abstract string WhichAreOfDomain(string domain);
    public abstract string WhichArrivedBefore(string moment);
    public abstract string WhichArrivedAfter(string moment);
    public abstract string WhichWereMarked { get; }

    public abstract string WhatIsMeant { get; }
    public abstract string AllOfThese { get; }
    public abstract string Concerned(int recipients, int messages);
    public abstract string ConcernedMoreThan(int recipients);
    public abstract string ConcernsNone { get; }
    public abstract string CountAll { get; }
    public abstract string SampleOfThem { get; }
    public abstract string BackToQueue { get; }
    public abstract string NothingToAct { get; }
    public abstract string WhyTitle(string id);
    public abstract string WhyNobody { get; }
    public abstract string MessageHistory { get; }
}
