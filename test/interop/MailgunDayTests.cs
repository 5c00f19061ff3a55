using System.Globalization;
using System.Text.Json.Nodes;
using Postern.Interop.Crash;

namespace Postern.Interop;

/// <summary>A day at Mailgun, by SMTP and by HTTPS, with all its faults: every message's fate is known and
/// right, and nothing bounces that should not.</summary>
public sealed class MailgunDayTests
{
    const string SigningKey = "signing-key-of-the-day";
    const string ApiKey = "key-right";
    const int FaultPercent = 5;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>20,000 at length.</summary>
    static int MessagesCount => CrashTable.IsAtLength ? 20_000 : 200;

    /// <summary>By its number, which stands in the address.</summary>
    static MailgunFate FateOf(string recipient) => (int.Parse(
        recipient.AsSpan(1, recipient.IndexOf('@') - 1), CultureInfo.InvariantCulture) % 20) switch
    {
        0 or 1 => MailgunFate.Bounced,
        2 or 3 => MailgunFate.DelayedThenDelivered,
        4 => MailgunFate.Complained,
        _ => MailgunFate.Delivered,
    };

    [Fact]
    public async Task Day_WithEveryFault_EndsWithEveryFateRight()
    {
        await using var mailgun = await MailgunDouble.StartAsync();
        await using var relay = new MailgunSmtp(mailgun);
        var lostReplies = Sow(mailgun, relay);
        mailgun.FateOf = FateOf;
        await using var postern = new PosternProcess("");
        postern.Settings = SettingsOf(postern, mailgun, relay);
        await postern.StartAsync();
        var target = string.Create(
            CultureInfo.InvariantCulture, $"http://127.0.0.1:{postern.Port("http")}/hooks/api");
        await using var hooks = new MailgunHooks(new Uri(target), SigningKey, new Random(1));
        mailgun.Told = hooks.Add;
        hooks.Start();
        await SubmitAsync(postern);

        using var admin = await AdminAsync(postern);
        await Eventually.TrueAsync(
            async () =>
            {
                // An operator who does not wait for the probes of lanes that a fault has closed.
                using var _ = await admin.PostAsync(
                    new Uri("admin/v1/queue/retry?all=true", UriKind.Relative), null, Cancel);
                return mailgun.Faults.IsEmpty && relay.Faults.IsEmpty;
            },
            "the faults are over", CrashTable.IsAtLength ? 3000 : 120, () => postern.Said);
        // Nor for the pace to grow that the throttling replies have taught: a changed transport begins anew.
        await postern.ReloadAsync(postern.Settings.Replace(
            "[transports.smtp]", "max-connections = 100\n[transports.smtp]\nmax-connections = 100"));
        await Eventually.TrueAsync(
            async () =>
            {
                var queue = JsonNode.Parse(await admin.GetStringAsync(
                    new Uri("admin/v1/queue?limit=1", UriKind.Relative), Cancel))!;
                return queue["messages"]!.AsArray().Count == 0;
            },
            "the queue is empty", CrashTable.IsAtLength ? 600 : 60, () => postern.Said);
        var taken = mailgun.Messages.SelectMany(message => message.Recipients).ToList();
        Assert.Equal(MessagesCount, taken.Distinct().Count());
        Assert.InRange(taken.Count - MessagesCount, 0, lostReplies);
        Assert.False(relay.SawPasswordInClear);
        Assert.True(hooks.Lost > 0, "no webhook was lost");
        await FatesAsync(admin, postern);
    }

    /// <summary>Five of each hundred messages meet each fault.</summary>
    /// <returns>How many of them hide that the message was taken.</returns>
    static int Sow(MailgunDouble mailgun, MailgunSmtp relay)
    {
        var chance = new Random(2);
        var lost = 0;
        for (var i = 0; i < MessagesCount / 2; i++)
        {
            // In between is what goes well: a fault that takes its place is spent by what comes next.
            var luck = chance.Next(100) / FaultPercent;
            MailgunFault? fault = luck switch
            {
                0 => new MailgunFault.Answer(420, """{"message":"request limit exceeded"}"""),
                1 => new MailgunFault.Answer(429, """{"message":"Too Many Requests"}""", "1"),
                2 => new MailgunFault.Answer(500, """{"message":"Internal Server Error"}"""),
                3 => new MailgunFault.Answer(401, "Forbidden"),
                4 => new MailgunFault.Slow(TimeSpan.FromMilliseconds(300)),
                5 => new MailgunFault.ResetAfter(),
                _ => null,
            };
            if (fault is not null)
                mailgun.Faults.Enqueue(fault);
            MailgunSmtpFault? trouble = chance.Next(100) switch
            {
                < FaultPercent => new MailgunSmtpFault.Throttle(),
                < 2 * FaultPercent => new MailgunSmtpFault.Trouble(),
                < 3 * FaultPercent => new MailgunSmtpFault.LostReply(),
                < 4 * FaultPercent => new MailgunSmtpFault.BadLogin(),
                _ => null,
            };
            if (trouble is not null)
                relay.Faults.Enqueue(trouble);
            lost += (fault is MailgunFault.ResetAfter ? 1 : 0)
                + (trouble is MailgunSmtpFault.LostReply ? 1 : 0);
        }
        return lost;
    }

