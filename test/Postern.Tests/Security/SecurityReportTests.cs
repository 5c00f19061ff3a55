using System.Text;
using MimeKit;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Server;

namespace Postern.Tests.Security;

/// <summary>Plays the catalogue's cases about reports against the real queue: nobody is told who sent
/// nothing, nobody is told of a report, and nothing goes round for ever.</summary>
public sealed class SecurityReportTests
{
    const string Automatic =
        "Auto-Submitted: auto-replied\r\nPrecedence: bulk\r\nList-Id: <l.example.net>\r\n";

    static readonly string[] Special = ["DSN-08", "DSN-09", "DSN-11", "DSN-12"];

    static readonly Dictionary<string, ReportCase[]> Rows = new()
    {
        ["DSN-01"] =
        [
            new("", Results.Failed) { DeadLetters = 1 },
            new("", Results.Greylisted) { DeadLetters = 1 },
            new("", Results.Failed) { Door = MailDoors.Mx, Bounces = true, DeadLetters = 1 },
            new("", Results.Relayed) { Notify = DsnNotify.Success },
        ],
        // The report fails as the message did.
        ["DSN-02"] =
        [
            new("a@sender.example", Results.Failed) { Reports = 1, DeadLetters = 1 },
            new("a@sender.example", Results.Greylisted) { Reports = 1, DeadLetters = 1 },
        ],
        ["DSN-04"] =
        [
            new("a@out.example", Results.Unreachable) { Door = MailDoors.Mx, DeadLetters = 1 },
            new("a@out.example", Results.LoginRefused) { Door = MailDoors.Mx, Held = 1 },
            new("a@out.example", Results.Failed) { Door = MailDoors.Mx, DeadLetters = 1 },
            new("a@out.example", Results.Failed)
                { Door = MailDoors.Mx, Bounces = true, Reports = 1, DeadLetters = 1 },
        ],
        // As without these fields: the envelope alone decides.
        ["DSN-05"] =
        [
            new("a@sender.example", Results.Failed) { Header = Automatic, Reports = 1, DeadLetters = 1 },
            new("a@sender.example", Results.Relayed) { Header = Automatic },
            new("a@out.example", Results.Failed) { Header = Automatic, Door = MailDoors.Mx, DeadLetters = 1 },
            new("a@sender.example", Results.Failed)
                { Header = Automatic, Notify = DsnNotify.Never, DeadLetters = 1 },
        ],
    };

    internal static IEnumerable<SecurityCase> Played => SecurityCase.Of("DSN")
        .Where(one => Rows.ContainsKey(one.Id) || Special.Contains(one.Id));

