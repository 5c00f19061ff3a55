using System.CommandLine;

namespace Postern.Cli;

/// <summary>Every command of the program, with its exit code; the words of DESIGN §4.</summary>
static partial class CommandTree
{
    static readonly Option<string?> Config =
        new("--config") { Description = "the configuration file", Recursive = true };
    static readonly Option<string?> Server =
        new("--server") { Description = "socket or data directory of the server", Recursive = true };
    static readonly Option<bool> Json = new("--json") { Description = "print JSON", Recursive = true };

    /// <summary>The parser lists what may stand there, an item a line.</summary>
    static string OnOneLine(string message) => string
        .Join(' ', message.Split(['\n', '\t', ' '], StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');

    public static async Task<int> InvokeAsync(string[] args)
    {
        // An argument that begins with @ is what it is, and names no file: a peer may have chosen it.
        var parsed = Build().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is not System.CommandLine.Help.HelpAction)
        {
            Output.Error(
                string.Join("; ", parsed.Errors.Select(error => OnOneLine(error.Message))),
                "see: postern --help");
            return ExitCode.Usage;
        }
        var invocation = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null
        };
        try
        {
            return await parsed.InvokeAsync(invocation);
        }
        catch (CommandException e)
        {
            Output.Error(e.Message, e.Mend);
            return e.ExitCode;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Output.Error(e.Message, null);
            return ExitCode.IoError;
        }
        catch (OperationCanceledException)
        {
            return ExitCode.TemporaryFailure;
        }
        catch (Exception e)
        {
            // The last word of a bug is one line too; systemd and scripts judge by the code.
            var text = e.Message.ReplaceLineEndings(" ");
            Output.Error($"{e.GetType().Name}: {text}", "this is a bug in Postern");
            return ExitCode.Software;
        }
    }

    static RootCommand Build()
    {
        var root = new RootCommand("Postern, a mail transfer agent for servers that may not send on port 25")
        {
            Config, Server, Json,
        };
        Command[] commands =
        [
            Serve(), Send(), Deliver(), Queue(), Inbound(), Log(), Search(), Trace(), Route(),
            Configuration(), Reload(), Account(), User(), Suppression(), Doctor(),
        ];
        foreach (var command in commands)
            root.Add(command);
        return root;
    }

    static CommandContext ContextOf(ParseResult parsed) =>
        new(parsed.GetValue(Config), parsed.GetValue(Server), parsed.GetValue(Json));

    static Command Serve()
    {
        var ready = new Option<string?>(
            "--ready-file")
        { Description = "writes the real addresses there, as JSON, once ready" };
        var command =
            new Command("serve", "Runs the server; without a configuration file, the sandbox") { ready };
        command.SetAction(
            (parsed, cancel) => new ServeCommand(ContextOf(parsed), parsed.GetValue(ready)).RunAsync(cancel));
        return command;
    }

    static Command Deliver()
    {
        var sender = new Option<string>(
            "--sender")
        { Description = "the reverse-path", DefaultValueFactory = _ => "" };
        var recipients = new Option<string[]>(
            "--recipient")
        { Description = "a forward-path; repeat it for more", Required = true };
        var client = new Option<string?>("--client-address") { Description = "where the mail came from" };
        var helo = new Option<string?>("--helo") { Description = "what the client called itself" };
        var command = new Command(
            "deliver", "Takes a message on standard input, as the script behind another MTA's pipe")
        {
            sender, recipients, client, helo,
        };
        command.SetAction((parsed, cancel) => DeliverCommand.RunAsync(
            ContextOf(parsed), parsed.GetValue(sender)!, parsed.GetValue(recipients)!, parsed
                .GetValue(client),
            parsed.GetValue(helo), cancel));
        return command;
    }

