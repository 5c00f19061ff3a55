using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Postern.Interop.Crash;

/// <summary>A next hop that fails at each stage in each way: every message is delivered or bounced, as its
/// proof says, and none for another's trouble.</summary>
public sealed class UpstreamFaultTests
{
    const int Sessions = 10;

    /// <summary>Of one whole attempt: what ends a silence.</summary>
    const int AttemptSecondsMax = 3;

    /// <summary>Conditions asked between two commands of the operator.</summary>
    const int LooksPerPush = 25;

    static readonly TimeSpan Lateness = TimeSpan.FromSeconds(1);

    static readonly byte[] Short = Encoding.ASCII.GetBytes(
        "From: <a@sender.test>\r\nSubject: faults\r\n\r\nhello\r\n");

    /// <summary>More than the sockets between two programs hold.</summary>
    static readonly byte[] Long =
        [.. Short, .. Encoding.ASCII.GetBytes(string.Concat(
            Enumerable.Repeat(new string('x', 998) + "\r\n", 8000)))];

    readonly int seed = Environment.ProcessId;

    static int Messages => CrashTable.IsAtLength ? 100_000 : 2000;
    static int SecondsMax => CrashTable.IsAtLength ? 1800 : 120;

    [Fact]
    public async Task NextHop_FailingAtEachStage_GetsEveryMessageOnceOrRefusesItForGood()
    {
        var plan = new FaultPlan(Messages, seed);
        await using var relay = new FaultyRelay(plan, Lateness);
        await using var postern = await PosternProcess.StartAsync(Settings(relay.Port));
        await SubmitAsync(postern, plan);
        try
        {
            await EndAsync(postern, relay, plan);
        }
        finally
        {
            var taken = relay.Taken.Distinct().Count();
            CrashTable.Add(new CrashRow(
                "next hop that fails at each stage", relay.Played, plan.Ids.Count,
                Missing(relay, plan).Count(), relay.Taken.Count - taken, 0));
        }
        AssertRepeats(postern, relay);
        AssertReports(relay, plan);
        Assert.DoesNotContain(relay.Taken, plan.IsRefused);
        // What is not: faults of connections that would have come after the last one.
        Assert.InRange(relay.Played, plan.Faults.Count * 9 / 10, plan.Faults.Count);
    }

    static async Task SubmitAsync(PosternProcess postern, FaultPlan plan)
    {
        var cancel = TestContext.Current.CancellationToken;
        var ids = new ConcurrentQueue<string>(plan.Ids);
        await Task.WhenAll(Enumerable.Range(0, Sessions).Select(async _ =>
        {
            await using var wire = await SmtpWire.ConnectAsync(postern.Port("submission"), cancel);
            while (ids.TryDequeue(out var id))
            {
                var content = plan.Faults.GetValueOrDefault(id) is { At: Step.Content } ? Long : Short;
                var letter = new Letter(id + "@sender.test", id + "@rcpt.test", content);
                Assert.StartsWith("250", await wire.SendAsync(letter, cancel));
            }
        }));
    }

    /// <summary>All is delivered or reported, and nothing waits. An operator has closed lanes probed: after a
    /// refused session one rests for 30 s, which is as long as this run.</summary>
    async Task EndAsync(PosternProcess postern, FaultyRelay relay, FaultPlan plan)
    {
        var looks = 0;
        await Eventually.TrueAsync(
            async () =>
            {
                if (++looks % LooksPerPush != 0)
                    return false;
                (await postern.CommandAsync("queue", "retry", "ALL")).Succeeded();
                return !Missing(relay, plan).Any() && await IsEmptyAsync(postern);
            },
            "every message is delivered or reported", SecondsMax,
            () => string.Create(CultureInfo.InvariantCulture,
                $"seed {seed}, {relay.Played} faults, missing:\n{Stories(relay, plan)}\n") + postern.Said);

        static string Stories(FaultyRelay relay, FaultPlan plan) => string.Join(
            '\n', Missing(relay, plan).Select(id => $"{id}: {relay.StoryOf(id)}"));
    }

    static async Task<bool> IsEmptyAsync(PosternProcess postern) =>
        (await postern.CommandAsync("queue", "list", "--json")).Succeeded().Output.Trim().Length == 0;

    static IEnumerable<string> Missing(FaultyRelay relay, FaultPlan plan)
    {
        var taken = relay.Taken.ToHashSet();
        var reported = relay.Reports.Select(report => report.To).ToHashSet();
        return plan.Ids.Where(id => !(plan.IsRefused(id) ? reported : taken).Contains(id));
    }

    /// <summary>A copy more for each reply that was lost, at most: by the relay, or because it came later
    /// than an attempt may take, be it by a silence or by a machine that had other things to do.</summary>
    void AssertRepeats(PosternProcess postern, FaultyRelay relay)
    {
        var lost = relay.Unanswered.Concat(GivenUp(postern)).CountBy(id => id).ToDictionary();
        var needless = relay.Taken.CountBy(id => id)
            .Where(copies => copies.Value > 1 + lost.GetValueOrDefault(copies.Key)).ToArray();
        Assert.True(needless.Length == 0, $"seed {seed}, needless repeats: {string.Join(' ', needless)}");
    }

    /// <summary>Ids of messages whose attempt ended at its time limit, after the final dot.</summary>
    static IEnumerable<string> GivenUp(PosternProcess postern)
    {
        const string before = "\"recipient\":\"";
        return File.ReadLines(postern.LogFile)
            .Where(line => line.StartsWith("{\"event\":\"attempted\"", StringComparison.Ordinal)
                && line.Contains(" stopped while sending end of data", StringComparison.Ordinal))
            .Select(line => line[(line.IndexOf(before, StringComparison.Ordinal) + before.Length)..]
                .Split('@')[0]);
    }

    /// <summary>One report for each refusal, with its status, and none besides.</summary>
    void AssertReports(FaultyRelay relay, FaultPlan plan)
    {
        Assert.Equal(plan.Ids.Where(plan.IsRefused), relay.Reports.Select(report => report.To).Order());
        foreach (var report in relay.Reports)
        {
            var status = "5." + Fault.DetailOf(plan.Faults[report.To].At);
            Assert.True(
                report.Content.Contains($"\nStatus: {status}\n", StringComparison.Ordinal)
                    && report.Content.Contains("\nAction: failed\n", StringComparison.Ordinal)
                    && report.Content.Contains($"; {report.To}@rcpt.test\n", StringComparison.Ordinal),
                $"seed {seed}, wanted {status} for {report.To}:\n{report.Content}");
        }
    }

    /// <summary>Two ways to the same next hop: one may be closed while the other is not.</summary>
    static string Settings(int port) => string.Create(CultureInfo.InvariantCulture, $"""
        [queue]
        uncertain-wait = "1s"

        [transports.first]
        kind = "smtp"
        host = "[127.0.0.1]:{port}"
        timeout = "{AttemptSecondsMax}s"

        [transports.second]
        kind = "smtp"
        host = "[127.0.0.1]:{port}"
        timeout = "{AttemptSecondsMax}s"

        [[routes]]
        name = "everything"
        via = ["first", "second"]
        retry = ["1s"]
        """);
}
