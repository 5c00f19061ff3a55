namespace Postern.Interop.Peers;

/// <summary>A real message broker on loopback, under a directory of its own; it may be stopped and started
/// again.</summary>
abstract class Broker : IAsyncDisposable
{
    Daemon? daemon;

    public int Port { get; } = PosternProcess.FreePort();
    public TemporaryDirectory Directory { get; } = new();
    public string Said => daemon?.Said ?? "";

    public virtual async Task StartAsync()
    {
        daemon = Launch();
        await Eventually.TrueAsync(
            async () => daemon.HasExited || await IsReadyAsync(), "the broker is ready", 60, () => Said);
        Assert.False(daemon.HasExited, Said);
    }

    public virtual Task StopAsync() => daemon!.StopAsync();

    /// <summary>Bodies and attributes of all there is, in no order.</summary>
    public abstract Task<IReadOnlyList<PulledMessage>> ReadAsync();

    public virtual async ValueTask DisposeAsync()
    {
        if (daemon is not null)
            await daemon.DisposeAsync();
        Directory.Dispose();
    }

    protected abstract Daemon Launch();

    protected virtual Task<bool> IsReadyAsync() => SmtpWire.IsOpenAsync(Port);
}
