namespace Postern.Mta.Configuration;

/// <summary>What a configuration is read with besides its text.</summary>
public sealed record ConfigurationSurroundings
{
    /// <summary>Environment variables, for <c>env:</c> references. Null: not set.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Accounts made by command, which routes may name too.</summary>
    public IReadOnlyCollection<string> StoredAccounts { get; init; } = [];
}
