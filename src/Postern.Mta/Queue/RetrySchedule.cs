namespace Postern.Mta.Queue;

/// <summary>When a recipient is tried again after a deferral that is its own or its message's
/// fault.</summary>
public static class RetrySchedule
{
    /// <summary>Postfix's minimal_backoff_time.</summary>
    public static readonly TimeSpan DelayMin = TimeSpan.FromMinutes(5);

    /// <summary>Postfix's maximal_backoff_time, 4000 s.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromSeconds(4000);

    /// <summary>The longest wait after a reply that asks for a lower pace: it is the lane's pace that spares
    /// the next hop (decision 0012).</summary>
    public static readonly TimeSpan ThrottledDelayMax = TimeSpan.FromMinutes(1);

    /// <summary>Mailgun's ladder of webhooks: the last try comes 8 hours after the first.</summary>
    static readonly TimeSpan[] WebhookSteps =
    [
        TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(30),
        TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(4),
    ];

    /// <summary>The wait before a webhook is tried again.</summary>
    /// <param name="attempts">Made so far, at least 1.</param>
    /// <returns>Null: it is given up.</returns>
    public static TimeSpan? WebhookDelayAfter(int attempts) =>
        attempts <= WebhookSteps.Length ? WebhookSteps[attempts - 1] : null;

    /// <summary>The wait before the next attempt.</summary>
    /// <param name="age">Since the message arrived.</param>
    /// <param name="attempts">Attempts made so far that proved something about this recipient, at least
    /// 1.</param>
    /// <param name="steps">The route's own waits; the last one repeats. Null: Postfix's curve, or
    /// <paramref name="longest"/> where that is less.</param>
    /// <param name="chance">Jitter: a tenth more or less, so that a burst does not come back as one.</param>
    public static TimeSpan DelayAfter(
        TimeSpan age, int attempts, IReadOnlyList<TimeSpan>? steps, TimeSpan longest, Random chance)
    {
        if (steps is { Count: > 0 })
            return steps[Math.Clamp(attempts - 1, 0, steps.Count - 1)];
        // The message's age, clamped: attempts fall near 5, 10, 20, 40, 80 minutes, then about every 67.
        var delay = age < DelayMin ? DelayMin : age > DelayMax ? DelayMax : age;
        if (delay > longest)
            delay = longest;
        return delay * (0.9 + (0.2 * chance.NextDouble()));
    }
}
