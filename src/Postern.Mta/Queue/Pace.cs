using Postern.Mta.Configuration;

namespace Postern.Mta.Queue;

/// <summary>A transport's <c>rate</c>: a bucket that holds the tokens of one period, one for each
/// attempt.</summary>
/// <remarks>Any thread. Waits are monotonic. A bucket is full at the start, but for what is known to be
/// spent.</remarks>
sealed class Pace
{
    /// <summary>Attempts are let go in batches of so much time, not one by one.</summary>
    static readonly TimeSpan BatchTime = TimeSpan.FromMilliseconds(200);

    readonly Lock gate = new();
    readonly TimeProvider clock;
    readonly double tokensMax;
    readonly double tokensPerSecond;
    double tokens;
    long filledAt;

    /// <param name="spent">Tokens that are gone already, by an earlier bucket.</param>
    public Pace(Rate rate, TimeProvider clock, double spent = 0)
    {
        this.clock = clock;
        Rate = rate;
        tokensMax = rate.Count;
        tokens = Math.Max(0, tokensMax - spent);
        tokensPerSecond = rate.Count / rate.Per.TotalSeconds;
        Batch = (int)Math.Clamp(tokensPerSecond * BatchTime.TotalSeconds, 1, tokensMax);
        filledAt = clock.GetTimestamp();
    }

    public Rate Rate { get; }

    /// <summary>Tokens that are gone now.</summary>
    public double Spent
    {
        get
        {
            lock (gate)
            {
                Fill();
                return tokensMax - tokens;
            }
        }
    }

    /// <summary>How many are waited for before anything goes on.</summary>
    public int Batch { get; }

    public int Available
    {
        get
        {
            lock (gate)
            {
                Fill();
                return (int)tokens;
            }
        }
    }

    /// <summary>How long until a batch is there.</summary>
    public TimeSpan UntilBatch
    {
        get
        {
            lock (gate)
            {
                Fill();
                var missing = Batch - tokens;
                // A tick more, so that rounding does not wake too early.
                return missing <= 0 ? TimeSpan.Zero
                    : TimeSpan.FromSeconds(missing / tokensPerSecond) + TimeSpan.FromTicks(1);
            }
        }
    }

    public bool TryTake()
    {
        lock (gate)
        {
            Fill();
            if (tokens < 1)
                return false;
            tokens--;
            return true;
        }
    }

    void Fill()
    {
        var now = clock.GetTimestamp();
        tokens = Math.Min(
            tokensMax, tokens + (clock.GetElapsedTime(filledAt, now).TotalSeconds * tokensPerSecond));
        filledAt = now;
    }
}
