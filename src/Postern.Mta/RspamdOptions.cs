using Postern.Mta.Configuration;

namespace Postern.Mta;

/// <summary><c>[inbound.rspamd]</c>.</summary>
public sealed record RspamdOptions
{
    /// <summary>Of its normal worker or its proxy, without <c>/checkv2</c>. Null: nobody is asked.</summary>
    public string? Url { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Octets of a message; rspamd's own <c>max_message</c>.</summary>
    public long SizeMax { get; init; } = 50L << 20;

    /// <summary>Null: it asks for none.</summary>
    public Secret? Password { get; init; }

    internal static readonly SettingTable<RspamdOptions> Settings = new(
        "rspamd is asked about mail from other servers; what becomes of it is for `[[inbound.verdicts]]` to "
        + "say.")
    {
        new ValueSetting<RspamdOptions, string?>("url", Kinds.Text.OrNull(),
            "Where its worker listens, `\"http://127.0.0.1:11333\"`.",
            o => o.Url, (o, v) => o with { Url = v }) { DefaultDoc = "it is not asked" },
        new ValueSetting<RspamdOptions, TimeSpan>("timeout", Kinds.Duration,
            "How long its answer is waited for; then it is `error`.",
            o => o.Timeout, (o, v) => o with { Timeout = v }),
        new ValueSetting<RspamdOptions, long>("size-max", Kinds.Size,
            "The greatest message it is asked about, at most rspamd's `max_message`; a larger one is "
            + "`skipped`.",
            o => o.SizeMax, (o, v) => o with { SizeMax = v }),
        new ValueSetting<RspamdOptions, Secret?>("password", Kinds.Secret.OrNull(),
            "By reference, where its worker asks for one.",
            o => o.Password, (o, v) => o with { Password = v }) { DefaultDoc = "none" },
    };
}
