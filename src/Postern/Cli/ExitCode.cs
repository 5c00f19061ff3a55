namespace Postern.Cli;

/// <summary>What the process says to whoever started it: the codes of sysexits.h.</summary>
static class ExitCode
{
    public const int Ok = 0;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 64;

    /// <summary>What was given on standard input cannot be used.</summary>
    public const int DataError = 65;

    /// <summary>Nothing of that name: a message, a recipient, an account.</summary>
    public const int NoUser = 67;

    /// <summary>No running server answers, or it refuses for now.</summary>
    public const int Unavailable = 69;

    /// <summary>A bug.</summary>
    public const int Software = 70;

    /// <summary>The system refuses something: a port in use, a port that needs a capability.</summary>
    public const int OsError = 71;

    /// <summary>A directory or file cannot be made.</summary>
    public const int CannotCreate = 73;

    /// <summary>Reading or writing failed.</summary>
    public const int IoError = 74;

    /// <summary>Try again later: the mail stays with the caller, or another Postern holds the data
    /// directory.</summary>
    public const int TemporaryFailure = 75;

    /// <summary>The server says no.</summary>
    public const int NoPermission = 77;

    /// <summary>The configuration is wrong, or something it names cannot be read.</summary>
    public const int Configuration = 78;
}

/// <summary>A command cannot go on: one line for people, with the mend, and the exit code.</summary>
sealed class CommandException(int exitCode, string message, string? mend = null) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>
    /// The key of the configuration that is to blame. Null: none is, or the message names it.
    /// </summary>
    public string? Key { get; init; }

    /// <summary>What to do about it. Null: the message says it.</summary>
    public string? Mend { get; } = mend;
}
