using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using Postern.Mta.Configuration;
using Postern.Mta.Store;
using Postern.Smtp;

namespace Postern.Mta.Accounts;

/// <summary>The sending domains of the file and of the store, what is set for each, and the keys of the API;
/// a name in the file wins. Replaced whole at a reload or a change.</summary>
public sealed class DomainDirectory
{
    /// <summary>The kind of the store's objects; their names are A-labels in lower case.</summary>
    public const string ObjectKind = "domain";

    /// <summary>What is set for a domain, of the file or of the store, under the same name.</summary>
    public const string SettingsKind = "domain-settings";

    /// <summary>Of the store.</summary>
    public const int DomainsMax = 10_000;

    readonly Dictionary<string, SendingDomain> domains;

    DomainDirectory(Dictionary<string, SendingDomain> domains, ApiKeys keys)
    {
        this.domains = domains;
        Keys = keys;
    }

    public ApiKeys Keys { get; }

    /// <summary>In the order of their names.</summary>
    public IEnumerable<SendingDomain> All => domains.Values.OrderBy(one => one.Key, StringComparer.Ordinal);

    /// <summary>As <see cref="SendingDomain.Name"/>, in the same order.</summary>
    public IEnumerable<string> Names => All.Select(one => one.Name);

    public static ObjectTable<StoredDomain> TableOf(IMailStore store) =>
        new(store, ObjectKind, DomainJson.Default.StoredDomain);

    public static ObjectTable<DomainSettings> SettingsOf(IMailStore store) =>
        new(store, SettingsKind, DomainJson.Default.DomainSettings);

    /// <exception cref="JsonException">An object of the store is damaged.</exception>
    public static async ValueTask<DomainDirectory> LoadAsync(
        PosternOptions options, IMailStore store, CancellationToken cancel)
    {
        var settings = new Dictionary<string, DomainSettings>(StringComparer.Ordinal);
        foreach (var (name, value) in await SettingsOf(store).ReadAsync(cancel).ConfigureAwait(false))
            settings[name] = value;
        var domains = new Dictionary<string, SendingDomain>(StringComparer.Ordinal);
        foreach (var (name, value) in await TableOf(store).ReadAsync(cancel).ConfigureAwait(false))
            Add(new DomainSource.Store(value.CreatedAt), name, name);
        foreach (var name in options.Domains.Keys)
            if (TryReadName(name, out var key))
                Add(new DomainSource.File(), key, name);
        var keys = await ApiKeys.LoadAsync(options, store, cancel).ConfigureAwait(false);
        return new DomainDirectory(domains, keys);

        void Add(DomainSource source, string key, string name) => domains[key] = new SendingDomain(
            key, name, source, settings.GetValueOrDefault(key, DomainSettings.Default));
    }

    /// <param name="name">As somebody wrote it.</param>
    public bool TryFind(string name, [NotNullWhen(true)] out SendingDomain? domain)
    {
        domain = null;
        return TryReadName(name, out var key) && domains.TryGetValue(key, out domain);
    }

    /// <summary>The name under which a domain is known: A-labels in lower case, no final dot.</summary>
    public static bool TryReadName(string text, out string name)
    {
        name = "";
        if (!Mailbox.TryParse($"x@{text}", out var mailbox))
            return false;
        name = HostName.ToALabels(mailbox.Domain).ToLowerInvariant();
        return HostName.IsValid(name);
    }
}

/// <summary>A domain that mail may be sent as through the API.</summary>
/// <param name="Key">A-labels in lower case.</param>
/// <param name="Name">As the file spells it; of the store, the same as <paramref name="Key"/>.</param>
public sealed record SendingDomain(string Key, string Name, DomainSource Source, DomainSettings Settings);

/// <summary>Where a domain was made.</summary>
public abstract record DomainSource
{
    DomainSource()
    {
    }

    public sealed record File : DomainSource;

    public sealed record Store(DateTimeOffset CreatedAt) : DomainSource;
}

/// <summary>A domain as the store keeps it.</summary>
public sealed record StoredDomain(DateTimeOffset CreatedAt);

/// <summary>What is set for a domain, and what was last seen of it in the DNS.</summary>
/// <param name="WebPrefix">The label in front of the domain that tracking links lead to.</param>
/// <param name="DkimSelector">Null: none was chosen.</param>
public sealed record DomainSettings(
    string WebPrefix = "email", string WebScheme = "https", bool RequireTls = false,
    bool SkipVerification = false, string? DkimSelector = null, OpenTracking? Open = null,
    ClickTracking Click = ClickTracking.Off, UnsubscribeTracking? Unsubscribe = null, DnsSeen? Seen = null)
{
    public static readonly DomainSettings Default = new();

    [JsonIgnore]
    public OpenTracking OpenOrDefault => Open ?? new();

    [JsonIgnore]
    public UnsubscribeTracking UnsubscribeOrDefault => Unsubscribe ?? new();
}

/// <summary>Whether openings are told.</summary>
public sealed record OpenTracking(bool IsActive = false, bool IsAtTheTop = false);

/// <summary>Whether clicks are told, and in which parts of a message.</summary>
public enum ClickTracking { Off, HtmlOnly, On }

/// <summary>Whether a message gets a way to unsubscribe, and which.</summary>
public sealed record UnsubscribeTracking(
    bool IsActive = false, string HtmlFooter = UnsubscribeTracking.Html,
    string TextFooter = UnsubscribeTracking.Text)
{
    const string Html = "\n<br>\n<p><a href=\"%unsubscribe_url%\">unsubscribe</a></p>\n";
    const string Text = "\n\nTo unsubscribe click: <%unsubscribe_url%>\n\n";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredDomain))]
[JsonSerializable(typeof(DomainSettings))]
[JsonSerializable(typeof(StoredKey))]
sealed partial class DomainJson : JsonSerializerContext;
