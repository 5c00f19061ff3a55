using System.Diagnostics;
using System.Globalization;
using System.Text;
using Postern.Mta.Events;
using Postern.Smtp;

namespace Postern.Mta.Reports;

public sealed partial class BounceComposer
{
    const string FieldIndent = "    ";

    /// <summary>The first part, for people.</summary>
    string Notice(ReportRequest request, ReturnedPart? returned)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"This is the mail system at host {hostname}.\r\n\r\n");
        text.Append(request.Kind switch
        {
            ReportKind.Failed =>
                "I am sorry: your message could not be delivered to the recipients below.\r\n"
                + "What went wrong is said beside each of them. Postern will not try again.\r\n\r\n"
                + "If you ask your postmaster for help, please include this report.\r\n",
            ReportKind.Delayed =>
                "Your message could not be delivered yet to the recipients below.\r\n"
                + "It stays in the queue and is tried again. You need not send it again.\r\n",
            ReportKind.Delivered => "Your message was delivered to the recipients below.\r\n",
            ReportKind.Relayed =>
                "Your message was handed on to the next mail system for the recipients below.\r\n"
                + "That system sends no delivery reports, so you may hear no more of it.\r\n",
            ReportKind.Expanded => "Your message was handed on to everybody behind the addresses below.\r\n",
            _ => throw new UnreachableException(),
        });
        if (returned is { IsHeaderOnly: true } && request.Kind == ReportKind.Failed)
            text.Append("\r\nOnly the header section of your message is returned.\r\n");
        text.Append("\r\n                   The mail system\r\n");
        foreach (var recipient in request.Recipients)
        {
            text.Append("\r\n");
            var address = ReportText.OneLine(recipient.Recipient.Address.ToString());
            var original = recipient.Recipient.Original is { } before && before != recipient.Recipient.Address
                ? $" (expanded from <{ReportText.OneLine(before.ToString())}>)" : "";
            ReportText.AppendFolded(text, "", $"<{address}>{original}: {ReportText.OneLine(recipient.Text)}",
                FieldIndent);
        }
        return text.ToString();
    }

    /// <summary>The second part, for programs: RFC 3464 §2, or RFC 6533 §4 in UTF-8.</summary>
    string StatusFields(ReportRequest request, bool isGlobal)
    {
        var fields = new StringBuilder();
        void Field(string name, string value) =>
            ReportText.AppendFolded(fields, name + ": ", value, FieldIndent);
        string Safe(string? text) => isGlobal ? ReportText.OneLine(text) : ReportText.OneAsciiLine(text);

        if (request.Message.Parameters.EnvelopeId is { } envelopeId)
            Field("Original-Envelope-Id", Safe(envelopeId));
        Field("Reporting-MTA", $"dns; {hostname}");
        Field("X-Postern-Queue-ID", request.Message.Id.ToString());
        Field("X-Postern-Sender", TypedAddress(request.Message.Sender.Mailbox!));
        Field("Arrival-Date", ReportContent.Rfc5322Date(request.Message.ArrivedAt));
        foreach (var reported in request.Recipients)
        {
            fields.Append("\r\n");
            var recipient = reported.Recipient;
            // RFC 3464 §2.3.1: what the sender said, else what we were given before aliases.
            if (recipient.Dsn.OriginalRecipient is { } original)
                Field("Original-Recipient", Safe(OriginalRecipient(original, isGlobal)));
            else if (recipient.Original is { } before)
                Field("Original-Recipient", TypedAddress(before));
            Field("Final-Recipient", TypedAddress(recipient.Address));
            Field("Action", ActionOf(request.Kind));
            Field("Status", StatusOf(request.Kind, reported.Status));
            if (reported.RemoteMta is { Length: > 0 } remote)
                Field("Remote-MTA", $"dns; {Safe(remote)}");
            Field("Diagnostic-Code", Diagnostic(reported, Safe));
            if (request.Kind == ReportKind.Delayed && reported.WillRetryUntil is { } until)
                Field("Will-Retry-Until", ReportContent.Rfc5322Date(until));
        }
        return fields.ToString();
    }

    /// <summary>RFC 6533 §3: international addresses have the type utf-8, here in their native
    /// form.</summary>
    static string TypedAddress(Mailbox address)
    {
        var text = ReportText.OneLine(address.ToString());
        return address.IsInternational ? $"utf-8; {text}" : $"rfc822; {text}";
    }

    static string OriginalRecipient(string original, bool isGlobal)
    {
        var semicolon = original.IndexOf(';', StringComparison.Ordinal);
        if (semicolon <= 0)
            return $"rfc822; {original}";
        var address = original[(semicolon + 1)..];
        // RFC 6533 §3: \x{HEXPOINT} becomes the character in a global report.
        if (isGlobal && original.StartsWith("utf-8;", StringComparison.OrdinalIgnoreCase))
            address = Unitext.Decode(address);
        return $"{original[..semicolon]}; {address}";
    }

    static string ActionOf(ReportKind kind) => kind switch
    {
        ReportKind.Failed => "failed",
        ReportKind.Delayed => "delayed",
        ReportKind.Delivered => "delivered",
        ReportKind.Relayed => "relayed",
        ReportKind.Expanded => "expanded",
        _ => throw new UnreachableException(),
    };

    /// <summary>RFC 3464 §2.3.4: the class must fit the action: a deferral that ended in failure is told as
    /// 5.</summary>
    static string StatusOf(ReportKind kind, EnhancedStatus status)
    {
        var wanted = kind switch { ReportKind.Failed => 5, ReportKind.Delayed => 4, _ => 2 };
        // A failure at the end of the lifetime keeps its 4 (RFC 3463 §3.5, X.4.7).
        if (status.Class == wanted || (kind == ReportKind.Failed && status.Class == 4))
            return status.ToString();
        return (status with { Class = wanted }).ToString();
    }

    /// <summary>A peer's reply is of type smtp (RFC 3464 §2.3.6); our own words are not a reply.</summary>
    static string Diagnostic(ReportedRecipient reported, Func<string?, string> safe)
    {
        var reply = PeerReply.Find(reported.Text);
        return reply.Code is null ? $"X-Postern; {safe(reply.Text)}" : $"smtp; {safe(reply.Text)}";
    }
}

/// <summary>The ASCII form of an international address in ORCPT (RFC 6533 §3).</summary>
static class Unitext
{
    const int DigitsMax = 6;

    /// <summary>What is no well-formed <c>\x{HEXPOINT}</c> stays as it is.</summary>
    public static string Decode(string text)
    {
        var output = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var end = text.AsSpan(i).StartsWith("\\x{") ? text.IndexOf('}', i) : -1;
            if (end > i + 3 && end - i - 3 <= DigitsMax
                && int.TryParse(text.AsSpan(i + 3, end - i - 3), NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture, out var point)
                && Rune.TryCreate(point, out var rune))
            {
                output.Append(rune.ToString());
                i = end;
            }
            else
            {
                output.Append(text[i]);
            }
        }
        return output.ToString();
    }
}
