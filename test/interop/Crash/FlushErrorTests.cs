using System.Text;
using System.Text.Json;

namespace Postern.Interop.Crash;

/// <summary>The disk fails one flush of the real program: from then on nobody hears 250.</summary>
public sealed class FlushErrorTests
{
    public const int MessagesMax = 150;

    /// <summary>Refusals after which a session has shown that nothing more comes; the tenth would be slowed
    /// down.</summary>
    const int RefusalsMax = 9;

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
            Wrapper = [strace, .. FlushTrace.Options(trace, call)],
        };
        var log = new FileInfo(LogOf(postern));
        var logOctets = log.Exists ? log.Length : 0;
        if (!await TryStartAsync(postern))
            return false;
        string[] acknowledged =
        [
            .. await SubmitAsync(postern.Port("submission"), cancel),
            .. await SubmitAsync(postern.Port("submission"), cancel),
        ];
        await postern.KillAsync();
        var seen = FlushTrace.Read(File.ReadLines(trace), logOctets);
        if (!seen.HasFailure)
            return false;
        var evidence = $"flush {call} failed\n{postern.Said}";
        Assert.True(acknowledged.Length <= seen.Acknowledged, $"the trace misses replies; {evidence}");
        Assert.True(seen.Unearned.Count == 0, $"{string.Join('\n', seen.Unearned)}\n{evidence}");
        Assert.True(seen.FlushedAgain.Count == 0, $"{string.Join('\n', seen.FlushedAgain)}\n{evidence}");
        using (var file = log.OpenWrite())
            file.SetLength(seen.LogOctetsFlushed);
        await AssertKeptAsync(postern.Data, acknowledged, evidence);
        return true;
    }

    static string LogOf(PosternProcess postern) => Path.Combine(postern.Data, "postern.db-wal");

    /// <summary>Of the log there is only what a flush covered, as after the worst of power cuts. Every
    /// message that got its 250 is in the queue all the same.</summary>
    static async Task AssertKeptAsync(string data, string[] acknowledged, string evidence)
    {
        await using var postern = new PosternProcess(Settings, data);
        await postern.StartAsync();
        var list = (await postern.CommandAsync("queue", "list", "--json")).Succeeded();
        var kept = list.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(QueueIdOf);
        var lost = acknowledged.Except(kept).ToArray();
        Assert.True(lost.Length == 0, $"lost: {string.Join(' ', lost)}; {evidence}");
    }

    static string QueueIdOf(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.GetProperty("id").GetString()!;
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

    /// <summary>Messages one after the other, over one session; the ids of those that got a 250.</summary>
    internal static async Task<List<string>> SubmitAsync(int port, CancellationToken cancel)
    {
        var content = Encoding.ASCII.GetBytes("From: <a@sender.test>\r\nSubject: x\r\n\r\nhello\r\n");
        var acknowledged = new List<string>();
        try
        {
            await using var wire = await SmtpWire.ConnectAsync(port, cancel);
            var refusals = 0;
            for (var i = 0; i < MessagesMax && refusals < RefusalsMax; i++)
            {
                var reply = await wire
                    .SendAsync(new Letter("a@sender.test", $"r{i}@sink.test", content), cancel);
                if (reply[0] != '2')
                    refusals++;
                else
                    acknowledged.Add(reply.Split(' ')[^1]);
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            // The program ended, as it may after a failed flush.
        }
        return acknowledged;
    }

    /// <summary>The next hop is dead, so that nothing but accepting mail needs the disk.</summary>
    internal const string Settings = """
        [transports.relay]
        kind = "smtp"
        host = "[127.0.0.1]:1"
        tls = "none"

        [[routes]]
        name = "everything"
        via = ["relay"]
        """;
}
