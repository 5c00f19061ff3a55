using System.CommandLine;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern log anonymise</c>.</summary>
static partial class CommandTree
{
    static Command Anonymise()
    {
        var address = new Argument<string>("address") { Description = "user@domain" };
        var dry = new Option<bool>("--dry-run") { Description = "looks and counts, and changes nothing" };
        var suppressions = new Option<bool>("--suppressions")
        {
            Description = "takes it off suppression lists and mailing lists, too",
        };
        var dead = new Option<bool>("--dead-letters")
        {
            Description = "dead letters count as done: their content goes",
        };
        var command = new Command(
            "anonymise", "Puts a pseudonym in the place of an address, in all events of mail that is done")
        {
            address, dry, suppressions, dead,
        };
        command.SetAction((parsed, cancel) => AnonymiseCommand.RunAsync(
            ContextOf(parsed),
            new AnonymiseOrder(
                parsed.GetValue(address)!, parsed.GetValue(dry), parsed.GetValue(suppressions),
                parsed.GetValue(dead)),
            cancel));
        return command;
    }
}
