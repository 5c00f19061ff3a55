using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Postern.Interop.Crash;

/// <summary>The disk fails one flush of the real program: from then on nobody hears 250.</summary>
public sealed partial class FlushErrorTests
{
    const int MessagesMax = 150;

    /// <summary>Refusals after which a session has shown that nothing more comes; the tenth would be slowed
    /// down.</summary>
    const int RefusalsMax = 9;

    /// <summary>How far a reply that was already written may be behind when it is read.</summary>
    static readonly TimeSpan OnTheWay = TimeSpan.FromMilliseconds(50);

    /// <summary>The first dozen of a new store's belong to its making.</summary>
    static readonly int[] Calls = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 25, 30, 40, 50, 70, 100];

    /// <summary>A store that is only opened flushes a few times before it takes mail.</summary>
    static readonly int[] CallsWhenOpened = [2, 3, 4, 5, 6, 7, 9, 11];

    [Fact]
    public async Task Flush_FailedOnce_IsNeverFollowedByA250()
    {
        var strace = Tool.Require("strace");
        var seen = 0;
        foreach (var call in Calls)
            if (await FailAsync(strace, call))
                seen++;
        using var used = new TemporaryDirectory();
        await UseAsync(used.PathOf("data"));
        foreach (var call in CallsWhenOpened)
            if (await FailAsync(strace, call, used.PathOf("data")))
                seen++;
        var runs = Calls.Length + CallsWhenOpened.Length;
        Assert.True(seen >= 10, $"only {seen} of {runs} runs had a failed flush while mail came in");
    }

    /// <summary>Makes a store and leaves mail in it.</summary>
    static async Task UseAsync(string data)
    {
        await using var postern = new PosternProcess(Settings, data);
        await postern.StartAsync();
        Assert.NotEmpty(await SubmitAsync(postern.Port("submission"), TestContext.Current.CancellationToken));
        await postern.StopAsync();
    }

    /// <summary>One run with the n-th flush of every thread failing; true when one failed while mail came
    /// in.</summary>
    static async Task<bool> FailAsync(string strace, int call, string? data = null)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var traces = new TemporaryDirectory();
        var trace = traces.PathOf("trace");
        await using var postern = new PosternProcess(Settings, data)
        {
            Wrapper =
            [
                strace, "-f", "-ttt", "-o", trace, "-e", "trace=fsync,fdatasync",
                "-e", string
                    .Create(CultureInfo.InvariantCulture, $"inject=fsync,fdatasync:error=EIO:when={call}"),
            ],
        };
        if (!await TryStartAsync(postern))
            return false;
        List<(DateTimeOffset Sent, DateTimeOffset Replied)> acknowledged =
        [
            .. await SubmitAsync(postern.Port("submission"), cancel),
            .. await SubmitAsync(postern.Port("submission"), cancel),
        ];
        await postern.KillAsync();
        if (FirstFailure(trace) is not { } failed)
            return false;
        foreach (var (sent, replied) in acknowledged)
            Assert.True(
                sent <= failed && replied <= failed + OnTheWay,
                $"flush {call} failed at {failed:O}; sent {sent:O}, 250 at {replied:O}\n{postern.Said}");
        return true;
    }

    /// <summary>A flush that fails while the store is made ends the start: that is right, and no 250 was
    /// said.</summary>
    static async Task<bool> TryStartAsync(PosternProcess postern)
    {
        try
        {
            await postern.StartAsync(60);
            return true;
        }
        catch (Xunit.Sdk.XunitException) when (postern.HasExited)
        {
            return false;
        }
    }

    /// <summary>Messages one after the other, over one session.</summary>
    static async Task<List<(DateTimeOffset Sent, DateTimeOffset Replied)>> SubmitAsync(
        int port, CancellationToken cancel)
    {
        var content = Encoding.ASCII.GetBytes("From: <a@sender.test>\r\nSubject: x\r\n\r\nhello\r\n");
        var acknowledged = new List<(DateTimeOffset, DateTimeOffset)>();
        try
        {
            await using var wire = await SmtpWire.ConnectAsync(port, cancel);
            var refusals = 0;
            for (var i = 0; i < MessagesMax && refusals < RefusalsMax; i++)
            {
                var sent = TimeProvider.System.GetUtcNow();
                var reply = await wire
                    .SendAsync(new Letter("a@sender.test", $"r{i}@sink.test", content), cancel);
                if (reply[0] != '2')
                    refusals++;
                else
                    acknowledged.Add((sent, TimeProvider.System.GetUtcNow()));
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            // The program ended, as it may after a failed flush.
        }
        return acknowledged;
    }

    static DateTimeOffset? FirstFailure(string trace)
    {
        var line = Injected().Match(File.Exists(trace) ? File.ReadAllText(trace) : "");
        return line.Success
            ? DateTimeOffset.UnixEpoch
                .AddSeconds(double.Parse(line.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
            : null;
    }

    /// <summary>The next hop is dead, so that nothing but accepting mail needs the disk.</summary>
    const string Settings = """
        [transports.relay]
        kind = "smtp"
        host = "[127.0.0.1]:1"
        tls = "none"

        [[routes]]
        name = "everything"
        via = ["relay"]
        """;

    [GeneratedRegex(@"^\d+\s+(\d+\.\d+) .*\(INJECTED\)", RegexOptions.Multiline)]
    private static partial Regex Injected();
}
