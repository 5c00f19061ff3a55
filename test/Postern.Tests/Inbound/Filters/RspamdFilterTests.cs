using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Tests.Doubles;

namespace Postern.Tests.Inbound.Filters;

/// <summary>What rspamd is told, and what its answer becomes.</summary>
public sealed class RspamdFilterTests
{
    const string Url = "http://127.0.0.1:11333/";

    static readonly RspamdOptions Options = new();

    static readonly FilterQuestion Mail = new(
        new QueueId(12345),
        new ClientFacts { Address = "192.0.2.1", Name = "out.example", Helo = "helo.example" },
        new ReversePath(MailHall.Mailbox("ann@out.example")),
        [MailHall.Mailbox("b@in.example"), MailHall.Mailbox("c@in.example")]);

    readonly ScriptedRspamd rspamd = new();
    readonly List<string?> notes = [];

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static PooledContent ContentOf(ReadOnlySpan<byte> octets)
    {
        var content = new PooledContent();
        content.Append(octets);
        return content;
    }

    async Task<SpamVerdict> CheckAsync(
        FilterQuestion? mail = null, RspamdOptions? options = null, StoredContent? content = null)
    {
        using var filter = new RspamdFilter(
            rspamd.MakeHandler(), (_, trouble) => notes.Add(trouble), new FakeTimeProvider());
        using var letter = ContentOf("Subject: x\r\n\r\nbody\r\n"u8);
        return await filter.CheckAsync(Url, options ?? Options, mail ?? Mail, content ?? letter, Cancel);
    }

    [Fact]
    public async Task Mail_IsPostedWithItsFacts()
    {
        var verdict = await CheckAsync(Mail with { Client = Mail.Client with { Account = "shop" } },
            Options with { Password = new Secret("env:X", "geheim") });
        Assert.Equal(new SpamVerdict(SpamResult.Ham, 0.5, 15, "rspamd 3.4"), verdict);
        Assert.Equal("POST /checkv2 HTTP/1.1", rspamd.RequestLine);
        Assert.Equal("Subject: x\r\n\r\nbody\r\n"u8.ToArray(), rspamd.Received);
        Assert.Equal(
            ("192.0.2.1", "helo.example", "out.example", "<ann@out.example>",
                "<b@in.example>, <c@in.example>"),
            (rspamd["IP"], rspamd["Helo"], rspamd["Hostname"], rspamd["From"], rspamd["Rcpt"]));
        Assert.Equal(
            (new QueueId(12345).ToString(), "shop", "geheim"),
            (rspamd["Queue-Id"], rspamd["User"], rspamd["Password"]));
        Assert.Null(Assert.Single(notes));
    }

    [Fact]
    public async Task WhatIsNotKnown_IsNotTold()
    {
        await CheckAsync(Mail with
        {
            Client = Mail.Client with { Name = null },
            Sender = new ReversePath(null),
        });
        Assert.Equal(
            ("<>", null, null, null),
            (rspamd["From"], rspamd["Hostname"], rspamd["User"], rspamd["Password"]));
    }

    [Fact]
    public async Task WhatAPeerSaid_BeginsNoLineOfOurs()
    {
        await CheckAsync(Mail with
        {
            Client = Mail.Client with { Helo = "x\r\nPassword: y\0\u00e9" + new string('a', 9999) },
        });
        Assert.StartsWith("x??Password: y?\u00e9aaa", rspamd["Helo"], StringComparison.Ordinal);
        Assert.Equal(512, rspamd["Helo"]!.Length);
        Assert.Null(rspamd["Password"]);
    }

    [Theory]
    [InlineData("reject", SpamResult.Spam)]
    [InlineData("discard", SpamResult.Spam)]
    [InlineData("add header", SpamResult.Suspect)]
    [InlineData("rewrite subject", SpamResult.Suspect)]
    [InlineData("soft reject", SpamResult.Suspect)]
    [InlineData("quarantine", SpamResult.Suspect)]
    [InlineData("no action", SpamResult.Ham)]
    [InlineData("greylist", SpamResult.Ham)]
    public async Task Action_BecomesAVerdict(string action, SpamResult expected)
    {
        rspamd.Body = $$"""
            {"is_skipped":false,"score":7.25,"required_score":15.0,"action":"{{action}}",
            "symbols":{"R":{"name":"R","score":0.0} },"messages":{},"message-id":"x@y"}
            """;
        Assert.Equal(new SpamVerdict(expected, 7.25, 15, "rspamd 3.4"), await CheckAsync());
        Assert.Null(Assert.Single(notes));
    }

