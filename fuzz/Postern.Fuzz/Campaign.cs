using System.Globalization;

namespace Postern.Fuzz;

/// <summary>One target for a time: the corpus as it stands, then what chance makes of it.</summary>
/// <remarks>
/// Ends at the first finding. There is no coverage: an input joins the pool when its run had a shape that
/// none had before. Time decides only how far the sequence of inputs goes, never which inputs it has.
/// </remarks>
sealed class Campaign(FuzzTarget target, int seed, TimeProvider clock)
{
    /// <summary>An input that takes longer, each of three times, is a finding.</summary>
    static readonly TimeSpan RunTimeMax = TimeSpan.FromSeconds(1);

    /// <summary>Tries to make a finding smaller end after this.</summary>
    static readonly TimeSpan ShrinkTimeMax = TimeSpan.FromSeconds(5);

    const int PoolMax = 4096;

    /// <summary>Long inputs are slow, and repetition makes them again whenever it wants.</summary>
    const int PooledOctetsMax = 2048;

    readonly HashSet<int> shapes = [];
    readonly List<byte[]> pool = [];
    readonly Lock watching = new();
    byte[]? running;
    long runningSince;

    public FuzzTarget Target => target;

    /// <summary>The input that has been running for longer than <paramref name="patience"/>; null when none
    /// has.</summary>
    public byte[]? Stuck(TimeSpan patience)
    {
        lock (watching)
            return running is not null && clock.GetElapsedTime(runningSince) > patience ? running : null;
    }

    public CampaignResult Run(IReadOnlyList<byte[]> corpus, TimeSpan duration)
    {
        var start = clock.GetTimestamp();
        var runs = 0L;
        foreach (var input in corpus)
        {
            runs++;
            if (Try(input) is { } breach)
                return End(breach, input);
            if (!pool.Contains(input))
                pool.Add(input);
        }
        var mutator = new Mutator(target, new Random(seed));
        while (clock.GetElapsedTime(start) < duration)
        {
            var input = mutator.Next(pool);
            runs++;
            if (Try(input) is { } breach)
                return End(breach, Shrink(input, breach));
        }
        return End(null, null);

        CampaignResult End(Breach? breach, byte[]? input) =>
            new(target, runs, clock.GetElapsedTime(start), pool.Count, breach, input);
    }

    /// <summary>Runs one input; null when all laws hold.</summary>
    public Breach? Try(byte[] input)
    {
        // A busy machine makes one run slow, not three.
        for (var left = 3; left > 0; left--)
        {
            lock (watching)
            {
                running = input;
                runningSince = clock.GetTimestamp();
            }
            var worked = Environment.CpuUsage.TotalTime;
            var breach = RunOnce(input);
            lock (watching)
            {
                var elapsed = clock.GetElapsedTime(runningSince);
                running = null;
                // Processor time is that of all campaigns: below the limit, this one only waited.
                if (breach is not null || elapsed <= RunTimeMax
                    || Environment.CpuUsage.TotalTime - worked <= RunTimeMax)
                {
                    return breach;
                }
            }
        }
        return new Breach(
            "time", string.Create(CultureInfo.InvariantCulture, $"three runs took over {RunTimeMax} each"));
    }

    Breach? RunOnce(byte[] input)
    {
        try
        {
            if (shapes.Add(target.Run(input)) && pool.Count < PoolMax && input.Length <= PooledOctetsMax)
                pool.Add(input);
            return null;
        }
        catch (Finding finding)
        {
            return new Breach(finding.Law, finding.Message);
        }
        catch (Exception e)
        {
            // No exception is documented for what a peer says: each one is a finding.
            return new Breach(e.GetType().Name, e.ToString());
        }
    }

    /// <summary>Leaves out pieces, ever smaller, as long as the same law stays broken.</summary>
    byte[] Shrink(byte[] input, Breach breach)
    {
        var start = clock.GetTimestamp();
        for (var length = input.Length / 2; length > 0; length /= 2)
        {
            for (var at = 0; at + length <= input.Length;)
            {
                if (clock.GetElapsedTime(start) > ShrinkTimeMax)
                    return input;
                byte[] smaller = [.. input.AsSpan(0, at), .. input.AsSpan(at + length)];
                if (Try(smaller)?.Law == breach.Law)
                    input = smaller;
                else
                    at += length;
            }
        }
        return input;
    }
}

/// <summary>Which law was broken and how.</summary>
sealed record Breach(string Law, string Text);

/// <summary>How a campaign went. <see cref="Breach"/> and <see cref="Input"/> are null when nothing was
/// found.</summary>
sealed record CampaignResult(
    FuzzTarget Target, long Runs, TimeSpan Elapsed, int Inputs, Breach? Breach, byte[]? Input)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Target.Name,-8} {Runs / Elapsed.TotalSeconds,9:F0} runs/s {Runs,10} runs {Inputs,6} inputs");
}
