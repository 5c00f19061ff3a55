using System.Globalization;
using Postern.Mta.Events;
using Postern.Mta.Transports;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string NameOf(EventKind kind) => kind switch
    {
        EventKind.Accepted => "Accepted",
        EventKind.Rejected => "Rejected",
        EventKind.Delivered => "Delivered",
        EventKind.Failed => "Failed",
        EventKind.Opened => "Opened",
        EventKind.Clicked => "Link clicked",
        EventKind.Unsubscribed => "Unsubscribed",
        EventKind.Complained => "Complained",
        EventKind.Stored => "Stored",
        EventKind.Routed => "Routed anew",
        EventKind.Attempted => "Attempted, not taken yet",
        EventKind.Relayed => "Relayed",
        EventKind.Held => "Held",
        EventKind.Released => "Released",
        EventKind.Retried => "Retry asked for",
        EventKind.Cancelled => "Cancelled",
        EventKind.Expired => "Expired",
        EventKind.Expanded => "Expanded",
        EventKind.Delayed => "Sender told of the delay",
        EventKind.BouncedToSender => "Bounced to the sender",
        EventKind.DeadLettered => "Kept as a dead letter",
        EventKind.Replayed => "Replayed",
        EventKind.AlarmRaised => "Alarm raised",
        EventKind.AlarmCleared => "Alarm cleared",
        EventKind.Operated => "Done by an operator",
        _ => kind.ToString(),
    };

    public override string Fate(string fate) => fate;
    public override string NoSubject => "(no subject)";
    public override string Message => "Message";
    public override string QueueId => "Queue id";
    public override string MessageIdField => "Message-ID";
    public override string Size => "Size";
    public override string HandedInBy => "Handed in by";
    public override string Account => "Account";
    public override string Tags => "Tags";
    public override string Checks => "Checks";
    public override string AcceptedAt => "Accepted";
    public override string Timeline => "Timeline";
    public override string WhatBecameOfIt => "What became of it";
    public override string Original => "Written to";
    public override string RemoteId => "Provider's id";
    public override string Attempts => "Attempts";
    public override string AttemptNumber(int number) => $"attempt {number}";
    public override string Reply => "Reply";
    public override string Relay => "Relay";
    public override string Encryption => "Encryption";
    public override string NewConnection => "new connection";
    public override string KeptConnection(int use) => $"kept connection, message {use} on it";
    public override string Blame => "Blame";

    public override string NameOf(Blame blame) => blame switch
    {
        Mta.Transports.Blame.Recipient => "the recipient",
        Mta.Transports.Blame.Message => "the message",
        _ => "the next hop",
    };

    public override string Uncertain => "uncertain: the answer was lost, it may have been taken";
    public override string ToldBy => "Told by";

    public override string NameOfSource(string source) => source switch
    {
        "webhook" => "the provider's webhook",
        "events" => "the provider's events",
        "report" => "a report that came back",
        "tracking" => "our tracking",
        _ => source,
    };

    public override string Actor => "By";
    public override string Conversation => "Conversation";
    public override string Delays => "Delays";
    public override string DelayBeforeQueue => "a: before its turn";
    public override string DelayInQueue => "b: waiting for a connection";
    public override string DelayConnecting => "c: connecting";
    public override string DelaySending => "d: sending";
    public override string EventsLeftOut(int count) =>
        $"{Number(count)} events in between are not shown.";
    public override string ForAllRecipients => "For all its recipients:";
    public override string ForAll(string act, int recipients) => $"{act} all {Number(recipients)}";
    public override string ShowContent => "Show the mail";
    public override string MoreRecipients(long count) => $"and {Number(count)} more";
    public override string Hold => "Hold";
    public override string Release => "Release";
    public override string RetryNow => "Try now";
    public override string Cancel => "Cancel…";
    public override string Expire => "Expire…";

    public override string Octets(long octets) => octets switch
    {
        < 1024 => $"{octets} B",
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{octets / 1024.0:0.#} KiB"),
        < 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{octets / 1048576.0:0.#} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{octets / 1073741824.0:0.#} GiB"),
    };
}