    [Theory]
    [InlineData("""{"is_skipped":true,"action":"no action","score":0,"required_score":0}""",
        SpamResult.Skipped, null)]
    [InlineData("""{"is_skipped":true,"action":"reject","score":15,"required_score":15}""",
        SpamResult.Spam, null)]
    [InlineData("""{"action":"no action"}""", SpamResult.Ham, null)]
    [InlineData("""{"action":"explode","score":1}""", SpamResult.Error,
        "its action \"explode\" is none of rspamd's")]
    [InlineData("{}", SpamResult.Error, "its action \"\" is none of rspamd's")]
    [InlineData("", SpamResult.Error, "it does not talk as rspamd does")]
    [InlineData("null", SpamResult.Error, "it does not talk as rspamd does")]
    [InlineData("[]", SpamResult.Error, "it does not talk as rspamd does")]
    [InlineData("<html>", SpamResult.Error, "it does not talk as rspamd does")]
    [InlineData("""{"action":"reject","score":"9"}""", SpamResult.Error, "it does not talk as rspamd does")]
    [InlineData("""{"action":"reject","score":1e999}""", SpamResult.Error,
        "it does not talk as rspamd does")]
    [InlineData("""{"action":"reject","sco""", SpamResult.Error, "it does not talk as rspamd does")]
    public async Task Answer_BecomesAVerdict(string body, SpamResult expected, string? trouble)
    {
        rspamd.Body = body;
        Assert.Equal(expected, (await CheckAsync()).Result);
        Assert.Equal(trouble, Assert.Single(notes));
    }

    [Theory]
    [InlineData("+OK POP3 ready\r\n")]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Len")]
    public async Task Peer_ThatSpeaksNoHttp_IsAnError(string said)
    {
        rspamd.Raw = said;
        Assert.Equal(new SpamVerdict(SpamResult.Error, null, null, "rspamd"), await CheckAsync());
        Assert.NotNull(Assert.Single(notes));
    }

    [Fact]
    public async Task Header_ThatDoesNotEnd_IsAnError()
    {
        rspamd.Raw = "HTTP/1.1 200 OK\r\n"
            + string.Concat(Enumerable.Repeat($"X: {new string('a', 1000)}\r\n", 1000));
        Assert.Equal(SpamResult.Error, (await CheckAsync()).Result);
    }

    [Theory]
    [InlineData(403, "it answers 403")]
    [InlineData(302, "it answers 302")]
    [InlineData(500, "it answers 500")]
    public async Task Status_OtherThan200_IsAnError(int status, string trouble)
    {
        rspamd.Status = status;
        Assert.Equal(SpamResult.Error, (await CheckAsync()).Result);
        Assert.Equal(trouble, Assert.Single(notes));
    }

    [Fact]
    public async Task Answer_ThatIsCutOff_IsAnError()
    {
        rspamd.Missing = 10;
        Assert.Equal(SpamResult.Error, (await CheckAsync()).Result);
        Assert.NotNull(Assert.Single(notes));
    }

    [Theory]
    [InlineData(1 << 19, SpamResult.Ham)]
    [InlineData(1 << 20, SpamResult.Error)]
    [InlineData(16 << 20, SpamResult.Error)]
    public async Task Answer_OfOver1MiB_IsAnError(int octets, SpamResult expected)
    {
        rspamd.Body = $$"""{"action":"no action","messages":"{{new string('a', octets)}}"}""";
        Assert.Equal(expected, (await CheckAsync()).Result);
    }

