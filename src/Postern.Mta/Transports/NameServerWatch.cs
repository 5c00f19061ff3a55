namespace Postern.Mta.Transports;

/// <summary>Notices that no name server answers anything, so that mail does not wait for it question by
/// question.</summary>
/// <remarks>
/// One name without an answer says nothing: its own servers may be gone, or be an attacker's. So a question
/// that waits long brings up another one, about the root, which every name server answers at once. Where
/// that has no answer either, all that wait end, and until the root is answered again nothing is asked.
/// </remarks>
/// <param name="askRoot">Completes when any name server has answered anything.</param>
sealed class NameServerWatch(Func<CancellationToken, Task> askRoot, TimeProvider clock)
{
    /// <summary>What a name server that works needs for a hard question, with a repeat.</summary>
    internal static readonly TimeSpan DoubtAfter = TimeSpan.FromSeconds(2);

    /// <summary>Of the question about the root.</summary>
    internal static readonly TimeSpan RootMax = TimeSpan.FromSeconds(3);

    /// <summary>Between two of them while nothing is answered.</summary>
    internal static readonly TimeSpan RootEvery = TimeSpan.FromSeconds(1);

    readonly Lock gate = new();

    /// <summary>Completes when nothing is answered any more.</summary>
    TaskCompletionSource silence = NewSilence();
    bool isAsking;
    long askedAt;

    /// <summary>Nothing is answered. Asks about the root where that was last done a while ago.</summary>
    public bool IsSilent()
    {
        lock (gate)
        {
            if (!silence.Task.IsCompleted)
                return false;
            if (clock.GetElapsedTime(askedAt) >= RootEvery)
                Begin();
            return true;
        }
    }

    /// <summary>Asks, unless it turns out meanwhile that nothing is answered.</summary>
    /// <exception cref="OperationCanceledException">It did, or who asks gave up.</exception>
    public async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancel)
    {
        Task silent;
        lock (gate)
            silent = silence.Task;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var asked = ask(either.Token);
        // Most are answered at once.
        if (asked.IsCompleted)
            return await asked.ConfigureAwait(false);
        using var doubt = clock.CreateTimer(
            static me => ((NameServerWatch)me!).Doubt(), this, DoubtAfter, Timeout.InfiniteTimeSpan);
        if (await Task.WhenAny(asked, silent).ConfigureAwait(false) == silent)
            await either.CancelAsync().ConfigureAwait(false);
        return await asked.ConfigureAwait(false);
    }

    static TaskCompletionSource NewSilence() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    void Doubt()
    {
        lock (gate)
        {
            if (!silence.Task.IsCompleted)
                Begin();
        }
    }

    void Begin()
    {
        if (isAsking)
            return;
        isAsking = true;
        askedAt = clock.GetTimestamp();
        // Not on this thread: the gate is held.
        _ = Task.Run(AskRootAsync);
    }

    async Task AskRootAsync()
    {
        var isAnswered = false;
        try
        {
            using var limit = new CancellationTokenSource(RootMax, clock);
            await askRoot(limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            isAnswered = true;
        }
        // Whatever it was, it was no answer.
#pragma warning disable CA1031
        catch (Exception)
#pragma warning restore CA1031
        {
        }
        lock (gate)
        {
            isAsking = false;
            if (!isAnswered)
                silence.TrySetResult();
            else if (silence.Task.IsCompleted)
                silence = NewSilence();
        }
    }
}
