using System.Text.Json.Serialization;

namespace Postern.Mta.Inbound.Checks;

/// <summary>What was found out about a message at the door; the facts of it that never change.</summary>
/// <remarks>Stored with the message as JSON: member names are a contract with our own later
/// versions.</remarks>
public sealed record MailChecks
{
    /// <summary>Null: not checked.</summary>
    public SpfVerdict? Spf { get; init; }

    /// <summary>One for each signature that was looked at, in the order of the header. Null: not
    /// checked.</summary>
    public IReadOnlyList<DkimVerdict>? Dkim { get; init; }

    /// <summary>Null: not checked.</summary>
    public DmarcVerdict? Dmarc { get; init; }

    /// <summary>Null: not checked.</summary>
    public ArcVerdict? Arc { get; init; }

    /// <summary>Null: not checked.</summary>
    public IprevVerdict? Iprev { get; init; }

    /// <summary>Null: not checked.</summary>
    public HeloVerdict? Helo { get; init; }

    /// <summary>Block lists, by zone, that name the client.</summary>
    public IReadOnlyList<string> Listed { get; init; } = [];

    /// <summary>The rule that decided about the message. Null: none matched.</summary>
    public string? Rule { get; init; }

    public VerdictAction Action { get; init; }

    /// <summary>One word for all signatures: that of one that passes, else the first's; what cannot be known
    /// now goes before what is wrong.</summary>
    [JsonIgnore]
    public AuthenticationResult? DkimResult => Dkim switch
    {
        null => null,
        [] => AuthenticationResult.None,
        _ when Dkim.Any(one => one.Result == AuthenticationResult.Pass) => AuthenticationResult.Pass,
        _ when Dkim.Any(one => one.Result == AuthenticationResult.Temperror)
            => AuthenticationResult.Temperror,
        _ => Dkim[0].Result,
    };

    /// <summary>Null: no filter was asked.</summary>
    public SpamVerdict? Spam { get; init; }

    /// <summary>Null: no scanner was asked.</summary>
    public VirusVerdict? Virus { get; init; }

    /// <summary>In the order they were asked. Null: none is configured.</summary>
    public IReadOnlyList<MilterVerdict>? Milters { get; init; }
}

/// <summary>The result words of RFC 8601 §2.7, spelt as there.</summary>
public enum AuthenticationResult
{
    /// <summary>There is nothing to check: no record, no signature.</summary>
    None,
    Pass,
    Fail,
    Softfail,
    Neutral,

    /// <summary>A signature that our own rules do not take, as one of a weak key (RFC 8301).</summary>
    Policy,

    /// <summary>Nobody knows now: DNS does not answer.</summary>
    Temperror,

    /// <summary>What is published or signed cannot be read.</summary>
    Permerror,
}

/// <summary>SPF (RFC 7208).</summary>
/// <param name="Domain">The one that was asked about: of MAIL FROM, or of HELO for the null sender.</param>
/// <param name="Explanation">The domain's own words for a fail, cleaned of control characters. Null:
/// none.</param>
/// <param name="Why">The mechanism that matched (<c>ip4:192.0.2.0/24</c>), or what is wrong with the record.
/// Null: nothing to say.</param>
public sealed record SpfVerdict(
    AuthenticationResult Result, string Domain, SpfScope Scope, string? Explanation, string? Why);

public enum SpfScope
{
    MailFrom,
    Helo,
}

/// <summary>One signature (RFC 6376, RFC 8463).</summary>
/// <param name="Domain">Its <c>d=</c>, as an A-label in lower case. Empty: unreadable.</param>
/// <param name="Algorithm">As in <c>rsa-sha256</c>. Empty: unreadable.</param>
/// <param name="Why">What is wrong; of a pass with <c>l=</c>, how much is signed. Null: nothing to
/// say.</param>
public sealed record DkimVerdict(
    AuthenticationResult Result, string Domain, string Selector, string Algorithm, string? Why)
{
    /// <summary>Its <c>i=</c>. Null: not given, or nothing that can be shown.</summary>
    public string? Identity { get; init; }

    /// <summary>The first 8 characters of <c>b=</c> (RFC 6008), which tell signatures of one domain
    /// apart.</summary>
    public string SignatureStart { get; init; } = "";

    /// <summary>The key's record says <c>t=y</c>: its domain is only testing.</summary>
    public bool IsTesting { get; init; }

    /// <summary>The domain agrees with that of From as DMARC wants it. Null: DMARC was not asked.</summary>
    public bool? IsAligned { get; init; }
}

/// <summary>DMARC (RFC 9989).</summary>
/// <param name="Domain">Of From, an A-label in lower case.</param>
/// <param name="Policy">What the domain's owner asks for, for this name. Null: no record.</param>
/// <param name="Why">What is wrong. Null: nothing to say.</param>
public sealed record DmarcVerdict(
    AuthenticationResult Result, string Domain, DmarcPolicy? Policy, string? Why)
{
    /// <summary>Where the record was found. Null: nowhere.</summary>
    public string? RecordDomain { get; init; }

    public bool IsSpfAligned { get; init; }
    public bool IsDkimAligned { get; init; }

    /// <summary>The record says <c>t=y</c>: the policy is to be taken one step milder.</summary>
    public bool IsTesting { get; init; }
}

public enum DmarcPolicy
{
    None,
    Quarantine,
    Reject,
}

/// <summary>ARC (RFC 8617).</summary>
/// <param name="Result">None, Pass or Fail; Temperror where a key could not be had.</param>
/// <param name="Sealers">The <c>d=</c> of each seal, the oldest first.</param>
/// <param name="Why">What broke the chain. Null: nothing.</param>
public sealed record ArcVerdict(AuthenticationResult Result, IReadOnlyList<string> Sealers, string? Why)
{
    /// <summary>The <c>i=</c> of the oldest set whose message signature still holds. 0: that of all of
    /// them.</summary>
    public int OldestPass { get; init; }
}

/// <summary>Whether the client's address has a name that leads back to it (RFC 8601 §3).</summary>
/// <param name="Result">Pass; Fail: it has a name, which does not; Permerror: it has none.</param>
/// <param name="Name">For a pass alone: what nobody has proved is worth nothing. Null otherwise.</param>
public sealed record IprevVerdict(AuthenticationResult Result, string? Name);

/// <summary>Whether the client is who it says in HELO or EHLO.</summary>
/// <param name="Result">
/// Pass: the name leads to the client, or the literal is its address. Fail: it says to be us, or another
/// address. Neutral: the name leads to others; None: it leads nowhere. Permerror: it is no name of a host.
/// </param>
/// <param name="Why">What is wrong. Null: nothing.</param>
public sealed record HeloVerdict(AuthenticationResult Result, string? Why);

[JsonSerializable(typeof(MailChecks))]
[JsonSourceGenerationOptions(
    UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
sealed partial class MailChecksJson : JsonSerializerContext;
