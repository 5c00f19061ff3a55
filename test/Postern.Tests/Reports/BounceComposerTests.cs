using System.IO.Pipelines;
using System.Text;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Smtp;
using Postern.Tests.Events;

namespace Postern.Tests.Reports;

public sealed class BounceComposerTests
{
    const string Plain = "Subject: hi\r\nMessage-ID: <17@example.org>\r\n\r\nBody\r\n";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ReportKind.Failed)]
    [InlineData(ReportKind.Delayed)]
    [InlineData(ReportKind.Relayed)]
    [InlineData(ReportKind.Expanded)]
    public async Task Report_MatchesItsGoldenFile(ReportKind kind)
    {
        var report = await ComposeAsync(kind, "bob@dest.example",
            "host mx.dest.example[203.0.113.9] said: 550 5.1.1 no such user (in reply to RCPT TO command)",
            Plain);
        GoldenFile.Check($"report.{kind.ToString().ToLowerInvariant()}.eml",
            Encoding.ASCII.GetString(report.Content.Span));
    }

    [Fact]
    public async Task InternationalRecipient_GivesAGlobalReportInAscii()
    {
        var report = await ComposeAsync(ReportKind.Failed, "수신@예시.example", "550 5.1.1 없는 사용자",
            "Subject: 안녕\r\n\r\nBody\r\n");
        Assert.True(System.Text.Ascii.IsValid(report.Content.Span));
        Assert.False(report.SmtpUtf8);
        GoldenFile.Check("report.global.eml", Encoding.ASCII.GetString(report.Content.Span));
        Assert.Contains("utf-8; 수신@예시.example", StatusText(Parse(report)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DsnReturn.Unspecified, 1000, "message/rfc822")]
    [InlineData(DsnReturn.Full, 1000, "message/rfc822")]
    [InlineData(DsnReturn.Headers, 1000, "text/rfc822-headers")]
    [InlineData(DsnReturn.Full, 60_000, "text/rfc822-headers")]
    public async Task Original_IsReturnedAsRetAndSizeAllow(DsnReturn ret, int octets, string type)
    {
        var original = Plain + string.Concat(Enumerable.Repeat("0123456789\r\n", octets / 12));
        var report = await ComposeAsync(ReportKind.Failed, "bob@dest.example", "550 no", original, ret);
        Assert.Equal(type, Parse(report)[2].ContentType.MimeType);
        Assert.True(report.Content.Length < octets + 4000);
    }

    [Fact]
    public void HostileTexts_NeverMakeAFieldOrABoundary() =>
        HostileText.Gen.Select(HostileText.Gen).Sample((text, body) =>
    {
        var report = ComposeAsync(ReportKind.Failed, "bob@dest.example", text, "Subject: x\r\n\r\n" + body,
            DsnReturn.Full, text).AsTask().Result;
        Assert.True(System.Text.Ascii.IsValid(report.Content.Span));
        Assert.False(report.Content.Span.Contains((byte)0));
        var parts = Parse(report);
        Assert.Equal(3, parts.Count);
        var groups = Assert.IsType<MessageDeliveryStatus>(parts[1]).StatusGroups;
        Assert.Equal(2, groups.Count);
        Assert.Equal(["Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA",
            "Diagnostic-Code"],
            groups[1].Select(h => h.Field));
        Assert.Equal("rfc822; bob@dest.example", groups[1]["Final-Recipient"]);
    }, iter: 300);

    [Fact]
    public async Task GuessedBoundary_IsNotUsed()
    {
        var guess = $"--{SampleEvents.OtherId}.0/postern";
        var report = await ComposeAsync(ReportKind.Failed, "bob@dest.example", "550 no",
            Plain + guess + "\r\nContent-Type: text/html\r\n\r\n");
        Assert.Equal(3, Parse(report).Count);
    }

    static async ValueTask<ComposedReport> ComposeAsync(
        ReportKind kind, string recipient, string text, string original,
            DsnReturn ret = DsnReturn.Unspecified, string? hostile = null)
    {
        Assert.True(Mailbox.TryParse("app@example.org", out var sender));
        Assert.True(Mailbox.TryParse(recipient, out var address));
        var message = new QueuedMessage
        {
            Id = SampleEvents.Id,
            ArrivedAt = SampleEvents.At.AddHours(-1),
            Door = MailDoors.Submission,
            Sender = new ReversePath(sender),
            Parameters = new() { Return = ret, EnvelopeId = hostile ?? "QQ17" },
            Client = SampleEvents.Client,
            ContentOctets = original.Length,
            MessageId = "<17@example.org>",
        };
        var reported = new Recipient
        {
            Message = message.Id,
            Number = 1,
            Address = address,
            State = RecipientState.Done,
            Dsn = new()
            {
                OriginalRecipient = hostile is null ? "rfc822;bob@dest.example"
                : "rfc822;" + hostile
            },
        };
        var status = kind switch
        {
            ReportKind.Failed => new EnhancedStatus(5, 1, 1),
            ReportKind.Delayed =>
            new(4, 4, 1),
            _ => new(2, 0, 0)
        };
        var composer = new BounceComposer("mx.example.org", new FakeTimeProvider(SampleEvents.At));
        return await composer.ComposeAsync(
            new ReportRequest(kind, SampleEvents.OtherId, message,
                [new ReportedRecipient(reported, status, text, "mx.dest.example",
                    SampleEvents.At.AddDays(5))]),
            new MemoryContent(Encoding.UTF8.GetBytes(original)), Cancel);
    }

    static MultipartReport Parse(ComposedReport report) =>
        Assert.IsType<MultipartReport>(MimeMessage.Load(new MemoryStream(report.Content.ToArray())).Body);

    static string StatusText(MultipartReport report)
    {
        using var decoded = new MemoryStream();
        ((MimePart)report[1]).Content!.DecodeTo(decoded);
        return Encoding.UTF8.GetString(decoded.ToArray());
    }

    sealed class MemoryContent(byte[] octets) : ContentSource
    {
        public override long Octets => octets.Length;
        public override bool HasEightBit => !System.Text.Ascii.IsValid(octets);
        public override bool HasEightBitHeader => HasEightBit;
        public override PipeReader OpenReader() =>
            PipeReader.Create(new System.Buffers.ReadOnlySequence<byte>(octets));
    }
}
