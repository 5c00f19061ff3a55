namespace Postern.Interop;

/// <summary>Everything at once, each machine in a network namespace of its own
/// (docs/operate/whole-picture.md).</summary>
public sealed class WholePictureTests
{
    [Fact]
    public async Task MailFromOutside_IsAnsweredByAProgram_ThroughAProvider()
    {
        var run = await Command.RunAsync(
            Path.Combine(Tool.InteropDirectory, "whole-picture"), [], input: null,
            new Dictionary<string, string> { ["POSTERN"] = PosternProcess.Program }, seconds: 120);
        Assert.SkipWhen(run.ExitCode == 3, run.Error);
        run.Succeeded();
        foreach (var expected in (string[])[
            "{'spf': 'pass', 'dmarc': 'pass', 'rcpt': 'order@in.shop.example'}",
            "mx.outside.example | 주문 17 | Where is it?",
            "Received: from smtp.provider.example (smtp.provider.example [198.51.100.87])",
            "(Postern) with ESMTPSA id",
            "In-Reply-To: <17@outside.example>",
            "On its way.",
            "Permission denied",
            "<** 550 5.7.26 Message rejected: DMARC fail for outside.example"])
            Assert.Contains(expected, run.Output);
    }
}
