using System.Diagnostics;
using System.Globalization;
using System.Text;
using Postern.Mta.Inbound;
using Postern.Mta.Queue;
using Postern.Smtp;

namespace Postern.Mta.Transports;

/// <summary>What a script is told about a message, as macros and as environment variables.</summary>
/// <param name="delimiters">Characters between user and extension; the first one found counts.</param>
sealed class PipeFacts(Attempt attempt, string transport, string delimiters)
{
    /// <summary>Of one variable, in octets; those that list all recipients have more.</summary>
    const int ValueOctetsMax = 1024;

    /// <summary>Below what Linux takes for one string (MAX_ARG_STRLEN, 128 KiB).</summary>
    const int ListOctetsMax = 120_000;

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
    /// there only where there is one. Besides: <c>POSTERN_TRANSPORT</c>, <c>POSTERN_MESSAGE_ID</c>, the
    /// results of checks that were made, <c>PATH</c>.
    /// </summary>
    /// <remarks>No value has control characters, and none is longer than 1,024 octets. A list of recipients
    /// that Linux would not take is left out: a part of it would be read as the whole.</remarks>
    public IReadOnlyList<string> EnvironmentFor(IReadOnlyList<Recipient> recipients)
    {
        var lines = new List<string> { $"PATH={Path}" };
        Add("TRANSPORT", transport);
        foreach (var macro in Enum.GetValues<PipeMacro>())
        {
            var name = PipeArgument.NameOf(macro).ToUpperInvariant();
            if (macro is PipeMacro.Sender)
                Add(name, attempt.Sender.IsNull ? "" : ValueOf(macro, recipients[0]));
            else if (recipients.Count == 1 || !IsOfOneRecipient(macro))
                Add(name, ValueOf(macro, recipients[0]));
        }
        var all = string.Join('\n', recipients.Select(recipient =>
            PlainText.Line(ValueOf(PipeMacro.Recipient, recipient), ValueOctetsMax)));
        if (Encoding.UTF8.GetByteCount(all) <= ListOctetsMax)
            lines.Add($"POSTERN_RECIPIENTS={all}");
        Add("MESSAGE_ID", attempt.Message.MessageId);
        var checks = attempt.Message.Checks;
        Add("SPF", CheckWords.SpfOf(checks));
        Add("DKIM", CheckWords.DkimOf(checks));
        Add("DMARC", CheckWords.DmarcOf(checks));
        Add("DMARC_POLICY", CheckWords.DmarcPolicyOf(checks));
        Add("ARC", CheckWords.ArcOf(checks));
        Add("SPAM", CheckWords.SpamOf(checks));
        Add("VIRUS", CheckWords.VirusOf(checks));
        return lines;

        void Add(string name, string? value)
        {
            if (value is not null)
                lines.Add($"POSTERN_{name}={PlainText.Line(value, ValueOctetsMax)}");
        }
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
