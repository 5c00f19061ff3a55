namespace Postern.Listeners;

/// <summary>What the running program knows of itself.</summary>
/// <param name="CertificateEnd">When the certificate of the listeners ends.</param>
sealed record ServerFacts(
    string Version, DateTimeOffset StartedAt, IReadOnlyList<BoundListener> Bound,
    Func<DateTimeOffset> CertificateEnd);
