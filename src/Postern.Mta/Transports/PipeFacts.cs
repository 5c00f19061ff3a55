using System.Diagnostics;
using System.Globalization;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>What a script is told about a message, as macros and as environment variables.</summary>
/// <param name="delimiters">Characters between user and extension; the first one found counts.</param>
sealed class PipeFacts(Attempt attempt, string transport, string delimiters)
{
    const string Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Where a program without a slash in its name is looked for; the script's own PATH.</summary>
    public static IReadOnlyList<string> SearchPath { get; } = Path.Split(':');

    public string ValueOf(PipeMacro macro, Recipient recipient)
    {
        var message = attempt.Message;
        var client = message.Client;
        var value = macro switch
        {
            PipeMacro.ClientAddress => client.Address,
            PipeMacro.ClientHelo => client.Helo,
            PipeMacro.ClientHostname => client.Name ?? (client.Address.Length > 0 ? "unknown" : ""),
            PipeMacro.ClientPort => client.Port > 0 ? client.Port.ToString(CultureInfo.InvariantCulture) : "",
            PipeMacro.ClientProtocol => client.Protocol,
            PipeMacro.Domain or PipeMacro.Nexthop => recipient.Address.Domain,
            PipeMacro.Envid => message.Parameters.EnvelopeId ?? "",
            PipeMacro.Extension => Split(recipient.Address).Extension,
            PipeMacro.Mailbox => recipient.Address.LocalPart,
            PipeMacro.OriginalRecipient => TextOf(recipient.Original ?? recipient.Address),
            PipeMacro.QueueId => message.Id.ToString(),
            PipeMacro.Recipient => TextOf(recipient.Address),
            PipeMacro.SaslMethod => client.Mechanism ?? "",
            PipeMacro.SaslSender => "",
            PipeMacro.SaslUsername => client.Account ?? "",
            // pipe(8), null_sender: a script that takes an address gets one.
            PipeMacro.Sender => attempt.Sender.Mailbox is { } sender ? TextOf(sender) : "MAILER-DAEMON",
            PipeMacro.Size => attempt.Content.Octets.ToString(CultureInfo.InvariantCulture),
            PipeMacro.User => Split(recipient.Address).User,
            _ => throw new UnreachableException(),
        };
        // A C string ends at NUL.
        return value.Contains('\0', StringComparison.Ordinal) ? value.Replace('\0', '?') : value;
    }

    /// <summary>
    /// Every macro as <c>POSTERN_NAME</c>, with these differences: <c>POSTERN_SENDER</c> is empty for the
    /// null sender; <c>POSTERN_RECIPIENTS</c> holds all of them, one a line; what belongs to one recipient is
    /// there only where there is one. Besides: <c>POSTERN_TRANSPORT</c>, <c>POSTERN_MESSAGE_ID</c>,
    /// <c>PATH</c>.
    /// </summary>
    public IReadOnlyList<string> EnvironmentFor(IReadOnlyList<Recipient> recipients)
    {
        var lines = new List<string> { $"PATH={Path}", $"POSTERN_TRANSPORT={transport}" };
        foreach (var macro in Enum.GetValues<PipeMacro>())
        {
            var name = PipeArgument.NameOf(macro).ToUpperInvariant();
            if (macro is PipeMacro.Sender)
                lines.Add($"POSTERN_SENDER={(attempt.Sender.IsNull ? "" : ValueOf(macro, recipients[0]))}");
            else if (recipients.Count == 1 || !IsOfOneRecipient(macro))
                lines.Add($"POSTERN_{name}={ValueOf(macro, recipients[0])}");
        }
        var all = string.Join('\n', recipients.Select(recipient => ValueOf(PipeMacro.Recipient, recipient)));
        lines.Add($"POSTERN_RECIPIENTS={all}");
        lines.Add($"POSTERN_MESSAGE_ID={attempt.Message.MessageId.Replace('\0', '?')}");
        return lines;
    }

    /// <summary>Fields put in front of the content (DESIGN §9.6); what names a recipient only where there is
    /// one.</summary>
    public string FieldsFor(IReadOnlyList<Recipient> recipients)
    {
        // RFC 5321 §4.4: final delivery adds Return-Path; the null sender is <>.
        var fields = $"Return-Path: {attempt.Sender}\n";
        if (recipients is not [var recipient])
            return fields;
        var original = recipient.Original ?? recipient.Address;
        return fields + $"X-Original-To: {original}\nDelivered-To: {recipient.Address}\n";
    }

    static bool IsOfOneRecipient(PipeMacro macro) => macro is PipeMacro.Domain or PipeMacro.Extension
        or PipeMacro.Mailbox or PipeMacro.Nexthop or PipeMacro.OriginalRecipient or PipeMacro.Recipient
            or PipeMacro.User;

    (string User, string Extension) Split(Mailbox address)
    {
        var local = address.LocalPart;
        var at = local.AsSpan().IndexOfAny(delimiters);
        return at > 0 ? (local[..at], local[(at + 1)..]) : (local, "");
    }

    // As pipe(8) without its q flag: the meaning, not the quoted form.
    static string TextOf(Mailbox address) =>
        address.Domain.Length > 0 ? $"{address.LocalPart}@{address.Domain}" : address.LocalPart;
}
