using System.Buffers;
using System.Text;
using Postern.Mta;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Intake;

public sealed class MailIntakeTests : IAsyncLifetime
{
    readonly MailHall hall =
        new(OptionsOf(Route("all") with { Accepts = MailDoors.Mx | MailDoors.Submission }));
    readonly MailIntake intake;

    public MailIntakeTests() =>
        intake = new MailIntake(hall.Store, hall.Queue, new MemoryBudget(1 << 20), hall.Clock);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => hall.DisposeAsync();

    static readonly ClientFacts Client = new()
    {
        Address = "192.0.2.1",
        Name = "client.example.com",
        Helo = "helo.example.com",
        Protocol = "ESMTPSA",
        Tls = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384",
    };

    async ValueTask<Reply> AcceptAsync(
        string content, MailDoors door = MailDoors.Submission, ClientFacts? client =
            null, params string[] recipients)
    {
        await using var sink = intake.OpenSink();
        await sink.WriteAsync(
            new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(content)), CancellationToken.None);
        var to = recipients.Length == 0 ? ["b@example.net"] : recipients;
        var request = new IntakeRequest(
            door, "mx.example.org", new ReversePath(Mailbox("a@example.org")), MailParameters.None, client
                ?? Client,
            Mail(hall.Letter(), to).Recipients, CheckAuthors: null);
        return await intake.AcceptAsync(request, sink, CancellationToken.None);
    }

    [Fact]
    public async Task MailgunFields_OfSubmittedMail_AreFollowed_AndCutWhenTheyAreUsedUp()
    {
        var left = await OutAsync(
            "Return-Path: <a@b.c>\r\nX-Mailgun-Tag: one\r\nX-Mailgun-Drop-Message: no\r\nSubject: x\r\n"
            + "X-Mailgun-Variables: {\"order\":\r\n \"17\"}\r\nX-Mailgun-Track: no\r\n"
            + "x-mailgun-deliver-by: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\nbody\r\n");
        Assert.EndsWith(
            "X-Mailgun-Tag: one\r\nSubject: x\r\nX-Mailgun-Variables: {\"order\":\r\n \"17\"}\r\n"
            + "X-Mailgun-Track: no\r\n\r\nbody\r\n", left, StringComparison.Ordinal);
        var relayed = Assert.Single(hall.Events(Postern.Mta.Events.EventKind.Relayed));
        Assert.Equal(("example.org", "one"), (relayed.Options!.Domain, relayed.Options.Tags[0]));
        Assert.Equal("""{"order":"17"}""", relayed.Options.Variables);
    }

    [Fact]
    public async Task MailgunFields_OfInboundMail_AreLeftAlone()
    {
        var left = await OutAsync(
            "X-Mailgun-Drop-Message: yes\r\nX-Mailgun-Tag: one\r\n\r\nbody\r\n", MailDoors.Mx);
        Assert.Contains("X-Mailgun-Drop-Message: yes", left, StringComparison.Ordinal);
        Assert.Null(Assert.Single(hall.Events(Postern.Mta.Events.EventKind.Relayed)).Options);
    }

    [Fact]
    public async Task MailgunFields_ThatCannotBeUnderstood_AreRefused() => Assert.Equal(
        "550 5.6.0 X-Mailgun-Variables rejected: it is no JSON object of 16 KiB at most",
        (await AcceptAsync("X-Mailgun-Variables: [1]\r\n\r\nbody\r\n")).ToString());

    [Fact]
    public async Task Subject_IsInTheAcceptedEventAlone()
    {
        await AcceptAsync("Subject: =?utf-8?B?7KO866y4?=\r\n\r\nbody\r\n");
        await hall.RunAsync();
        Assert.Equal("주문", Assert.Single(hall.Events(Postern.Mta.Events.EventKind.Accepted)).Subject);
        Assert.Null(Assert.Single(hall.Events(Postern.Mta.Events.EventKind.Relayed)).Subject);
    }

    [Fact]
    public async Task Subject_WhereItIsNotRecorded_IsInNoEvent()
    {
        var options = hall.Options with { Log = new LogOptions { Subject = false } };
        await using var silent = new MailHall(options);
        await using var sink =
            new MailIntake(silent.Store, silent.Queue, new MemoryBudget(1 << 20), silent.Clock).OpenSink();
        await sink.WriteAsync(
            new ReadOnlySequence<byte>("Subject: secret\r\n\r\nbody\r\n"u8.ToArray()),
            CancellationToken.None);
        var request = new IntakeRequest(
            MailDoors.Submission, "mx.example.org", new ReversePath(Mailbox("a@example.org")),
            MailParameters.None, Client, Mail(silent.Letter(), ["b@example.net"]).Recipients,
            CheckAuthors: null);
        await new MailIntake(silent.Store, silent.Queue, new MemoryBudget(1 << 20), silent.Clock)
            .AcceptAsync(request, sink, CancellationToken.None);
        Assert.Null(Assert.Single(silent.Events(Postern.Mta.Events.EventKind.Accepted)).Subject);
    }

    /// <summary>What a next hop gets of a content.</summary>
    async ValueTask<string> OutAsync(
        string content, MailDoors door = MailDoors.Submission, ClientFacts? client =
            null, params string[] recipients)
    {
        Assert.Equal(250, (await AcceptAsync(content, door, client, recipients)).Code);
        await hall.RunAsync();
        return Assert.Single(hall.Relay.Contents);
    }

    [Fact]
    public async Task Accepted_SaysTheIdUnderWhichItIsStored()
    {
        var reply = await AcceptAsync("Subject: x\r\n\r\nbody\r\n");
        Assert.Equal(
            $"2.0.0 Ok: queued as {hall.Only.Message}", $"{reply.Status} {string.Join('|', reply.Lines)}");
    }

    [Fact]
    public async Task Submission_GetsReceivedMessageIdAndDate()
    {
        var content = await OutAsync("Subject: x\r\n\r\nbody\r\n");
        var id = hall.Only.Message;
        Assert.Equal(
            "Received: from helo.example.com (client.example.com [192.0.2.1])\r\n"
            + "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n"
            + $"\tby mx.example.org (Postern) with ESMTPSA id {id}\r\n"
            + "\tfor <b@example.net>;\r\n"
            + "\tFri, 2 Jan 2026 03:04:05 +0000\r\n"
            + $"Message-ID: <{id}@mx.example.org>\r\n"
            + "Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n"
            + "Subject: x\r\n\r\nbody\r\n",
            content);
    }

    [Fact]
    public async Task Submission_KeepsItsOwnMessageIdAndDate()
    {
        var content = await OutAsync("Message-ID: <own@x>\r\nDate: today\r\n\r\nbody\r\n");
        Assert.EndsWith(
            "+0000\r\nMessage-ID: <own@x>\r\nDate: today\r\n\r\nbody\r\n", content, StringComparison.Ordinal);
        var stored = await hall.Store.ReadMessageAsync(hall.Only.Message, CancellationToken.None);
        Assert.Equal("<own@x>", stored!.Message.MessageId);
    }

    [Fact]
    public async Task Mx_GetsReceivedAlone()
    {
        var content = await OutAsync("Subject: x\r\n\r\nbody\r\n", MailDoors.Mx);
        Assert.EndsWith("+0000\r\nSubject: x\r\n\r\nbody\r\n", content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SeveralRecipients_AreNotNamedToEachOther()
    {
        var content = await OutAsync("S: x\r\n\r\n", recipients: ["b@example.net", "secret@example.net"]);
        Assert.DoesNotContain("example.net", content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MailMadeHere_HasNoClient()
    {
        var content = await OutAsync("S: x\r\n\r\n", client: new ClientFacts());
        Assert.StartsWith(
            "Received: by mx.example.org (Postern) with local id ", content, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("just text\r\n")]
    [InlineData("\r\nbody\r\n")]
    public async Task ContentWithoutHeader_GetsAnEmptyLineAfterOurs(string content) =>
        Assert.EndsWith($"+0000\r\n\r\n{content}", await OutAsync(content), StringComparison.Ordinal);

    [Fact]
    public async Task ReturnPath_IsCutFromSubmittedMail()
    {
        var content =
            await OutAsync("Subject: x\r\nReturn-Path: <old@x>\r\n\t(more)\r\nTo: y\r\n\r\nbody\r\n");
        Assert.EndsWith("+0000\r\nSubject: x\r\nTo: y\r\n\r\nbody\r\n", content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReturnPath_StaysInInboundMail() => Assert.Contains(
        "Return-Path", await OutAsync(
            "Return-Path: <old@x>\r\n\r\nbody\r\n", MailDoors.Mx), StringComparison.Ordinal);

    [Theory]
    [InlineData("x\r\nEvil: 1")]
    [InlineData("x\nEvil: 1")]
    [InlineData("x\rEvil: 1")]
    [InlineData("x\0\u0085\u2028Evil: 1")]
    [InlineData("x) (Evil: 1")]
    public async Task Helo_CannotWriteAFieldOrACommentOfItsOwn(string helo)
    {
        var content = await OutAsync("S: x\r\n\r\n", client: Client with { Helo = helo, Name = helo });
        Assert
            .DoesNotContain(content.Split("\r\n"), line => line.StartsWith("Evil", StringComparison.Ordinal));
        Assert.DoesNotContain('\n', content.Replace("\r\n", "", StringComparison.Ordinal));
        var first = content.Split("\r\n")[0];
        Assert.Equal((1, 1), (first.Count('('), first.Count(')')));
    }

    [Fact]
    public async Task Helo_OfAnyLength_IsCut() => Assert.All(
        (await OutAsync("S: x\r\n\r\n", client: Client with { Helo = new string('h', 5000), Name = null }))
            .Split("\r\n"),
        line => Assert.InRange(line.Length, 0, 998));

    [Theory]
    [InlineData(50, 250)]
    [InlineData(51, 554)]
    public async Task ReceivedFields_Over50_AreALoop(int count, int code) => Assert.Equal(
        code, (await AcceptAsync(string.Concat(Enumerable.Repeat("Received: x\r\n", count)) + "\r\n")).Code);

    // DAT-24
    [Fact]
    public async Task SameMessageId_Twice_IsTwoMessages()
    {
        const string content = "Message-ID: <same@example.org>\r\n\r\nx\r\n";
        Assert.Equal(250, (await AcceptAsync(content)).Code);
        Assert.Equal(250, (await AcceptAsync(content)).Code);
        Assert.Equal(2, hall.Store.Recipients.Count);
    }

    // DAT-20
    [Theory]
    [InlineData(MailDoors.Mx, "b@example.net", 554)]
    [InlineData(MailDoors.Mx, "B@EXAMPLE.NET", 554)]
    [InlineData(MailDoors.Mx, "other@example.net", 250)]
    [InlineData(MailDoors.Submission, "b@example.net", 250)]
    public async Task DeliveredTo_OfTheSameRecipient_IsALoop(MailDoors door, string mark, int code) =>
        Assert.Equal(code, (await AcceptAsync($"Delivered-To: {mark}\r\n\r\n", door)).Code);

    [Theory]
    [InlineData(StoreHealth.Full, "452 4.3.1")]
    [InlineData(StoreHealth.Failed, "451 4.3.0")]
    public async Task StoreThatFails_AcknowledgesNothing(StoreHealth health, string code)
    {
        hall.Store.FailNext(health);
        var reply = await AcceptAsync("S: x\r\n\r\n");
        Assert.Equal(code, $"{reply.Code} {reply.Status}");
        await hall.RunWorkersAsync();
        Assert.Empty(hall.Store.Recipients);
        Assert.Empty(hall.Relay.Attempts);
    }

    [Fact]
    public async Task LargeContent_WhoseCommitFails_LeavesNoFile()
    {
        hall.Store.FailNext(StoreHealth.Full);
        Assert.Equal(452, (await AcceptAsync($"S: x\r\n\r\n{new string('a', 300_000)}")).Code);
        Assert.Empty(hall.Disk.Files);
    }

    [Fact]
    public async Task LargeContent_GoesOutEditedFromItsFile()
    {
        var body = string.Concat(Enumerable.Repeat("0123456789\r\n", 30_000));
        var content = await OutAsync($"Return-Path: <x@y>\r\nS: x\r\n\r\n{body}");
        Assert.Single(hall.Disk.Files);
        Assert.EndsWith($"+0000\r\nS: x\r\n\r\n{body}", content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reply_WaitsForTheCommit()
    {
        hall.Store.Holds = HeldChanges.All;
        var accepting = AcceptAsync("S: x\r\n\r\n").AsTask();
        Assert.False(accepting.IsCompleted);
        hall.Store.Settle();
        Assert.Equal(250, (await accepting).Code);
    }
}
