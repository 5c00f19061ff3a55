using Postern.Mta.Configuration;
using Postern.Mta.Inbound.Filters;

namespace Postern.Mta;

/// <summary><c>[inbound.clamav]</c>.</summary>
public sealed record ClamavOptions
{
    /// <summary>Null: nobody is asked.</summary>
    public FilterAddress? Address { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Octets of a message; the StreamMaxLength of clamd up to version 1.0.</summary>
    public long SizeMax { get; init; } = 25L << 20;

    internal static readonly SettingTable<ClamavOptions> Settings = new(
        "ClamAV's clamd is asked about mail from other servers; what becomes of it is for "
        + "`[[inbound.verdicts]]` to say.")
    {
        new ValueSetting<ClamavOptions, FilterAddress?>("address", Kinds.Filter.OrNull(),
            "Where clamd listens, `\"unix:/run/clamav/clamd.ctl\"` or `\"127.0.0.1:3310\"`.",
            o => o.Address, (o, v) => o with { Address = v }) { DefaultDoc = "it is not asked" },
        new ValueSetting<ClamavOptions, TimeSpan>("timeout", Kinds.Duration,
            "How long its answer is waited for; then it is `error`.",
            o => o.Timeout, (o, v) => o with { Timeout = v }),
        new ValueSetting<ClamavOptions, long>("size-max", Kinds.Size,
            "The greatest message it is asked about, at most clamd's `StreamMaxLength`; a larger one is "
            + "`skipped`.",
            o => o.SizeMax, (o, v) => o with { SizeMax = v }),
    };
}
