using System.Globalization;
using System.Text;

namespace Postern.Interop;

/// <summary>Delivery through Mailgun's HTTPS API, by the real program against the double.</summary>
public sealed class MailgunTests
{
    const string Right = "key-right";

    static readonly byte[] Content = Encoding.UTF8.GetBytes(
        "From: <a@sender.test>\r\nTo: list@dest.test\r\nSubject: =?utf-8?B?67Cw7Y+s?=\r\n\r\n"
        + "--postern\r\n.\r\nit ends without a line end");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_WithSeveralRecipients_ArriveOnceAndUnchanged()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        await using var postern = await StartAsync(mailgun);
        for (var i = 0; i < 100; i++)
            await SendAsync(postern, Content, Names(i, 3));
        await ArriveAsync(mailgun, postern, 300);
        Assert.Equal(100, mailgun.Messages.Count);
        Assert.Equal(300, mailgun.Recipients.Distinct().Count());
        Assert.All(mailgun.Messages, message =>
        {
            Assert.Equal(3, message.Recipients.Count);
            Assert.Equal("HTTP/2", message.Protocol);
            Assert.Equal(["no"], message.Fields["o:tracking"]);
            Assert.Equal(13, Assert.Single(message.Fields["v:postern-id"]).Length);
            Assert.Contains($"Message-ID: {message.Id}\r\n", Encoding.UTF8.GetString(message.Mime));
            Assert.EndsWith(Encoding.UTF8.GetString(Content), Encoding.UTF8.GetString(message.Mime));
        });
        // The provider's id stands in the event.
        Assert.Equal(300, await CountAsync(postern, "\"remote-id\":\"<"));
    }

    [Fact]
    public async Task LargeMessage_IsStreamedWhole()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        await using var postern = await StartAsync(mailgun);
        var line = Encoding.ASCII.GetBytes(new string('x', 70) + "\r\n");
        byte[] content = [.. Content, .. "\r\n"u8, .. Enumerable.Repeat(line, 200_000).SelectMany(l => l)];
        await SendAsync(postern, content, ["r@dest.test"]);
        await ArriveAsync(mailgun, postern, 1);
        Assert.True(mailgun.Messages.Single().Mime.AsSpan().EndsWith(content));
    }

    [Fact]
    public async Task Trouble_ThatPasses_DeliversEverythingOnce()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        mailgun.Faults.Enqueue(Refusal(420, "Domain mg.test is not allowed to send: request limit exceeded"));
        mailgun.Faults.Enqueue(Refusal(429, "Too Many Requests", retryAfter: "1"));
        mailgun.Faults.Enqueue(Refusal(500, "Internal Server Error"));
        mailgun.Faults.Enqueue(Refusal(503, "busy", retryAfter: "1"));
        await using var postern = await StartAsync(mailgun);
        for (var i = 0; i < 10; i++)
            await SendAsync(postern, Content, Names(i, 2));
        // An operator who does not wait for the probe of a lane that was told to slow down.
        await Eventually.TrueAsync(
            async () =>
            {
                await postern.CommandAsync("queue", "retry", "ALL");
                return mailgun.Faults.IsEmpty && mailgun.Recipients.Count() >= 20;
            },
            "everything is taken", 60, () => postern.Said);
        await EmptyAsync(postern);
        Assert.Equal(20, mailgun.Recipients.Distinct().Count());
        Assert.Equal(20, mailgun.Recipients.Count());
        Assert.Equal(0, await CountAsync(postern, "\"event\":\"failed\""));
        Assert.False(await postern.HasAlarmAsync());
    }

    [Fact]
    public async Task Refusal_OfTheAccount_HoldsMailUntilTheMend()
    {
        (int Status, string Text, string Alarm)[] rows =
        [
            (401, "Forbidden", "login"),
            (402, "request failed", "account"),
            (403, "The domain is unverified and requires DNS configuration.", "account"),
            (404, "Domain not found: mg.test", "domain"),
            (400, "Domain mg.test is not allowed to send: Sandbox subdomains are for test purposes only.",
                "account"),
        ];
        await using var mailgun = await MailgunDouble.StartAsync();
        await using var postern = await StartAsync(mailgun);
        for (var i = 0; i < rows.Length; i++)
        {
            mailgun.Faults.Enqueue(Refusal(rows[i].Status, rows[i].Text));
            await SendAsync(postern, Content, Names(i, 2));
            await postern.AlarmAsync(rows[i].Alarm);
            Assert.Equal(2 * i, mailgun.Recipients.Count());
            (await postern.CommandAsync("queue", "retry", "ALL")).Succeeded();
            await ArriveAsync(mailgun, postern, 2 * (i + 1));
            await Eventually.TrueAsync(
                async () => !await postern.HasAlarmAsync(), "the alarm is cleared",
                evidence: () => postern.Said);
        }
        Assert.Equal(rows.Length, await CountAsync(postern, "\"state\":\"raised\""));
        Assert.Equal(0, await CountAsync(postern, "\"event\":\"failed\""));
    }

    [Fact]
    public async Task Refusal_OfTheMessage_FailsWithItsText()
    {
        string[] texts = ["Need at least one of 'text' parameters specified", "Request Entity Too Large"];
        await using var mailgun = await MailgunDouble.StartAsync();
        await using var postern = await StartAsync(mailgun);
        for (var i = 0; i < texts.Length; i++)
        {
            mailgun.Faults.Enqueue(Refusal(i == 0 ? 400 : 413, texts[i]));
            await SendAsync(postern, Content, Names(i, 2));
            // The report to the sender goes the same way, with the null reverse-path.
            await ArriveAsync(mailgun, postern, i + 1);
            Assert.Contains(texts[i], string.Join(' ', Encoding.UTF8.GetString(mailgun.Messages.Last().Mime)
                .Split([' ', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries)));
        }
        Assert.Equal(["a@sender.test", "a@sender.test"], mailgun.Recipients);
        Assert.Equal(4, await CountAsync(postern, "\"event\":\"failed\""));
    }

    [Fact]
    public async Task BadAddress_AmongGoodOnes_FailsAlone()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        await using var postern = await StartAsync(mailgun);
        await SendAsync(postern, Content, [.. Names(0, 5), "user@localdomain"]);
        await ArriveAsync(mailgun, postern, 6);
        Assert.Equal(
            Names(0, 5).Append("a@sender.test").Order(StringComparer.Ordinal),
            mailgun.Recipients.Order(StringComparer.Ordinal));
        Assert.Equal(1, await CountAsync(postern, "\"event\":\"failed\""));
    }

    [Fact]
    public async Task LostAnswers_AreSettledByTheEvents_AndNotRepeated()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        for (var i = 0; i < 20; i++)
            mailgun.Faults.Enqueue((i % 3) switch
            {
                0 => new MailgunFault.ResetAfter(),
                1 => new MailgunFault.BrokenAnswer("{\"id\": <html>"),
                _ => new MailgunFault.BrokenAnswer("{\"message\":\"Queued. Thank you.\"}"),
            });
        await using var postern = await StartAsync(mailgun);
        for (var i = 0; i < 20; i++)
            await SendAsync(postern, Content, Names(i, 1 + (i % 3)));
        await EmptyAsync(postern);
        Assert.Equal(20, mailgun.Posts);
        Assert.Equal(20, mailgun.Messages.Count);
        Assert.Equal(
            mailgun.Recipients.Count(),
            await CountAsync(postern, "found in the events of 127.0.0.1: accepted"));
        Assert.All(
            mailgun.EventQueries.Where(query => query.Length > 0),
            query => Assert.Contains("message-id=", query, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Answer_LaterThanTheTimeout_IsSettledByTheEvents()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        mailgun.Faults.Enqueue(new MailgunFault.Slow(TimeSpan.FromMinutes(10)));
        await using var postern = new PosternProcess("");
        postern.Settings = SettingsFor(mailgun, postern, Right)
            .Replace("[queue]", "timeout = \"2s\"\n[queue]", StringComparison.Ordinal);
        await postern.StartAsync();
        await SendAsync(postern, Content, Names(0, 2));
        await EmptyAsync(postern);
        Assert.Equal(1, mailgun.Posts);
        Assert.Equal(2, await CountAsync(postern, "to the whole message: timed out"));
    }

    [Fact]
    public async Task LostMessage_ThatTheEventsDoNotKnow_IsSentAgain()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        mailgun.Faults.Enqueue(new MailgunFault.LostMessage());
        await using var postern = await StartAsync(mailgun);
        await SendAsync(postern, Content, Names(0, 2));
        await EmptyAsync(postern);
        Assert.Equal(Names(0, 2), mailgun.Recipients.Order(StringComparer.Ordinal));
        Assert.NotEmpty(mailgun.EventQueries);
    }

    [Fact]
    public async Task LostAnswer_WhileTheEventsAreDown_IsNotRepeated()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        mailgun.Faults.Enqueue(new MailgunFault.ResetAfter());
        mailgun.EventFaults.Enqueue(Refusal(500, "Internal Server Error"));
        mailgun.EventFaults.Enqueue(new MailgunFault.ResetBefore());
        mailgun.EventFaults.Enqueue(Refusal(429, "Too Many Requests", "1"));
        await using var postern = await StartAsync(mailgun);
        await SendAsync(postern, Content, Names(0, 2));
        await EmptyAsync(postern);
        Assert.Empty(mailgun.EventFaults);
        Assert.Equal(1, mailgun.Posts);
    }

    [Fact]
    public async Task Reset_BeforeTheBodyIsSent_IsAnOutageAndNoUncertainty()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        mailgun.Faults.Enqueue(new MailgunFault.ResetBefore());
        await using var postern = await StartAsync(mailgun);
        // More than fits into the buffers on the way.
        var line = Encoding.ASCII.GetBytes(new string('x', 70) + "\r\n");
        byte[] content = [.. Content, .. "\r\n"u8, .. Enumerable.Repeat(line, 40_000).SelectMany(l => l)];
        await SendAsync(postern, content, ["r@dest.test"]);
        await ArriveAsync(mailgun, postern, 1);
        await EmptyAsync(postern);
        Assert.Empty(mailgun.EventQueries);
        Assert.Equal(0, await CountAsync(postern, "\"uncertain\":true"));
        Assert.Equal(1, await CountAsync(postern, "sending the message to 127.0.0.1"));
    }

    [Fact]
    public async Task Key_WrongFromTheStart_RaisesTheAlarmAndBouncesNothing()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        await using var postern = await StartAsync(mailgun, key: "key-wrong");
        // Before there is any mail.
        await postern.AlarmAsync("login");
        for (var i = 0; i < 5; i++)
            await SendAsync(postern, Content, Names(i, 2));
        await Eventually.TrueAsync(
            async () => await CountAsync(postern, "401 Forbidden") > 1, "a refusal is seen", evidence: () =>
                postern.Said);
        Assert.Equal(0, await CountAsync(postern, "\"event\":\"failed\""));
        Assert.Equal(1, await CountAsync(postern, "\"state\":\"raised\""));
        postern.Directory.WriteSecret("mailgun.key", Right);
        await postern.ReloadAsync(postern.Settings);
        await ArriveAsync(mailgun, postern, 10);
        await Eventually.TrueAsync(
            async () => !await postern.HasAlarmAsync(), "the alarm is cleared", evidence: () => postern.Said);
        Assert.Equal(5, mailgun.Messages.Count);
    }

    [Fact]
    public async Task Certificate_OfAnotherAuthority_IsNotTrusted()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        await using var other = await MailgunDouble.StartAsync();
        await using var postern = new PosternProcess("");
        postern.Settings = SettingsFor(mailgun, postern, Right)
            .Replace(mailgun.CertificateFile, other.CertificateFile, StringComparison.Ordinal);
        await postern.StartAsync();
        await SendAsync(postern, Content, Names(0, 1));
        await Eventually.TrueAsync(
            async () => await CountAsync(postern, "The SSL connection could not be established") > 0,
            "the certificate is refused", evidence: () => postern.Said);
        Assert.Equal(0, mailgun.Posts);
        await postern.ReloadAsync(SettingsFor(mailgun, postern, Right));
        await ArriveAsync(mailgun, postern, 1);
    }

    static MailgunFault.Answer Refusal(int status, string text, string? retryAfter = null) =>
        new(status, status == 401 ? text : $"{{\"message\":\"{text}\"}}", retryAfter);

    static async Task<PosternProcess> StartAsync(MailgunDouble mailgun, string key = Right)
    {
        var postern = new PosternProcess("");
        postern.Settings = SettingsFor(mailgun, postern, key);
        await postern.StartAsync();
        return postern;
    }

    static string SettingsFor(MailgunDouble mailgun, PosternProcess postern, string key) => $"""
        {mailgun.Transport("file:" + postern.Directory.WriteSecret("mailgun.key", key))}
        [queue]
        uncertain-wait = "1s"

        [[routes]]
        name = "everything"
        via = ["mailgun"]
        """;

    static string[] Names(int message, int count) =>
    [
        .. Enumerable.Range(0, count).Select(
            i => string.Create(CultureInfo.InvariantCulture, $"r{message}.{i}@dest.test")),
    ];

    static async Task SendAsync(PosternProcess postern, byte[] content, string[] recipients)
    {
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), Cancel);
        Assert.StartsWith("250", await wire.CommandAsync("MAIL FROM:<a@sender.test>", Cancel));
        foreach (var recipient in recipients[1..])
            Assert.StartsWith("250", await wire.CommandAsync($"RCPT TO:<{recipient}>", Cancel));
        Assert.StartsWith("250", await wire.CommandAsync($"RCPT TO:<{recipients[0]}>", Cancel));
        var letter = new Letter("", "", content, ByBdat: true);
        Assert.StartsWith("250", await wire.EndAsync(letter, Cancel));
    }

    static Task ArriveAsync(MailgunDouble mailgun, PosternProcess postern, int recipients) =>
        Eventually.TrueAsync(
            () => mailgun.Recipients.Count() >= recipients, $"{recipients} recipients are served", 60,
            () => $"{mailgun.Recipients.Count()} were\n{postern.Said}");

    static Task EmptyAsync(PosternProcess postern) => Eventually.TrueAsync(
        async () => (await postern.CommandAsync("queue", "list")).Output.Contains("is empty"),
        "the queue is empty", 60, () => postern.Said);

    /// <summary>Events with this text in them, as the log of the store has them.</summary>
    static async Task<int> CountAsync(PosternProcess postern, string text)
    {
        var log = (await postern.CommandAsync("log", "--json", "--limit", "1000")).Succeeded();
        return log.Output.Split('\n').Count(line => line.Contains(text, StringComparison.Ordinal));
    }
}
