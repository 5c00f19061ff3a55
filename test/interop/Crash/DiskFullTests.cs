using System.Globalization;
using System.Text;

namespace Postern.Interop.Crash;

/// <summary>A small file system fills up: mail is refused for a while, and what was promised still goes
/// out.</summary>
public sealed class DiskFullTests
{
    const string Reserve = "8MiB";

    [Fact]
    public async Task Disk_FilledByWaitingMail_RefusesWith452AndAcceptsAgainByItself()
    {
        await using var mount = await Mount.TmpfsAsync("96m");
        var port = PosternProcess.FreePort();
        await using var postern = new PosternProcess(Settings(port), Path.Combine(mount.FullPath, "data"));
        await postern.StartAsync();
        var accepted = await FillAsync(postern);
        Assert.InRange(accepted, 20, 400);
        await using var sink = new SmtpSink(port);
        try
        {
            await Eventually.TrueAsync(
                () => sink.Arrived == accepted, "deliveries go on", 60, () =>
                    $"{sink.Deliveries.Count} of {accepted}\n{postern.Said}");
        }
        finally
        {
            CrashTable.Add(new CrashRow(
                "full disk", 1, accepted, accepted - sink.Arrived, sink.Deliveries.Count - sink.Arrived, 1));
        }
        await Eventually.TrueAsync(
            async () => (await SendAsync(postern, "again"))[0] == '2', "it accepts again", 60, () =>
                postern.Said);
    }

    /// <summary>Submits until a 452, and says how many were taken.</summary>
    static async Task<int> FillAsync(PosternProcess postern)
    {
        for (var accepted = 0; accepted < 1000; accepted++)
        {
            var reply = await SendAsync(postern, string.Create(CultureInfo.InvariantCulture, $"r{accepted}"));
            if (reply[0] == '2')
                continue;
            Assert.True(reply.StartsWith("452 4.3.1", StringComparison.Ordinal), reply + "\n" + postern.Said);
            return accepted;
        }
        Assert.Fail("the disk never counted as full\n" + postern.Said);
        return 0;
    }

    static async Task<string> SendAsync(PosternProcess postern, string name)
    {
        var cancel = TestContext.Current.CancellationToken;
        var body = string.Concat(Enumerable.Repeat(new string('x', 76) + "\r\n", 6000));
        var content = Encoding.ASCII.GetBytes($"From: <a@sender.test>\r\nSubject: {name}\r\n\r\n{body}");
        await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel);
        return await wire.SendAsync(new Letter("a@sender.test", name + "@sink.test", content), cancel);
    }

    static string Settings(int port) => $"""
        [queue]
        reserve = "{Reserve}"

        [transports.relay]
        kind = "smtp"
        host = "[127.0.0.1]:{port}"
        tls = "none"

        [[routes]]
        name = "everything"
        via = ["relay"]
        """;
}

/// <summary>A file system of a set size, gone with its owner.</summary>
sealed class Mount : IAsyncDisposable
{
    readonly TemporaryDirectory directory = new();

    public string FullPath => directory.FullPath;

    public static async Task<Mount> TmpfsAsync(string size)
    {
        Tool.RequireRoot("a small file system");
        var mount = new Mount();
        var run = await Command.RunAsync(
            "/bin/mount", "-t", "tmpfs", "-o", $"size={size},mode=0755", "postern-test", mount.FullPath);
        Assert.SkipUnless(run.ExitCode == 0, "a tmpfs cannot be mounted here: " + run.Error);
        return mount;
    }

    public async ValueTask DisposeAsync()
    {
        await Command.RunAsync("/bin/umount", "-l", FullPath);
        directory.Dispose();
    }
}
