using System.Net;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Tests.Events;

/// <summary>A plain event of each kind, and the facts of a session.</summary>
static class SampleEvents
{
    public static readonly DateTimeOffset At = new(2026, 5, 4, 6, 3, 39, 123, TimeSpan.Zero);
    public static readonly QueueId Id = new(0x0B_F00D_CAFE_1234);
    public static readonly QueueId OtherId = new(0x0B_F00D_CAFE_1235);

    public static readonly ClientFacts Client = new()
    {
        Address = "198.51.100.7",
        Port = 40123,
        Helo = "app.example.org",
        Protocol = "ESMTPSA",
        Listener = "submission-587",
        Account = "shop",
        Mechanism = "PLAIN",
        Tls = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384",
    };

    public static readonly AttemptFacts Facts = new("smtp.mailgun.org[203.0.113.9]:587", 2,
        TimeSpan.FromMilliseconds(31), TimeSpan.FromMilliseconds(412),
            "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384");

    public static MailEvent Of(EventKind kind)
    {
        var plain = new MailEvent
        {
            Kind = kind,
            At = At,
            Message = Id,
            Recipient = 1,
            RecipientAddress = "bob@dest.example",
            Sender = "app@example.org",
        };
        var attempt = plain with
        {
            Transport = "mailgun",
            Attempt = 1,
            Facts = Facts,
            DelayBeforeActive = TimeSpan.FromMilliseconds(8),
            DelayActive = TimeSpan.FromMilliseconds(1),
        };
        return OfAttempt(kind, attempt) ?? OfOthers(kind, plain);
    }

    static MailEvent OfOthers(EventKind kind, MailEvent plain) =>
        kind switch
        {
            EventKind.Accepted => plain with
            {
                MessageId = "<17@example.org>",
                ContentOctets = 4096,
                Subject = "주문 확인: your order",
                RecipientCount = 1,
                Client = Client,
                Route = "everything-else",
                Transport = "mailgun",
                Why = "route everything-else matches",
            },
            EventKind.Rejected => plain with
            {
                Message = null,
                Client = Client,
                Reply = "550 5.7.1 suppressed",
                Status = "5.7.1"
            },
            EventKind.AlarmRaised or EventKind.AlarmCleared => new MailEvent
            {
                Kind = kind,
                At = At,
                Alarm = new Alarm("login", "mailgun", At, "535 5.7.8 wrong password",
                    "Correct transports.mailgun.login."),
            },
            EventKind.Operated => new MailEvent
            {
                Kind = kind,
                At = At,
                Actor = "admin",
                Why = "removed suppressions of example.org",
                RecipientCount = 3,
            },
            EventKind.BouncedToSender or EventKind.Delayed or EventKind.Replayed =>
                plain with { Other = OtherId },
            EventKind.Held or EventKind.Released or EventKind.Retried or EventKind.Cancelled =>
                plain with { Actor = "admin" },
            _ => plain,
        };

    static MailEvent? OfAttempt(EventKind kind, MailEvent attempt) =>
        kind switch
        {
            EventKind.Relayed or EventKind.Delivered =>
                attempt with { Status = "2.0.0", Reply = "250 Great success", RemoteId = "abc" },
            EventKind.Attempted => attempt with
            {
                Status = "4.2.0",
                Reply = Said("450 4.2.0 greylisted"),
                Blame = Blame.Recipient,
            },
            EventKind.Failed => attempt with
            {
                Status = "5.1.1",
                Reply = Said("550 5.1.1 no such user"),
                Severity = EventSeverity.Permanent,
            },
            _ => null,
        };

    static string Said(string reply) =>
        $"host smtp.mailgun.org[203.0.113.9] said: {reply} (in reply to RCPT TO command)";

    public static SessionFacts Session(int port = 40123)
    {
        var session = new SessionFacts
        {
            Listener = "mx-25",
            Kind = ListenerKind.Mx,
            Remote = new IPEndPoint(IPAddress.Parse("198.51.100.7"), port),
            Local = new IPEndPoint(IPAddress.Loopback, 25),
            StartedAt = At,
            Helo = "client.example",
            IsExtended = true,
        };
        session.Counts.Add("EHLO", new Reply(250, null, "ok"));
        session.Counts.Add("MAIL", new Reply(250, null, "ok"));
        session.Counts.Add("RCPT", new Reply(550, null, "no"));
        session.Counts.Add("cGFzc3dvcmQ=", new Reply(500, null, "no"));
        return session;
    }
}
