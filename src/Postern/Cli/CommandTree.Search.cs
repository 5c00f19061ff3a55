using System.CommandLine;

namespace Postern.Cli;

/// <summary><c>postern search</c>.</summary>
static partial class CommandTree
{
    static Command Search()
    {
        var text = new Argument<string[]>("text")
        {
            Description = "words, the last one by how it begins; from:x to:y subject:z tag:t id:i; a queue "
                + "id or a Message-ID is id:",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var state = new Option<string?>("--state")
        {
            Description =
                "failed, expired, held, waiting, delayed, relayed, cancelled, delivered or expanded",
        };
        var since = new Option<string?>("--since")
        {
            Description = "a moment of local time, or how long ago, as in 2d",
        };
        var until = new Option<string?>("--until") { Description = "the same; not in it" };
        var limit = new Option<int>("--limit")
        {
            Description = "at most so many, the newest",
            DefaultValueFactory = _ => 50,
        };
        var command = new Command("search", "Messages by words, state and time, newest first")
        {
            text, state, since, until, limit,
        };
        command.SetAction((parsed, cancel) => SearchCommand.RunAsync(
            ContextOf(parsed),
            new SearchRequest(
                string.Join(' ', parsed.GetValue(text) ?? []), parsed.GetValue(state), parsed.GetValue(since),
                parsed.GetValue(until), parsed.GetValue(limit)),
            cancel));
        return command;
    }
}
