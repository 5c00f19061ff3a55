using Postern.Smtp;

namespace Postern.Mta.Intake;

/// <summary>What an address stands for.</summary>
public abstract record AliasExpansion
{
    /// <summary>It stands for itself.</summary>
    public sealed record Unchanged : AliasExpansion;

    /// <summary>It becomes these, none of them twice; the address itself may be among them.</summary>
    public sealed record To(IReadOnlyList<Mailbox> Targets) : AliasExpansion;

    /// <summary>The table is at fault; the mail is to be deferred, not refused for good.</summary>
    public sealed record TooMuch(string Text) : AliasExpansion;
}
