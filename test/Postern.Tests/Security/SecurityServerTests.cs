using System.Globalization;
using System.Net.Security;
using System.Text.RegularExpressions;
using Postern.Mta.Accounts;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Server;

namespace Postern.Tests.Security;

/// <summary>Plays the catalogue's attacks on listeners as data, each on every listener it names, against the
/// real session and the real door.</summary>
/// <remarks>
/// Steps: <c>C</c> octets to send, <c>S</c> the reply's pattern, <c>R</c> so many octets of lines, <c>G</c>
/// a message by name, <c>K</c> octets beside TLS, <c>N</c> how many messages are stored, <c>X</c> what
/// <see cref="ActAsync"/> knows. On port 465 everything is said inside a handshake, which cases about TLS
/// make themselves.
/// </remarks>
public sealed class SecurityServerTests
{
    static readonly string[] Areas = ["SMI", "TLS", "CMD", "AUT", "DAT", "BDA", "REL"];

    /// <summary>Played at port 25 once more with every check of inbound mail on.</summary>
    static readonly string[] CheckedAreas = ["SMI", "DAT", "BDA", "REL"];

    const string Checked = "mx25 checked";

    internal static IEnumerable<SecurityCase> Played =>
        SecurityCase.Of(Areas).Where(one => !SecurityCatalogueTests.Elsewhere.ContainsKey(one.Id));

    public static TheoryData<string, string> Cases()
    {
        var rows = new TheoryData<string, string>();
        foreach (var one in Played)
        {
            foreach (var mode in one.Modes)
                rows.Add(one.Id, mode);
            if (CheckedAreas.Contains(one.Area) && one.Modes.Contains("mx25"))
                rows.Add(one.Id, Checked);
        }
        if (rows.Count == 0)
            rows.Add("none", "mx25");
        return rows;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case_Played_HoldsWhatItMust(string id, string mode)
    {
        var one = SecurityCase.Get(id);
        var scripts = ServerCases.Of(id)?.Split("||") ?? [string.Join('|', one.Steps.Select(Shield))];
        foreach (var script in scripts)
        {
            var steps = ServerCases.Steps(script);
            await using var peer = Open(one, mode);
            if (mode == "sub465" && one.Area != "TLS")
                await peer.HandshakeAsync();
            if (steps[0][0] != 'S' && one.Area != "TLS")
                steps = ["S ^220", "C EHLO c.example.net\\r\\n", "S ^250", .. steps];
            foreach (var step in steps)
                await PlayAsync(peer, id, step);
            if (!peer.HasEnded)
                peer.Close();
            Assert.NotEqual(SessionEnd.Failed, await peer.EndAsync());
            Assert.Single(peer.House.Door.Ends);
            await CheckAsync(id, peer);
            Assert.All(
                await peer.House.KeptAsync(), mail => Assert.Equal(mode == Checked, mail.IsChecked));
        }
    }

    [Fact]
    public async Task Flood_OfHandshakesOfOneAddress_IsCutAndOthersGoOn()
    {
        // An mx listener trusts nobody, not even this machine.
        var options = CasePeer.OptionsOf("sub465");
        await using var open = new CasePeer("sub465", ListenerKind.Mx);
        await open.HandshakeAsync();
        Assert.StartsWith("220", await open.ReplyAsync());
        var hello = ServerCases.HelloOf("whole");
        for (var begun = 1; begun <= HandshakeThrottle.HandshakesMax; begun++)
        {
            await using var one = new TestPeer(
                options, ListenerKind.Mx, door: open.House.Door).Start();
            await one.SendAsync(hello);
            one.Close();
            Assert.Equal(SessionEnd.TlsFailed, await one.EndAsync());
            // The last one is not answered at all.
            Assert.Equal(begun < HandshakeThrottle.HandshakesMax, (await one.LineAsync())[0] == '\x16');
        }
        await open.SendAsync("NOOP\r\n");
        Assert.StartsWith("250", await open.ReplyAsync());
    }

    [Fact]
    public async Task Flood_OfHandshakesOfManyAddresses_IsCutForEach()
    {
        const int addresses = 200, each = 500;
        await using var open = new CasePeer("sub465", ListenerKind.Mx);
        await open.HandshakeAsync();
        Assert.StartsWith("220", await open.ReplyAsync());
        for (var i = 1; i <= addresses; i++)
        {
            var facts = new SessionFacts
            {
                Listener = "test",
                Kind = ListenerKind.Mx,
                Remote = new System.Net.IPEndPoint(new System.Net.IPAddress([198, 51, 100, (byte)i]), 40000),
                Local = new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 465),
                StartedAt = DateTimeOffset.UnixEpoch,
            };
            Assert.Equal(
                HandshakeThrottle.HandshakesMax,
                Enumerable.Range(0, each).Count(_ => open.House.Door.MayHandshake(facts)));
        }
        await open.SendAsync("NOOP\r\n");
        Assert.StartsWith("250", await open.ReplyAsync());
    }

