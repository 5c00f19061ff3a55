using System.Diagnostics;
using Postern.Mta.Queue;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string QueueState(RecipientState state) => state switch
    {
        RecipientState.Ready => "ready",
        RecipientState.Active => "being attempted",
        RecipientState.Deferred => "deferred",
        RecipientState.Held => "held",
        RecipientState.Done => "done",
        _ => throw new UnreachableException(),
    };

    public override string QueueCause(WaitCause cause) => cause switch
    {
        WaitCause.BeingAttempted => "being attempted",
        WaitCause.BehindOthers => "behind others",
        WaitCause.RateLimit => "rate limit",
        WaitCause.NextHopDown => "next hop down",
        WaitCause.LaneClosed => "lane closed",
        WaitCause.Alarm => "alarm",
        WaitCause.NoRoute => "no route",
        WaitCause.Held => "held",
        WaitCause.Greylisted => "greylisted",
        WaitCause.RetryTime => "retry time",
        WaitCause.Scheduled => "scheduled",
        WaitCause.Uncertain => "uncertain",
        WaitCause.Done => "ended",
        _ => throw new UnreachableException(),
    };

    public override string QueueDo(QueueCommand command) => command switch
    {
        QueueCommand.Hold => "Hold",
        QueueCommand.Release => "Release",
        QueueCommand.Retry => "Try now",
        QueueCommand.Cancel => "Cancel",
        QueueCommand.Expire => "Expire",
        _ => throw new UnreachableException(),
    };

    public override string QueueDoThese(QueueCommand command) => command switch
    {
        QueueCommand.Hold => "Hold these",
        QueueCommand.Release => "Release these",
        QueueCommand.Retry => "Try these now",
        QueueCommand.Cancel => "Cancel these",
        QueueCommand.Expire => "Expire these",
        _ => throw new UnreachableException(),
    };

    public override string QueueDoes(QueueCommand command) => command switch
    {
        QueueCommand.Hold => "They wait until somebody releases them.",
        QueueCommand.Release => "They go on, and their lifetime begins anew.",
        QueueCommand.Retry => "Deferred ones are tried now, and closed lanes are probed now.",
        QueueCommand.Cancel => "They end without a report to anybody. This cannot be taken back.",
        QueueCommand.Expire =>
            "They end as when their time is over, with a report to the sender. This cannot be taken back.",
        _ => throw new UnreachableException(),
    };

    public override string WaitsByAge => "What waits, by next hop and age";
    public override string AgeExplained =>
        "Recipients by the age of their message in minutes. Counted every ten seconds, "
        + "less often with a long queue.";
    public override string NextHopWord => "Next hop";
    public override string OtherHops => "all others";
    public override string NoHopYet => "no route yet";
    public override string Total => "Total";
    public override string HeldMail => "Held";
    public override string NothingWaits => "Nothing waits.";

    public override string QueuedMessages => "Messages in the queue";
    public override string AnyState => "any";
    public override string DeadLetters => "dead letters";
    public override string OrderWord => "Order";
    public override string NewestFirst => "newest first";
    public override string OldestFirst => "oldest first";
    public override string SendingDomain => "Sending domain";
    public override string ArrivedBefore => "Arrived before (UTC)";
    public override string ArrivedAfter => "Arrived after (UTC)";
    public override string PatternExplained =>
        "Addresses are patterns, as in routes: a@b.example, *@b.example.";
    public override string FilterUnread => "The filter cannot be read.";
    public override string Arrived => "Arrived";
    public override string NextTry => "Next try";
    public override string LastReason => "Last reason";
    public override string MarkMessage(string id) => $"Mark {id}";
    public override string MarkAll => "Mark all of this page";
    public override string WithMarked => "With the marked ones:";
    public override string WithAllThatFit => "With all that fit, also on other pages:";
    public override string NothingFitsYet => "None of those looked at fits, and there are more.";
    public override string LookedAtSome => "Only part of the queue was looked at for this page.";
    public override string GoOn => "Go on looking";
    public override string AndMore(int count) => $"+{Number(count)}";

    public override string WhichIsAll => "Everything in the queue";
    public override string WhichAre(string state) => $"in state: {state}";
    public override string WhichAreDeadLetters => "failed for good, and kept";
    public override string WhichGoBy(string transport) => $"for transport {transport}";
    public override string WhichTookRoute(string route) => $"by route {route}";
    public override string WhichAreFrom(string pattern) => $"from {pattern}";
    public override string WhichAreTo(string pattern) => $"to {pattern}";
    public override string WhichAreOfDomain(string domain) => $"of sending domain {domain}";
    public override string WhichArrivedBefore(string moment) => $"arrived before {moment}";
    public override string WhichArrivedAfter(string moment) => $"arrived after {moment}";
    public override string WhichWereMarked => "The messages you marked";

    public override string WhatIsMeant => "What is meant";
    public override string AllOfThese => "Recipients to which all of this applies:";
    public override string Concerned(int recipients, int messages) =>
        recipients == 1 ? "1 recipient is concerned."
            : $"{Number(recipients)} recipients are concerned, messages: {Number(messages)}.";
    public override string ConcernedMoreThan(int recipients) =>
        $"More than {Number(recipients)} recipients are concerned; the rest was not counted.";
    public override string ConcernsNone => "It concerns nobody now.";
    public override string CountAll => "Count all";
    public override string SampleOfThem => "The oldest of them";
    public override string BackToQueue => "Back to the queue";
    public override string NothingToAct => "Nothing was marked, or the address is not complete.";
    public override string WhyTitle(string id) => $"Why {id} waits";
    public override string WhyNobody => "Nothing is known of this message.";
    public override string MessageHistory => "Its whole history";
}
