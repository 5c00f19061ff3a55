using Microsoft.Extensions.Time.Testing;
using System.Text;
using Postern.Smtp;
using Postern.Smtp.Client;
using Postern.Tests.Doubles;

namespace Postern.Tests.Smtp.Client;

public sealed class TransactionTests
{
    [Fact]
    public async Task Send_WithoutPipelining_GoesStepByStep()
    {
        var result = await Relays.SendOneAsync(async relay =>
        {
            await relay.GreetAsync();
            await relay.ExpectAsync("MAIL FROM:<a@sender.example>", "250 ok");
            await relay.ExpectAsync("RCPT TO:<b@d.example>", "250 ok");
            await relay.ExpectAsync("DATA", "354 go");
            Assert.Equal(Relays.Content, await relay.ReadDataAsync());
            await relay.SayAsync("250 2.0.0 Ok: queued as X");
            await relay.ExpectEndAsync();
        });
        var completed = Assert.IsType<TransactionResult.Completed>(result);
        Assert.Equal("250 2.0.0 Ok: queued as X", completed.FinalReply.ToString());
        Assert.True(Assert.Single(completed.Recipients).IsAccepted);
    }

    [Fact]
    public async Task Send_WithPipelining_IsOneFlightUpToData()
    {
        var result = await Relays.SendOneAsync(async relay =>
        {
            await relay.GreetAsync("PIPELINING", "SIZE 100000");
            Assert.Equal("MAIL FROM:<a@sender.example> SIZE=21", await relay.ReadLineAsync());
            Assert.Equal("RCPT TO:<b@d.example>\r\nDATA\r\n", relay.Unread);
            await relay.ReadLineAsync();
            await relay.ReadLineAsync();
            await relay.SayRawAsync("250 ok\r\n250 ok\r\n354 go\r\n");
            await relay.ReadDataAsync();
            await relay.SayAsync("250 done");
            await relay.ExpectEndAsync();
        });
        Assert.IsType<TransactionResult.Completed>(result);
    }

    [Fact]
    public async Task Send_WithChunking_IsOneFlightWithTheContent()
    {
        var result = await Relays.SendOneAsync(async relay =>
        {
            await relay.GreetAsync("PIPELINING", "CHUNKING");
            await relay.ReadLineAsync();
            Assert.Equal("RCPT TO:<b@d.example>\r\nBDAT 18 LAST\r\n.a\r\n\r\n.dot\r\nno end", relay.Unread);
            await relay.ReadLineAsync();
            await relay.ReadLineAsync();
            await relay.ReadOctetsAsync(18);
            await relay.SayRawAsync("250 ok\r\n250 ok\r\n250 done\r\n");
            await relay.ExpectEndAsync();
        }, content: ".a\r\n\r\n.dot\r\nno end");
        Assert.IsType<TransactionResult.Completed>(result);
    }

