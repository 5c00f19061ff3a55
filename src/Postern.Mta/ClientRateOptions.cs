using Postern.Mta.Configuration;

namespace Postern.Mta;

/// <summary><c>[inbound.rates]</c>.</summary>
public sealed record ClientRateOptions
{
    /// <summary>Null: no limit.</summary>
    public Rate? Connections { get; init; }

    /// <summary>Null: no limit.</summary>
    public Rate? Messages { get; init; }

    /// <summary>Null: no limit.</summary>
    public Rate? Recipients { get; init; }

    /// <summary>Null: no limit.</summary>
    public Rate? NetworkConnections { get; init; }

    /// <summary>Null: no limit.</summary>
    public Rate? NetworkMessages { get; init; }

    /// <summary>Null: no limit.</summary>
    public Rate? NetworkRecipients { get; init; }

    internal static readonly SettingTable<ClientRateOptions> Settings = new(
        "What one client of an mx listener, and one network, may do in a time; `inbound.unchecked` ones may "
        + "do what they like. An IPv6 client is its /64; how large a network is, `limits.network-ipv4` and "
        + "`-ipv6` say. Whoever is over a rate is told to come again, and no mail of it is lost.")
    {
        Of("connections", "Connections of a client; above it 421.",
            o => o.Connections, (o, v) => o with { Connections = v }),
        Of("messages", "Messages that a client begins; above it MAIL gets 450.",
            o => o.Messages, (o, v) => o with { Messages = v }),
        Of("recipients", "Recipients that a client asks for, refused ones too; above it RCPT gets 450.",
            o => o.Recipients, (o, v) => o with { Recipients = v }),
        Of("network-connections", "Connections of a network; above it 421.",
            o => o.NetworkConnections, (o, v) => o with { NetworkConnections = v }),
        Of("network-messages", "Messages of a network; above it MAIL gets 450.",
            o => o.NetworkMessages, (o, v) => o with { NetworkMessages = v }),
        Of("network-recipients", "Recipients of a network; above it RCPT gets 450.",
            o => o.NetworkRecipients, (o, v) => o with { NetworkRecipients = v }),
    };

    static ValueSetting<ClientRateOptions, Rate?> Of(
        string key, string doc, Func<ClientRateOptions, Rate?> get,
        Func<ClientRateOptions, Rate?, ClientRateOptions> set) =>
        new(key, Kinds.Rate.OrTheWordNone(), doc, get, set);
}
