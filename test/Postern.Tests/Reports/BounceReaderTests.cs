using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using Postern.Tests.Events;

namespace Postern.Tests.Reports;

public sealed class BounceReaderTests
{
    const string From = "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example (Mail Delivery System)\r\n";
    const string To = "To: bounces+0123456789ABC-f00d@example.org\r\n";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ReportKind.Failed, "5.1.1", BounceReason.UserUnknown)]
    [InlineData(ReportKind.Delayed, "4.4.1", BounceReason.Expired)]
    [InlineData(ReportKind.Delivered, "2.0.0", BounceReason.Delivered)]
    [InlineData(ReportKind.Relayed, "2.0.0", BounceReason.Delivered)]
    [InlineData(ReportKind.Expanded, "2.0.0", BounceReason.Delivered)]
    public async Task OwnReport_IsReadWithAllItsFields(ReportKind kind, string status, BounceReason reason)
    {
        var words = kind switch
        {
            ReportKind.Failed => "host mx.dest.example[203.0.113.9] said: 550 5.1.1 no such user "
                + "(in reply to RCPT TO command)",
            ReportKind.Delayed => "connect to mx.dest.example[203.0.113.9]:25: timed out",
            _ => "250 2.0.0 Ok",
        };
        var report = await ComposeAsync(kind, "bob@dest.example", words);
        var read = Assert.IsType<DeliveryReport>(BounceReader.Read(report.Content));
        var fate = Assert.Single(read.Recipients);
        Assert.Equal((kind, status, reason),
            (fate.Action, fate.Status.ToString(), fate.Reason));
        Assert.Equal(("bob@dest.example", "bob@alias.example", "mx.dest.example"),
            (fate.Address?.ToString(), fate.Original?.ToString(), fate.RemoteMta));
        Assert.Equal(kind switch { ReportKind.Failed => 550, ReportKind.Delayed => null, _ => (int?)250 },
            fate.ReplyCode);
        Assert.Equal(kind == ReportKind.Failed, fate.IsHard);
        Assert.Equal("mx.example.org", read.ReportingMta);
        Assert.Equal(("<17@example.org>", "QQ17", SampleEvents.Id.ToString(), "app@example.org"),
            (read.Original.MessageId, read.Original.EnvelopeId, read.Original.QueueId,
            read.Original.ReturnPath?.ToString()));
    }

    [Fact]
    public async Task OwnGlobalReport_KeepsInternationalAddresses()
    {
        var report = await ComposeAsync(ReportKind.Failed, "수신@예시.example", "550 5.1.1 없는 사용자");
        var read = Assert.IsType<DeliveryReport>(BounceReader.Read(report.Content));
        var fate = Assert.Single(read.Recipients);
        Assert.Equal(("수신@예시.example", BounceReason.UserUnknown, "smtp; 550 5.1.1 없는 사용자"),
            (fate.Address?.ToString(), fate.Reason, fate.Diagnostic));
    }

    [Fact]
    public void Token_IsFoundInTheAddressTheReportCameTo()
    {
        var read = Read(From + To + "Subject: failure notice\r\n\r\n"
            + "<bob@dest.example>:\r\nRemote host said: 550 5.1.1 User unknown\r\n\r\n"
            + "--- Below this line is a copy of the message.\r\n\r\n"
            + "Return-Path: <bounces+ZZZZZZZZZZZZZ-beef@example.org>\r\nMessage-ID: <1@example.org>\r\n"
            + "To: Bob <bob@dest.example>, <eve@dest.example>\r\n\r\nbody\r\n");
        Assert.Equal(["0123456789ABC-f00d", "ZZZZZZZZZZZZZ-beef"], read!.Original.Tokens);
        Assert.Equal("<1@example.org>", read.Original.MessageId);
        Assert.Equal("bounces+ZZZZZZZZZZZZZ-beef@example.org", read.Original.ReturnPath?.ToString());
        Assert.Equal(["bob@dest.example", "eve@dest.example"],
            read.Original.To.Select(static address => address.ToString()));
    }

    [Theory]
    [InlineData("550 User unknown (in reply to RCPT TO command)", "userunknown", true)]
    [InlineData("550 User unknown (in reply to end of DATA command)", "filtered", false)]
    [InlineData("550 User unknown (in reply to MAIL FROM command)", "rejected", false)]
    [InlineData("552 5.2.2 Over quota", "mailboxfull", false)]
    [InlineData("554 rejected (in reply to EHLO command)", "blocked", false)]
    [InlineData("550 5.7.26 sender fails DMARC", "authfailure", false)]
    [InlineData("550 5.4.4 Host or domain name not found", "hostunknown", true)]
    [InlineData("550 5.7.1 mailbox-full@spam.example: go away", "securityerror", false)]
    [InlineData("550 see https://dest.example/user-unknown", "onhold", false)]
    public void Reason_ComesFromWordsStageAndStatus_NotFromAddressesOrUrls(
        string reply, string reason, bool isHard)
    {
        var read = Assert.IsType<DeliveryReport>(Read(From + To + "Subject: Undelivered Mail\r\n\r\n"
            + $"<bob@dest.example>: host mx.dest.example[203.0.113.9] said: {reply}\r\n"));
        var fate = Assert.Single(read.Recipients);
        Assert.Equal((reason, isHard), (fate.Reason.NameOf(), fate.IsHard));
    }

    [Theory]
    [InlineData("Auto-Submitted: auto-replied\r\nSubject: Re: offer\r\n")]
    [InlineData("Subject: Out of Office: back on Monday\r\n")]
    [InlineData("Subject: =?utf-8?B?67aA7J6s7KSR?=\r\n")]
    [InlineData("Precedence: auto_reply\r\nSubject: hello\r\n")]
    public void AnswerOfAMachine_IsNoBounce(string fields) => Assert.IsType<AutoReply>(Read(
        "Return-Path: <>\r\nFrom: Bob <bob@dest.example>\r\n" + To + fields
        + "\r\nMy account is disabled until Monday.\r\neve@dest.example has my mailbox, it is full.\r\n"));

    [Fact]
    public void ReadReceipt_IsAnAnswerOfAMachine() => Assert.IsType<AutoReply>(Read(
        "From: bob@dest.example\r\n" + To + "MIME-Version: 1.0\r\nSubject: Read\r\n"
        + "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
        + "--b\r\n\r\nread\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        + "Final-Recipient: rfc822; bob@dest.example\r\nDisposition: manual-action/x; displayed\r\n"
        + "--b--\r\n"));

    [Theory]
    [InlineData("From: Bob <bob@dest.example>\r\nSubject: lunch\r\n\r\nMailbox full, eve@x.example\r\n")]
    [InlineData("From: Bob <bob@dest.example>\r\nAuto-Submitted: no\r\nSubject: hi\r\n\r\nhi\r\n")]
    [InlineData("")]
    [InlineData("\r\n\r\n")]
    [InlineData("Content-Type: multipart/report; boundary=\"\"\r\n\r\n")]
    public void OrdinaryMail_IsNothing(string mail) => Assert.Null(Read(mail));

    [Fact]
    public void Limits_HoldForRecipientsTextsAndDepth()
    {
        var groups = string.Concat(Enumerable.Range(0, BounceReader.RecipientsMax + 500).Select(
            static i => $"\r\nFinal-Recipient: rfc822; u{i}@d.example\r\nAction: failed\r\n"
                + "Status: 5.1.1\r\n"));
        var many = Assert.IsType<DeliveryReport>(Read(Dsn(groups)));
        Assert.Equal(BounceReader.RecipientsMax, many.Recipients.Count);
        Assert.All(many.Recipients, static fate => Assert.True(fate.IsHard));
        var wide = Assert.IsType<DeliveryReport>(Read(Dsn(
            "\r\nFinal-Recipient: rfc822; u@d.example\r\nAction: failed\r\nDiagnostic-Code: x; "
            + new string('y', 600_000) + "\r\n")));
        Assert.InRange(wide.Recipients[0].Diagnostic.Length, 1, BounceReader.DiagnosticCharactersMax + 3);
        var deep = string.Concat(Enumerable.Range(0, 5000).Select(
            static i => $"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"));
        Assert.Null(Read("From: a@b.example\r\n" + deep + "\r\nx\r\n"));
    }

    [Fact]
    public void AmazonNotification_IsReadFromItsJson()
    {
        const string json = """
            {"notificationType":"Complaint","complaint":{"complainedRecipients":
            [{"emailAddress":"bob@dest.example"}],"complaintFeedbackType":"abuse"},
            "mail":{"source":"app@example.org","messageId":"0101-ses","destination":["bob@dest.example"],
            "commonHeaders":{"messageId":"<1@example.org>"}}}
            """;
        var complaint = Assert.IsType<Complaint>(
            Read("From: no-reply@sns.example\r\nSubject: AWS Notification Message\r\n\r\n" + json
            + "\r\n\r\n--\r\nTo stop receiving...\r\n"));
        Assert.Equal(("abuse", "<1@example.org>", "0101-ses", "app@example.org"),
            (complaint.FeedbackType, complaint.Original.MessageId, complaint.Original.EnvelopeId,
            complaint.Original.ReturnPath?.ToString()));
        Assert.Equal("bob@dest.example", Assert.Single(complaint.Recipients).ToString());
    }

    [Theory]
    [InlineData("001", "abuse", null, null)]
    [InlineData("002", "abuse", "user@example.com", "somespammer@example.net")]
    [InlineData("003", "auth-failure", "user@example.com", "randomuser@example.net")]
    [InlineData("004", "auth-failure", "address@myotherdomain.name", "info@interpublication.org")]
    [InlineData("005", "auth-failure", null, "anexample.reply@a.sender.example")]
    public void ComplaintSample_IsReadAsItsJsonSays(
        string name, string type, string? recipient, string? sender)
    {
        var folder = SamplesOf("reports-stalwart/arf");
        var read = Assert.IsType<Complaint>(
            BounceReader.Read(File.ReadAllBytes(Path.Combine(folder, name + ".eml"))));
        using var expected =
            JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, name + ".json")));
        string? Text(string key) => expected.RootElement.GetProperty(key).GetString();
        Assert.Equal((type, Text("user_agent"), Text("source_ip"), Text("original_envelope_id")),
            (read.FeedbackType, read.UserAgent, read.SourceIp, read.Original.EnvelopeId));
        Assert.Equal(sender, read.Original.ReturnPath?.ToString());
        if (recipient is not null)
            Assert.Equal(recipient, Assert.Single(read.Recipients).ToString());
        var arrival = expected.RootElement.GetProperty("arrival_date");
        Assert.Equal(arrival.ValueKind == JsonValueKind.Null ? null : arrival.GetInt64(),
            read.ArrivedAt?.ToUnixTimeSeconds());
    }

    static ReturnedMail? Read(string mail) => BounceReader.Read(Encoding.UTF8.GetBytes(mail));

    static string Dsn(string groups) => From + To + "MIME-Version: 1.0\r\n"
        + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        + "--b\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + $"Reporting-MTA: dns; mx.example\r\n{groups}\r\n--b--\r\n";

    internal static string SamplesOf(string name)
    {
        var folder = Path.GetFullPath(Repository.PathOf("../shared/data/" + name));
        if (!Directory.Exists(folder))
            folder = Path.GetFullPath(Repository.PathOf("../../shared/data/" + name));
        if (!Directory.Exists(folder))
            Assert.Skip("the samples are not on this machine");
        return folder;
    }

    static async ValueTask<ComposedReport> ComposeAsync(ReportKind kind, string recipient, string words)
    {
        var message = new QueuedMessage
        {
            Id = SampleEvents.Id,
            ArrivedAt = SampleEvents.At.AddHours(-1),
            Door = MailDoors.Submission,
            Sender = new ReversePath(MailboxOf("app@example.org")),
            Parameters = new() { EnvelopeId = "QQ17" },
            Client = SampleEvents.Client,
            ContentOctets = 100,
            MessageId = "<17@example.org>",
        };
        var row = new Recipient
        {
            Message = message.Id,
            Number = 1,
            Address = MailboxOf(recipient),
            Original = MailboxOf("bob@alias.example"),
            State = RecipientState.Done,
        };
        var status = kind switch
        {
            ReportKind.Failed => new EnhancedStatus(5, 1, 1),
            ReportKind.Delayed => new(4, 4, 1),
            _ => new(2, 0, 0),
        };
        var composer = new BounceComposer("mx.example.org", new FakeTimeProvider(SampleEvents.At));
        return await composer.ComposeAsync(
            new ReportRequest(kind, SampleEvents.OtherId, message,
                [new ReportedRecipient(row, status, words, "mx.dest.example", SampleEvents.At.AddDays(5))]),
            new BytesContent("Subject: hi\r\nMessage-ID: <17@example.org>\r\n\r\nBody\r\n"u8.ToArray()),
            Cancel);
    }

    static Mailbox MailboxOf(string text) =>
        Mailbox.TryParse(text, out var mailbox) ? mailbox : throw new FormatException(text);
}