    static CasePeer Open(SecurityCase one, string mode)
    {
        var isChecked = mode == Checked;
        var options = CasePeer.OptionsOf(isChecked ? "mx25" : mode);
        // The other cases of content are about reading it, not about its size.
        if (one.Area == "DAT" && one.Id is not ("DAT-02" or "DAT-03"))
            options = options with { ContentOctetsMax = 64 << 20 };
        return new CasePeer(
            mode, isChecked || mode == "mx25" ? ListenerKind.Mx : ListenerKind.Submission, options,
            checks: isChecked ? new ZoneResolver() : null);
    }

    static string Shield(string step) => step.Replace('|', '\u00a6');

    internal static async Task PlayAsync(CasePeer peer, string id, string step)
    {
        var text = step[2..];
        switch (step[0])
        {
            case 'C':
                await peer.SendAsync(TranscriptTests.Unescape(text));
                break;
            case 'S':
                var reply = await peer.ReplyAsync();
                Assert.True(Regex.IsMatch(reply, text), $"{id}: expected {text}, got {reply}");
                break;
            case 'R':
                await SendInPiecesAsync(peer, ServerCases.Lines(
                    text.StartsWith("1100 KiB", StringComparison.Ordinal)
                        ? 1100 * 1024
                        : int.Parse(text, CultureInfo.InvariantCulture)));
                break;
            case 'G':
                await peer.SendAsync(HardContents.Of(text));
                break;
            case 'K':
                await peer.SendBesideTlsAsync(TranscriptTests.Unescape(text));
                break;
            case 'N':
                var kept = await peer.House.KeptAsync();
                Assert.Equal(text, kept.Count.ToString(CultureInfo.InvariantCulture));
                break;
            case 'X':
                await ActAsync(peer, id, text);
                break;
            default:
                Assert.Fail($"{id}: no such step: {step}");
                break;
        }
    }

    /// <summary>However large content is, no more of it is in memory than what goes into the
    /// store.</summary>
    static async Task SendInPiecesAsync(CasePeer peer, byte[] octets)
    {
        const int piece = 4096, heldMax = (256 << 10) + Postern.Mta.Store.PooledContent.SegmentOctets;
        for (var at = 0; at < octets.Length; at += piece)
        {
            await peer.SendAsync(octets[at..Math.Min(at + piece, octets.Length)]);
            Assert.InRange(
                Postern.Mta.Store.MemoryBudget.ReceivingOctets - peer.House.Memory.FreeOctets, 0, heldMax);
        }
    }

