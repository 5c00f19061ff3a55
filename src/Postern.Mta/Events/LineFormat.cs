using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics;
using System.Net;
using Postern.Smtp;
using Postern.Smtp.Server;

namespace Postern.Mta.Events;

/// <summary>How a fact looks in the log: one of the three values of <c>log.format</c>.</summary>
/// <remarks>Each call writes whole lines and holds no state; calls may come from any thread, one at a
/// time.</remarks>
abstract class LineFormat
{
    static readonly FrozenSet<string> knownVerbs = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN",
        "HELP", "STARTTLS", "AUTH", "ETRN", "XCLIENT", "XFORWARD", "CONNECT");

    public static LineFormat Of(EventLogSettings settings, TimeZoneInfo zone) =>
        settings.Addresses == ShownAddresses.Masked ? new MaskedLines(WholeOf(settings, zone))
            : WholeOf(settings, zone);

    static LineFormat WholeOf(EventLogSettings settings, TimeZoneInfo zone) => settings.Format switch
    {
        LogFormat.Console => new ConsoleLines(settings, zone),
        LogFormat.Json => new JsonLines(settings),
        LogFormat.Postfix => new PostfixLines(settings, zone),
        _ => throw new UnreachableException(),
    };

    /// <summary>The format shows when a message's last recipient ended.</summary>
    public virtual bool NeedsProgress => false;

    public abstract void Event(IBufferWriter<byte> output, StoredEvent stored, RecipientProgress progress);

    public abstract void Connected(IBufferWriter<byte> output, SessionFacts session, DateTimeOffset at);

    public abstract void Refused(IBufferWriter<byte> output, SessionRefusal refusal);

    public abstract void Ended(IBufferWriter<byte> output, SessionFacts session, SessionEnd end,
        DateTimeOffset at);

    /// <summary>Lines were dropped: the log's file or pipe is too slow, or too many commands were
    /// refused.</summary>
    public abstract void Lost(IBufferWriter<byte> output, long lines, DateTimeOffset at);

    protected static string AddressOf(IPEndPoint peer) =>
        (peer.Address.IsIPv4MappedToIPv6 ? peer.Address.MapToIPv4() : peer.Address).ToString();

    /// <summary>A verb of SMTP in lower case; what is none may be part of a password and is called
    /// <c>unknown</c>.</summary>
    internal static string VerbOf(string verb) =>
        knownVerbs.TryGetValue(verb, out var known) ? known.ToLowerInvariant() : "unknown";

    /// <summary>Counts per verb, unknown ones together.</summary>
    protected static List<(string Verb, int Good, int All)> CountsOf(SessionFacts session)
    {
        var counts = new List<(string Verb, int Good, int All)>();
        foreach (var (name, good, all) in session.Counts.All)
        {
            var verb = VerbOf(name);
            var at = counts.FindIndex(c => c.Verb == verb);
            if (at < 0)
                counts.Add((verb, good, all));
            else
                counts[at] = (verb, counts[at].Good + good, counts[at].All + all);
        }
        return counts;
    }

    internal static string NameOf(SessionEnd end) => end switch
    {
        SessionEnd.Quit => "quit",
        SessionEnd.PeerClosed => "peer-closed",
        SessionEnd.ConnectionLost => "connection-lost",
        SessionEnd.TimedOut => "timed-out",
        SessionEnd.Refused => "refused",
        SessionEnd.EarlyTalker => "early-talker",
        SessionEnd.TooManyErrors => "too-many-errors",
        SessionEnd.ProtocolError => "protocol-error",
        SessionEnd.TlsFailed => "tls-failed",
        SessionEnd.Stopping => "stopping",
        SessionEnd.Failed => "failed",
        _ => throw new UnreachableException(),
    };
}

/// <summary>A command that was refused, with the session's facts at that moment.</summary>
/// <param name="Argument">As it came; of AUTH it holds a password, so it is shown through <see cref="Shown"/>
/// alone.</param>
readonly record struct SessionRefusal(
    SessionFacts Session, MailTransaction? Transaction, string Verb, string Argument, Reply Reply,
    DateTimeOffset At)
{
    const int MechanismMax = 20;

    /// <summary>Of the transaction. Null: there is none, or it is the null sender.</summary>
    public string? Sender { get; init; } = Transaction?.ReversePath.Mailbox?.ToString();

    /// <summary>The first recipient so far. Null: there is none.</summary>
    public string? Recipient { get; init; } =
        Transaction?.Recipients is [var first, ..] ? first.Path.Mailbox.ToString() : null;

    /// <summary>What may be shown of the argument: of MAIL, RCPT, EHLO, HELO and VRFY all, of AUTH the
    /// mechanism, else nothing.</summary>
    public string Shown => Verb.ToUpperInvariant() switch
    {
        "MAIL" or "RCPT" or "EHLO" or "HELO" or "VRFY" => Argument,
        "AUTH" => Mechanism,
        _ => "",
    };

    /// <summary>The path between the angle brackets of MAIL or RCPT. Null: none.</summary>
    public string? Path
    {
        get
        {
            var start = Argument.IndexOf('<', StringComparison.Ordinal);
            if (start < 0 || !IsEnvelopeVerb)
                return null;
            var quoted = false;
            for (var i = start + 1; i < Argument.Length; i++)
            {
                if (Argument[i] == '\\' && quoted)
                    i++;
                else if (Argument[i] == '"')
                    quoted = !quoted;
                else if (Argument[i] == '>' && !quoted)
                    return Argument[(start + 1)..i];
            }
            return null;
        }
    }

    bool IsEnvelopeVerb => Verb.Equals("RCPT", StringComparison.OrdinalIgnoreCase)
        || Verb.Equals("MAIL", StringComparison.OrdinalIgnoreCase);

    string Mechanism
    {
        get
        {
            var name = Argument.AsSpan().TrimStart(' ');
            var end = name.IndexOf(' ');
            name = end < 0 ? name : name[..end];
            foreach (var c in name)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                    return "unknown";
            }
            return name.Length is > 0 and <= MechanismMax ? name.ToString().ToUpperInvariant() : "unknown";
        }
    }
}
