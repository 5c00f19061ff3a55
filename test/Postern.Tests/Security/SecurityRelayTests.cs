using System.Text.RegularExpressions;
using MimeKit;
using MimeKit.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Security;
using Postern.Smtp.Server;
using Postern.Tests.Smtp.Server;

namespace Postern.Tests.Security;

/// <summary>Bodies that a next hop might take for the end of a message: in through the real session, by DATA
/// and by BDAT, and out through the real client to a relay that records what it gets.</summary>
/// <remarks>A body with a bare CR never goes out: docs/decisions/0004.</remarks>
public sealed class SecurityRelayTests
{
    const string Header = "From: <a@sender.example>\r\nSubject: t\r\nMessage-ID: <1@sender.example>\r\n\r\n";
    const string BareLineEnd = "(?<!\r)\n|\r(?!\n)";

    static readonly string[] HeaderCases = ["SMO-12"];
    static readonly string[] SignedCases = ["SMO-13"];

    internal static IEnumerable<SecurityCase> Played => SecurityCase.Of("SMO");

    public static TheoryData<string, string> Cases()
    {
        var rows = new TheoryData<string, string>();
        foreach (var id in Played.Select(one => one.Id).DefaultIfEmpty("none"))
        {
            rows.Add(id, "DATA");
            rows.Add(id, "BDAT");
        }
        return rows;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case_Relayed_IsOneCanonicalMessageOrNone(string id, string way)
    {
        var one = SecurityCase.Get(id);
        await using var peer = new CasePeer("sub587", ListenerKind.Submission);
        if (SignedCases.Contains(id))
            await RelaySignedAsync(peer, way);
        else if (HeaderCases.Contains(id))
            await RelayHeaderAsync(peer, way);
        else
            await RelayBodyAsync(peer, one, way);
    }

    static async Task RelayBodyAsync(CasePeer peer, SecurityCase one, string way)
    {
        const string mark = "API body=...";
        Assert.StartsWith(mark, one.Steps[0]);
        var body = TranscriptTests.Unescape(one.Steps[0][mark.Length..]);
        // Its title: the body ends with CR.
        if (one.Id == "SMO-09")
            body = body.TrimEnd('B');
        var reply = await SendAsync(peer, Header + body, way);
        var canonical = Canonical(Header + body);
        if (canonical is null)
        {
            Assert.StartsWith("550 5.6.0", reply);
            await peer.House.Hall.RunAsync();
            Assert.Empty(peer.House.Polite.Contents);
            return;
        }
        Assert.StartsWith("250 2.0.0", reply);
        var relayed = await RelayedAsync(peer);
        // By DATA the client's last CRLF belongs to the content, by BDAT the last hop adds it (RFC 5321
        // §4.1.1.4).
        Assert.EndsWith("\r\n" + canonical + "\r\n", "\r\n" + relayed, StringComparison.Ordinal);
    }

    static async Task RelayHeaderAsync(CasePeer peer, string way)
    {
        Assert.StartsWith("250", await SendAsync(peer, "Subject: a\nb\r\n\r\nx\r\n", way, "x(\xff)"));
        var relayed = await RelayedAsync(peer);
        var fields = Regex.Matches(relayed.Split("\r\nSubject")[0], @"(?m)^([^ \t:]+):")
            .Select(match => match.Groups[1].Value);
        Assert.Equal(["Received", "Message-ID", "Date"], fields);
        Assert.DoesNotMatch("(?m)^b:", relayed);
    }

    static async Task RelaySignedAsync(CasePeer peer, string way)
    {
        var keys = new RsaKeyPairGenerator();
        keys.Init(new RsaKeyGenerationParameters(BigInteger.ValueOf(65537), new SecureRandom(), 2048, 80));
        var pair = keys.GenerateKeyPair();
        using var message = MimeMessage.Load(new MemoryStream(Latin1(Header + "one\r\ntwo\r\n")));
        new DkimSigner(pair.Private, "sender.example", "s").Sign(
            message, [HeaderId.From, HeaderId.Subject, HeaderId.MessageId]);
        using var signed = new MemoryStream();
        message.WriteTo(new FormatOptions { NewLineFormat = NewLineFormat.Dos }, signed,
            TestContext.Current.CancellationToken);
        var text = System.Text.Encoding.Latin1.GetString(signed.ToArray());
        Assert.StartsWith("250", await SendAsync(peer, text.Replace("one\r\ntwo", "one\ntwo"), way));
        using var relayed = MimeMessage.Load(new MemoryStream(Latin1(await RelayedAsync(peer))));
        var signature = relayed.Headers.Single(header => header.Id == HeaderId.DkimSignature);
        Assert.True(await new DkimVerifier(new OneKey(pair.Public)).VerifyAsync(
            relayed, signature, TestContext.Current.CancellationToken));
    }

    /// <summary>Sends one message and gives the reply to it.</summary>
    static async Task<string> SendAsync(CasePeer peer, string content, string way, string helo = "c.example")
    {
        await peer.ReplyAsync();
        foreach (var line in new[]
        {
            $"EHLO {helo}", "MAIL FROM:<a@sender.example>", "RCPT TO:<b@far.example>",
        })
        {
            await peer.SendAsync(line + "\r\n");
            Assert.StartsWith("250", await peer.ReplyAsync());
        }
        if (way == "BDAT")
        {
            await peer.SendAsync($"BDAT {content.Length} LAST\r\n{content}");
            return await peer.ReplyAsync();
        }
        await peer.SendAsync("DATA\r\n");
        Assert.StartsWith("354", await peer.ReplyAsync());
        var end = content.EndsWith("\r\n", StringComparison.Ordinal) ? "" : "\r\n";
        await peer.SendAsync(Regex.Replace(content, "(^|\r\n)[.]", "$1..") + end + ".\r\n");
        return await peer.ReplyAsync();
    }

    /// <summary>The octets between 354 and the reply, dots unstuffed: of one message, with no line end but
    /// CRLF.</summary>
    static async Task<string> RelayedAsync(CasePeer peer)
    {
        await peer.House.Hall.RunAsync();
        var relayed = Assert.Single(peer.House.Polite.Contents);
        Assert.DoesNotMatch(BareLineEnd, relayed);
        // What stood behind the first end of data would have been read as a command.
        Assert.Equal(
            ["EHLO", "MAIL", "RCPT", "DATA"], peer.House.Polite.Commands.Select(c => c.Split(' ', ':')[0]));
        return Regex.Replace(relayed, @"(^|\r\n)[.]", "$1");
    }

    /// <summary>DESIGN §9.3: a bare LF becomes CRLF; null: a bare CR is refused.</summary>
    static string? Canonical(string content)
    {
        var lines = content.Replace("\r\n", "\n", StringComparison.Ordinal);
        return lines.Contains('\r') ? null : lines.Replace("\n", "\r\n", StringComparison.Ordinal);
    }

    static byte[] Latin1(string octets) => System.Text.Encoding.Latin1.GetBytes(octets);

    sealed class OneKey(AsymmetricKeyParameter key) : IDkimPublicKeyLocator
    {
        public AsymmetricKeyParameter LocatePublicKey(
            string methods, string domain, string selector, CancellationToken cancellationToken) => key;

        public Task<AsymmetricKeyParameter> LocatePublicKeyAsync(
            string methods, string domain, string selector, CancellationToken cancellationToken) =>
            Task.FromResult(key);
    }
}