    public static TheoryData<string, int> Cases()
    {
        var rows = new TheoryData<string, int>();
        foreach (var id in Played.Select(one => one.Id).Intersect(Rows.Keys))
        {
            for (var play = 0; play < Rows[id].Length; play++)
                rows.Add(id, play);
        }
        if (rows.Count == 0)
            rows.Add("none", 0);
        return rows;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case_Played_TellsWhomItMust(string id, int play)
    {
        SecurityCase.Get(id);
        var row = Rows[id][play];
        await using var hall = HallOf(row.Bounces);
        hall.Relay.Otherwise = row.Result;
        await hall.Queue.AcceptAsync(MailOf(hall, row));
        // The message lives five days, and its report as long again.
        await hall.PassAsync(TimeSpan.FromDays(11));
        Assert.Equal(row.Reports, hall.Events(EventKind.BouncedToSender).Count());
        Assert.Equal(row.Reports, hall.Relay.Attempts.Select(attempt => attempt.Message)
            .Where(message => message.ReportOn is not null).DistinctBy(message => message.Id).Count());
        Assert.Equal(row.DeadLetters, hall.Events(EventKind.DeadLettered).Count());
        Assert.Equal(row.Held, hall.Store.Recipients.Count(r => r.State == RecipientState.Held));
        // What failed is kept, to be looked at and sent again.
        Assert.Equal(row.DeadLetters, hall.Store.Recipients.Count(r => r.KeepUntil is not null));
    }

    [Theory]
    [InlineData(MailDoors.Mx)]
    [InlineData(MailDoors.Submission)]
    public async Task Flood_OfFailuresOfOneSender_HasNoFloodOfReports(MailDoors door)
    {
        SecurityCase.Get("DSN-08");
        await using var hall = HallOf(bounces: true);
        var forged = new ReportCase("victim@out.example", Results.Failed) { Door = door };
        for (var i = 0; i < 1000; i++)
            await FailAsync(hall, forged);
        Assert.Equal(ReportThrottle.ReportsMax, hall.Events(EventKind.BouncedToSender).Count());
        var over = hall.Events(EventKind.DeadLettered).Where(fact => fact.Why is not null).ToArray();
        Assert.Equal(1000 - ReportThrottle.ReportsMax, over.Length);
        Assert.All(over, fact => Assert.Contains("as many reports", fact.Why));
        // Nobody else goes without, nor does the same sender later.
        await FailAsync(hall, forged with { Sender = "other@out.example" });
        await hall.PassAsync(ReportThrottle.Window);
        await FailAsync(hall, forged);
        Assert.Equal(ReportThrottle.ReportsMax + 2, hall.Events(EventKind.BouncedToSender).Count());
    }

    [Fact]
    public async Task Report_OnManyRecipients_CountsOnce()
    {
        SecurityCase.Get("DSN-08");
        await using var hall = HallOf(bounces: true);
        hall.Relay.Otherwise = Results.Failed;
        await hall.AcceptAsync([.. Enumerable.Range(0, 300).Select(i => $"r{i}@far.example")]);
        await hall.RunAsync();
        Assert.Equal(300, hall.Events(EventKind.BouncedToSender).Count());
    }

    [Fact]
    public async Task Mail_ThatIsRoutedBackToUs_StopsAtTheHopLimit()
    {
        SecurityCase.Get("DSN-09");
        const int hopsMax = 50;
        var end = "250 2.0.0 ok";
        await using var house = new SecurityHouse(ListenFor.Mx)
        {
            Polite = new PoliteRelay { Says = line => line == "." ? end : null },
        };
        var (laps, content) = (0, "Subject: round\r\n\r\nx\r\n");
        string reply;
        // The next hop is ourselves.
        while ((reply = await TakeAsync(house, content))[0] == '2')
        {
            laps++;
            await house.Hall.RunAsync();
            content = house.Polite.Contents.Last();
        }
        Assert.StartsWith("554 5.4.6", reply);
        // Each time we add one Received field; one message has all that are allowed, the next one more.
        Assert.Equal(hopsMax + 1, laps);
        // What the next hop refuses so is over, and nobody is told.
        end = reply;
        await TakeAsync(house, "Subject: last\r\n\r\nx\r\n");
        await house.Hall.PassAsync(TimeSpan.FromDays(6));
        Assert.Equal("5.4.6", Assert.Single(house.Hall.Events(EventKind.Failed)).Status);
        Assert.Single(house.Hall.Events(EventKind.DeadLettered));
        Assert.Empty(house.Hall.Events(EventKind.BouncedToSender));
    }

    /// <summary>Nothing that a report says by itself is believed.</summary>
    [Fact]
    public async Task Report_ThatAStrangerMade_ChangesNoHistory()
    {
        SecurityCase.Get("DSN-11");
        await using var peer = new CasePeer("mx25", ListenerKind.Mx);
        var hall = peer.House.Hall;
        var id = await hall.AcceptAsync(hall.Letter(SecurityHouse.User), "good@far.example");
        await hall.RunAsync();
        var before = hall.Store.Events.Where(fact => fact.Message == id).ToArray();
        Assert.Contains(before, fact => fact.Kind == EventKind.Relayed);
        var forged = "From: MAILER-DAEMON@far.example\r\nMIME-Version: 1.0\r\n"
            + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
            + "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; far.example\r\n"
            + $"Original-Envelope-Id: {id}\r\nX-Postern-Queue-ID: {id}\r\n\r\n"
            + "Final-Recipient: rfc822; good@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n"
            + "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1@example.org>\r\n\r\n--b--\r\n";
        var steps = "S ^220|C EHLO c.example.net\\r\\n|S ^250|C MAIL FROM:<>\\r\\n|S ^250"
            + $"|C RCPT TO:<bounces+{id}-0000@local.example>\\r\\n|S ^550"
            + $"|C RCPT TO:<{SecurityHouse.User}>\\r\\n|S ^250|C DATA\\r\\n|S ^354|C {forged}.\\r\\n|S ^250";
        foreach (var step in ServerCases.Steps(steps))
            await SecurityServerTests.PlayAsync(peer, "DSN-11", step);
        await hall.RunAsync();
        Assert.Equal(before, hall.Store.Events.Where(fact => fact.Message == id));
    }

    [Theory] // In the sender's address, in the recipient's, in ORCPT.
    [InlineData("\ubc31@sender.example", "b@far.example", null)]
    [InlineData("a@sender.example", "\ubc31@far.example", null)]
    [InlineData("a@sender.example", "b@far.example", "utf-8;\\x{BC31}@far.example")]
    public async Task Report_AboutInternationalAddresses_IsAGlobalOneAndWhole(
        string sender, string recipient, string? original)
    {
        SecurityCase.Get("DSN-12");
        await using var hall = HallOf(bounces: true);
        hall.Relay.Answer(Results.Failed);
        var to = new EnvelopeRecipient(
            new ForwardPath(MailHall.Mailbox(recipient)),
            RcptParameters.None with { OriginalRecipient = original });
        await hall.Queue.AcceptAsync(
            MailHall.Mail(hall.Letter(sender)) with { Recipients = [new NewRecipient(to, [], Held: false)] });
        await hall.RunAsync();
        var isGlobal = original is null;
        using var report = MimeMessage.Load(
            new MemoryStream(Encoding.Latin1.GetBytes(hall.Relay.Contents[^1])),
            TestContext.Current.CancellationToken);
        var parts = Assert.IsType<MultipartReport>(report.Body);
        Assert.Equal(
            isGlobal ? "message/global-delivery-status" : "message/delivery-status",
            parts[1].ContentType.MimeType);
        using var octets = new MemoryStream();
        await ((MimePart)parts[1]).Content!.DecodeToAsync(octets, TestContext.Current.CancellationToken);
        var fields = Encoding.UTF8.GetString(octets.ToArray());
        Assert.Contains(
            $"Final-Recipient: {(recipient[0] > '~' ? "utf-8" : "rfc822")}; {recipient}\r\n", fields);
        if (original is not null)
            Assert.Contains($"Original-Recipient: utf-8; {original["utf-8;".Length..]}\r\n", fields);
        Assert.Equal(sender[0] > '~', hall.Relay.Attempts[^1].Message.Parameters.SmtpUtf8);
    }

    /// <summary>One message through a session; the reply to it.</summary>
    static async Task<string> TakeAsync(SecurityHouse house, string stuffed)
    {
        await using var peer = new TestPeer(TestPeer.Defaults, ListenerKind.Mx, door: house.Door);
        await peer.EnvelopeAsync();
        Assert.StartsWith("354", await peer.AskAsync("DATA\r\n"));
        return await peer.AskAsync(stuffed + ".\r\n");
    }

    static async Task FailAsync(MailHall hall, ReportCase row)
    {
        hall.Relay.Answer(Results.Failed);
        await hall.Queue.AcceptAsync(MailOf(hall, row));
        await hall.RunAsync();
    }

    static MailHall HallOf(bool bounces) => new(MailHall.OptionsOf(MailHall.Route("all") with
    {
        Accepts = MailDoors.Mx | MailDoors.Submission,
        Bounce = bounces ? true : null,
    }));

    static NewMail MailOf(MailHall hall, ReportCase row)
    {
        var content = new PooledContent();
        content.Append(Encoding.ASCII.GetBytes(row.Header + "Subject: hello\r\n\r\nhello\r\n"));
        var to = new EnvelopeRecipient(
            new ForwardPath(MailHall.Mailbox("b@far.example")),
            RcptParameters.None with { Notify = row.Notify });
        return new NewMail(
            hall.Letter(row.Sender, row.Door), content, [new NewRecipient(to, [], Held: false)]);
    }
}

/// <summary>A message that ends in some way, and what must come of it.</summary>
/// <param name="Sender">Empty: the null sender.</param>
/// <param name="Result">Of every attempt, those of its report as well.</param>
sealed record ReportCase(string Sender, AttemptResult Result)
{
    public MailDoors Door { get; init; } = MailDoors.Submission;

    /// <summary>What the route says of bounces; else it says nothing.</summary>
    public bool Bounces { get; init; }

    public DsnNotify Notify { get; init; }
    public string Header { get; init; } = "";
    public int Reports { get; init; }
    public int DeadLetters { get; init; }
    public int Held { get; init; }
}
