using System.Text;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Client;

namespace Postern.Tests.Transports;

/// <summary>What is told of an attempt over SMTP, and its bounds.</summary>
public sealed class ConversationTests
{
    const string Mail = "Subject: t\r\n\r\nhello\r\n";
    static readonly Secret Login = new("file:login", "postmaster:pass:word");
    static readonly Secret Ca = new("file:ca", TestCertificates.Shared.Authorities[0].ExportCertificatePem());

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RefusedRcpt_AmongThree_EndsWithItsOwnReply()
    {
        var script = new PoliteRelay { Says = At("RCPT TO:<b@", "550 5.1.1 no such user") };
        var turns = await AttemptAsync(
            script, Plain, recipient: 1, "a@d.example", "b@d.example", "c@d.example");
        Assert.Equal(
            [
                (null, "220 relay.example ready"),
                ("EHLO postern.example", "250-relay.example\n250-PIPELINING\n250 8BITMIME"),
                ("MAIL FROM:<sender@from.example>", "250 ok"),
                ("RCPT TO:<b@d.example>", "550 5.1.1 no such user"),
                ("(and 2 other recipients)", null),
            ],
            turns.Skip(1).Select(turn => (turn.Said, turn.Answer)));
        Assert.StartsWith("(connected to 127.0.0.1[127.0.0.1]:", turns[0].Said, StringComparison.Ordinal);
        Assert.All(
            turns.Where(turn => turn.Answer is not null),
            turn => Assert.InRange(turn.Ms ?? -1, 0, 60_000));
    }

    [Fact]
    public async Task AcceptedRcpt_BesideARefusedOne_GoesOnToTheEndOfTheContent()
    {
        var script = new PoliteRelay { Says = At("RCPT TO:<b@", "550 5.1.1 no such user") };
        var turns = await AttemptAsync(script, Plain, recipient: 0, "a@d.example", "b@d.example");
        Assert.Equal(
            [
                ("RCPT TO:<a@d.example>", "250 ok"),
                ("(and 1 other recipient)", null),
                ("DATA", "354 go"),
                ($". ({Mail.Length} octets)", "250 2.0.0 Ok: queued as Q1"),
            ],
            turns.Skip(4).Select(turn => (turn.Said, turn.Answer)));
    }