    [Theory]
    [InlineData(".a\r\n..b\r\n\r\n.\r\nc.\r\n", "..a\r\n...b\r\n\r\n..\r\nc.\r\n")]
    [InlineData("no end", "no end\r\n")]
    [InlineData("", "")]
    [InlineData(".", "..\r\n")]
    public async Task Data_Content_IsDotStuffedAtEverySplit(string content, string onTheWire)
    {
        for (var piece = 1; piece <= Math.Max(content.Length, 1); piece++)
        {
            var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
            {
                await AcceptUpToDataAsync(relay);
                Assert.Equal(onTheWire, await relay.ReadDataAsync());
                await relay.SayAsync("250 done");
                await relay.ExpectEndAsync();
            });
            await using (var connection = await Relays.OpenAsync(stream, Relays.Plain))
            {
                var sent = await connection.SendAsync(
                    Relays.To("b@d.example"), new BytesContent(content, piece));
                Assert.IsType<TransactionResult.Completed>(sent);
            }
            await script;
        }
    }

    [Fact] // CLI-13
    public async Task Data_ReplyToTheContentBeforeTheContent_IsAProtocolError()
    {
        var result = await Relays.SendOneAsync(async relay =>
        {
            await relay.GreetAsync("PIPELINING");
            for (var i = 0; i < 3; i++)
                await relay.ReadLineAsync();
            await relay.SayRawAsync("250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n");
            Assert.Null(await relay.ReadDataAsync());
        });
        Assert.Equal(LossCause.ProtocolError, Assert.IsType<TransactionResult.Lost>(result).Cause);
    }

    [Theory]
    [InlineData("SIZE 10", "x\r\n\r\nlong enough\r\n", typeof(TransactionResult.TooLarge))] // CLI-23
    [InlineData("SMTPUTF8", "x: y\r\n\r\n\xc3\xa9\r\n", typeof(TransactionResult.NotOffered))] // CLI-24
    [InlineData("8BITMIME", "x: \xc3\xa9\r\n\r\ny\r\n", typeof(TransactionResult.NotOffered))] // CLI-25
    public async Task Obstacle_FoundBeforeMail_SendsNothing(string offered, string content, Type expected)
    {
        var result = await Relays.SendOneAsync(
            async relay =>
            {
                await relay.GreetAsync(offered);
                await relay.ExpectEndAsync();
            },
            content: content);
        Assert.IsType(expected, result);
    }

    [Fact] // CLI-25
    public async Task Obstacle_InternationalAddress_NeedsSmtpUtf8()
    {
        var result = await Relays.SendOneAsync(
            async relay =>
            {
                await relay.GreetAsync("8BITMIME");
                await relay.ExpectEndAsync();
            },
            Relays.To("백@d.example"));
        Assert.Equal(NeededExtension.SmtpUtf8, Assert.IsType<TransactionResult.NotOffered>(result).Extension);
    }

    [Fact]
    public async Task Dsn_Offered_PassesParametersOn()
    {
        var envelope = new Envelope(
            new ReversePath(Relays.Address("a@sender.example")),
            new MailParameters { Return = DsnReturn.Headers, EnvelopeId = "a+b" },
            [new EnvelopeRecipient(
                new ForwardPath(Relays.Address("b@d.example")),
                new RcptParameters
                {
                    Notify = DsnNotify.Success | DsnNotify.Failure,
                    OriginalRecipient = "rfc822;o=x@d.example",
                })]);
        await Relays.SendOneAsync(
            async relay =>
            {
                await relay.GreetAsync("DSN");
                Assert.Equal(
                    "MAIL FROM:<a@sender.example> RET=HDRS ENVID=a+2Bb",
                    await relay.ExpectAsync("MAIL", "250 ok"));
                Assert.Equal(
                    "RCPT TO:<b@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o+3Dx@d.example",
                    await relay.ExpectAsync("RCPT", "550 no"));
                await relay.ExpectEndAsync();
            },
            envelope);
    }

    [Theory]
    [InlineData("c@d.example", "utf-8;아+@d.example", " ORCPT=utf-8;\\x{C544}+@d.example")]
    [InlineData("아@d.example", "utf-8;아+@d.example", " ORCPT=utf-8;아+@d.example")]
    public async Task Rcpt_OriginalRecipientOfUtf8_GoesOnAsTheHopCanReadIt(
        string recipient, string original, string written)
    {
        var envelope = new Envelope(
            new ReversePath(Relays.Address("a@sender.example")), MailParameters.None,
            [new(
                new ForwardPath(Relays.Address(recipient)),
                new RcptParameters { OriginalRecipient = original })]);
        await Relays.SendOneAsync(
            async relay =>
            {
                await relay.GreetAsync("DSN", "SMTPUTF8");
                await relay.ExpectAsync("MAIL", "250 ok");
                // The relay shows octets as Latin-1.
                var octets = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(written));
                Assert.EndsWith(octets, await relay.ExpectAsync("RCPT", "550 no"));
                await relay.ExpectEndAsync();
            },
            envelope);
    }

    [Fact]
    public async Task Chunks_LargeContent_AreBoundedAndAnswered()
    {
        var content = new string('x', 2_500_000);
        var result = await Relays.SendOneAsync(
            async relay =>
            {
                await relay.GreetAsync("PIPELINING", "CHUNKING");
                await relay.ExpectAsync("MAIL", "250 ok");
                await relay.ExpectAsync("RCPT", "250 ok");
                foreach (var chunk in new[] { "1048576", "1048576", "402848 LAST" })
                {
                    Assert.Equal($"BDAT {chunk}", await relay.ReadLineAsync());
                    await relay.ReadOctetsAsync(
                        int.Parse(chunk.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));
                    await relay.SayAsync("250 got it");
                }
                await relay.ExpectEndAsync();
            },
            content: content);
        Assert.IsType<TransactionResult.Completed>(result);
    }

    [Fact]
    public async Task Connection_KeptAfterARefusal_BeginsWithRset()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await relay.GreetAsync();
            await relay.ExpectAsync("MAIL", "250 ok");
            await relay.ExpectAsync("RCPT", "550 no");
            await relay.ExpectAsync("RSET", "250 ok");
            await relay.ExpectAsync("MAIL", "250 ok");
            await relay.ExpectAsync("RCPT", "250 ok");
            await relay.ExpectAsync("DATA", "354 ok");
            await relay.ReadDataAsync();
            await relay.SayAsync("250 ok");
            await relay.ExpectAsync("MAIL", "550 no");
            await relay.ExpectEndAsync();
        });
        await using (var connection = await Relays.OpenAsync(stream, Relays.Plain))
        {
            for (var i = 0; i < 3; i++)
            {
                Assert.True(connection.IsReusable);
                await connection.SendAsync(Relays.To("b@d.example"), new BytesContent(Relays.Content));
            }
            Assert.Equal(3, connection.TransactionsBegun);
        }
        await script;
    }

    [Fact] // RFC 2920 §3.1
    public async Task Next_GoesOutWithTheEndOfTheContentBeforeIt()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await AcceptUpToDataAsync(relay, "PIPELINING");
            await relay.ReadDataAsync();
            // Before the content is answered.
            Assert.Equal("MAIL FROM:<a@sender.example>", await relay.ReadLineAsync());
            Assert.Equal("RCPT TO:<c@d.example>", await relay.ReadLineAsync());
            Assert.Equal("DATA", await relay.ReadLineAsync());
            await relay.SayRawAsync("250 first\r\n250 ok\r\n250 ok\r\n354 go\r\n");
            Assert.Equal("Two\r\n", await relay.ReadDataAsync());
            await relay.SayAsync("250 second");
            await relay.ExpectEndAsync();
        });
        await using (var connection = await Relays.OpenAsync(stream, Relays.Plain))
        {
            var next = new OutgoingMessage(Relays.To("c@d.example"), new BytesContent("Two\r\n"));
            var first = await SendBeforeAsync(connection, next);
            Assert.Equal(
                "250 first", Assert.IsType<TransactionResult.Completed>(first).FinalReply.ToString());
            Assert.Same(next, connection.Begun);
            var second = await connection.SendAsync(next, next: null, TestContext.Current.CancellationToken);
            Assert.Equal(
                "250 second", Assert.IsType<TransactionResult.Completed>(second).FinalReply.ToString());
            Assert.Null(connection.Begun);
            Assert.Equal(2, connection.TransactionsBegun);
        }
        await script;
    }

    [Fact]
    public async Task Next_WhenTheContentBeforeItIsRefused_GoesOn()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await AcceptUpToDataAsync(relay, "PIPELINING");
            await relay.ReadDataAsync();
            for (var i = 0; i < 3; i++)
                await relay.ReadLineAsync();
            await relay.SayRawAsync("554 no\r\n250 ok\r\n550 unknown\r\n503 no recipients\r\n");
            await relay.ExpectAsync("RSET", "250 ok");
            await relay.ExpectAsync("MAIL", "250 ok");
        });
        await using (var connection = await Relays.OpenAsync(stream, Relays.Plain))
        {
            var next = new OutgoingMessage(Relays.To("c@d.example"), new BytesContent("Two\r\n"));
            Assert.Equal(
                554, Assert.IsType<TransactionResult.Completed>(
                    await SendBeforeAsync(connection, next)).FinalReply.Code);
            Assert.IsType<TransactionResult.NoRecipientAccepted>(
                await connection.SendAsync(next, next: null, TestContext.Current.CancellationToken));
            Assert.True(connection.IsReusable);
            await connection.SendAsync(Relays.To("b@d.example"), new BytesContent("Three\r\n"));
        }
        await script;
    }

    [Fact]
    public async Task Next_WhenTheConnectionIsLostWithTheReply_IsNoAttempt()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await AcceptUpToDataAsync(relay, "PIPELINING");
            await relay.ReadDataAsync();
            await relay.SayAsync("250 first");
        });
        await using var connection = await Relays.OpenAsync(stream, Relays.Plain);
        var next = new OutgoingMessage(Relays.To("c@d.example"), new BytesContent("Two\r\n"));
        Assert.IsType<TransactionResult.Completed>(await SendBeforeAsync(connection, next));
        await script;
        Assert.IsType<TransactionResult.ClosedWhileIdle>(
            await connection.SendAsync(next, next: null, TestContext.Current.CancellationToken));
        Assert.False(connection.IsReusable);
    }

    [Fact]
    public async Task Next_ThrownAwayByThePeer_IsNoAttempt()
    {
        var clock = new FakeTimeProvider();
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await AcceptUpToDataAsync(relay, "PIPELINING");
            await relay.ReadDataAsync();
            await relay.SayAsync("250 first");
            for (var i = 0; i < 3; i++)
                await relay.ReadLineAsync();
            Assert.Null(await relay.ReadLineAsync());
        });
        await using (var connection = await Relays.OpenAsync(stream, Relays.Plain, clock))
        {
            var next = new OutgoingMessage(Relays.To("c@d.example"), new BytesContent("Two\r\n"));
            await SendBeforeAsync(connection, next);
            var second = connection
                .SendAsync(next, next: null, TestContext.Current.CancellationToken).AsTask();
            clock.Advance(TimeSpan.FromSeconds(9));
            Assert.False(second.IsCompleted);
            clock.Advance(TimeSpan.FromSeconds(1));
            Assert.True(Assert.IsType<TransactionResult.ClosedWhileIdle>(await second).WasDeaf);
        }
        await script;
    }

    [Fact]
    public async Task Next_WhenTheConnectionIsLostWithoutTheReply_IsNotBegun()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await AcceptUpToDataAsync(relay, "PIPELINING");
            await relay.ReadDataAsync();
        });
        await using var connection = await Relays.OpenAsync(stream, Relays.Plain);
        var next = new OutgoingMessage(Relays.To("c@d.example"), new BytesContent("Two\r\n"));
        Assert.IsType<TransactionResult.Uncertain>(await SendBeforeAsync(connection, next));
        await script;
        Assert.Null(connection.Begun);
        Assert.False(connection.IsReusable);
    }

    [Fact] // RFC 5321 §4.1.1.10: after DATA it would be content
    public async Task Next_GivenUp_IsClosedWithoutQuit()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await AcceptUpToDataAsync(relay, "PIPELINING");
            await relay.ReadDataAsync();
            for (var i = 0; i < 3; i++)
                await relay.ReadLineAsync();
            await relay.SayAsync("250 first");
            Assert.Null(await relay.ReadLineAsync());
        });
        await using (var connection = await Relays.OpenAsync(stream, Relays.Plain))
            await SendBeforeAsync(
                connection, new OutgoingMessage(Relays.To("c@d.example"), new BytesContent("Two\r\n")));
        await script;
    }

    [Fact]
    public async Task Next_WithoutPipelining_IsNotAskedFor()
    {
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await relay.GreetAsync();
            foreach (var command in (string[])["MAIL", "RCPT"])
                await relay.ExpectAsync(command, "250 ok");
            await relay.ExpectAsync("DATA", "354 go");
            await relay.ReadDataAsync();
            await relay.SayAsync("250 first");
            await relay.ExpectEndAsync();
        });
        await using (var connection = await Relays.OpenAsync(stream, Relays.Plain))
        {
            await connection.SendAsync(
                new OutgoingMessage(Relays.To("b@d.example"), new BytesContent(Relays.Content)),
                () => throw new InvalidOperationException("asked"), TestContext.Current.CancellationToken);
        }
        await script;
    }

    static ValueTask<TransactionResult> SendBeforeAsync(
        SmtpClientConnection connection, OutgoingMessage next) => connection.SendAsync(
        new OutgoingMessage(Relays.To("b@d.example"), new BytesContent(Relays.Content)),
        () => new ValueTask<OutgoingMessage?>(next), TestContext.Current.CancellationToken);

    static async Task AcceptUpToDataAsync(RelayConversation relay, params string[] extensions)
    {
        await relay.GreetAsync(extensions);
        await relay.ExpectAsync("MAIL", "250 ok");
        await relay.ExpectAsync("RCPT", "250 ok");
        await relay.ExpectAsync("DATA", "354 go");
    }
}
