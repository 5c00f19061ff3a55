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
    const string KeyName = "return-path";

    /// <summary>Behind the id: what comes back is told to nobody.</summary>
    const string ListMark = ".L";

    /// <summary>The mail of a stranger that went on: reports alone are taken, for a time.</summary>
    const string ForwardMark = ".F";

    /// <summary>The same, whose sender need not be who sent it.</summary>
    const string UnprovenMark = ".U";

    static readonly (string Mark, ReturnKind Kind)[] Marks =
    [
        (ListMark, ReturnKind.List), (ForwardMark, ReturnKind.Forwarded),
        (UnprovenMark, ReturnKind.Unproven),
    ];

    const int MacOctets = 8;

    /// <summary>Those of forwarded mail are seen by whoever gets it.</summary>
    const int ForwardMacOctets = 10;

    /// <summary>Takes the key of the store; the first time one is made and stored.</summary>
    /// <returns>Null: it could not be stored. Mail keeps its reverse-path then.</returns>
    public static async ValueTask<ReturnPaths?> OpenAsync(IMailStore store, CancellationToken cancel) =>
        await MacKey.OpenAsync(store, KeyName, cancel).ConfigureAwait(false) is { } key
            ? new ReturnPaths(key) : null;

    /// <param name="domain">Valid, by the configuration's own check.</param>
    public Mailbox Of(QueueId message, string domain) => Make(message.ToString(), domain);

    /// <summary>The same for members of a mailing list that keeps its reports.</summary>
    public Mailbox OfList(QueueId message, string domain) => Make(message + ListMark, domain);

    /// <summary>The same for mail of others that goes on to another address.</summary>
    /// <param name="kind">Forwarded, or Unproven.</param>
    public Mailbox OfForwarded(QueueId message, ReturnKind kind, string domain) =>
        Make(message + (kind == ReturnKind.Unproven ? UnprovenMark : ForwardMark), domain);

    Mailbox Make(string token, string domain) =>
        Mailbox.TryParse($"{BounceReader.TokenPrefix}{token}-{MacOf(token)}@{domain}", out var mailbox)
            ? mailbox : throw new ArgumentException($"\"{domain}\" is no domain", nameof(domain));

    /// <summary>Of those that <see cref="Find"/> knows: it came from <see cref="OfList"/>.</summary>
    public static bool IsOfList(Mailbox mailbox) => KindOf(mailbox) == ReturnKind.List;

    /// <summary>Of those that <see cref="Find"/> knows: what it was made for.</summary>
    public static ReturnKind KindOf(Mailbox mailbox) => Marks.FirstOrDefault(one =>
        mailbox.LocalPart.Contains(one.Mark + "-", StringComparison.OrdinalIgnoreCase)).Kind;

    /// <summary>The message whose return path it is. Null: we did not make it.</summary>
    public QueueId? Find(Mailbox mailbox)
    {
        // Some systems write local parts in small letters.
        if (!IsOne(mailbox) || mailbox.LocalPart[BounceReader.TokenPrefix.Length..].Split('-')
                is not [var token, var mac])
            return null;
        token = token.ToUpperInvariant();
        var mark = MarkOf(token);
        var id = token[..^mark.Length];
        if (!QueueId.TryParse(id, out var message))
            return null;
        return CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(MacOf(token)), Encoding.UTF8.GetBytes(mac.ToLowerInvariant()))
                ? message : null;
    }

    /// <summary>It looks like one, of whatever domain.</summary>
    public static bool IsOne(Mailbox mailbox) =>
        mailbox.LocalPart.StartsWith(BounceReader.TokenPrefix, StringComparison.OrdinalIgnoreCase);

    static string MarkOf(string token) => Marks.FirstOrDefault(one =>
        token.EndsWith(one.Mark, StringComparison.Ordinal)).Mark ?? "";

    string MacOf(string token)
    {
        var octets = MarkOf(token) is ForwardMark or UnprovenMark ? ForwardMacOctets : MacOctets;
        return Convert.ToHexStringLower(
            HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(token)).AsSpan(0, octets));
    }
}

/// <summary>What a return path was made for.</summary>
enum ReturnKind
{
    /// <summary>Mail of our own people.</summary>
    Own,

    /// <summary>Members of a mailing list that keeps its reports.</summary>
    List,

    /// <summary>Mail of others that went on to another address.</summary>
    Forwarded,

    /// <summary>The same, whose sender's domain says that he did not send it: he is told nothing.</summary>
    Unproven,
}
