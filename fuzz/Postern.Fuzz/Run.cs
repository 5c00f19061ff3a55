namespace Postern.Fuzz;

/// <summary>Campaigns of several targets, as many at a time as there are processors, and what is said about
/// them.</summary>
sealed class Run(FuzzTarget[] targets, Arguments arguments, Corpus corpus, TimeProvider clock)
{
    /// <summary>An input that runs so long will not end. Generous: the machine may be busy.</summary>
    static readonly TimeSpan StuckAfter = TimeSpan.FromSeconds(30);

    static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    readonly Lock speaking = new();
    int failed;

    /// <returns>0, or 1 after a finding.</returns>
    public int ToEnd()
    {
        Console.WriteLine($"seed {arguments.Seed}");
        var campaigns = targets.Select(target => new Campaign(target, arguments.Seed, clock)).ToArray();
        using var watch = clock.CreateTimer(_ => LookAt(campaigns), null, LookEvery, LookEvery);
        Parallel.ForEach(
            campaigns,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            campaign => Report(campaign.Run(corpus.InputsOf(campaign.Target), arguments.Duration)));
        Console.WriteLine($"Total: {targets.Length}, Errors: 0, Failed: {failed}, Skipped: 0");
        return failed == 0 ? 0 : 1;
    }

    void Report(CampaignResult result)
    {
        lock (speaking)
        {
            Console.WriteLine(result);
            if (result.Breach is { } breach)
                Say(result.Target, breach, result.Input!);
        }
    }

    /// <summary>What never ends cannot be stopped from outside: it is written down and the program
    /// ends.</summary>
    void LookAt(Campaign[] campaigns)
    {
        foreach (var campaign in campaigns)
        {
            if (campaign.Stuck(StuckAfter) is not { } input)
                continue;
            lock (speaking)
            {
                Say(campaign.Target, new Breach("time", $"still running after {StuckAfter}"), input);
                Console.WriteLine($"Total: {targets.Length}, Errors: 0, Failed: {failed}, Skipped: 0");
                Environment.Exit(1);
            }
        }
    }

    void Say(FuzzTarget target, Breach breach, byte[] input)
    {
        failed++;
        Console.WriteLine($"{target.Name} [FAIL] {corpus.WriteFinding(target, arguments.Seed, input)}");
        Console.WriteLine(breach.Text);
    }
}
