using System.Diagnostics;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Cli;

/// <summary>Why <c>postern send</c> did not send: one line, what mends it, and the exit code.</summary>
static class SendFailure
{
    /// <param name="server">As it was named.</param>
    public static CommandException Of(OpenResult result, string server)
    {
        var (code, text, mend) = result switch
        {
            OpenResult.Refused refused => (
                refused.Reply.IsTransient ? ExitCode.TemporaryFailure : ExitCode.Unavailable,
                $"{refused.Reply} (in reply to {refused.Stage.CommandName()})", null),
            OpenResult.TlsNotOffered => (
                ExitCode.Unavailable, "STARTTLS is not offered",
                "use the port that offers it, or --tls immediate; --tls none does without"),
            OpenResult.TlsFailed failed => (
                ExitCode.Unavailable, $"the TLS handshake failed: {failed.Reason}",
                "see that --tls fits the port"),
            OpenResult.CertificateRefused refused => (
                ExitCode.Unavailable, refused.Reason,
                "use the name that the certificate holds, or name its authority with --ca file:/path"),
            OpenResult.LoginNotOffered => (
                ExitCode.Unavailable, "AUTH is not offered", "use a submission port, or leave out --user"),
            OpenResult.LoginNeedsTls => (
                ExitCode.Usage, "the password does not cross a network in the clear",
                "leave out --tls none"),
            OpenResult.NoCommonMechanism none => (
                ExitCode.Unavailable, $"none of its AUTH mechanisms is known here: {none.Offered}", null),
            OpenResult.LoginRefused refused => (
                refused.Reply.IsTransient ? ExitCode.TemporaryFailure : ExitCode.NoPermission,
                refused.Reply.ToString(), "see --user and --password"),
            OpenResult.PeerNotProven unproven => (ExitCode.Unavailable, unproven.Reason, (string?)null),
            OpenResult.Lost lost => (LostCodeOf(lost.Cause), lost.Detail, null),
            _ => throw new UnreachableException(),
        };
        return new CommandException(code, $"{server}: {text}", mend);
    }

    /// <param name="result">Any but a mail that was taken.</param>
    public static CommandException Of(TransactionResult result) => result switch
    {
        TransactionResult.Completed done => Of(done.FinalReply),
        TransactionResult.MailRefused refused => Of(refused.Reply),
        TransactionResult.DataRefused refused => Of(refused.Reply),
        TransactionResult.NoRecipientAccepted none => Of(none.Recipients, "nobody has the mail"),
        TransactionResult.PeerClosing closing => Of(closing.Reply),
        TransactionResult.NotOffered missing => new CommandException(
            ExitCode.DataError,
            $"the server does not offer {NameOf(missing.Extension)}, which the message needs"),
        TransactionResult.TooLarge large => new CommandException(
            ExitCode.DataError,
            $"the message has {large.Octets} octets and the server takes {large.OctetsMax}"),
        TransactionResult.ClosedWhileIdle closed =>
            new CommandException(ExitCode.TemporaryFailure, closed.Detail),
        TransactionResult.Lost lost => new CommandException(ExitCode.TemporaryFailure, lost.Detail),
        TransactionResult.Uncertain uncertain => new CommandException(
            ExitCode.TemporaryFailure, uncertain.Detail,
            "the server may have taken the mail; look there before sending it again"),
        _ => throw new UnreachableException(),
    };

    /// <summary>A line for each refused recipient; the last one is the exception's.</summary>
    public static CommandException Of(IReadOnlyList<RecipientReply> refused, string others)
    {
        foreach (var (recipient, reply) in refused.Take(refused.Count - 1))
            Output.Error($"{recipient.Path}: {reply}", null);
        // As for one: what may be taken later makes the whole worth another try.
        var code = refused.Any(recipient => recipient.Reply.IsTransient)
            ? ExitCode.TemporaryFailure
            : ExitCode.DataError;
        return new CommandException(code, $"{refused[^1].Recipient.Path}: {refused[^1].Reply}", others);
    }

    static CommandException Of(Reply reply) =>
        new(reply.IsTransient ? ExitCode.TemporaryFailure : ExitCode.DataError, reply.ToString());

    static int LostCodeOf(LossCause cause) =>
        cause == LossCause.Stopped ? ExitCode.TemporaryFailure : ExitCode.Unavailable;

    static string NameOf(NeededExtension extension) => extension switch
    {
        NeededExtension.EightBitMime => "8BITMIME",
        NeededExtension.SmtpUtf8 => "SMTPUTF8",
        NeededExtension.StartTls => "STARTTLS",
        _ => throw new UnreachableException(),
    };
}