    static string SettingsOf(PosternProcess postern, MailgunDouble mailgun, MailgunSmtp relay)
    {
        var interval = CrashTable.IsAtLength ? "60s" : "2s";
        var key = "file:" + postern.Directory.WriteSecret("mailgun.key", ApiKey);
        return string.Create(CultureInfo.InvariantCulture, $"""
            {mailgun.Transport(key, "api", interval)}
            signing-key = "file:{postern.Directory.WriteSecret("signing.key", SigningKey)}"

            [transports.smtp]
            kind = "smtp"
            host = "[127.0.0.1]:{relay.Port}"
            login = "file:{postern.Directory.WriteSecret("mailgun.login", MailgunSmtp.Login)}"
            ca = "file:{mailgun.CertificateFile}"
            signing-key = "file:{postern.Directory.WriteSecret("signing.key", SigningKey)}"

            [queue]
            uncertain-wait = "1s"

            [[routes]]
            name = "by-smtp"
            from = ["*@smtp.test"]
            via = ["smtp"]
            retry = ["1s"]

            [[routes]]
            name = "by-api"
            via = ["api"]
            retry = ["1s"]
            """);
    }

    static async Task SubmitAsync(PosternProcess postern)
    {
        const int sessions = 4;
        await Task.WhenAll(Enumerable.Range(0, sessions).Select(async session =>
        {
            await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), Cancel);
            for (var i = session; i < MessagesCount; i += sessions)
            {
                var sender = i % 2 == 0 ? "a@smtp.test" : "a@api.test";
                Assert.StartsWith("250", await wire.CommandAsync($"MAIL FROM:<{sender}>", Cancel));
                Assert.StartsWith("250", await wire.CommandAsync($"RCPT TO:<r{i}@dest.test>", Cancel));
                var content = System.Text.Encoding.ASCII.GetBytes(
                    $"From: <{sender}>\r\nSubject: {i}\r\n\r\nhello\r\n");
                Assert.StartsWith(
                    "250", await wire.EndAsync(new Letter("", "", content, ByBdat: true), Cancel));
            }
        }));
    }

    /// <summary>What the admin API tells of each message, once the events that no webhook brought were asked
    /// for.</summary>
    static async Task FatesAsync(HttpClient admin, PosternProcess postern)
    {
        var wrong = Enumerable.Range(0, MessagesCount).ToList();
        await Eventually.TrueAsync(
            async () =>
            {
                var still = new List<int>();
                foreach (var number in wrong)
                {
                    if (!await IsRightAsync(admin, number))
                        still.Add(number);
                }
                wrong = still;
                return wrong.Count == 0;
            },
            "every fate is right", CrashTable.IsAtLength ? 300 : 60,
            () => $"{wrong.Count} are wrong, the first r{wrong[0]}\n{postern.Said}");
    }

    static async Task<HttpClient> AdminAsync(PosternProcess postern)
    {
        var http = new HttpClient
        {
            BaseAddress = new Uri(string.Create(
                CultureInfo.InvariantCulture, $"http://127.0.0.1:{postern.Port("http")}/")),
        };
        http.DefaultRequestHeaders.Authorization = new("Bearer",
            (await File.ReadAllTextAsync(Path.Combine(postern.Data, "admin.token"), Cancel)).Trim());
        return http;
    }

    static async Task<bool> IsRightAsync(HttpClient http, int number)
    {
        var recipient = string.Create(CultureInfo.InvariantCulture, $"r{number}@dest.test");
        var found = JsonNode.Parse(await http.GetStringAsync(
            new Uri($"admin/v1/messages?about={recipient}", UriKind.Relative), Cancel))!["messages"]!;
        // One message, and no report about it.
        if (found.AsArray().Count != 1)
            return false;
        var life = JsonNode.Parse(await http.GetStringAsync(
            new Uri($"admin/v1/messages/{found[0]}", UriKind.Relative), Cancel))!["recipients"]![0]!;
        var fate = FateOf(recipient);
        return (string)life["fate"]! == (fate == MailgunFate.Bounced ? "failed" : "delivered")
            && (life["reactions"]!.AsArray().Count == 1) == (fate == MailgunFate.Complained);
    }
}
