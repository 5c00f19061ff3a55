using System.CommandLine;
using Postern.Api;

namespace Postern.Cli;

/// <summary><c>postern suppression</c>.</summary>
static partial class CommandTree
{
    static Command Suppression()
    {
        var domain = new Option<string?>("--domain")
        {
            Description = "the sending domain; * for entries that hold for all of them",
        };
        var kind = new Option<string?>("--kind")
        {
            Description = "bounce, unsubscribe, complaint, or allow for the allowlist",
        };
        var only = new Argument<string?>("address")
        {
            Description = "only this address",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var list = new Command("list", "Who is on the list, since when and why") { only, domain, kind };
        list.SetAction((parsed, cancel) => SuppressionCommand.ListAsync(
            ContextOf(parsed), parsed.GetValue(only), parsed.GetValue(domain), parsed.GetValue(kind),
            cancel));
        var address = new Argument<string>("address")
        {
            Description = "user@domain; on the allowlist also a domain",
        };
        var tags = new Option<string[]>("--tag")
        {
            Description = "of an unsubscription: only mail with this tag; repeat it for more",
        };
        var reason = new Option<string?>("--reason") { Description = "why, in words" };
        var add = new Command(
            "add", "Keeps mail from an address: a bounce of all domains, unless said otherwise")
        {
            address, domain, kind, tags, reason,
        };
        add.SetAction((parsed, cancel) => SuppressionCommand.AddAsync(
            ContextOf(parsed),
            new SuppressionRequest(
                parsed.GetValue(address)!, parsed.GetValue(domain), parsed.GetValue(kind),
                parsed.GetValue(tags) is { Length: > 0 } given ? given : null, parsed.GetValue(reason)),
            cancel));
        var remove = new Command(
            "remove", "Takes an address off the list; off all of them, unless said otherwise")
        {
            address, domain, kind,
        };
        remove.SetAction((parsed, cancel) => SuppressionCommand.RemoveAsync(
            ContextOf(parsed), parsed.GetValue(address)!, parsed.GetValue(domain), parsed.GetValue(kind),
            cancel));
        return new Command("suppression", "Who gets no mail of which sending domain") { list, add, remove };
    }
}
