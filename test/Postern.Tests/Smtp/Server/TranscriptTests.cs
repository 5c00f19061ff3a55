using System.Globalization;
using System.Text;
using Postern.Smtp.Server;

namespace Postern.Tests.Smtp.Server;

/// <summary>Plays <c>Transcripts/*.smtp</c> whole, by line and octet by octet.</summary>
/// <remarks>
/// <c>C: line</c> is sent with CRLF, <c>R: octets</c> without; <c>S: line</c> must come just so; <c>=
/// fact</c> is checked at the end. Escapes: \r \n \t \\ \xHH. <c># listener:</c> mx or submission; <c># play:
/// whole</c> when the timing matters; <c># auth: anywhere</c>; <c># limit:</c> octets.
/// </remarks>
public sealed class TranscriptTests
{
    public static TheoryData<string, string> Files()
    {
        var rows = new TheoryData<string, string>();
        foreach (var file in Directory.GetFiles(Folder, "*.smtp").Order(StringComparer.Ordinal))
        {
            var wholeOnly = File.ReadAllText(file).Contains("# play: whole", StringComparison.Ordinal);
            foreach (var way in wholeOnly ? ["whole"] : new[] { "whole", "lines", "octets" })
                rows.Add(Path.GetFileName(file), way);
        }
        return rows;
    }

    static string Folder => Repository.PathOf("test/Postern.Tests/Transcripts");

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Transcript_Played_EveryReplyComesAsWritten(string file, string way)
    {
        var lines = File.ReadAllLines(Path.Combine(Folder, file));
        await using var peer = PeerFor(lines);
        var isStarted = false;
        var block = new List<string>();
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            if (line.StartsWith("C:", StringComparison.Ordinal))
                block.Add(Unescape(line.Length > 3 ? line[3..] : "") + "\r\n");
            else if (line.StartsWith("R: ", StringComparison.Ordinal))
                block.Add(Unescape(line[3..]));
            else if (line.StartsWith("S: ", StringComparison.Ordinal))
            {
                await SendAsync(peer, block, way);
                if (!isStarted)
                    peer.Start();
                isStarted = true;
                var said = await peer.LineAsync();
                Assert.True(
                    Unescape(line[3..]) == said, $"{file}:{i + 1} ({way}): expected {line[3..]}, got {said}");
            }
        }
        await SendAsync(peer, block, way);
        peer.Close();
        var end = await peer.EndAsync();
        foreach (var fact in lines.Where(l => l.StartsWith("= ", StringComparison.Ordinal)))
            Check(peer.Policy, end, fact[2..]);
        Assert.Equal(0, peer.Policy.SinksOpen);
        Assert.Equal([end], peer.Policy.Ends);
    }

    static TestPeer PeerFor(string[] lines)
    {
        var options = TestPeer.Defaults;
        if (lines.Contains("# auth: anywhere"))
            options = options with { Auth = AuthOffer.Anywhere };
        if (lines.FirstOrDefault(l => l.StartsWith("# limit: ", StringComparison.Ordinal)) is { } limit)
            options = options with { ContentOctetsMax = int.Parse(limit[9..], CultureInfo.InvariantCulture) };
        return new TestPeer(
            options, lines.Contains("# listener: submission") ? ListenerKind.Submission : ListenerKind.Mx);
    }

    static async Task SendAsync(TestPeer peer, List<string> block, string way)
    {
        if (block.Count == 0)
            return;
        switch (way)
        {
            case "whole":
                await peer.SendAsync(string.Concat(block));
                break;
            case "lines":
                foreach (var line in block)
                    await peer.SendAsync(line);
                break;
            default:
                foreach (var octet in string.Concat(block))
                    await peer.SendAsync(octet.ToString());
                break;
        }
        block.Clear();
    }

    static void Check(ScriptedPolicy policy, SessionEnd end, string fact)
    {
        fact += fact.Contains(' ', StringComparison.Ordinal) ? "" : " ";
        var space = fact.IndexOf(' ', StringComparison.Ordinal);
        var value = Unescape(fact[(space + 1)..]);
        switch (fact[..space])
        {
            case "end":
                Assert.Equal(value, end.ToString());
                break;
            case "messages":
                Assert.Equal(value, policy.Stored.Count.ToString(CultureInfo.InvariantCulture));
                break;
            case "content":
                Assert.Equal(value, policy.TextOf(policy.Stored.Count - 1));
                break;
            case "from":
                Assert.Equal(value, policy.Stored[^1].Envelope.ReversePath.ToString());
                break;
            case "to":
                Assert.Equal(
                    value, string.Join(' ', policy.Stored[^1].Envelope.Recipients.Select(r => r.Path)));
                break;
            default:
                Assert.Fail($"No such fact: {fact}");
                break;
        }
    }

    internal static string Unescape(string text)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }
            i++;
            if (text[i] == 'x' && i + 2 < text.Length)
            {
                result.Append((char)byte
                    .Parse(text.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                i += 2;
                continue;
            }
            result.Append(text[i] switch { 'r' => '\r', 'n' => '\n', 't' => '\t', var other => other });
        }
        return result.ToString();
    }
}
