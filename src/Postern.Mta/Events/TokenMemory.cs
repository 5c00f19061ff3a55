using Postern.Mta.Store;

namespace Postern.Mta.Events;

/// <summary>Tokens of signatures that were taken, for as long as a signature may be taken (DESIGN
/// §9.6).</summary>
/// <remarks>
/// One thread at a time. Each is an object of the store, written in the commit of what it signed; so a token
/// counts once over restarts and crashes. What is too old for its signature is forgotten.
/// </remarks>
sealed class TokenMemory(TimeProvider clock)
{
    /// <summary>The kind of the store's objects.</summary>
    public const string ObjectKind = "hook-token";

    /// <summary>Longer than Mailgun repeats a webhook, which is for 8 hours.</summary>
    public static readonly TimeSpan SignatureAgeMax = TimeSpan.FromHours(9);

    /// <summary>How far another clock may be ahead of ours.</summary>
    public static readonly TimeSpan ClockAheadMax = TimeSpan.FromMinutes(5);

    static readonly TimeSpan Kept = SignatureAgeMax + ClockAheadMax;

    const int ForgottenAtOnceMax = 500;

    readonly Dictionary<string, DateTimeOffset> tokens = new(StringComparer.Ordinal);
    readonly Queue<(DateTimeOffset At, string Token)> oldest = new();

    /// <param name="stored">The store's objects of <see cref="ObjectKind"/>; unreadable ones count as
    /// new.</param>
    public void Restore(IEnumerable<StoredObject> stored)
    {
        var now = clock.GetUtcNow();
        foreach (var (token, at) in stored.Select(item => (item.Name, At: StoredMoment.Read(item) ?? now))
            .OrderBy(one => one.At))
            Remember(token, at);
    }

    public bool Contains(string token) => tokens.ContainsKey(token);

    /// <summary>Puts it into the commit of what it signed, and forgets some of those that are too
    /// old.</summary>
    public void AddTo(StoreChange change, string token)
    {
        var now = clock.GetUtcNow();
        change.Objects.Add(new ObjectChange(ObjectKind, token, StoredMoment.Write(now)));
        var count = 0;
        foreach (var (at, old) in oldest)
        {
            if (now - at <= Kept || ++count > ForgottenAtOnceMax)
                break;
            change.Objects.Add(new ObjectChange(ObjectKind, old, null));
        }
    }

    /// <summary>The commit has been made.</summary>
    public void Remember(IEnumerable<ObjectChange> committed)
    {
        foreach (var change in committed.Where(change => change.Kind == ObjectKind))
        {
            if (change.Json is null)
                Forget(change.Name);
            else
                Remember(change.Name, clock.GetUtcNow());
        }
    }

    void Remember(string token, DateTimeOffset at)
    {
        if (tokens.TryAdd(token, at))
            oldest.Enqueue((at, token));
    }

    void Forget(string token)
    {
        tokens.Remove(token);
        if (oldest.TryPeek(out var first) && first.Token == token)
            oldest.Dequeue();
    }
}
