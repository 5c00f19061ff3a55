using System.CommandLine;

namespace Postern.Cli;

/// <summary><c>send</c>, which speaks SMTP and asks no running server of ours.</summary>
static partial class CommandTree
{
    static readonly Option<string> SendSmtp = new("--smtp")
    {
        Description = "host and port of the server",
        HelpName = "host:port",
        DefaultValueFactory = _ => "127.0.0.1:2525",
    };

    static readonly Option<string> SendFrom =
        new("--from") { Description = "the sender, or <>", Required = true };

    static readonly Option<string[]> SendTo =
        new("--to") { Description = "a recipient; repeat it for more", Required = true };

    static readonly Option<string> SendSubject =
        new("--subject") { Description = "the subject", DefaultValueFactory = _ => "" };

    static readonly Option<string?> SendBody =
        new("--body") { Description = "the text; standard input when it is not given" };

    static readonly Option<string?> SendMessage = new("--message")
    {
        Description = "a file with the whole message, header and all, in place of subject and body; "
            + "- for standard input",
        HelpName = "file",
    };

    static readonly Option<string?> SendTls = new Option<string?>("--tls")
    {
        Description = "starttls and immediate verify the server's name; not given: what fits the port, and "
            + "off loopback STARTTLS where it is offered, with --user always",
    }.AcceptOnlyFromAmong(SendRequest.NoTls, SendRequest.StartTls, SendRequest.ImmediateTls);

    static readonly Option<string?> SendUser =
        new("--user") { Description = "the account to log in as", HelpName = "name" };

    static readonly Option<string?> SendPassword = new("--password")
    {
        Description = "its password, by reference: file:/path or env:NAME",
        HelpName = "reference",
    };

    static readonly Option<string?> SendCa = new("--ca")
    {
        Description = "authorities to verify the server with, PEM, by reference; else the system's",
        HelpName = "reference",
    };

    static Command Send()
    {
        var command = new Command("send", "Sends a mail over SMTP, to the running server or to another")
        {
            SendFrom, SendTo, SendSubject, SendBody, SendMessage, SendSmtp, SendTls, SendUser, SendPassword,
            SendCa,
        };
        command.SetAction((parsed, cancel) => SendCommand.RunAsync(
            new SendRequest(
                parsed.GetValue(SendSmtp)!, parsed.GetValue(SendFrom)!, parsed.GetValue(SendTo)!,
                parsed.GetValue(SendSubject)!, parsed.GetValue(SendBody))
            {
                Message = parsed.GetValue(SendMessage),
                Tls = parsed.GetValue(SendTls),
                User = parsed.GetValue(SendUser),
                Password = parsed.GetValue(SendPassword),
                Ca = parsed.GetValue(SendCa),
            },
            cancel));
        return command;
    }
}