    static Command Queue()
    {
        var command = new Command("queue", "The queue: what waits, why, and what to do with it");
        var filters = new QueueFilterOptions();
        var list = new Command("list", "Messages in the queue");
        filters.AddTo(list);
        var totals = new Option<string?>("--totals")
        {
            Description = "counts by age in minutes: of each lane, route, transport, sender or recipient"
                + " domain",
            Arity = ArgumentArity.ZeroOrOne,
        };
        list.Add(totals);
        list.SetAction((parsed, cancel) => parsed.GetResult(totals) is null
            ? QueueCommand.ListAsync(ContextOf(parsed), filters.Read(parsed), cancel)
            : QueueCommand.TotalsAsync(
                ContextOf(parsed), parsed.GetValue(totals) ?? "lane", filters.Read(parsed), cancel));
        var id = new Argument<string>("id") { Description = "the queue id" };
        var show = new Command("show", "One message with its attempts, and why it waits") { id };
        show.SetAction(
            (parsed, cancel) => QueueCommand.ShowAsync(ContextOf(parsed), parsed.GetValue(id)!, cancel));
        var why = new Command("why", "Why a message waits and how to mend it, or how it ended") { id };
        why.SetAction(
            (parsed, cancel) => QueueCommand.WhyAsync(ContextOf(parsed), parsed.GetValue(id)!, cancel));
        command.Add(list);
        command.Add(show);
        command.Add(why);
        foreach (var (name, text) in QueueCommand.Changes)
        {
            var ids = new Argument<string[]>(
                "id")
            { Description = "queue ids, or ALL", Arity = ArgumentArity.ZeroOrMore };
            var change = new Command(name, text) { ids };
            filters.AddTo(change);
            change.SetAction((parsed, cancel) => QueueCommand.ChangeAsync(
                ContextOf(parsed), name, parsed.GetValue(ids) ?? [], filters.Read(parsed), cancel));
            command.Add(change);
        }
        return command;
    }

