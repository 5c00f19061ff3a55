using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Transports;

/// <summary>
/// Looks at the ways out soon after the start, beside everything else, and raises what is wrong as an alarm.
/// </summary>
/// <remarks>
/// Law: a transport is asked once after the start and once after a reload changed it, and each minute while
/// what was found stands. Nothing waits for it, no lane closes by it, and mail is attempted all the same. A
/// look whose alarm cannot be stored is logged and made again.
/// </remarks>
sealed partial class TransportCheck(
    TransportTable transports, MessageQueue queue, Func<PosternOptions> current, TimeProvider clock,
    ILogger log)
{
    static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    /// <summary>Those that need no further look.</summary>
    readonly Dictionary<string, ITransport> looked = new(StringComparer.Ordinal);

    readonly Channel<bool> wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    /// <summary>Another look now: a reload may have changed a transport.</summary>
    public void Wake() => wake.Writer.TryWrite(true);

    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = clock.CreateTimer(
            _ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            while (true)
            {
                var isWell = true;
                foreach (var name in current().Transports.Keys)
                    isWell &= await LookAsync(name, cancel).ConfigureAwait(false);
                if (!isWell)
                    timer.Change(Every, Timeout.InfiniteTimeSpan);
                await wake.Reader.ReadAsync(cancel).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The agent is stopping.
        }
    }

    /// <returns>False: it is to be looked at again.</returns>
    async ValueTask<bool> LookAsync(string name, CancellationToken cancel)
    {
        if (transports.Find(name) is not { } transport
            || ReferenceEquals(looked.GetValueOrDefault(name), transport))
            return true;
        try
        {
            switch (await transport.CheckAsync(cancel).ConfigureAwait(false))
            {
                case TransportFinding.Wrong { Alarm: var alarm }:
                    await queue.RaiseAlarmAsync(alarm.Kind, name, alarm.Text, alarm.Mend)
                        .ConfigureAwait(false);
                    return false;
                case TransportFinding.Well { DisprovedKinds: var kinds }:
                    foreach (var kind in kinds)
                        await queue.ClearAlarmAsync(kind, name).ConfigureAwait(false);
                    break;
            }
            looked[name] = transport;
            return true;
        }
        catch (StoreException failed)
        {
            LogNotStored(failed, name);
            return false;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "What the look at {Transport} found could not be stored")]
    partial void LogNotStored(Exception failed, string transport);
}
