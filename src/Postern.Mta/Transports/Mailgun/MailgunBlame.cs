using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Smtp;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>What an answer of the API proves, and whom it blames: the HTTP rows of DESIGN §5.</summary>
/// <remarks>Pure. Only 200 with an id is an acceptance, and only 400 and 413 are about the message; what is
/// not known holds mail.</remarks>
static class MailgunBlame
{
    /// <summary>Kinds of alarms.</summary>
    public const string LoginAlarm = "login";

    public const string DomainAlarm = "domain";
    const string AccountAlarm = "account";

    const string InReply = " (in reply to POST messages.mime)";

    /// <summary>"to parameter is not a valid address" and what else it may say of one recipient.</summary>
    static readonly string[] AddressWords = ["to parameter", "recipient", "address"];

    static readonly EnhancedStatus Accepted = new(2, 0, 0);
    static readonly EnhancedStatus NotReachable = new(4, 4, 1);
    static readonly EnhancedStatus SystemTrouble = new(4, 3, 0);
    static readonly EnhancedStatus SecurityTrouble = new(4, 7, 0);

    public static AttemptResult OfAnswer(MailgunAnswer answer, string host)
    {
        var reply = answer.Reply;
        var text = $"host {host} said: {reply}{InReply}";
        return answer.Status switch
        {
            200 when answer.Json.TextOf("id") is { Length: > 0 } id => new AttemptResult.Relayed(
                Accepted, $"{reply} id={id}", id, HandOver.ToHopWithoutDsn),
            < 300 => new AttemptResult.Uncertain(
                Statuses.ConnectionLost, $"{text}: that is no acceptance Mailgun gives"),
            // Without a time it is the pace alone; until that time nothing is taken.
            420 or 429 => new AttemptResult.NextHopDown(SystemTrouble, text, NextHopTrouble.Refusing)
            {
                SlowDown = answer.RetryAfter is null,
                RetryAfter = answer.RetryAfter,
            },
            >= 500 => new AttemptResult.NextHopDown(SystemTrouble, text, NextHopTrouble.Unreachable)
            {
                RetryAfter = answer.RetryAfter,
            },
            401 => Alarming(text, new AlarmNotice(
                LoginAlarm, reply.ToString(), "check key, domain and region of this transport")),
            404 => Alarming(text, new AlarmNotice(
                DomainAlarm, reply.ToString(), "check domain and region of this transport")),
            >= 400 when AccountRefusals.Find(reply) is { } alarm => Alarming(text, alarm),
            402 or 403 => Alarming(text, new AlarmNotice(
                AccountAlarm, reply.ToString(), "look at the account and the domain in Mailgun's console")),
            // RFC 3463 §3.4: message too big for system.
            413 => new AttemptResult.Failed(new EnhancedStatus(5, 3, 4), text),
            // RFC 3463 §3.2 and §3.7: an address's syntax; other or undefined media error.
            400 when IsAboutAddresses(reply.ToString()) =>
                new AttemptResult.Failed(new EnhancedStatus(5, 1, 3), text),
            400 => new AttemptResult.Failed(new EnhancedStatus(5, 6, 0), text),
            _ => new AttemptResult.NextHopDown(SystemTrouble, text, NextHopTrouble.Refusing),
        };
    }

    /// <summary>A refusal that one recipient of several may have caused.</summary>
    public static bool IsAboutAddresses(AttemptResult.Failed failed) => failed.Status is { Subject: 1 };

    /// <summary>The recipient, where the events know it. Null: they do not.</summary>
    public static AttemptResult? OfEvent(
        EventSearch.Known known, Mailbox recipient, QueuedMessage message, string host) =>
        known.Events.TryGetValue(recipient.ToString(), out var kind)
            ? new AttemptResult.Relayed(
                Accepted, $"found in the events of {host}: {kind}", message.MessageId,
                HandOver.ToHopWithoutDsn)
            : null;

    /// <summary>The call broke off before the server had it all.</summary>
    public static AttemptResult.NextHopDown OfBrokenCall(Exception e, string host, string what) => new(
        NotReachable, $"sending {what} to {host}: {ReasonOf(e)}", NextHopTrouble.Unreachable);

    /// <summary>The server may have it all.</summary>
    public static AttemptResult.Uncertain OfLostAnswer(Exception e, string host) => new(
        Statuses.ConnectionLost, $"lost the answer of {host} to the whole message: {ReasonOf(e)}");

    static AttemptResult.NextHopDown Alarming(string text, AlarmNotice alarm) =>
        new(SecurityTrouble, text, NextHopTrouble.Refusing) { Alarm = alarm };

    static bool IsAboutAddresses(string text) =>
        AddressWords.Any(word => text.Contains(word, StringComparison.OrdinalIgnoreCase));

    static string ReasonOf(Exception e) => e switch
    {
        OperationCanceledException => "timed out",
        { InnerException: { } inner } => $"{e.Message} {ReasonOf(inner)}",
        _ => e.Message,
    };
}
