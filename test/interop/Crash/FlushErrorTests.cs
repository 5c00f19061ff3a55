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

    const int ContentOctetsLarge = 300_000;

    /// <summary>Each kind of flush once: while a store is made, while it is opened, and while mail comes
    /// in.</summary>
    static readonly FailingFlush[] Kinds =
    [
        new("certificate", "fsync", 1, HasStore: false),
        new("self test", "fsync", 3, HasStore: false),
        new("data directory", "fsync", 4, HasStore: false),
        new("journal of the making", "fsync", 5, HasStore: false),
        new("database", "fsync", 8, HasStore: false),
        new("log of the making", "fdatasync", 1, HasStore: false),
        new("log when opened", "fdatasync", 1, HasStore: true),
        new("log with the first mail", "fdatasync", 4, HasStore: true, WhileMailComes: true),
        new("log later", "fdatasync", 40, HasStore: true, WhileMailComes: true),
        new("large content", "fsync", 3, HasStore: true, WhileMailComes: true),
        new("directory of large contents", "fsync", 4, HasStore: true, WhileMailComes: true),
    ];

    /// <summary>Of each thread the first so many, one after the other; what that hits shows itself.</summary>
    const int CallsAtLength = 20;

    [Fact]
    public async Task Flush_FailedOnce_IsNeverFollowedByA250()
    {
        var strace = Tool.Require("strace");
        using var used = new TemporaryDirectory();
        await UseAsync(used.PathOf("data"));
        var more =
            from call in new[] { "fsync", "fdatasync" }
            from number in Enumerable.Range(1, CrashTable.IsAtLength ? CallsAtLength : 0)
            from hasStore in new[] { false, true }
            select new FailingFlush("any", call, number, hasStore);
        var outcomes = new List<FlushOutcome>();
        foreach (var flush in Kinds.Concat(more))
        {
            var outcome = await FailAsync(strace, flush, flush.HasStore ? used.PathOf("data") : null);
            Assert.True(outcome.Seen || !flush.WhileMailComes, $"{flush}: no flush failed while mail came");
            outcomes.Add(outcome);
        }
        CrashTable.Add(new CrashRow(
            "failed flush", outcomes.Count, outcomes.Sum(outcome => outcome.Acknowledged),
            outcomes.Sum(outcome => outcome.Lost.Count), 0, outcomes.Sum(outcome => outcome.Refused)));
        Assert.Empty(outcomes.SelectMany(outcome => outcome.Lost));
    }

    /// <summary>Makes a store and leaves mail in it.</summary>
    static async Task UseAsync(string data)
    {
        await using var postern = new PosternProcess(Settings, data);
        await postern.StartAsync();
        var sent = await SubmitAsync(postern.Port("submission"), TestContext.Current.CancellationToken);
        Assert.NotEmpty(sent.Acknowledged);
        await postern.StopAsync();
    }

    /// <summary>One run with the n-th call of every thread failing.</summary>
    static async Task<FlushOutcome> FailAsync(
        string strace, FailingFlush failing, string? data)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var traces = new TemporaryDirectory();
        var trace = traces.PathOf("trace");
        await using var postern = new PosternProcess(Settings, data)
        {
            Wrapper = [strace, .. FlushTrace.Options(trace, failing.Call, failing.Number)],
        };
        var log = new FileInfo(LogOf(postern));
        var logOctets = log.Exists ? log.Length : 0;
        if (!await TryStartAsync(postern))
            return new FlushOutcome(Seen: false, 0, 0, []);
        var first = await SubmitAsync(postern.Port("submission"), cancel);
        var second = await SubmitAsync(postern.Port("submission"), cancel);
        string[] acknowledged = [.. first.Acknowledged, .. second.Acknowledged];
        var refused = first.Refused + second.Refused;
        await postern.KillAsync();
        var seen = FlushTrace.Read(File.ReadLines(trace), logOctets);
        if (!seen.HasFailure)
            return new FlushOutcome(Seen: false, acknowledged.Length, refused, []);
        var evidence = $"{failing}\n{postern.Said}";
        Assert.True(acknowledged.Length <= seen.Acknowledged, $"the trace misses replies; {evidence}");
        Assert.True(seen.Unearned.Count == 0, $"{string.Join('\n', seen.Unearned)}\n{evidence}");
        Assert.True(seen.FlushedAgain.Count == 0, $"{string.Join('\n', seen.FlushedAgain)}\n{evidence}");
        using (var file = log.OpenWrite())
            file.SetLength(seen.LogOctetsFlushed);
        var lost = await FindLostAsync(postern.Data, acknowledged);
        return new FlushOutcome(
            Seen: true, acknowledged.Length, refused, [.. lost.Select(id => $"{id}: {evidence}")]);
    }

    static string LogOf(PosternProcess postern) => Path.Combine(postern.Data, "postern.db-wal");

    /// <summary>Of the log there is only what a flush covered, as after the worst of power cuts. Every
    /// message that got its 250 is in the queue all the same.</summary>
    static async Task<IEnumerable<string>> FindLostAsync(string data, string[] acknowledged)
    {
        await using var postern = new PosternProcess(Settings, data);
        await postern.StartAsync();
        var list = (await postern.CommandAsync("queue", "list", "--json")).Succeeded();
        var kept = list.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(QueueIdOf);
        return acknowledged.Except(kept).ToArray();
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

    /// <summary>Messages one after the other, over one session.</summary>
    internal static async Task<Submitted> SubmitAsync(int port, CancellationToken cancel)
    {
        const string head = "From: <a@sender.test>\r\nSubject: x\r\n\r\n";
        var small = Encoding.ASCII.GetBytes(head + "hello\r\n");
        var large = Encoding.ASCII.GetBytes(
            head + string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", ContentOctetsLarge / 72)));
        var acknowledged = new List<string>();
        var refusals = 0;
        try
        {
            await using var wire = await SmtpWire.ConnectAsync(port, cancel);
            for (var i = 0; i < MessagesMax && refusals < RefusalsMax; i++)
            {
                var reply = await wire
                    .SendAsync(
                        new Letter("a@sender.test", $"r{i}@sink.test", i % 10 == 9 ? large : small), cancel);
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
        return new Submitted(acknowledged, refusals);
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

/// <summary>A call of each thread that fails.</summary>
/// <param name="Kind">What it flushes.</param>
/// <param name="HasStore">The store is there already, with mail in it.</param>
/// <param name="WhileMailComes">The start is over by then; otherwise it ends the start, or nothing.</param>
sealed record FailingFlush(
    string Kind, string Call, int Number, bool HasStore, bool WhileMailComes = false);

/// <summary>One run with a failing call.</summary>
/// <param name="Seen">It failed while mail came in.</param>
/// <param name="Refused">Messages that got another reply than 250.</param>
/// <param name="Lost">Messages that got their 250 and are not there, each with the evidence.</param>
sealed record FlushOutcome(bool Seen, int Acknowledged, int Refused, IReadOnlyList<string> Lost);

/// <param name="Acknowledged">Ids of those that got a 250.</param>
/// <param name="Refused">How many got another reply.</param>
sealed record Submitted(IReadOnlyList<string> Acknowledged, int Refused);