    static Command Inbound()
    {
        var filters = new QueueFilterOptions();
        var ids = new Argument<string[]>("id")
        {
            Description = "queue ids, or ALL",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var done = new Option<bool>("--done")
        {
            Description = "also what was delivered, as far as queue.keep-content kept it",
        };
        var replay = new Command("replay", "Dead letters go their way once more") { ids, done };
        filters.AddTo(replay);
        replay.SetAction((parsed, cancel) => QueueCommand.ChangeAsync(
            ContextOf(parsed), "inbound replay",
            parsed.GetValue(done) ? "admin/v1/inbound/replay?done=true" : "admin/v1/inbound/replay?",
            parsed.GetValue(ids) ?? [], filters.Read(parsed), cancel));
        return new Command("inbound", "Mail from other servers") { replay };
    }

    static Command Log()
    {
        var after = new Option<long?>("--after")
        {
            Description = "begins after this event instead of with the last ones",
        };
        var limit =
            new Option<int>("--limit") { Description = "at most so many", DefaultValueFactory = _ => 100 };
        var follow = new Option<bool>("--follow", "-f")
        {
            Description = "goes on with what happens from now on",
        };
        var search = new Argument<string?>("search")
        {
            Description = "shows events that hold this text",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("log", "What happened, in order")
        {
            search, after, limit, follow, Anonymise(),
        };
        command.SetAction((parsed, cancel) => LogCommand.RunAsync(
            ContextOf(parsed),
            new LogRequest(
                parsed.GetValue(search), parsed.GetValue(after), parsed.GetValue(limit),
                parsed.GetValue(follow)),
            cancel));
        return command;
    }

    static Command Trace()
    {
        var about = new Argument<string>("message")
        {
            Description = "a queue id, a Message-ID, or a recipient",
        };
        var limit = new Option<int>("--limit")
        {
            Description = "at most so many messages, the newest",
            DefaultValueFactory = _ => 10,
        };
        var conversation = new Option<bool>("--conversation")
        {
            Description = "shows what was said in each attempt, as far as log.conversation keeps it",
        };
        var command = new Command(
            "trace", "The life of a message: accepted, routed and why, each attempt, what the provider told")
        {
            about, limit, conversation,
        };
        command.SetAction((parsed, cancel) => LogCommand.TraceAsync(
            ContextOf(parsed),
            new TraceRequest(
                parsed.GetValue(about)!, parsed.GetValue(limit), parsed.GetValue(conversation)),
            cancel));
        return command;
    }

    static Command Route()
    {
        var from = new Option<string>(
            "--from")
        { Description = "the sender; <> for none", DefaultValueFactory = _ => "<>" };
        var to = new Option<string>("--to") { Description = "the recipient", Required = true };
        var account = new Option<string?>("--account") { Description = "the account that logged in" };
        var listener = new Option<string?>("--listener") { Description = "the listener it came through" };
        var door = new Option<string>(
            "--door")
        { Description = "mx, submission, api or forward", DefaultValueFactory = _ => "submission" };
        var explain = new Command("explain", "Which route and transport a recipient gets, and why") { from,
            to, account, listener, door };
        explain.SetAction((parsed, cancel) => RouteCommand.ExplainAsync(
            ContextOf(parsed), parsed.GetValue(from)!, parsed.GetValue(to)!, parsed.GetValue(account), parsed
                .GetValue(listener),
            parsed.GetValue(door)!, cancel));
        return new Command("route", "Routing") { explain };
    }

    static Command Configuration()
    {
        var file =
            new Argument<string?>("file") { Description = "the file", Arity = ArgumentArity.ZeroOrOne };
        var check = new Command("check", "Tests a configuration file") { file };
        check.SetAction(parsed => ConfigCommand.Check(ContextOf(parsed), parsed.GetValue(file)));
        var changed = new Option<bool>("--changed") { Description = "only what differs from the defaults" };
        var print = new Command("print", "Shows the whole effective configuration") { changed };
        print.SetAction((parsed, cancel) => ConfigCommand.PrintAsync(
            ContextOf(parsed), parsed.GetValue(changed), cancel));
        return new Command("config", "The configuration file") { check, print };
    }

    static Command Reload()
    {
        var command = new Command("reload", "Makes the server read its configuration again");
        command.SetAction((parsed, cancel) => ReloadCommand.RunAsync(ContextOf(parsed), cancel));
        return command;
    }

    static Command Account()
    {
        var name = new Argument<string>("name") { Description = "the user name" };
        var senders =
            new Option<string[]>("--sender") { Description = "an address pattern it may send as; none: any" };
        var rate = new Option<string?>("--rate") { Description = "the most recipients in a time: 100/min" };
        var quota = new Option<string?>("--quota") { Description = "the most recipients a day: 5000/day" };
        var add =
            new Command("add", "Makes an account; its password comes on standard input")
            {
                name, senders, rate, quota,
            };
        add.SetAction((parsed, cancel) => AccountCommand.AddAsync(
            ContextOf(parsed), parsed.GetValue(name)!, parsed.GetValue(senders) ?? [],
            parsed.GetValue(rate), parsed.GetValue(quota), cancel));
        var list = new Command("list", "Accounts of file and store");
        list.SetAction((parsed, cancel) => AccountCommand.ListAsync(ContextOf(parsed), cancel));
        var remove = new Command("remove", "Removes an account of the store") { name };
        remove.SetAction((parsed, cancel) =>
            AccountCommand.RemoveAsync(ContextOf(parsed), parsed.GetValue(name)!, cancel));
        return new Command("account", "Who may submit") { add, list, remove };
    }

    static Command Doctor()
    {
        var directory = new Option<string>("--durability")
        {
            Description = "tests whether the disk of this directory keeps what it says it has flushed",
            Required = true,
        };
        var write = new Option<bool>("--write")
        {
            Description = "before a power cut: writes records and says the number of each that is flushed",
        };
        var verify = new Option<long?>("--verify")
        {
            Description = "after it: whether the records up to this number, the last one seen, are there",
        };
        var command = new Command("doctor", "Looks at what Postern stands on") { directory, write, verify };
        command.SetAction((parsed, cancel) =>
            new DoctorCommand(ContextOf(parsed), parsed.GetValue(directory)!)
                .RunAsync(parsed.GetValue(write), parsed.GetValue(verify), cancel));
        return command;
    }
}

/// <summary>What every command was given.</summary>
sealed record CommandContext(string? Config, string? Server, bool Json)
{
    /// <summary>The server to talk to was named, not found.</summary>
    public bool NamesServer =>
        (Server ?? Environment.GetEnvironmentVariable(AdminClient.ServerVariable)) is { Length: > 0 };

    public AdminClient OpenAdmin() => AdminClient.Find(Server, Config, "admin.sock", ExitCode.Unavailable);
}
