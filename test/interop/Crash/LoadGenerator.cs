using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Postern.Interop.Crash;

/// <summary>Sessions that submit one message after the other until the server is gone; the id is the local
/// part.</summary>
sealed class LoadGenerator(Ledger ledger, Moments moments, int sessions)
{
    static readonly byte[] Content = Encoding.ASCII.GetBytes(
        "From: <load@sender.test>\r\nSubject: load\r\n\r\n"
        + string.Concat(Enumerable.Repeat(new string('x', 76) + "\r\n", 50)));

    int issued;
    int acknowledged;
    int dropped;
    long proven;

    /// <summary>Ids in the ledger so far.</summary>
    public int Acknowledged => Volatile.Read(ref acknowledged);

    /// <summary>When the content of a message that got its 250 was sent, the last such message: what the
    /// server had queued for its disk before then is there.</summary>
    public long Proven => Interlocked.Read(ref proven);

    /// <summary>Sessions that the server ended.</summary>
    public int Dropped => Volatile.Read(ref dropped);

    /// <summary>Replies that ended a transaction without a 250.</summary>
    public ConcurrentQueue<string> Refusals { get; } = new();

    public Task RunAsync(int port, CancellationToken cancel) =>
        Task.WhenAll(Enumerable.Range(0, sessions).Select(_ => SubmitAsync(port, cancel)));

    async Task SubmitAsync(int port, CancellationToken cancel)
    {
        try
        {
            await using var wire = await SmtpWire.ConnectAsync(port, cancel);
            while (!cancel.IsCancellationRequested)
            {
                var id = Interlocked.Increment(ref issued).ToString("D7", CultureInfo.InvariantCulture);
                var letter = new Letter("load@sender.test", id + "@sink.test", Content);
                var reply = await wire.BeginAsync(letter, cancel);
                var sent = moments.Next();
                if (reply[0] == '3')
                    reply = await wire.EndAsync(letter, cancel);
                if (!reply.StartsWith("250", StringComparison.Ordinal))
                {
                    Refusals.Enqueue(reply);
                    continue;
                }
                NoteProven(sent);
                await ledger.AddAsync(id);
                Interlocked.Increment(ref acknowledged);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // The server was killed: what had no 250 is not ours to count.
            if (!cancel.IsCancellationRequested)
                Interlocked.Increment(ref dropped);
        }
    }

    void NoteProven(long sent)
    {
        for (var seen = Proven; seen < sent;)
        {
            var found = Interlocked.CompareExchange(ref proven, sent, seen);
            if (found == seen)
                return;
            seen = found;
        }
    }
}
