using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Postern.Mta.Events;
using Postern.Mta.Store;

namespace Postern.Mta.Webhooks;

/// <summary>What the store knows of webhooks: where they go, and how far events have been read for
/// them.</summary>
/// <param name="isSendingDomain">Whether a domain is one of the account's.</param>
public sealed class WebhookTable(IMailStore store, Func<string, bool> isSendingDomain)
{
    /// <summary>Addresses of one kind of events.</summary>
    public const int UrlsMax = 3;

    const string CursorKind = "webhook-cursor";
    const string CursorName = "events";

    /// <summary>By <see cref="NameOf"/>.</summary>
    public ObjectTable<DomainWebhook> OfDomains { get; } =
        new(store, "webhook", WebhookJson.Default.DomainWebhook);

    /// <summary>By the id that the API gave out.</summary>
    public ObjectTable<AccountWebhook> OfAccount { get; } =
        new(store, "account-webhook", WebhookJson.Default.AccountWebhook);

    /// <param name="type">One of <see cref="WebhookTypes.All"/>, or empty: what all names of the domain begin
    /// with.</param>
    public static string NameOf(string domain, string type) => $"{domain.ToLowerInvariant()}/{type}";

    public async ValueTask<WebhookSet> ReadAsync(CancellationToken cancel) => new(
        await OfDomains.ReadAsync(cancel), await OfAccount.ReadAsync(cancel), isSendingDomain);

    /// <summary>The last event that was read. Null: there are no webhooks.</summary>
    public async ValueTask<long?> ReadCursorAsync(CancellationToken cancel) =>
        await store.FindObjectAsync(CursorKind, CursorName, cancel) is { } found
        && Utf8Parser.TryParse(found.Json.Span, out long seq, out _) ? seq : null;

    public static ObjectChange PutCursor(long seq) => new(
        CursorKind, CursorName, Encoding.ASCII.GetBytes(seq.ToString(CultureInfo.InvariantCulture)));

    public static ObjectChange RemoveCursor() => new(CursorKind, CursorName, null);
}

/// <summary>Kinds of events that webhooks are for, by Mailgun's names.</summary>
public static class WebhookTypes
{
    public static readonly IReadOnlyList<string> All =
    [
        "accepted", "clicked", "complained", "delivered", "opened", "permanent_fail", "temporary_fail",
        "unsubscribed",
    ];

    /// <param name="told">As of <see cref="PublicEvents.Find"/>.</param>
    /// <returns>Null: there is no webhook for it.</returns>
    public static string? Of(MailEvent told) => told.Kind switch
    {
        EventKind.Failed => told.Severity == EventSeverity.Temporary ? "temporary_fail" : "permanent_fail",
        EventKind.Accepted or EventKind.Clicked or EventKind.Complained or EventKind.Delivered
            or EventKind.Opened or EventKind.Unsubscribed => EventNames.Of(told.Kind),
        _ => null,
    };
}

/// <summary>Where events of one kind of one domain go.</summary>
public sealed record DomainWebhook(IReadOnlyList<string> Urls);

/// <summary>Where events of some kinds go, of whatever sending domain.</summary>
/// <param name="Description">Null: none was given.</param>
public sealed record AccountWebhook(
    string Url, IReadOnlyList<string> EventTypes, string? Description, DateTimeOffset CreatedAt);

/// <summary>All webhooks at one moment.</summary>
public sealed class WebhookSet(
    IReadOnlyList<Named<DomainWebhook>> ofDomains, IReadOnlyList<Named<AccountWebhook>> ofAccount,
    Func<string, bool> isSendingDomain)
{
    readonly Dictionary<string, IReadOnlyList<string>> domains =
        ofDomains.ToDictionary(hook => hook.Name, hook => hook.Value.Urls, StringComparer.Ordinal);

    public bool IsEmpty => domains.Count == 0 && ofAccount.Count == 0;

    /// <summary>Each address once, whether the domain names it, the account, or both.</summary>
    public IReadOnlyCollection<string> UrlsOf(string domain, string type)
    {
        domains.TryGetValue(WebhookTable.NameOf(domain, type), out var urls);
        if (ofAccount.Count == 0 || !isSendingDomain(domain))
            return urls ?? [];
        return [.. (urls ?? []).Union(
            ofAccount.Where(hook => hook.Value.EventTypes.Contains(type)).Select(hook => hook.Value.Url),
            StringComparer.Ordinal)];
    }
}

[JsonSerializable(typeof(DomainWebhook))]
[JsonSerializable(typeof(AccountWebhook))]
[JsonSerializable(typeof(WebhookDelivery))]
sealed partial class WebhookJson : JsonSerializerContext;
