namespace Postern.Interop.Peers;

/// <summary>A real message broker on loopback; it may be stopped and started again.</summary>
abstract class Broker : IAsyncDisposable
{
    /// <summary>What it said, for a failure's text.</summary>
    public abstract string Said { get; }

    public virtual bool HasLogins => true;

    public abstract Task StartAsync();

    public abstract Task StopAsync();

    /// <summary>Bodies and attributes of all there is, in no order.</summary>
    public abstract Task<IReadOnlyList<PulledMessage>> ReadAsync();

    public abstract ValueTask DisposeAsync();
}

/// <summary>A program under a directory of its own.</summary>
abstract class BrokerDaemon : Broker
{
    Daemon? daemon;

    public int Port { get; } = PosternProcess.FreePort();
    public TemporaryDirectory Directory { get; } = new();
    public override string Said => daemon?.Said ?? "";

    public override async Task StartAsync()
    {
        daemon = Launch();
        await Eventually.TrueAsync(
            async () => daemon.HasExited || await IsReadyAsync(), "the broker is ready", 60, () => Said);
        Assert.False(daemon.HasExited, Said);
    }

    public override Task StopAsync() => StopAsync(15);

    public override async ValueTask DisposeAsync()
    {
        if (daemon is not null)
            await daemon.DisposeAsync();
        Directory.Dispose();
    }

    protected Task StopAsync(int seconds) => daemon!.StopAsync(seconds);

    protected abstract Daemon Launch();

    protected virtual Task<bool> IsReadyAsync() => SmtpWire.IsOpenAsync(Port);
}
