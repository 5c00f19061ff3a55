using System.Globalization;
using Postern.Mta.Inbound;
using Postern.Smtp;

namespace Postern.Mta.Reports;

/// <summary>Reads what comes back by mail: delivery reports of RFC 3464 and in free words, complaints of RFC
/// 5965, answers of machines.</summary>
/// <remarks>
/// Pure, and safe for any octets: it neither throws nor looks at more than its limits. A mail is a report
/// when it has a part that says so, or when a mail system wrote it and its words name a recipient or a
/// failure; else it is an answer of a machine, or nothing. The rules for words are
/// <see cref="ReasonRules"/>.
/// </remarks>
public static partial class BounceReader
{
    /// <summary>Octets of a mail that are read. The report stands before what it returns, which may be
    /// larger.</summary>
    public const int OctetsMax = 256 * 1024;

    /// <summary>The recipients that a message may have (<c>limits.recipients</c>).</summary>
    public const int RecipientsMax = 1000;

    public const int DiagnosticCharactersMax = 1000;

    const string PowerMtaCategory = "X-PowerMTA-BounceCategory";

    /// <summary>How the local part of a return path of ours begins.</summary>
    public const string TokenPrefix = "bounces+";

    /// <summary>Where the address stands that a mail came to.</summary>
    static readonly string[] AddressFields = ["Delivered-To", "X-Original-To", "Envelope-To", "To"];

    /// <summary>Tokens that are listed; each costs who verifies it a look.</summary>
    const int TokensMax = 10;

    /// <returns>Null: it is none of these.</returns>
    public static async ValueTask<ReturnedMail?> ReadAsync(ContentSource content, CancellationToken cancel) =>
        Read(await ReportContent.ReadAsync(content, OctetsMax, cancel));

    /// <param name="content">The whole mail, or its first <see cref="OctetsMax"/> octets.</param>
    /// <returns>Null: it is none of these.</returns>
    public static ReturnedMail? Read(ReadOnlyMemory<byte> content)
    {
        if (content.Length > OctetsMax)
            content = content[..OctetsMax];
        if (ReportParts.Of(content) is not { } parts)
            return null;
        var original = OriginalOf(parts);
        if (SesNotification(parts, original) is { } notification)
            return notification;
        if (parts.Feedback is { } feedback)
            return ComplaintOf(feedback, original);
        if (parts.HasDisposition)
            return new AutoReply { Original = original };
        var fates = parts.Status is { Recipients.Count: > 0 } status
            ? FatesOf(status, parts) : FatesOf(parts, original);
        if (fates.Length > 0)
            return new DeliveryReport
            {
                Original = original,
                Recipients = fates,
                ReportingMta = DeliveryStatus.HostIn(parts.Status?["Reporting-MTA"]),
            };
        return IsAutomatic(parts.Header) ? new AutoReply { Original = original } : null;
    }

    static Complaint ComplaintOf(DeliveryStatus feedback, OriginalMail original)
    {
        // RFC 5965 §3.3: Original-Rcpt-To may be repeated.
        var named = feedback.All("Original-Rcpt-To").Concat(feedback.All("Removal-Recipient"));
        var recipients = named.Select(DeliveryStatus.AddressIn).OfType<Mailbox>()
            .Distinct().Take(RecipientsMax).ToArray();
        return new Complaint
        {
            Original = original,
            FeedbackType = Line(feedback["Feedback-Type"])?.ToLowerInvariant() ?? "other",
            Recipients = recipients.Length > 0 ? recipients : original.To,
            UserAgent = Line(feedback["User-Agent"]),
            SourceIp = DeliveryStatus.HostIn(feedback["Source-IP"]),
            ArrivedAt = MimeKit.Utils.DateUtils.TryParse(
                feedback["Arrival-Date"] ?? feedback["Received-Date"] ?? "", out var date) ? date : null,
        };
    }

    /// <summary>By the fields of RFC 3464 §2.3, completed by the words.</summary>
    static RecipientFate[] FatesOf(DeliveryStatus status, ReportParts parts)
    {
        var passages = BounceNotice.PassagesOf(parts.Lines, [], SendersOf(parts.Header))
            .ToDictionary(static passage => passage.Address, static passage => passage.Text);
        var isAlone = status.Recipients.Count == 1;
        return [.. status.Recipients.Select(fields =>
        {
            var original = DeliveryStatus.AddressIn(DeliveryStatus.First(fields, "Original-Recipient"));
            var address = DeliveryStatus.AddressIn(DeliveryStatus.First(fields, "Final-Recipient"))
                ?? DeliveryStatus.AddressIn(DeliveryStatus.First(fields, "X-Actual-Recipient")) ?? original;
            var diagnostic = DeliveryStatus.First(fields, "Diagnostic-Code") ?? "";
            var category = DeliveryStatus.First(fields, PowerMtaCategory);
            var passage = address is not null && passages.TryGetValue(address, out var text) ? text : "";
            var context = (isAlone ? string.Join('\n', parts.Lines) : passage)
                + (category is null ? "" : $"\n{PowerMtaCategory}: {category}");
            var remote = DeliveryStatus.HostIn(DeliveryStatus.First(fields, "Remote-MTA"));
            return FateOf(address, original, ActionOf(DeliveryStatus.First(fields, "Action")), remote,
                StatusIn(DeliveryStatus.First(fields, "Status")), diagnostic, context, parts);
        })];
    }

