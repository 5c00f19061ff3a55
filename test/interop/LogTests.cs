using System.Text;

namespace Postern.Interop;

/// <summary>Old eyes read the log in Postfix's format.</summary>
public sealed class LogTests
{
    [Fact]
    public async Task Pflogsumm_OfADay_CountsWhatHappened()
    {
        var pflogsumm = Tool.Require("pflogsumm");
        var cancel = TestContext.Current.CancellationToken;
        await using var sink = new SmtpSink();
        await using var postern = new PosternProcess("") { LogFormat = "postfix" };
        postern.Settings = ClientTests.Settings(sink.Port, postern.Directory, trusted: "\"127.0.0.0/8\"");
        await postern.StartAsync();
        await using (var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel))
        {
            var content = Encoding.ASCII.GetBytes("From: <a@sender.test>\r\nSubject: x\r\n\r\nhello\r\n");
            for (var i = 0; i < 30; i++)
                Assert.StartsWith("250", await wire
                    .SendAsync(new Letter("a@sender.test", $"r{i}@sink.test", content), cancel));
            Assert.StartsWith("221", await wire.CommandAsync("QUIT", cancel));
        }
        await Eventually.TrueAsync(
            () => File.ReadAllText(postern.LogFile).Split("status=sent").Length == 31, "30 are sent",
            evidence: () => postern.Said);
        await postern.StopAsync();
        var summary = (await Command.RunAsync(pflogsumm, postern.LogFile)).Succeeded().Output;
        Assert.Matches(@"(?m)^\s*30\s+received\r?$", summary);
        Assert.Matches(@"(?m)^\s*30\s+delivered\r?$", summary);
        Assert.Matches(@"(?m)^\s*0\s+bounced", summary);
        Assert.Matches(@"(?m)^\s*30\s+\d+\s.*sink\.test", summary);
    }
}
