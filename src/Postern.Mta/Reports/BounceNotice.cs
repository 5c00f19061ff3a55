using System.Text;
using System.Text.RegularExpressions;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Mta.Reports;

/// <summary>A report in free words: which lines speak of which recipient, and what was under way when it was
/// refused.</summary>
static partial class BounceNotice
{
    /// <summary>The passages of the recipients named, in the order of the text.</summary>
    /// <param name="named">Addresses given beside the text (X-Failed-Recipients). Empty: those are found that
    /// stand at the beginning of a line, else anywhere, except <paramref name="senders"/>.</param>
    public static IReadOnlyList<Passage> PassagesOf(
        IReadOnlyList<string> lines, IReadOnlyList<Mailbox> named, IReadOnlyList<Mailbox> senders)
    {
        bool IsWanted(Mailbox address) => named.Count > 0 ? named.Any(known => IsSame(known, address))
            : address.Domain.Length > 0 && !senders.Contains(address) && !IsDaemon(address);
        var passages = Split(lines, LineBegins, IsWanted);
        if (passages.Count == 0)
            passages = Split(lines, Anywhere, IsWanted);
        // Who is named beside the text alone: all of it may be about him.
        var others = named.Where(address => !passages.Exists(passage => IsSame(passage.Address, address)));
        return [.. passages, .. others.Select(address => new Passage(address, string.Join('\n', lines)))];
    }

    /// <summary>The command that the peer refused. Null: the text does not say.</summary>
    public static SmtpStage? StageOf(IReadOnlyList<string> lines)
    {
        string? command = null;
        foreach (var line in lines)
        {
            if (Sent.Match(line) is { Success: true } sent)
                command = sent.Groups[2].Value;
            else if (command is not null && Refused.IsMatch(line))
                return StageOf(command);
        }
        var text = string.Join(' ', lines.Select(static line => line.Trim()));
        if (InReply.Match(text) is { Success: true } reply)
            return StageOf(reply.Groups[3].Value.Split(' ')[0]);
        return AfterHelo.IsMatch(text) ? SmtpStage.Ehlo
            : AfterMail.IsMatch(text) ? SmtpStage.MailFrom
            : AfterRcpt.IsMatch(text) ? SmtpStage.RcptTo
            : AfterData.IsMatch(text) ? SmtpStage.Data
            : null;
    }

    /// <summary>What the peer answered in a transcript; empty without one.</summary>
    public static string RepliesIn(IReadOnlyList<string> lines) =>
        string.Join('\n', lines.Where(static line => Refused.IsMatch(line)));

    static SmtpStage? StageOf(string command) => command.ToUpperInvariant() switch
    {
        "EHLO" or "HELO" or "CONN" or "CONNECT" or "CONNECTION" or "INITIAL" or "XCLIENT" => SmtpStage.Ehlo,
        "MAIL" => SmtpStage.MailFrom,
        "RCPT" => SmtpStage.RcptTo,
        "DATA" or "END" or "DOT" or "BDAT" or "TEXT" or "PIPELINED" => SmtpStage.Data,
        _ => null,
    };

    static bool IsDaemon(Mailbox address) =>
        address.LocalPart.ToUpperInvariant() is "MAILER-DAEMON" or "POSTMASTER";

    static List<Passage> Split(IReadOnlyList<string> lines, Regex rule, Func<Mailbox, bool> isWanted)
    {
        var texts = new List<(Mailbox Address, StringBuilder Text)>();
        var at = -1;
        foreach (var line in lines)
        {
            if (AddressIn(line, rule) is { } address && isWanted(address))
            {
                at = texts.FindIndex(known => IsSame(known.Address, address));
                if (at < 0 && texts.Count == BounceReader.RecipientsMax)
                    break;
                if (at < 0)
                {
                    at = texts.Count;
                    texts.Add((address, new StringBuilder()));
                }
            }
            if (at >= 0)
                texts[at].Text.Append(line).Append('\n');
        }
        return [.. texts.Select(static found => new Passage(found.Address, found.Text.ToString()))];
    }

    static bool IsSame(Mailbox one, Mailbox other) =>
        string.Equals(one.ToString(), other.ToString(), StringComparison.OrdinalIgnoreCase);

    static Mailbox? AddressIn(string line, Regex rule) =>
        rule.Match(line) is { Success: true } match
        && Mailbox.TryParse(match.Groups["address"].Value.TrimEnd('.'), out var mailbox) ? mailbox : null;

    const RegexOptions Options = RegexOptions.IgnoreCase
        | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;

    const string Address = @"(?<address>[^\s<>()\[\],;:""'@|]+@[\p{L}\p{N}][\p{L}\p{N}.-]*\.[\p{L}\p{N}-]+)";

    [GeneratedRegex(@"^[ \t>*-]*((original-|final-)?recipients?( address)?:[ \t]*|(addressed )?to:[ \t]*"
        + @"|[245]\d\d[ -][^<@]{0,20}<|(in:[ \t]+)?rcpt to:[ \t]*)?[<\[(""']*" + Address,
        RegexOptions.NonBacktracking | Options)]
    static partial Regex LineBegins { get; }

    [GeneratedRegex(@"[<\[(""'\s:]" + Address, RegexOptions.NonBacktracking | Options)]
    static partial Regex Anywhere { get; }

    [GeneratedRegex(@"^[ \t]*(>>>|In:)[ \t]*(\w+)", RegexOptions.NonBacktracking)]
    static partial Regex Sent { get; }

    [GeneratedRegex(@"^[ \t]*(<<<|Out:)[ \t]*[45]\d\d", RegexOptions.NonBacktracking)]
    static partial Regex Refused { get; }

    [GeneratedRegex(@"(in reply to (the )?|after |\[|did not like our |error in response to |for )"
        + @"(EHLO|HELO|MAIL|RCPT|DATA|end of DATA|end of data|initial connection|CONNECT|TEXT|BDAT"
        + @"|pipelined sending of end-of-data)([ :_\]]|$)",
        RegexOptions.NonBacktracking)]
    static partial Regex InReply { get; }

    [GeneratedRegex("my name was rejected|helo (was )?rejected", RegexOptions.NonBacktracking | Options)]
    static partial Regex AfterHelo { get; }

    [GeneratedRegex("sender was rejected|does not like (your )?sender",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex AfterMail { get; }

    [GeneratedRegex("does not like recipient|recipient was rejected", RegexOptions.NonBacktracking | Options)]
    static partial Regex AfterRcpt { get; }

    [GeneratedRegex("failed (on|after) (data command|i sent the message)|smtp transmission failure"
        + "|after the message was sent|end of the message", RegexOptions.NonBacktracking | Options)]
    static partial Regex AfterData { get; }
}

/// <summary>What a report says about one recipient.</summary>
sealed record Passage(Mailbox Address, string Text);