    /// <summary>By the words alone.</summary>
    static RecipientFate[] FatesOf(ReportParts parts, OriginalMail original)
    {
        var isSystem = IsFromMailSystem(parts.Header);
        if (!isSystem && (!IsNullSender(parts.Header) || IsAutomatic(parts.Header)))
            return [];
        var named = MailboxesIn(parts.Header, "X-Failed-Recipients");
        var passages = BounceNotice.PassagesOf(parts.Lines, named, SendersOf(parts.Header));
        var subject = parts.Header.TextOf("Subject") ?? "";
        var whole = string.Join('\n', parts.Lines);
        var action = Delay.IsMatch(whole) || Delay.IsMatch(subject) ? ReportKind.Delayed : ReportKind.Failed;
        var found = passages.Count > 0
            ? passages.Select(passage => passages.Count > 1
                ? FateOf(passage.Address, null, action, null, null, passage.Text, subject, parts)
                : FateOf(passage.Address, null, action, null, null,
                    $"{BounceNotice.RepliesIn(parts.Lines)} {passage.Text}".Trim(), $"{whole}\n{subject}",
                    parts)).ToArray()
            : [FateOf(original.To is [var only] ? only : null, null, action, null, null, whole, subject,
                parts)];
        var isClear = found.All(static fate => fate.Reason is not (BounceReason.OnHold
            or BounceReason.Undefined));
        return (isSystem && (isClear || passages.Count > 0)) || (isClear && passages.Count > 0) ? found : [];
    }

    static RecipientFate FateOf(Mailbox? address, Mailbox? original, ReportKind action, string? remote,
        EnhancedStatus? status, string text, string context, ReportParts parts)
    {
        var lines = context.Length > 0 ? context.Split('\n') : [];
        var reply = ReplyCode.Match(text);
        var said = EnhancedCode.Match(text);
        if (status is null or { Subject: 0, Detail: 0 } && said.Success)
            status = StatusIn(said.Groups[1].Value) ?? status;
        var evidence = new BounceEvidence
        {
            Action = action,
            Status = status,
            ReplyCode = reply.Success
                ? int.Parse(reply.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture) : null,
            Stage = BounceNotice.StageOf(text.Split('\n')) ?? BounceNotice.StageOf(lines),
            Text = text,
            Context = context,
            Source = $"{parts.Status?["Reporting-MTA"]} {remote} {text} {context}",
        };
        var diagnostic = ReportText.OneLine(text);
        if (diagnostic.Length > DiagnosticCharactersMax)
            diagnostic = ReportText.OneLine(diagnostic[..DiagnosticCharactersMax]);
        return new RecipientFate(address, original, action, status, evidence.ReplyCode, diagnostic,
            ReasonRules.Find(evidence), remote);
    }

    /// <summary>RFC 3464 §2.3.3.</summary>
    static ReportKind ActionOf(string? action) =>
        action?.Split(' ', '(', ';')[0].ToUpperInvariant() switch
        {
            "DELAYED" => ReportKind.Delayed,
            "DELIVERED" => ReportKind.Delivered,
            "RELAYED" => ReportKind.Relayed,
            "EXPANDED" => ReportKind.Expanded,
            _ => ReportKind.Failed,
        };

    static EnhancedStatus? StatusIn(string? text) =>
        EnhancedCode.Match(text ?? "") is { Success: true } match
        && EnhancedStatus.TryParse(System.Text.Encoding.ASCII.GetBytes(match.Groups[1].Value), out var status,
            out _) ? status : null;

    static OriginalMail OriginalOf(ReportParts parts)
    {
        var header = parts.Original;
        var sender = parts.Feedback?["Original-Mail-From"] ?? parts.Status?["X-Postern-Sender"];
        var returnPath = DeliveryStatus.AddressIn(sender)
            ?? DeliveryStatus.AddressIn(header?.TextOf("Return-Path"));
        var tokens = AddressFields.SelectMany(parts.Header.AddressesOf)
            .Concat(header?.AddressesOf("Return-Path") ?? []).Select(static place => place.Address)
            .Append(returnPath?.ToString() ?? "")
            .Where(static address => address.StartsWith(TokenPrefix, StringComparison.OrdinalIgnoreCase))
            .Select(static address => address[TokenPrefix.Length..].Split('@')[0])
            .Distinct(StringComparer.Ordinal).Take(TokensMax);
        return new OriginalMail(
            Line(header?.IdentifiersOf("Message-ID") is [var first, ..] ? first : null),
            Line((parts.Feedback ?? parts.Status)?["Original-Envelope-Id"]),
            Line(parts.Status?["X-Postern-Queue-ID"]), returnPath, [.. tokens],
            header is null ? [] : MailboxesIn(header, "To"));
    }

    static Mailbox[] MailboxesIn(MailHeader header, string field) =>
        [.. header.AddressesOf(field)
            .Select(static address => Mailbox.TryParse(address.Address, out var mailbox) ? mailbox : null)
            .OfType<Mailbox>().Distinct().Take(RecipientsMax)];

    static Mailbox[] SendersOf(MailHeader header) =>
        [.. MailboxesIn(header, "To"), .. MailboxesIn(header, "Delivered-To")];

    static string? Line(string? text) => text is null ? null : ReportText.OneLine(text);
}
