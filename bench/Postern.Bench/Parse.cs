using System.Buffers;
using BenchmarkDotNet.Attributes;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Bench;

/// <summary>What peers say becomes facts: a command with its parameters, an address, a reply.</summary>
[MemoryDiagnoser]
public class Parse
{
    readonly byte[] command =
        [.. "MAIL FROM:<sender@example.org> SIZE=4096 BODY=8BITMIME RET=HDRS ENVID=1"u8];

    readonly byte[] address = [.. "sender@example.org"u8];
    readonly byte[] reply = [.. "250 2.0.0 Ok: queued as 4XkQ1s2bPfz9vJ\r\n"u8];
    readonly byte[] capabilities =
        [.. "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250 DSN\r\n"u8];

    readonly ReplyParser parser = new();

    /// <summary>MAIL: the verb, the path and four parameters.</summary>
    [Benchmark]
    public MailParameters MailCommand()
    {
        var argument = SmtpCommand.Parse(command).Argument;
        return SmtpCommand.TrySkipKeyword(ref argument, "FROM:"u8)
            && EnvelopePath.TryRead(argument, out _, out var rest)
            && PathParameters.ReadMail(rest, out var parameters, out _) == ParameterFault.None
                ? parameters : throw new FormatException();
    }

    /// <summary>An address alone.</summary>
    [Benchmark]
    public Mailbox Address() =>
        Mailbox.TryParse(address, out var mailbox) ? mailbox : throw new FormatException();

    /// <summary>The reply to a final dot; the parser knows it from the last message.</summary>
    [Benchmark]
    public Reply KnownReply() => Read(parser, reply);

    /// <summary>The same reply on a new connection.</summary>
    [Benchmark]
    public Reply NewReply() => Read(new ReplyParser(), reply);

    /// <summary>Five lines: the reply to EHLO.</summary>
    [Benchmark]
    public Reply RepliedCapabilities() => Read(parser, capabilities);

    static Reply Read(ReplyParser parser, byte[] octets)
    {
        var buffer = new ReadOnlySequence<byte>(octets);
        return parser.TryParse(ref buffer, out var reply) == ReplyParse.Complete
            ? reply! : throw new FormatException();
    }
}