    [Fact]
    public async Task ReplyLostAfterTheDot_SaysSoInItsPlace()
    {
        await using var relay = ScriptedRelay.Start(async conversation =>
        {
            await conversation.GreetAsync();
            await conversation.ExpectAsync("MAIL", "250 ok");
            await conversation.ExpectAsync("RCPT", "250 ok");
            await conversation.ExpectAsync("DATA", "354 go");
            await conversation.ReadDataAsync();
        });
        await using var transport = Make(Plain(relay.Port));
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@d.example"), Cancel);
        Assert.IsType<AttemptResult.Uncertain>(Assert.Single(report.Results));
        var last = report.Talk!(0)!.Turns[^1];
        Assert.Equal($". ({Mail.Length} octets)", last.Said);
        Assert.StartsWith(
            "(lost connection while sending end of data", last.Answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AUTH PLAIN", "535 5.7.8 no AHBvc3RtYXN0ZXIAcGFzczp3b3Jk postmaster pass:word")]
    [InlineData("AUTH LOGIN", "535 5.7.8 no postmaster with cGFzczp3b3Jk")]
    public async Task RefusedLogin_TellsTheMechanismAndNoSecret(string offered, string reply)
    {
        var challenges = 0;
        var script = new PoliteRelay
        {
            Extensions = ["STARTTLS", offered],
            // LOGIN asks twice before it refuses.
            Says = line => line.StartsWith("AUTH PLAIN", StringComparison.Ordinal) ? reply
                : line == "AUTH LOGIN" || (line == Base64("postmaster") && challenges++ == 0)
                    ? "334 VXNlcm5hbWU6"
                    : line == Base64("pass:word") ? reply : null,
        };
        var turns = await AttemptAsync(
            script, port => new TransportOptions { Host = $"localhost:{port}", Login = Login, Ca = Ca },
            recipient: 0, "a@d.example");
        var text = string.Join('\n', turns.Select(turn => $"{turn.Said}\n{turn.Answer}"));
        Assert.Contains("STARTTLS\n220 go\n(TLSv1.", text, StringComparison.Ordinal);
        Assert.Contains($"\n{offered}\n", text, StringComparison.Ordinal);
        Assert.Contains("\n535 5.7.8 no ", text, StringComparison.Ordinal);
        foreach (var secret in (string[])
            ["postmaster", "pass:word", Base64("postmaster"), Base64("pass:word"),
                Base64("\0postmaster\0pass:word"), "VXNlcm5hbWU6"])
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Greylisted_EndsWithTheReplyToRcpt()
    {
        var script = new PoliteRelay { Says = At("RCPT", "450 4.7.1 greylisted") };
        var turns = await AttemptAsync(script, Plain, recipient: 0, "a@d.example");
        Assert.Equal(("RCPT TO:<a@d.example>", "450 4.7.1 greylisted"), (turns[^1].Said, turns[^1].Answer));
    }

    [Fact]
    public async Task StartTls_NotOffered_IsSaidBehindTheOffers()
    {
        var turns = await AttemptAsync(
            new PoliteRelay { Extensions = ["SIZE"] },
            port => new TransportOptions { Host = $"localhost:{port}", Tls = TransportTls.Required, Ca = Ca },
            recipient: 0, "a@d.example");
        Assert.Equal("250-relay.example\n250 SIZE", turns[^2].Answer);
        Assert.Equal("(TLS is required, and STARTTLS is not offered)", turns[^1].Answer);
    }

    [Fact]
    public async Task KeptConnection_IsSaidInTheFirstLine_WithTheMessagesItCarried()
    {
        await using var relay = ScriptedRelay.Start(new PoliteRelay().PlayAsync);
        await using var transport = Make(Plain(relay.Port));
        await transport.AttemptAsync(AttemptOf.Text(Mail, "a@d.example"), Cancel);
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "b@d.example"), Cancel);
        var turns = report.Talk!(0)!.Turns;
        Assert.Matches(
            @"^\(the connection to .* since \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ, 1 message before this one\)$",
            turns[0].Said);
        Assert.Equal("MAIL FROM:<sender@from.example>", turns[1].Said);
    }

    [Fact]
    public async Task Connect_Refused_IsSaid()
    {
        var relay = ScriptedRelay.Start(_ => Task.CompletedTask);
        var port = relay.Port;
        await relay.DisposeAsync();
        await using var transport = Make(Plain(port));
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@d.example"), Cancel);
        var turn = Assert.Single(report.Talk!(0)!.Turns);
        Assert.Equal($"(connecting to 127.0.0.1[127.0.0.1]:{port})", turn.Said);
        Assert.StartsWith("(Connection refused", turn.Answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ehlo_AnsweredWithAThousandLines_IsSaidToBeMalformed()
    {
        var offers = string.Concat(Enumerable.Repeat("250-X-OFFER\r\n", 999)) + "250 X-LAST";
        var turns = await AttemptAsync(
            new PoliteRelay { Says = At("EHLO", offers) }, Plain, recipient: 0, "a@d.example");
        Assert.Equal(
            ("EHLO postern.example", "(malformed reply while performing the EHLO handshake)"),
            (turns[^1].Said, turns[^1].Answer));
    }

    [Fact]
    public void Answer_OfAThousandLongLines_IsBounded_AndTheEndIsKept()
    {
        var lines = string.Join('\n', Enumerable.Repeat("250-" + new string('한', 400), 1000));
        var turns = Enumerable.Repeat(new ConversationTurn("EHLO " + new string('x', 2000), lines, 1), 20)
            .Append(new ConversationTurn("QUIT", "221 bye", 2));
        var kept = Conversation.Of(turns).Turns;
        Assert.InRange(kept.Sum(turn => OctetsOf(turn.Said) + OctetsOf(turn.Answer)), 1024, 4096);
        Assert.All(
            kept.SelectMany(turn => $"{turn.Said}\n{turn.Answer}".Split('\n')),
            line => Assert.InRange(OctetsOf(line), 0, 512));
        Assert.Equal(new ConversationTurn("QUIT", "221 bye", 2), kept[^1]);
        Assert.Contains(kept, turn => turn.Said is ['(', .., ')']);
        Assert.Contains(kept, turn => turn.Answer?.EndsWith('…') == true);
    }

    [Fact]
    public void Short_IsKeptAsItIs()
    {
        ConversationTurn[] turns = [new(null, "220 a", 1), new("EHLO b", "250-a\n250 c", 2)];
        Assert.Equal(turns, Conversation.Of(turns).Turns);
    }

    static int OctetsOf(string? text) => Encoding.UTF8.GetByteCount(text ?? "");

    static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    static Func<string, string?> At(string line, string reply) =>
        said => said.StartsWith(line, StringComparison.Ordinal) ? reply : null;

    static TransportOptions Plain(int port) =>
        new() { Host = $"[127.0.0.1]:{port}", Tls = TransportTls.None };

    static SmtpTransport Make(TransportOptions options) => new(
        "relay", options, "postern.example", new FakeResolver(),
        AddressPolicy.ForThisMachine(PrivateAddresses.Refused), TimeProvider.System);

    static async Task<IReadOnlyList<ConversationTurn>> AttemptAsync(
        PoliteRelay script, Func<int, TransportOptions> options, int recipient, params string[] recipients)
    {
        await using var relay = ScriptedRelay.Start(script.PlayAsync);
        await using var transport = Make(options(relay.Port));
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, recipients), Cancel);
        return report.Talk!(recipient)!.Turns;
    }
}
