namespace Postern.Mta.Inbound.Checks;

/// <summary>What a milter said.</summary>
/// <param name="Name">As the configuration calls it.</param>
/// <param name="Text">Printable ASCII: its reply (<c>550 5.7.1 no</c>), its reason for a quarantine, or what
/// is wrong with it. Null: nothing to say.</param>
public sealed record MilterVerdict(string Name, MilterResult Result, string? Text);

public enum MilterResult
{
    Accept,

    /// <summary>It wants the mail held for an operator.</summary>
    Quarantine,

    /// <summary>It wants the mail taken and thrown away.</summary>
    Discard,

    /// <summary>It wants the peer to come again.</summary>
    Defer,
    Reject,

    /// <summary>Not asked about this message: it is too large, or a milter before it had decided.</summary>
    Skipped,

    /// <summary>The milter gave no answer, or none that could be understood.</summary>
    Error,
}
