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
        return new Command("suppression", "Who gets no mail of which sending domain")
        {
            list, add, remove,
            Exchange("pull", "Adds what the provider's lists have and ours lack", SuppressionWay.Pull),
            Exchange("push", "Puts ours onto the provider's lists", SuppressionWay.Push),
        };
    }

    static Command Exchange(string name, string description, SuppressionWay way)
    {
        var transport = new Argument<string>("transport") { Description = "one of kind mailgun" };
        var domain = new Option<string?>("--domain")
        {
            Description = "the list of ours: a sending domain, or *; else the transport's own domain",
        };
        var from = new Option<string?>("--from") { Description = "where an earlier one stopped, as it said" };
        var command = new Command(name, description) { transport, domain, from };
        command.SetAction((parsed, cancel) => SuppressionCommand.ExchangeAsync(
            ContextOf(parsed), way, new SuppressionExchangeRequest(
                parsed.GetValue(transport)!, parsed.GetValue(domain), parsed.GetValue(from)),
            cancel));
        return command;
    }
}
