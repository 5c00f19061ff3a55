using Postern.Mta.Configuration;
using Postern.Mta.Routing;

namespace Postern.Mta;

/// <summary><c>[dashboard]</c>.</summary>
public sealed record DashboardOptions
{
    /// <summary>Of a session; beyond it nobody knows who sits there.</summary>
    public static readonly TimeSpan SessionMax = TimeSpan.FromDays(30);

    /// <summary>The origin it is reached at from outside. Null: nobody said it, and printed links name the
    /// listener.</summary>
    public string? Url { get; init; }

    /// <summary>From a login on, whatever happens in it.</summary>
    public TimeSpan Session { get; init; } = TimeSpan.FromHours(12);

    public OidcOptions Oidc { get; init; } = new();

    internal static readonly SettingTable<DashboardOptions> Settings = new(
        "The dashboard, and signing in to it. It is served by http listeners that serve `dashboard`. Its "
        + "cookie is `__Host-postern-session`, `Secure`, over TLS, through `behind-proxy` and at an https "
        + "`url`; over plain http on loopback it is `postern-session` without `Secure`, which Safari would "
        + "refuse there.")
    {
        new ValueSetting<DashboardOptions, string?>("url", Kinds.Text.OrNull(),
            "Where it is reached from outside, `\"https://postern.example.org\"`: links that are printed "
            + "begin so, and this host name is served besides `hostname`.",
            o => o.Url, (o, v) => o with { Url = v }) { DefaultDoc = "the address of the listener" },
        new ValueSetting<DashboardOptions, TimeSpan>("session", Kinds.Duration,
            "How long a login holds; 30d at most.",
            o => o.Session, (o, v) => o with { Session = v }),
        new TableSetting<DashboardOptions, OidcOptions>("oidc", OidcOptions.Settings,
            o => o.Oidc, (o, v) => o with { Oidc = v }),
    };
}

/// <summary><c>[dashboard.oidc]</c>.</summary>
public sealed record OidcOptions
{
    /// <summary>As in the provider's own metadata. Null: users sign in with passwords alone.</summary>
    public string? Issuer { get; init; }

    /// <summary>Null only where there is no issuer.</summary>
    public string? ClientId { get; init; }

    /// <summary>Null: the provider knows us as a public client.</summary>
    public Secret? ClientSecret { get; init; }

    public IReadOnlyList<AddressPattern> Admins { get; init; } = [];
    public IReadOnlyList<AddressPattern> Operators { get; init; } = [];
    public IReadOnlyList<AddressPattern> Readers { get; init; } = [];

    /// <summary>Somebody gets in.</summary>
    internal bool HasRoles => Admins.Count + Operators.Count + Readers.Count > 0;

    internal static readonly SettingTable<OidcOptions> Settings = new(
        "Signing in through an OpenID provider. Its redirect URI is `dashboard.url` and `/login/oidc/"
        + "callback`. Who gets in is said by verified addresses; the first list that holds one gives the "
        + "role, and a change of the lists holds from the next request on.")
    {
        new ValueSetting<OidcOptions, string?>("issuer", Kinds.Text.OrNull(),
            "The provider, `\"https://accounts.google.com\"`.",
            o => o.Issuer, (o, v) => o with { Issuer = v }) { DefaultDoc = "passwords alone" },
        new ValueSetting<OidcOptions, string?>("client-id", Kinds.Text.OrNull(),
            "What it calls Postern.",
            o => o.ClientId, (o, v) => o with { ClientId = v }) { DefaultDoc = "none" },
        new ValueSetting<OidcOptions, Secret?>("client-secret", Kinds.Secret.OrNull(),
            "By reference, where it gave one.",
            o => o.ClientSecret, (o, v) => o with { ClientSecret = v }) { DefaultDoc = "none" },
        new ValueSetting<OidcOptions, IReadOnlyList<AddressPattern>>("admins", Kinds.List(Kinds.Pattern),
            "Who may do everything, `[\"alice@example.org\"]`.",
            o => o.Admins, (o, v) => o with { Admins = v }),
        new ValueSetting<OidcOptions, IReadOnlyList<AddressPattern>>("operators", Kinds.List(Kinds.Pattern),
            "Who may see contents and act on mail.",
            o => o.Operators, (o, v) => o with { Operators = v }),
        new ValueSetting<OidcOptions, IReadOnlyList<AddressPattern>>("readers", Kinds.List(Kinds.Pattern),
            "Who may look, `[\"*@example.org\"]`.",
            o => o.Readers, (o, v) => o with { Readers = v }),
    };
}
