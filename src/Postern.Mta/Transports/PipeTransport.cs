using System.Globalization;
using System.Text;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>A script as the way out: the message on its standard input, the exit code as its
/// answer.</summary>
/// <remarks>
/// One run takes all recipients of an attempt (<c>per = "message"</c>; where an argument names the domain,
/// one run for each domain, as Postfix groups them), or one each. Lines end with LF, as with pipe(8)'s
/// default <c>eol</c>. A run ends with its first process: what that left in the background is neither waited
/// for nor killed, except at the time limit.
/// </remarks>
public sealed class PipeTransport : ITransport
{
    static readonly EnhancedStatus BadRecipientSyntax = new(5, 1, 3);
    static readonly EnhancedStatus BadSenderSyntax = new(5, 1, 7);
    static readonly EnhancedStatus Refused = new(5, 7, 0);

    readonly TransportOptions options;
    readonly InboundSource source;
    readonly TimeProvider clock;
    readonly IReadOnlyList<PipeArgument> arguments;

    /// <exception cref="ArgumentException">The options do not pass <see cref="FindProblem"/>.</exception>
    public PipeTransport(string name, TransportOptions options, InboundSource source, TimeProvider clock)
    {
        Name = name;
        this.options = options;
        this.source = source;
        this.clock = clock;
        var parsed = new List<PipeArgument>();
        foreach (var text in options.Argv)
        {
            if (!PipeArgument.TryParse(text, out var argument, out var problem))
                throw new ArgumentException(problem, nameof(options));
            parsed.Add(argument);
        }
        if (FindProblem(options) is { } wrong)
            throw new ArgumentException(wrong, nameof(options));
        arguments = parsed;
    }

    public string Name { get; }

    /// <summary>What is wrong with the settings whatever the machine looks like. Null: nothing.</summary>
    public static string? FindProblem(TransportOptions options)
    {
        if (options.Argv is not [{ Length: > 0 } program, ..])
            return "argv is missing: the program and its arguments";
        foreach (var text in options.Argv)
        {
            if (!PipeArgument.TryParse(text, out var argument, out var problem))
                return $"argv {problem}";
            if (argument.Leading is not null && ReferenceEquals(text, program))
                return "argv: the program itself may not be a macro";
        }
        return program.Contains('/', StringComparison.Ordinal) && !Path.IsPathRooted(program)
            ? $"argv: \"{program}\" is neither an absolute path nor a name to be found in PATH"
            : null;
    }

    /// <summary>What stands in the way of the user it shall run as, with the mend (exit 78 at start). Null:
    /// nothing.</summary>
    public static string? FindAccountProblem(TransportOptions options) =>
        PipeAccount.TryFind(options, out _, out var problem) ? null : $"{problem.Text}: {problem.Mend}";

    public async ValueTask<AttemptReport> AttemptAsync(Attempt attempt, CancellationToken cancel)
    {
        var started = clock.GetTimestamp();
        var facts = new PipeFacts(attempt, Name, source.Delimiters);
        var results = new Dictionary<int, AttemptResult>();
        foreach (var recipient in attempt.Recipients)
        {
            if (FindRefusal(facts, recipient) is { } refusal)
                results.Add(recipient.Number, refusal);
        }
        var taken = attempt.Recipients.Where(recipient => !results.ContainsKey(recipient.Number)).ToList();
        var description = options.Json ? new Lazy<Task<MailDescription>>(() => MailDescription
            .ReadAsync(attempt.Content, source.DataDirectory, options.Parse, cancel).AsTask()) : null;
        var runs = new Dictionary<int, (PipeRun Run, int Recipients, TimeSpan EndedAfter)>();
        AttemptResult? obstacle = null;
        foreach (var group in GroupsOf(taken))
        {
            // What stopped one run stops the next: the script cannot start, hangs, or we are leaving.
            var result = obstacle;
            if (result is null)
            {
                var run = await RunAsync(attempt, facts, description, group, cancel)
                    .ConfigureAwait(false);
                result = run.Judge(Name, options.ExitCodes);
                foreach (var recipient in group)
                    runs.Add(recipient.Number, (run, group.Count, clock.GetElapsedTime(started)));
                if (run is PipeRun.NotStarted or PipeRun.TimedOut or PipeRun.Stopped)
                    obstacle = run is PipeRun.Stopped ? NotBegun : result as AttemptResult.NextHopDown;
            }
            foreach (var recipient in group)
                results.Add(recipient.Number, result);
        }
        return new AttemptReport(
            [.. attempt.Recipients.Select(recipient => results[recipient.Number])],
            new AttemptFacts(Name, 0, TimeSpan.Zero, clock.GetElapsedTime(started), null))
        {
            Talk = recipient => runs.TryGetValue(attempt.Recipients[recipient].Number, out var made)
                ? Describe(made.Run, made.Recipients, made.EndedAfter)
                : null,
        };
    }

