using Postern.Fuzz;
using Postern.Fuzz.Targets;

var clock = TimeProvider.System;
if (Arguments.Read(args, clock) is not { } arguments)
{
    Console.Error.WriteLine(Arguments.Usage);
    return 64;
}
FuzzTarget[] all =
[
    new BounceTarget(), new CommandTarget(), new ContentTarget(), new MailboxTarget(), new ReplyTarget(),
    new SessionTarget(), new SignatureTarget(), new SpfTarget(),
];
var chosen = all.Where(target => arguments.Target is null || target.Name == arguments.Target).ToArray();
if (chosen.Length == 0)
{
    Console.Error.WriteLine($"targets: {string.Join(' ', all.Select(target => target.Name))}");
    return 64;
}
if (arguments.Replay is { } path)
{
    var breach = new Campaign(chosen[0], 0, clock).Try(Corpus.Read(path));
    Console.WriteLine(breach?.Text ?? "nothing");
    return breach is null ? 0 : 1;
}
return new Run(chosen, arguments, Corpus.Find(), clock).ToEnd();
