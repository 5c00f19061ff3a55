using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Mta.Accounts;

/// <summary>Rates and daily quotas of accounts, counted in recipients of envelopes (DESIGN §9.5).</summary>
/// <remarks>
/// Any thread. A rate is a token bucket in memory, full at the start. What a quota has left is stored, in the
/// commits that accept the mail, so a restart gives nothing back. A day is one of UTC. An account without a
/// quota costs the store nothing.
/// </remarks>
public sealed class AccountLimits(TimeProvider clock)
{
    /// <summary>The kind of the store's objects.</summary>
    public const string ObjectKind = "account-use";

    readonly Lock gate = new();
    readonly Dictionary<string, Use> uses = new(StringComparer.Ordinal);

    DateOnly Today => DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);

    /// <summary>Takes back what was counted before a restart; unreadable objects are skipped.</summary>
    /// <param name="stored">The store's objects of <see cref="ObjectKind"/>.</param>
    public void Restore(IEnumerable<StoredObject> stored)
    {
        lock (gate)
        {
            foreach (var item in stored)
            {
                if (Read(item) is { } read)
                    uses[item.Name] = new Use { Day = read.Day, Recipients = read.Recipients };
            }
        }
    }

    /// <summary>Asks for one more recipient, and takes it from the rate.</summary>
    /// <param name="pending">Recipients that this message has already.</param>
    internal LimitVerdict Admit(Account account, int pending)
    {
        if (account is { Rate: null, Quota: null })
            return LimitVerdict.Within;
        lock (gate)
        {
            var use = UseOf(account);
            if (account.Quota is { } quota && use.Recipients + pending >= quota.Count)
                return LimitVerdict.OverQuota;
            return use.Pace?.TryTake() == false ? LimitVerdict.OverRate : LimitVerdict.Within;
        }
    }

    /// <summary>Counts the recipients of a message that is about to be stored, against the quota.</summary>
    /// <returns>False: other messages have used it up meanwhile.</returns>
    /// <param name="charge">Null: the account has no quota.</param>
    internal bool TryCharge(Account account, int recipients, out AccountCharge? charge)
    {
        charge = null;
        if (account.Quota is not { } quota)
            return true;
        lock (gate)
        {
            var use = UseOf(account);
            if (use.Recipients + recipients > quota.Count)
                return false;
            use.Recipients += recipients;
            charge = new AccountCharge(this, account.Name, use.Day, recipients);
            return true;
        }
    }

    /// <summary>Recipients that count against today's quota.</summary>
    public int RecipientsToday(string account)
    {
        lock (gate)
            return uses.TryGetValue(account, out var use) && use.Day == Today ? use.Recipients : 0;
    }

    /// <summary>Nothing is left of today's quota.</summary>
    internal bool IsSpent(Account account) =>
        account.Quota is { } quota && RecipientsToday(account.Name) >= quota.Count;

    /// <summary>What is counted goes into the change, and changes in the order of their counts.</summary>
    internal ValueTask CommitAsync(AccountCharge charge, StoreChange change, IMailStore store)
    {
        lock (gate)
        {
            if (uses.TryGetValue(charge.Account, out var use))
                change.Objects.Add(use.ToObject(charge.Account));
            return store.CommitAsync(change);
        }
    }

    internal void GiveBack(AccountCharge charge)
    {
        lock (gate)
        {
            if (uses.TryGetValue(charge.Account, out var use) && use.Day == charge.Day)
                use.Recipients -= charge.Recipients;
        }
    }

    Use UseOf(Account account)
    {
        if (!uses.TryGetValue(account.Name, out var use))
            uses.Add(account.Name, use = new Use());
        if (use.Day != Today)
            (use.Day, use.Recipients) = (Today, 0);
        if (use.Rate != account.Rate)
        {
            use.Rate = account.Rate;
            use.Pace = account.Rate is { } rate ? new Pace(rate, clock) : null;
        }
        return use;
    }

    static StoredUse? Read(StoredObject item)
    {
        // A row of a later version must not keep the server from starting.
        try
        {
            return JsonSerializer.Deserialize(item.Json.Span, AccountUseJson.Default.StoredUse);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    sealed class Use
    {
        public DateOnly Day;
        public int Recipients;
        public Rate? Rate;

        /// <summary>Null: the account has no rate.</summary>
        public Pace? Pace;

        public ObjectChange ToObject(string account) => new(
            ObjectKind, account, JsonSerializer.SerializeToUtf8Bytes(
                new StoredUse(Day, Recipients), AccountUseJson.Default.StoredUse));
    }
}

/// <summary>What a limit says to one more recipient.</summary>
enum LimitVerdict
{
    Within,
    OverRate,
    OverQuota,
}

/// <summary>Recipients of one message that are counted against a quota; given back when it is not
/// stored.</summary>
sealed record AccountCharge(AccountLimits Limits, string Account, DateOnly Day, int Recipients)
{
    /// <exception cref="StoreException">It is not stored.</exception>
    public ValueTask CommitAsync(StoreChange change, IMailStore store) =>
        Limits.CommitAsync(this, change, store);

    public void GiveBack() => Limits.GiveBack(this);
}

/// <summary>Recipients of an account on one day of UTC, as the store keeps them.</summary>
sealed record StoredUse(DateOnly Day, int Recipients);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower)]
[JsonSerializable(typeof(StoredUse))]
sealed partial class AccountUseJson : JsonSerializerContext;