    Conversation Describe(PipeRun run, int recipients, TimeSpan endedAfter)
    {
        var turn = new ConversationTurn(options.Argv[0], run.ToTalk(), Conversation.ToMs(endedAfter));
        return Conversation.Of(Conversation.OthersOf(recipients) is { } others ? [turn, others] : [turn]);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    static AttemptResult.NextHopDown NotBegun =>
        new(new EnhancedStatus(4, 3, 2), "The server stops", NextHopTrouble.Unreachable);

    // DESIGN §9.6: a value that begins with a dash would be an option of the script.
    AttemptResult.Failed? FindRefusal(PipeFacts facts, Recipient recipient)
    {
        foreach (var argument in arguments)
        {
            if (argument.Leading is { } leading && argument.Expand(facts, recipient).StartsWith('-'))
            {
                var status = leading is PipeMacro.Sender ? BadSenderSyntax
                    : argument.IsPerRecipient ? BadRecipientSyntax
                    : Refused;
                return new AttemptResult.Failed(
                    status,
                    $"${{{PipeArgument.NameOf(leading)}}} begins with a dash and would pass for an option");
            }
        }
        return null;
    }

    IEnumerable<IReadOnlyList<Recipient>> GroupsOf(List<Recipient> recipients)
    {
        if (options.Per is PipePer.Recipient)
            return recipients.Select(static recipient => new[] { recipient });
        if (arguments.Any(static argument => argument.IsPerDomain))
            return recipients
                .GroupBy(static recipient => recipient.Address.Domain, StringComparer.OrdinalIgnoreCase)
                .Select(static group => group.ToArray());
        return recipients.Count == 0 ? [] : [recipients];
    }

    async Task<PipeRun> RunAsync(
        Attempt attempt, PipeFacts facts, Lazy<Task<MailDescription>>? description,
        IReadOnlyList<Recipient> recipients, CancellationToken cancel)
    {
        var program = options.Argv[0];
        if (cancel.IsCancellationRequested)
            return new PipeRun.Stopped(program, "");
        if (!PipeAccount.TryFind(options, out var account, out var problem))
            return new PipeRun.NotStarted(program, problem);
        if (FindProgram(program) is not { } path)
            return new PipeRun.NotStarted(program, new PipeProblem(
                $"Command \"{program}\" does not exist",
                    "correct the path in argv, or put the script there"));
        if (description is null)
            return await StartAsync(attempt, facts, account, path, recipients, null, cancel)
                .ConfigureAwait(false);
        PipeDocument file;
        try
        {
            var mail = await description.Value.ConfigureAwait(false);
            var document = new InboundDocument(source, attempt, mail, new RawContent.Elsewhere());
            file = await PipeDocument.WriteAsync(document.Write(recipients), account.User, cancel)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new PipeRun.Stopped(program, "");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new PipeRun.NotStarted(program, new PipeProblem(
                $"The document for the script cannot be written: {error.Message}",
                "make room in the directory for temporary files and in the data directory"));
        }
        using (file)
            return await StartAsync(attempt, facts, account, path, recipients, file, cancel)
                .ConfigureAwait(false);
    }

    /// <param name="document">Null: none was asked for.</param>
    async Task<PipeRun> StartAsync(
        Attempt attempt, PipeFacts facts, PipeAccount account, string path,
        IReadOnlyList<Recipient> recipients, PipeDocument? document, CancellationToken cancel)
    {
        var program = options.Argv[0];
        List<string> line = [.. account.Prefix, path, .. ExpandTail(facts, recipients)];
        List<string> environment = [.. account.Environment, .. facts.EnvironmentFor(recipients)];
        if (document is not null)
            environment.Add($"POSTERN_JSON={document.Path}");
        var command = new ChildCommand(line[0], line, environment, options.Directory ?? "/");
        if (!ChildProcess.TryStart(command, out var child, out var error))
            return new PipeRun.NotStarted(program, Explain(program, error));
        using (child)
        {
            var prefix = Encoding.UTF8.GetBytes(facts.FieldsFor(recipients));
            return await new PipeConversation(child, program, options.Timeout ?? options.TimeLimit, clock)
                .RunAsync(prefix, attempt.Content, cancel).ConfigureAwait(false);
        }
    }

    IEnumerable<string> ExpandTail(PipeFacts facts, IReadOnlyList<Recipient> recipients)
    {
        foreach (var argument in arguments.Skip(1))
        {
            if (!argument.IsPerRecipient)
                yield return argument.Expand(facts, recipients[0]);
            else
                foreach (var recipient in recipients)
                    yield return argument.Expand(facts, recipient);
        }
    }

    static string? FindProgram(string program)
    {
        if (Path.IsPathRooted(program))
            return File.Exists(program) ? program : null;
        return PipeFacts.SearchPath.Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
    }

    PipeProblem Explain(string program, int error)
    {
        const int noEntry = 2, badFormat = 8, noAccess = 13, busy = 26;
        if (options.Directory is { } directory && !Directory.Exists(directory))
            return new PipeProblem($"Directory \"{directory}\" of the script does not exist",
                "create it, or correct directory");
        return error switch
        {
            noEntry =>
                new PipeProblem($"The interpreter of \"{program}\" does not exist",
                    "correct its first line (#!)"),
            badFormat => new PipeProblem(
                $"\"{program}\" is no program", "begin the script with a line such as #!/bin/sh"),
            noAccess =>
                new PipeProblem($"\"{program}\" may not be executed",
                    "chmod +x, and see that its folders can be entered"),
            busy => new PipeProblem($"\"{program}\" is being written", "it is tried again"),
            _ => new PipeProblem(
                string.Create(CultureInfo.InvariantCulture,
                    $"\"{program}\" cannot be started: error {error}"),
                "see the error number; limits on processes and memory are the usual causes"),
        };
    }
}
