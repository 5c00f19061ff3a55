using System.Text;
using System.Text.Json;

namespace Postern.Interop;

/// <summary>Content that some MTA would take for the end of a message, through the whole program: the cases
/// SMO of the catalogue of attacks, over DATA and over BDAT.</summary>
public sealed class SmugglingTests
{
    static string Catalogue => Environment.GetEnvironmentVariable("POSTERN_CASES")
        ?? Path.Combine(Tool.Root, "../shared/cases/security.jsonl");

    // SMO-12 and SMO-13 are about composing and signing, which Postern does not do yet.
    static IEnumerable<(string Id, string Body)> Cases()
    {
        foreach (var line in File.ReadLines(Catalogue))
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            var step = root.GetProperty("steps")[0].GetString()!;
            if (root.GetProperty("area").GetString() == "SMO"
                && step.StartsWith("API body=...", StringComparison.Ordinal))
            {
                yield return (root.GetProperty("id").GetString()!, step["API body=...".Length..]
                    .Replace(@"\r", "\r", StringComparison.Ordinal)
                    .Replace(@"\n", "\n", StringComparison.Ordinal));
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Content_OfTheCatalogue_IsOneMessageWithCleanLines_OrRefused(bool byBdat)
    {
        Assert.SkipWhen(!File.Exists(Catalogue), $"The catalogue is not here: {Catalogue}");
        var cancel = TestContext.Current.CancellationToken;
        await using var sink = new SmtpSink { Contents = [] };
        await using var postern = await PosternProcess.StartAsync($"""
            [transports.relay]
            kind = "smtp"
            host = "[127.0.0.1]:{sink.Port}"
            tls = "none"

            [[routes]]
            name = "everything"
            via = ["relay"]
            """);
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel);
        var played = 0;
        foreach (var (id, body) in Cases())
        {
            var content = $"Subject: {id}\r\n\r\n{body}" + (byBdat ? "" : "\r\n");
            var letter = new Letter(
                "a@sender.test", "b@dest.test", Encoding.ASCII.GetBytes(content), ByBdat: byBdat);
            var reply = await wire.SendAsync(letter, cancel);
            // DESIGN §9.3: a bare CR is refused, a bare LF becomes CRLF.
            var isRefused = content.Replace("\r\n", "", StringComparison.Ordinal).Contains('\r');
            Assert.StartsWith(isRefused ? "550 5.6.0" : "250 2.0.0", reply);
            played++;
            if (!isRefused)
                Check(id, AsSent(body, byBdat), await NextAsync(sink, postern));
        }
        Assert.Equal(10, played);
        Assert.Empty(sink.Contents!);
    }

    static async Task<string> NextAsync(SmtpSink sink, PosternProcess postern)
    {
        byte[]? taken = null;
        await Eventually.TrueAsync(
            () => sink.Contents!.TryDequeue(out taken), "it is relayed", evidence: () => postern.Said);
        return Encoding.ASCII.GetString(taken!);
    }

    /// <summary>A line of one dot after a bare LF has its second dot from the client that sends it by DATA:
    /// only after CRLF is that taken away again (RFC 5321 §4.5.2).</summary>
    static string AsSent(string body, bool byBdat) => byBdat
        ? body : System.Text.RegularExpressions.Regex.Replace(body, @"(?<!\r)\n\.", "\n..");

    static void Check(string id, string body, string captured)
    {
        Assert.Contains($"Subject: {id}\r\n", captured, StringComparison.Ordinal);
        Assert.DoesNotMatch("(?<!\r)\n", captured);
        Assert.DoesNotMatch("\r(?!\n)", captured);
        Assert.Equal(captured.Length - 5, captured.IndexOf("\r\n.\r\n", StringComparison.Ordinal));
        var expected = body.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        var arrived = captured[..^5].Split("\r\n\r\n", 2)[1].Split("\r\n")
            .Select(line => line.StartsWith('.') ? line[1..] : line);
        Assert.Equal(expected, arrived);
    }
}
