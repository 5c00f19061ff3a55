using Microsoft.Extensions.Time.Testing;
using Postern.Smtp.Client;
using Postern.Smtp.Sasl;
using Postern.Tests.Doubles;

namespace Postern.Tests.Smtp.Client;

public sealed class SetupTests
{
    static readonly ClientLogin Login = new("user", "pencil");
    static readonly SmtpClientOptions InClear = Relays.Plain with { Login = Login, AllowLoginInClear = true };

    [Theory] // CLI-20
    [InlineData("421 4.7.0 too many connections")]
    [InlineData("450 later")]
    [InlineData("554 5.7.1 go away")]
    public async Task Greeting_Refusal_IsItsOwnOutcome(string greeting)
    {
        var result = await Relays.OpenOnlyAsync(async relay =>
        {
            await relay.SayAsync(greeting);
            await relay.ExpectEndAsync();
        });
        var refused = Assert.IsType<OpenResult.Refused>(result);
        Assert.Equal((SmtpStage.Greeting, greeting), (refused.Stage, refused.Reply.ToString()));
    }

    [Fact]
    public async Task Ehlo_RefusedFor5xx_FallsBackToHelo()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await relay.SayAsync("220 old");
            await relay.ExpectAsync("EHLO postern.example", "502 what?");
            await relay.ExpectAsync("HELO postern.example", "250 old");
            await relay.ExpectAsync("QUIT", "221 bye");
        });
        await using (var connection = await Relays.OpenAsync(stream, Relays.Plain))
            Assert.Equal(Extensions.None, connection.Capabilities.Extensions);
        await script;
    }

    [Fact]
    public async Task Ehlo_Reply_IsReadIntoCapabilities()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await relay.GreetAsync(
                "pipelining", "SIZE 52428800", "AUTH PLAIN LOGIN", "AUTH=LOGIN CRAM-MD5", "8BITMIME", "X-Y");
            await relay.ExpectEndAsync();
        });
        await using (var connection = await Relays.OpenAsync(stream, Relays.Plain))
        {
            Assert.Equal(
                Extensions.Pipelining | Extensions.Size | Extensions.Auth | Extensions.EightBitMime,
                connection.Capabilities.Extensions);
            Assert.Equal(52428800, connection.Capabilities.OctetsMax);
            Assert.Equal(["PLAIN", "LOGIN", "CRAM-MD5"], connection.Capabilities.Mechanisms);
        }
        await script;
    }

    [Fact]
    public async Task Auth_NotOffered_EndsWithoutLogin()
    {
        var result = await Relays.OpenOnlyAsync(
            async relay =>
            {
                await relay.GreetAsync("SIZE");
                await relay.ExpectEndAsync();
            },
            InClear);
        Assert.IsType<OpenResult.LoginNotOffered>(result);
    }

    [Fact]
    public async Task Auth_OfferedInTheClearOnly_IsNotUsed()
    {
        var result = await Relays.OpenOnlyAsync(
            async relay =>
            {
                await relay.GreetAsync("AUTH PLAIN");
                await relay.ExpectEndAsync();
            },
            Relays.Plain with { Login = Login });
        Assert.IsType<OpenResult.LoginNeedsTls>(result);
    }

    [Fact]
    public async Task Auth_NoCommonMechanism_IsItsOwnOutcome()
    {
        var result = await Relays.OpenOnlyAsync(
            async relay =>
            {
                await relay.GreetAsync("AUTH GSSAPI XOAUTH2");
                await relay.ExpectEndAsync();
            },
            InClear);
        Assert.Equal("GSSAPI XOAUTH2", Assert.IsType<OpenResult.NoCommonMechanism>(result).Offered);
    }

    [Theory]
    [InlineData("535 5.7.8 wrong")]
    [InlineData("454 4.7.0 later")]
    public async Task Auth_Refused_TellsMechanismAndReply(string reply)
    {
        var result = await Relays.OpenOnlyAsync(
            async relay =>
            {
                await relay.GreetAsync("AUTH LOGIN PLAIN");
                await relay.ExpectAsync("AUTH PLAIN AHVzZXIAcGVuY2ls", reply);
                await relay.ExpectEndAsync();
            },
            InClear);
        var refused = Assert.IsType<OpenResult.LoginRefused>(result);
        Assert.Equal(("PLAIN", reply), (refused.Mechanism, refused.Reply.ToString()));
    }

    [Fact]
    public async Task Auth_Refused_WithThePasswordInTheReply_DoesNotPassItOn()
    {
        var result = await Relays.OpenOnlyAsync(
            async relay =>
            {
                await relay.GreetAsync("AUTH PLAIN");
                await relay.ExpectAsync(
                    "AUTH PLAIN AHVzZXIAcGVuY2ls",
                    "535-5.7.8 AHVzZXIAcGVuY2ls is not right\r\n"
                    + "535 5.7.8 nor is pencil, or cGVuY2ls, of user");
                await relay.ExpectEndAsync();
            },
            InClear);
        Assert.Equal(
            "535 5.7.8 (hidden) is not right nor is (hidden), or (hidden), of user",
            Assert.IsType<OpenResult.LoginRefused>(result).Reply.ToString());
    }

    [Fact]
    public async Task Auth_LoginOnly_AnswersBothPrompts()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await relay.GreetAsync("AUTH LOGIN");
            await relay.ExpectAsync("AUTH LOGIN", "334 VXNlcm5hbWU6");
            await relay.ExpectAsync("dXNlcg==", "334 UGFzc3dvcmQ6");
            await relay.ExpectAsync("cGVuY2ls", "235 2.7.0 in");
            await relay.ExpectEndAsync();
        });
        await (await Relays.OpenAsync(stream, InClear)).DisposeAsync();
        await script;
    }

    [Fact]
    public async Task Auth_ScramOffered_IsPreferredAndProvesBothSides()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await relay.GreetAsync("AUTH PLAIN LOGIN SCRAM-SHA-256");
            await PlayScramAsync(relay, "pencil", final => final);
            await relay.ExpectEndAsync();
        });
        await (await Relays.OpenAsync(stream, InClear)).DisposeAsync();
        await script;
    }

    [Fact]
    public async Task Auth_ScramServerThatProvesNothing_IsLeft()
    {
        var result = await Relays.OpenOnlyAsync(
            async relay =>
            {
                await relay.GreetAsync("AUTH SCRAM-SHA-256");
                await PlayScramAsync(relay, "pencil", _ => null);
                await relay.ExpectEndAsync();
            },
            InClear);
        Assert.IsType<OpenResult.PeerNotProven>(result);
    }

    [Fact]
    public async Task Greeting_ThatNeverComes_TimesOutAfterFiveMinutes()
    {
        var clock = new FakeTimeProvider();
        var (stream, script) = ScriptedRelay.PlayInMemory(
            async relay => Assert.Null(await relay.ReadLineAsync()));
        var opening = SmtpClientConnection.OpenAsync(
            stream, Relays.Plain, clock, TestContext.Current.CancellationToken).AsTask();
        clock.Advance(TimeSpan.FromSeconds(299));
        Assert.False(opening.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(LossCause.TimedOut, Assert.IsType<OpenResult.Lost>(await opening).Cause);
        await script;
    }

    static async Task PlayScramAsync(RelayConversation relay, string password, Func<byte[], byte[]?> proof)
    {
        var credential = ScramSha256.CreateCredential(password, [1, 2, 3, 4], 4096);
        var exchange = new ScramServerExchange("servernonce");
        var first = (await relay.ReadLineAsync())!["AUTH SCRAM-SHA-256 ".Length..];
        Assert.True(exchange.TryReadClientFirst(Convert.FromBase64String(first)));
        await relay.SayAsync("334 " + Convert.ToBase64String(exchange.WriteServerFirst(credential)));
        var final = Convert.FromBase64String((await relay.ReadLineAsync())!);
        Assert.Equal(ScramVerdict.Proved, exchange.Verify(final, out var serverFinal));
        if (proof(serverFinal) is { } given)
        {
            await relay.SayAsync("334 " + Convert.ToBase64String(given));
            Assert.Equal("", await relay.ReadLineAsync());
        }
        await relay.SayAsync("235 in");
    }
}