    static async Task ActAsync(CasePeer peer, string id, string act)
    {
        switch (act.Split(' '))
        {
            case ["rst"]:
                peer.Break();
                break;
            case ["fin"]:
                peer.Close();
                await peer.EndAsync();
                break;
            case ["tls-handshake"]:
                await peer.HandshakeAsync();
                break;
            case ["close_notify"]:
                await peer.CloseNotifyAsync();
                break;
            case ["hello", var name]:
                await peer.SendAsync(ServerCases.HelloOf(name));
                break;
            case ["refused-alpn", var protocol]:
                await Assert.ThrowsAnyAsync<Exception>(() => peer.HandshakeAsync(
                    new SslClientAuthenticationOptions { ApplicationProtocols = [new(protocol)] }));
                Assert.Equal(SessionEnd.TlsFailed, await peer.EndAsync());
                break;
            case ["wait", var seconds]:
                await peer.Clock.TimerAsync(TimeSpan.FromSeconds(30));
                peer.Clock.Advance(TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)));
                break;
            case ["open"]:
                Assert.False(peer.HasEnded);
                break;
            case ["slow"]:
                await DripAsync(peer);
                break;
            default:
                Assert.Fail($"{id}: no such act: {act}");
                break;
        }
    }

    /// <summary>A handshake of one octet every 9 s: the 30 s are for all of it.</summary>
    static async Task DripAsync(CasePeer peer)
    {
        var sent = 0;
        foreach (var octet in ServerCases.HelloOf("whole"))
        {
            if (peer.HasEnded)
                break;
            await peer.SendToIdleAsync(((char)octet).ToString());
            await peer.IdleAsync();
            sent++;
            peer.Clock.Advance(TimeSpan.FromSeconds(9));
            // Not until the fourth octet are 30 s over.
            if (sent == 4)
                Assert.Equal(SessionEnd.TlsFailed, await peer.EndAsync());
        }
        Assert.Equal(4, sent);
    }

    static async Task CheckAsync(string id, CasePeer peer)
    {
        var kept = await peer.House.KeptAsync();
        var door = peer.House.Door;
        Assert.All(kept, m => Assert.DoesNotContain("victim", m.Sender));
        Assert.All(kept, m => Assert.DoesNotMatch("(?<!\r)\n|\r(?!\n)", m.Content));
        switch (id.Split('-')[0])
        {
            case "REL":
                Assert.DoesNotContain(kept, m => m.Recipients.Any(r => r.Contains("evil")));
                break;
            case "SMI":
                Assert.InRange(kept.Count, 0, id == "SMI-23" ? 2 : 1);
                await CheckRelayedAsync(peer.House, kept);
                break;
            case "DAT" when id != "DAT-02":
                await CheckRelayedAsync(peer.House, kept);
                break;
        }
        CheckOne(id, kept, peer, door);
    }

    static void CheckOne(string id, IReadOnlyList<KeptMail> kept, CasePeer peer, WatchedDoor door)
    {
        switch (id)
        {
            case "SMI-21":
                Assert.EndsWith("\r\n\r\n.\r\n..\r\nx\r\n.y\r\n", kept[0].Content);
                break;
            case "SMI-22" or "DAT-03":
                Assert.Empty(kept);
                break;
            case "SMI-23":
                Assert.Equal(2, kept.Count);
                break;
            case "SMI-24":
                Assert.EndsWith("one\r\ntwo\r\n", Assert.Single(kept).Content);
                break;
            case "BDA-07":
                Assert.Equal("a\r\n.\r\nb\r\n..", kept[0].Content);
                break;
            case "CMD-11":
                Assert.Equal(1000, kept[0].Recipients.Length);
                break;
            case "DAT-02":
                Assert.Equal(1 << 20, Assert.Single(kept).Content.Length);
                break;
            case "DAT-18" or "DAT-21":
                Assert.Contains(id == "DAT-18" ? "a\0b" : "\u00ec\u009a", kept[0].Content);
                break;
            case "AUT-05" or "AUT-02" or "AUT-16" or "TLS-02":
                Assert.Empty(door.Lookups);
                break;
            case "AUT-17" or "TLS-06":
                Assert.DoesNotMatch("STARTTLS|NTLM|MD5|SPA", peer.Replies.Last(r => r.Contains("AUTH")));
                break;
            case "TLS-08":
                Assert.Empty(door.Lookups);
                Assert.DoesNotContain(peer.Replies, r => r[0] == '2' && r.Contains("AUTH"));
                Assert.DoesNotContain(door.Refusals, r => r.Argument.Contains("AHVz"));
                break;
            case "REL-08" or "REL-12" or "REL-14":
                Assert.Empty(door.Refusals);
                break;
        }
    }

    /// <summary>What was taken goes out once and as it came, and nothing is read as a second message on its
    /// way.</summary>
    static async Task CheckRelayedAsync(SecurityHouse house, IReadOnlyList<KeptMail> kept)
    {
        await house.Hall.RunAsync();
        var relayed = house.Polite.Contents.ToArray();
        Assert.Equal(kept.Count, relayed.Length);
        for (var i = 0; i < kept.Count; i++)
        {
            var plain = Regex.Replace(relayed[i], @"(?m)^\.", "");
            Assert.EndsWith(kept[i].Content, plain, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(house.Polite.Commands, c => c.Contains("MAIL FROM:<admin@victim.example>"));
    }
}
