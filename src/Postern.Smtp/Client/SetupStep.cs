namespace Postern.Smtp.Client;

/// <summary>What the rules ask of the connection while a session is set up.</summary>
abstract record SetupStep
{
    SetupStep()
    {
    }

    /// <summary>Send what is in the writer, if anything, and wait for the reply.</summary>
    public sealed record Ask(SmtpStage Stage) : SetupStep;

    /// <summary>
    /// Do the handshake, then go on with a new session: nothing learnt in the clear counts (RFC 3207 §4.2).
    /// </summary>
    public sealed record StartTls : SetupStep;

    /// <summary>Transactions may begin.</summary>
    public sealed record Ready : SetupStep;

    /// <summary>It ends here.</summary>
    public sealed record End(OpenResult Result) : SetupStep;
}
