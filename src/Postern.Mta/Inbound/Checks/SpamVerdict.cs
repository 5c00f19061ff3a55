namespace Postern.Mta.Inbound.Checks;

/// <summary>What a spam filter said.</summary>
/// <param name="Threshold">From here on its score is <see cref="SpamResult.Spam"/>. Null: not told.</param>
/// <param name="Engine">Name and version, as in <c>rspamd 3.11</c>.</param>
public sealed record SpamVerdict(SpamResult Result, double? Score, double? Threshold, string Engine);

public enum SpamResult
{
    Ham,

    /// <summary>Between the two: for a folder of its own.</summary>
    Suspect,
    Spam,

    /// <summary>Not asked about this message, as one that is too large.</summary>
    Skipped,

    /// <summary>The filter gave no answer.</summary>
    Error,
}

/// <summary>What a virus scanner said.</summary>
/// <param name="Engine">Name and version, as in <c>clamav 1.4</c>.</param>
/// <param name="Signature">What it found. Null: nothing.</param>
public sealed record VirusVerdict(VirusResult Result, string Engine, string? Signature);

public enum VirusResult
{
    Clean,
    Infected,

    /// <summary>Not asked about this message, as one that is too large.</summary>
    Skipped,

    /// <summary>The scanner gave no answer.</summary>
    Error,
}
