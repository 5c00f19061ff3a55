using System.Globalization;
using System.Text;
using Postern.Mta.Reports;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>How one run of a script ended.</summary>
/// <param name="Output">The beginning of what it wrote, on one line, control characters replaced.</param>
abstract record PipeRun(string Program, string Output)
{
    /// <summary>Output kept, in octets; the rest is read and dropped.</summary>
    public const int OutputOctetsMax = 4096;

    /// <summary>Output shown in the result's text, in characters.</summary>
    const int OutputShownMax = 1000;

    /// <summary>Output that is shown with its lines, in octets from the end of what is kept.</summary>
    const int TailOctetsMax = 900;

    /// <summary>The last lines of <see cref="Output"/> as they came; to be escaped where they are
    /// shown.</summary>
    public string Tail { get; init; } = "";

    /// <summary>How it ended and what it said last.</summary>
    public string ToTalk()
    {
        var invariant = CultureInfo.InvariantCulture;
        var end = this switch
        {
            NotStarted { Problem: var problem } => $"({problem.Text})",
            Exited { Code: var code } => string.Create(invariant, $"exit {code}"),
            Killed { Signal: var signal } => string.Create(invariant, $"signal {signal}"),
            TimedOut { Limit: var limit } =>
                string.Create(invariant, $"(timed out after {limit.TotalSeconds:0.###} s)"),
            Stopped => "(the server stops)",
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return Tail.Length == 0 ? end : $"{end}\n{Tail}";
    }

    /// <summary>The last lines of what a script wrote.</summary>
    public static string TailOf(ReadOnlySpan<byte> output) => Encoding.UTF8.GetString(
        output[Math.Max(0, output.Length - TailOctetsMax)..]).Trim();

    /// <summary>It never ran.</summary>
    public sealed record NotStarted(string Program, PipeProblem Problem) : PipeRun(Program, "");

    public sealed record Exited(string Program, string Output, int Code) : PipeRun(Program, Output);

    public sealed record Killed(string Program, string Output, int Signal) : PipeRun(Program, Output);

    public sealed record TimedOut(string Program, string Output, TimeSpan Limit) : PipeRun(Program, Output);

    /// <summary>We are stopping and killed it: what it did is unknown.</summary>
    public sealed record Stopped(string Program, string Output) : PipeRun(Program, Output);

    /// <summary>What the run proves (DESIGN §5, pipe rows).</summary>
    /// <remarks>
    /// Deviation from pipe(8), for the operator: with <see cref="PipeExitCodes.Safe"/> a time-out, an exit
    /// code that says nothing about the mail and a script that cannot start keep the mail.
    /// <see cref="PipeExitCodes.Postfix"/> is its table; only a script that cannot start is held under it
    /// too.
    /// </remarks>
    public AttemptResult Judge(string transport, PipeExitCodes table) => this switch
    {
        NotStarted { Problem: var problem } => CannotStart(problem.Text, problem.Mend),
        TimedOut { Limit: var limit } => Down(
            string.Create(CultureInfo.InvariantCulture,
                $"Command time limit of {limit.TotalSeconds:0.###} s exceeded: \"{Program}\""), table),
        Stopped => new AttemptResult.Uncertain(
            new EnhancedStatus(4, 3, 0), WithOutput($"Command stopped with the server: \"{Program}\"")),
        Killed { Signal: var signal } => new AttemptResult.NextHopDown(
            new EnhancedStatus(4, 3, 0),
            WithOutput(string.Create(
                CultureInfo.InvariantCulture, $"Command died with signal {signal}: \"{Program}\"")),
            NextHopTrouble.Unreachable),
        Exited { Code: 0 } => new AttemptResult.Relayed(
            new EnhancedStatus(2, 0, 0), Delivered(transport), null, HandOver.Final),
        Exited exited => JudgeExit(exited.Code, table),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    AttemptResult JudgeExit(int code, PipeExitCodes table)
    {
        // setpriv says so itself when it cannot start the program.
        if (code is 126 or 127 && Output.StartsWith("setpriv: ", StringComparison.Ordinal))
            return CannotStart(Output, $"see that {Program} exists and that the user may run it");
        // pipe_command.c: a status at the beginning of the output decides before the exit code does.
        if (StatusOfOutput() is { } said)
            return said;
        var died =
            string.Create(CultureInfo.InvariantCulture, $"Command died with status {code}: \"{Program}\"");
        if (table is PipeExitCodes.Postfix)
            return SysExit(code) is not var (detail, text)
                ? new AttemptResult.Failed(new EnhancedStatus(5, 3, 0), WithOutput(died))
                : code is 71 or 75
                    ? new AttemptResult.NextHopDown(detail, WithOutput(text), NextHopTrouble.Unreachable)
                    : new AttemptResult.Failed(detail, WithOutput(text));
        // POSIX.1-2024 XCU §2.8.2: a shell's words for found but not executable, and not found.
        if (code is 126 or 127)
            return CannotStart(WithOutput(died),
                "see that the script's interpreter and the commands it calls exist");
        // Data, user, host and permission are about the mail; the other codes of sysexits.h are about the
        // script or its system.
        if (code is 65 or 67 or 68 or 77 && SysExit(code) is var (status, reason))
            return new AttemptResult.Failed(status, WithOutput(reason));
        return new AttemptResult.NextHopDown(
            new EnhancedStatus(4, 3, 0),
            WithOutput(SysExit(code) is var (_, known) ? known : died),
            NextHopTrouble.Unreachable);
    }

    AttemptResult? StatusOfOutput()
    {
        if (!EnhancedStatus.TryParse(Encoding.UTF8.GetBytes(Output), out var status, out var consumed)
            || status.Class is 2)
            return null;
        var text = Output[consumed..].Trim();
        if (status.Class is 5)
            return new AttemptResult.Failed(status, text);
        // RFC 3463 §3: addressing and mailbox are the recipient's; mail system and network are the way's; the
        // rest is the message's.
        return status.Subject switch
        {
            1 or 2 => new AttemptResult.Deferred(status, text, Blame.Recipient),
            3 or 4 => new AttemptResult.NextHopDown(status, text, NextHopTrouble.Unreachable),
            _ => new AttemptResult.Deferred(status, text, Blame.Message),
        };
    }

    AttemptResult Down(string text, PipeExitCodes table) => table is PipeExitCodes.Postfix
        ? new AttemptResult.Failed(new EnhancedStatus(5, 3, 0), WithOutput(text))
        : new AttemptResult.NextHopDown(
            new EnhancedStatus(4, 3, 0), WithOutput(text), NextHopTrouble.Unreachable);

    static AttemptResult.NextHopDown CannotStart(string text, string mend) =>
        new(new EnhancedStatus(4, 3, 5), text, NextHopTrouble.Unreachable)
        {
            Alarm = new AlarmNotice("pipe", text, mend),
        };

    string Delivered(string transport) =>
        Output.Length == 0 ? $"delivered via {transport} service"
            : $"delivered via {transport} service ({Shown})";

    string WithOutput(string text) => Output.Length == 0 ? text : $"{text}. Command output: {Shown}";

    string Shown => Output.Length <= OutputShownMax ? Output : Output[..OutputShownMax];

    // sys_exits.c of Postfix 3.7, which has its texts from sysexits.h.
    static (EnhancedStatus Status, string Text)? SysExit(int code) => code switch
    {
        64 => (new EnhancedStatus(5, 3, 0), "command line usage error"),
        65 => (new EnhancedStatus(5, 6, 0), "data format error"),
        66 => (new EnhancedStatus(5, 3, 0), "cannot open input"),
        67 => (new EnhancedStatus(5, 1, 1), "user unknown"),
        68 => (new EnhancedStatus(5, 1, 2), "host name unknown"),
        69 => (new EnhancedStatus(5, 3, 0), "service unavailable"),
        70 => (new EnhancedStatus(5, 3, 0), "internal software error"),
        71 => (new EnhancedStatus(4, 3, 0), "system resource problem"),
        72 => (new EnhancedStatus(5, 3, 0), "critical OS file missing"),
        73 => (new EnhancedStatus(5, 2, 0), "can't create user output file"),
        74 => (new EnhancedStatus(5, 3, 0), "input/output error"),
        75 => (new EnhancedStatus(4, 3, 0), "temporary failure"),
        76 => (new EnhancedStatus(5, 5, 0), "remote error in protocol"),
        77 => (new EnhancedStatus(5, 7, 0), "permission denied"),
        78 => (new EnhancedStatus(5, 3, 5), "local configuration error"),
        _ => null,
    };

    /// <summary>Output as it is kept: UTF-8 where it is, one line, no control characters.</summary>
    public static string Tidy(ReadOnlySpan<byte> output)
    {
        var text = new StringBuilder();
        foreach (var character in Encoding.UTF8.GetString(output))
        {
            if (!char.IsControl(character))
                text.Append(character);
            else if (text.Length > 0 && text[^1] != ' ')
                text.Append(' ');
        }
        return text.ToString().Trim();
    }
}
