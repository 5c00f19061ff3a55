using System.Security.Cryptography;
using System.Text;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>Return paths that only Postern can make: <c>bounces+QUEUEID-MAC@domain</c> (DESIGN
/// §9.3).</summary>
/// <param name="key">Kept in the store; whoever has it can make reports count.</param>
sealed class ReturnPaths(byte[] key)
{
    /// <summary>The kind and name of the key among the store's objects.</summary>
    const string ObjectKind = "key";

    const string ObjectName = "return-path";
    /// <summary>Behind the id: what comes back is told to nobody.</summary>
    const string ListMark = ".L";

    const int KeyOctets = 32;
    const int MacOctets = 8;

    /// <summary>Takes the key of the store; the first time one is made and stored.</summary>
    /// <returns>Null: it could not be stored. Mail keeps its reverse-path then.</returns>
    public static async ValueTask<ReturnPaths?> OpenAsync(IMailStore store, CancellationToken cancel)
    {
        var stored = await store.FindObjectAsync(ObjectKind, ObjectName, cancel).ConfigureAwait(false);
        if (stored is { Json.Length: KeyOctets })
            return new ReturnPaths(stored.Json.ToArray());
        var made = RandomNumberGenerator.GetBytes(KeyOctets);
        var change = new StoreChange();
        change.Objects.Add(new ObjectChange(ObjectKind, ObjectName, made));
        try
        {
            await store.CommitAsync(change).ConfigureAwait(false);
            return new ReturnPaths(made);
        }
        catch (StoreException)
        {
            return null;
        }
    }

    /// <param name="domain">Valid, by the configuration's own check.</param>
    public Mailbox Of(QueueId message, string domain) => Make(message.ToString(), domain);

    /// <summary>The same for members of a mailing list that keeps its reports.</summary>
    public Mailbox OfList(QueueId message, string domain) => Make(message + ListMark, domain);

    Mailbox Make(string token, string domain) =>
        Mailbox.TryParse($"{BounceReader.TokenPrefix}{token}-{MacOf(token)}@{domain}", out var mailbox)
            ? mailbox : throw new ArgumentException($"\"{domain}\" is no domain", nameof(domain));

    /// <summary>Of those that <see cref="Find"/> knows: it came from <see cref="OfList"/>.</summary>
    public static bool IsOfList(Mailbox mailbox) =>
        mailbox.LocalPart.Contains(ListMark + "-", StringComparison.OrdinalIgnoreCase);

    /// <summary>The message whose return path it is. Null: we did not make it.</summary>
    public QueueId? Find(Mailbox mailbox)
    {
        // Some systems write local parts in small letters.
        if (!IsOne(mailbox) || mailbox.LocalPart[BounceReader.TokenPrefix.Length..].Split('-')
                is not [var token, var mac])
            return null;
        token = token.ToUpperInvariant();
        var id = token.EndsWith(ListMark, StringComparison.Ordinal) ? token[..^ListMark.Length] : token;
        if (!QueueId.TryParse(id, out var message))
            return null;
        return CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(MacOf(token)), Encoding.UTF8.GetBytes(mac.ToLowerInvariant()))
                ? message : null;
    }

    /// <summary>It looks like one, of whatever domain.</summary>
    public static bool IsOne(Mailbox mailbox) =>
        mailbox.LocalPart.StartsWith(BounceReader.TokenPrefix, StringComparison.OrdinalIgnoreCase);

    string MacOf(string token) => Convert.ToHexStringLower(
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(token)).AsSpan(0, MacOctets));
}
