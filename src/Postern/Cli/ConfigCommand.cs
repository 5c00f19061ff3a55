using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Intake;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Transports.PubSub;

namespace Postern.Cli;

/// <summary><c>postern config</c>, and how every command reads a configuration file.</summary>
static class ConfigCommand
{
    public static int Check(CommandContext context, string? file)
    {
        var path = file ?? PathOf(context);
        Read(path);
        Console.Out.WriteLine($"{path}: good");
        return ExitCode.Ok;
    }

    public static async Task<int> PrintAsync(
        CommandContext context, bool changedOnly, CancellationToken cancel)
    {
        var options = Read(PathOf(context));
        var text = changedOnly
            ? ConfigurationPrinter.PrintChanged(options)
            : ConfigurationPrinter.Print(options);
        var accounts = await AccountSources.AskAsync(context, options, cancel);
        var domains = accounts is null ? null : await DomainSources.AskAsync(context, cancel);
        Console.Out.Write(DomainSources.Mark(AccountSources.Mark(text, accounts), domains));
        return ExitCode.Ok;
    }

    /// <summary>An error with file and line of the key that is to blame.</summary>
    public static CommandException Place(CommandException e, string path) => e.Key is { } key
        ? new CommandException(
            e.ExitCode,
            new ConfigurationError(path, ConfigurationReader.FindLine(path, key), key, e.Message).ToString(),
            e.Mend)
        : e;

    /// <summary>Options that hold no error.</summary>
    /// <exception cref="CommandException">One line for each error, exit 78.</exception>
    public static PosternOptions Read(string path)
    {
        var result = ConfigurationReader.Read(path, new ConfigurationSurroundings());
        var errors = new List<ConfigurationError>(result.Errors);
        if (result.IsGood)
        {
            AliasTable.Load(result.Options, errors);
            errors.AddRange(result.Options.Transports
                .SelectMany(transport => ProblemsOf(path, transport.Key, transport.Value)));
        }
        if (errors.Count == 0)
            return result.Options;
        foreach (var error in errors.Take(errors.Count - 1))
            Output.Error(error.ToString(), null);
        throw new CommandException(ExitCode.Configuration, errors[^1].ToString());
    }

    /// <summary>What only the transport itself knows: a macro that does not exist, a user that cannot be
    /// taken on.</summary>
    static IEnumerable<ConfigurationError> ProblemsOf(string path, string name, TransportOptions transport)
    {
        string?[] problems = transport.Kind switch
        {
            TransportKind.Pipe =>
                [PipeTransport.FindProblem(transport), PipeTransport.FindAccountProblem(transport)],
            TransportKind.Pubsub => [PubSubTransport.FindProblem(transport)],
            _ => [],
        };
        foreach (var problem in problems.Append(BucketAddress.FindProblem(transport)))
        {
            if (problem is not null)
                yield return new ConfigurationError(path, 0, $"transports.{name}", problem);
        }
    }

    static string PathOf(CommandContext context) =>
        ConfigurationLocation.Find(context.Config, Environment.GetEnvironmentVariable, File.Exists) switch
        {
            ConfigurationLocation.InFile found => found.Path,
            ConfigurationLocation.Missing missing =>
                throw new CommandException(ExitCode.Configuration, missing.Text),
            _ => throw new CommandException(
                ExitCode.Configuration,
                    $"there is no configuration file: {ConfigurationLocation.SystemPath} does not exist",
                "name one with --config"),
        };
}