    [Theory]
    [InlineData("", "rspamd")]
    [InlineData("Server: nginx\r\n", "rspamd")]
    [InlineData("Server: rspamd/3.11.1\r\n", "rspamd 3.11.1")]
    public async Task Engine_IsWhatTheServerFieldSays(string field, string expected)
    {
        rspamd.Server = field;
        Assert.Equal(expected, (await CheckAsync()).Engine);
    }

    [Fact]
    public async Task Message_Of30MiB_ArrivesAsItIs()
    {
        using var content = new PooledContent();
        var piece = new byte[1 << 20];
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < 30; i++)
        {
            Array.Fill(piece, (byte)i);
            content.Append(piece);
            sum.AppendData(piece);
        }
        Assert.Equal(SpamResult.Ham, (await CheckAsync(content: content)).Result);
        Assert.Equal(30 << 20, rspamd.Received.Length);
        Assert.Equal(sum.GetCurrentHash(), SHA256.HashData(rspamd.Received));
    }

    [Fact]
    public async Task Message_OverSizeMax_IsSkipped_AndNobodyIsAsked()
    {
        Assert.Equal(
            new SpamVerdict(SpamResult.Skipped, null, null, "rspamd"),
            await CheckAsync(options: Options with { SizeMax = 10 }));
        Assert.Equal("", rspamd.RequestLine);
        Assert.Empty(notes);
    }

    [Fact]
    public async Task Answer_BeforeTheMessageIsSent_LeavesTheContentAlone()
    {
        (rspamd.IsHasty, rspamd.Status) = (true, 413);
        using var content = ContentOf(new byte[5 << 20]);
        Assert.Equal(SpamResult.Error, (await CheckAsync(content: content)).Result);
        Assert.NotNull(Assert.Single(notes));
    }

    [Fact]
    public async Task Rspamd_ThatIsDown_IsAnError()
    {
        rspamd.IsDown = true;
        Assert.Equal(new SpamVerdict(SpamResult.Error, null, null, "rspamd"), await CheckAsync());
        Assert.Contains("Connection refused", Assert.Single(notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rspamd_ThatIsTooSlow_IsAnErrorAtItsTimeout()
    {
        rspamd.Body = null;
        var clock = new FakeTimeProvider();
        using var filter = new RspamdFilter(
            rspamd.MakeHandler(), (_, trouble) => notes.Add(trouble), clock);
        using var content = ContentOf("x"u8);
        var check = filter.CheckAsync(Url, Options, Mail, content, Cancel).AsTask();
        clock.Advance(Options.Timeout - TimeSpan.FromMilliseconds(1));
        Assert.False(check.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(SpamResult.Error, (await check).Result);
        Assert.Equal("it is too slow", Assert.Single(notes));
    }

    [Fact]
    public async Task Session_ThatEnds_EndsTheCheck()
    {
        rspamd.Body = null;
        using var filter = new RspamdFilter(
            rspamd.MakeHandler(), (_, trouble) => notes.Add(trouble), new FakeTimeProvider());
        using var content = ContentOf("x"u8);
        using var over = new CancellationTokenSource();
        var check = filter.CheckAsync(Url, Options, Mail, content, over.Token).AsTask();
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => check);
        Assert.Empty(notes);
    }

    [Fact]
    public async Task Loopback_IsConnectedTo()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var served = ServeAsync();
        using var filter = new RspamdFilter(
            RspamdFilter.MakeHandler(), (_, trouble) => notes.Add(trouble), TimeProvider.System);
        using var content = ContentOf(new byte[200_000]);
        var url = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndPoint!).Port}";
        var korean = MailHall.Mailbox("\uBC15@in.example");
        var verdict = await filter.CheckAsync(
            url, Options, Mail with { Recipients = [korean] }, content, Cancel);
        await served;
        Assert.Equal(SpamResult.Ham, verdict.Result);
        Assert.Equal((200_000, $"<{korean}>"), (rspamd.Received.Length, rspamd["Rcpt"]));

        async Task ServeAsync() =>
            await rspamd.ServeAsync(new NetworkStream(await listener.AcceptAsync(Cancel), ownsSocket: true));
    }
}
