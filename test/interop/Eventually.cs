namespace Postern.Interop;

/// <summary>Waits for facts, never for time: a condition is asked until it holds or its deadline has
/// passed.</summary>
static class Eventually
{
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(40);

    public static Task TrueAsync(
        Func<bool> condition, string what, int seconds = 30, Func<string>? evidence = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, seconds, evidence);

    /// <param name="what">The fact that was missing, for the failure.</param>
    /// <param name="evidence">What there was instead; asked only on failure.</param>
    public static async Task TrueAsync(
        Func<Task<bool>> condition, string what, int seconds = 30, Func<string>? evidence = null)
    {
        var clock = TimeProvider.System;
        var start = clock.GetTimestamp();
        while (!await condition())
        {
            if (clock.GetElapsedTime(start).TotalSeconds > seconds)
                Assert.Fail($"not within {seconds} s: {what}\n{evidence?.Invoke()}");
            await Task.Delay(Pause, clock, TestContext.Current.CancellationToken);
        }
    }
}
