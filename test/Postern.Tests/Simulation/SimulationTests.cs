using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta.Store;

namespace Postern.Tests.Simulation;

/// <summary>The mail half of the program through thousands of bad days (DESIGN §9.8).</summary>
/// <remarks>
/// <c>POSTERN_SEED</c> plays one seed alone and prints all of it; <c>POSTERN_SEEDS</c> says how many seeds
/// there are, <c>POSTERN_FIRST_SEED</c> which is the first (1). A seed means the same walk everywhere.
/// </remarks>
public sealed class SimulationTests(ITestOutputHelper output)
{
    const int MemorySeeds = 10_000;
    const int SqliteSeeds = 200;

    [Fact]
    public void Walks_OnMemory_LoseNobody()
    {
        if (Number("POSTERN_SEED") is { } only)
            Play(only, trace: true);
        else
            PlayAll(
                Number("POSTERN_FIRST_SEED") ?? 1, Number("POSTERN_SEEDS") ?? MemorySeeds,
                seed => Play(seed, trace: false));
    }

    [Fact]
    public void Walks_OnSqlite_LoseNobody() =>
        PlayAll(1, SqliteSeeds, static seed =>
        {
            var root = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
            var directory = Directory.CreateDirectory(
                Path.Combine(root, $"postern-walk-{Environment.ProcessId}-{seed}"));
            try
            {
                var options = new SqliteStoreOptions { Directory = directory.FullName, Reserve = 0 };
                var walk = new Walk(seed, () =>
                    SqliteStore.Open(options, TimeProvider.System, NullLogger<SqliteStore>.Instance));
                if (walk.Run() is { } broken)
                    Assert.Fail($"seed {seed} on SQLite: {broken}");
            }
            finally
            {
                directory.Delete(recursive: true);
            }
        });

    [Fact]
    public void Seed_PlayedAgain_IsTheSameWalk()
    {
        for (var seed = 1; seed <= 50; seed++)
        {
            var (first, again) = (new Walk(seed), new Walk(seed));
            Assert.Equal((first.Run(), first.Fingerprint), (again.Run(), again.Fingerprint));
        }
    }

    /// <summary>On each processor a thread of its own: nothing in a walk may wait or change
    /// threads.</summary>
    static void PlayAll(int first, int count, Action<int> play)
    {
        var next = first - 1;
        var failures = new List<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            int seed;
            while (failures.Count == 0 && (seed = Interlocked.Increment(ref next)) < first + count)
            {
                try
                {
                    play(seed);
                }
                catch (Exception failure)
                {
                    lock (failures)
                        failures.Add(failure);
                }
            }
        }))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        Assert.Empty(failures);
    }

    void Play(int seed, bool trace)
    {
        var lines = trace ? new List<string>() : null;
        var broken = new Walk(seed, trace: lines).Run();
        if (trace)
            output.WriteLine(string.Join('\n', lines!));
        if (broken is null)
            return;
        if (!trace)
        {
            lines = [];
            broken = new Walk(seed, trace: lines).Run() ?? $"{broken}, and not when played again";
        }
        Assert.Fail(
            $"seed {seed}: {broken}\nPOSTERN_SEED={seed} plays it again. The last steps:\n"
            + string.Join('\n', lines!.TakeLast(60)));
    }

    static int? Number(string variable) =>
        int.TryParse(
            Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number)
            ? number : null;
}
