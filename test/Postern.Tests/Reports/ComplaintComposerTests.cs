using System.Text;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Reports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using Postern.Tests.Events;

namespace Postern.Tests.Reports;

public sealed class ComplaintComposerTests
{
    const string Original = "Subject: =?utf-8?B?7JWI64WV?=\r\nMessage-ID: <17@example.org>\r\n"
        + "To: bob@dest.example\r\n\r\nBody\r\n";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Report_MatchesItsGoldenFile() => GoldenFile.Check("report.complaint.eml",
        Encoding.ASCII.GetString((await ComposeAsync("abuse", "203.0.113.9", Original)).Content.Span));

    [Fact]
    public async Task Report_IsReadWithAllItsFields()
    {
        var report = await ComposeAsync("abuse", "203.0.113.9", Original);
        var read = Assert.IsType<Complaint>(BounceReader.Read(report.Content));
        Assert.Equal(("abuse", "Postern", "203.0.113.9", SampleEvents.At.ToUnixTimeSeconds()),
            (read.FeedbackType, read.UserAgent, read.SourceIp, read.ArrivedAt?.ToUnixTimeSeconds()));
        Assert.Equal(["bob@dest.example", "수신@예시.example"],
            read.Recipients.Select(static recipient => recipient.ToString()));
        Assert.Equal(("<17@example.org>", "QQ17", "bounces+0123456789ABC-f00d@example.org"),
            (read.Original.MessageId, read.Original.EnvelopeId, read.Original.ReturnPath?.ToString()));
        Assert.Equal(["0123456789ABC-f00d"], read.Original.Tokens);
    }

    [Fact]
    public async Task OriginalBody_StaysWithTheComplainer()
    {
        var report = await ComposeAsync("abuse", "203.0.113.9", Original);
        Assert.True(report.Content.Span.IndexOf("Subject: "u8) >= 0);
        Assert.True(report.Content.Span.IndexOf("Body"u8) < 0);
    }

    [Fact]
    public void HostileTexts_NeverMakeAFieldOrABoundary() =>
        HostileText.Gen.Select(HostileText.Gen).Sample((text, body) =>
    {
        var report = ComposeAsync(text, text, "Subject: x\r\n" + body).AsTask().Result;
        Assert.True(Ascii.IsValid(report.Content.Span));
        var read = Assert.IsType<Complaint>(BounceReader.Read(report.Content));
        Assert.Equal(["bob@dest.example", "수신@예시.example"],
            read.Recipients.Select(static recipient => recipient.ToString()));
        Assert.Equal("bounces+0123456789ABC-f00d@example.org", read.Original.ReturnPath?.ToString());
    }, iter: 200);

    static async ValueTask<ComposedReport> ComposeAsync(string type, string source, string original) =>
        await new ComplaintComposer("mx.example.org", new FakeTimeProvider(SampleEvents.At)).ComposeAsync(
            new ComplaintRequest(SampleEvents.OtherId, MailboxOf("abuse@example.org"), type,
                MailboxOf("bounces+0123456789ABC-f00d@example.org"), "QQ17",
                [MailboxOf("bob@dest.example"), MailboxOf("수신@예시.example")], source, SampleEvents.At),
            new BytesContent(Encoding.UTF8.GetBytes(original)), Cancel);

    static Mailbox MailboxOf(string text) =>
        Mailbox.TryParse(text, out var mailbox) ? mailbox : throw new FormatException(text);
}
