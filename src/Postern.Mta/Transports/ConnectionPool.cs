using System.Diagnostics.CodeAnalysis;
using Postern.Smtp.Client;

namespace Postern.Mta.Transports;

/// <summary>
/// Connections kept between messages, for one transport and so for one login; the last one in comes out
/// first.
/// </summary>
/// <remarks>
/// Law: a connection is in use by one attempt or idle here, never both. Idle ones are closed after <see
/// cref="IdleMax"/>.
/// </remarks>
sealed class ConnectionPool : IAsyncDisposable
{
    /// <summary>
    /// Relays close idle sessions after 30 s (some after 10) to 5 minutes; closing first costs nobody a
    /// reset.
    /// </summary>
    static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(20);

    static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    readonly Lock gate = new();
    readonly Dictionary<string, List<Idle>> idle = [];
    readonly HashSet<Task> closing = [];
    readonly TimeProvider clock;
    readonly int messagesMax;
    readonly int idleCountMax;
    readonly ITimer timer;
    bool isClosed;

    /// <param name="messagesMax">Messages over one connection.</param>
    /// <param name="idleCountMax">Connections that are kept, to all next hops together.</param>
    public ConnectionPool(TimeProvider clock, int messagesMax, int idleCountMax)
    {
        this.clock = clock;
        this.messagesMax = messagesMax;
        this.idleCountMax = idleCountMax;
        timer = clock.CreateTimer(
            static pool => ((ConnectionPool)pool!).CloseStale(), this, LookEvery, LookEvery);
    }

    readonly record struct Idle(RelayConnection Connection, long Since);

    /// <summary>An idle connection to this next hop.</summary>
    public bool TryTake(NextHop hop, [NotNullWhen(true)] out RelayConnection? connection)
    {
        lock (gate)
        {
            connection = null;
            if (!idle.TryGetValue(hop.Text, out var kept) || kept.Count == 0)
                return false;
            connection = kept[^1].Connection;
            kept.RemoveAt(kept.Count - 1);
            return true;
        }
    }

    /// <summary>It may carry another message, once this many more than now have been begun on it.</summary>
    public bool MayCarryMore(SmtpClientConnection session, int more) =>
        session.TransactionsBegun + more < messagesMax;

    /// <summary>Takes a connection back after a message: keeps it, or says QUIT and closes it.</summary>
    public void Return(NextHop hop, RelayConnection connection)
    {
        lock (gate)
        {
            var session = connection.Session;
            if (!isClosed && session.IsReusable && MayCarryMore(session, 0)
                && (idleCountMax == int.MaxValue || idle.Values.Sum(kept => kept.Count) < idleCountMax))
            {
                if (!idle.TryGetValue(hop.Text, out var kept))
                    idle[hop.Text] = kept = [];
                kept.Add(new Idle(connection, clock.GetTimestamp()));
                return;
            }
            Close(connection);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await timer.DisposeAsync();
        Task[] last;
        lock (gate)
        {
            isClosed = true;
            foreach (var kept in idle.Values.SelectMany(k => k))
                Close(kept.Connection);
            idle.Clear();
            last = [.. closing];
        }
        await Task.WhenAll(last);
    }

    void CloseStale()
    {
        lock (gate)
        {
            foreach (var (hop, kept) in idle.ToArray())
            {
                // The oldest lie at the bottom.
                var stale = kept.TakeWhile(i => clock.GetElapsedTime(i.Since) >= IdleMax).ToArray();
                kept.RemoveRange(0, stale.Length);
                foreach (var old in stale)
                    Close(old.Connection);
                if (kept.Count == 0)
                    idle.Remove(hop);
            }
        }
    }

    void Close(RelayConnection connection)
    {
        var task = connection.Session.DisposeAsync().AsTask();
        if (task.IsCompleted)
            return;
        closing.Add(task);
        _ = task.ContinueWith(
            done =>
            {
                lock (gate)
                    closing.Remove(done);
            },
            TaskScheduler.Default);
    }
}

/// <summary>A session with a relay and where it leads.</summary>
/// <param name="Since">When it was set up.</param>
sealed record RelayConnection(SmtpClientConnection Session, RelayTarget Target, DateTimeOffset Since);
