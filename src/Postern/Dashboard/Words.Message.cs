using Postern.Mta.Events;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string NameOf(EventKind kind);

    /// <summary>A fate as <see cref="RecipientTimeline.Fate"/> spells it.</summary>
    public abstract string Fate(string fate);

    public abstract string NoSubject { get; }
    public abstract string Message { get; }
    public abstract string QueueId { get; }
    public abstract string MessageIdField { get; }
    public abstract string Size { get; }
    public abstract string HandedInBy { get; }
    public abstract string Account { get; }
    public abstract string Tags { get; }
    public abstract string Checks { get; }
    public abstract string AcceptedAt { get; }
    public abstract string Timeline { get; }
    public abstract string WhatBecameOfIt { get; }
    public abstract string Original { get; }
    public abstract string RemoteId { get; }
    public abstract string Attempts { get; }
    public abstract string AttemptNumber(int number);
    public abstract string Reply { get; }
    public abstract string Relay { get; }
    public abstract string Encryption { get; }
    public abstract string NewConnection { get; }
    public abstract string KeptConnection(int use);
    public abstract string Blame { get; }
    public abstract string NameOf(Mta.Transports.Blame blame);
    public abstract string Uncertain { get; }
    public abstract string ToldBy { get; }
    public abstract string NameOfSource(string source);
    public abstract string Actor { get; }
    public abstract string Conversation { get; }
    public abstract string Delays { get; }
    public abstract string DelayBeforeQueue { get; }
    public abstract string DelayInQueue { get; }
    public abstract string DelayConnecting { get; }
    public abstract string DelaySending { get; }
    public abstract string EventsLeftOut(int count);
    public abstract string ForAllRecipients { get; }
    public abstract string ForAll(string act, int recipients);
    public abstract string ShowContent { get; }
    public abstract string MoreRecipients(long count);
    public abstract string Hold { get; }
    public abstract string Release { get; }
    public abstract string RetryNow { get; }
    public abstract string Cancel { get; }
    public abstract string Expire { get; }
    public abstract string Octets(long octets);
}
