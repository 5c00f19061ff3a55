using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Postern.Smtp.Server;

/// <summary>Every reply we give to peers. The words are Postfix's where it has some.</summary>
/// <remarks>
/// Fixed ones are encoded once. Text of a peer inside a reply goes through <see cref="Clean"/>: printable
/// ASCII, cut, so that a reply stays one line of at most 512 octets (RFC 5321 §4.5.3.1.5).
/// </remarks>
public static class Replies
{
    // Success.
    public static readonly Reply Ok = new(250, new(2, 0, 0), "Ok");
    public static readonly Reply SenderOk = new(250, new(2, 1, 0), "Ok");
    public static readonly Reply RecipientOk = new(250, new(2, 1, 5), "Ok");
    public static readonly Reply Bye = new(221, new(2, 0, 0), "Bye");
    public static readonly Reply StartContent = new(354, null, "End data with <CR><LF>.<CR><LF>");
    public static readonly Reply ReadyForTls = new(220, new(2, 0, 0), "Ready to start TLS");
    public static readonly Reply CannotVerify =
        new(252, new(2, 0, 0), "Cannot VRFY user, but will accept message and attempt delivery");
    public static readonly Reply Help =
        new(214, new(2, 0, 0), "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT STARTTLS AUTH");
    public static readonly Reply Forbidden =
        new(221, new(2, 7, 0), "Error: I can break rules, too. Goodbye.");

    // The shape of commands.
    public static readonly Reply UnknownCommand = new(500, new(5, 5, 2), "Error: command not recognized");
    public static readonly Reply BadSyntax = new(500, new(5, 5, 2), "Error: bad syntax");
    public static readonly Reply LineTooLong = new(500, new(5, 5, 2), "Error: line too long");
    public static readonly Reply AuthLineTooLong =
        new(500, new(5, 5, 6), "Error: authentication exchange line too long");
    public static readonly Reply BareLineFeed =
        new(500, new(5, 5, 2), "Error: a command line ends with <CR><LF>");
    public static readonly Reply NotImplemented = new(502, new(5, 5, 1), "Error: command not implemented");
    public static readonly Reply NotLmtp = new(502, new(5, 5, 1), "Error: this is SMTP, not LMTP: use EHLO");
    public static readonly Reply TlsRecord = new(554, new(5, 5, 0), "Error: TLS starts after STARTTLS here");
    public static readonly Reply Synchronization =
        new(554, new(5, 5, 0), "Error: SMTP protocol synchronization");
    public static readonly Reply HeloSyntax = Syntax("HELO hostname");
    public static readonly Reply EhloSyntax = Syntax("EHLO hostname");
    public static readonly Reply MailSyntax = Syntax("MAIL FROM:<address>");
    public static readonly Reply RcptSyntax = Syntax("RCPT TO:<address>");
    public static readonly Reply DataSyntax = Syntax("DATA");
    public static readonly Reply BdatSyntax = Syntax("BDAT count [LAST]");
    public static readonly Reply RsetSyntax = Syntax("RSET");
    public static readonly Reply VrfySyntax = Syntax("VRFY address");
    // RFC 3207 §4.
    public static readonly Reply TlsThrottled =
        new(454, new(4, 7, 0), "TLS not available: too many handshakes from your address, try again later");
    public static readonly Reply StartTlsSyntax = Syntax("STARTTLS");
    public static readonly Reply AuthSyntax = Syntax("AUTH mechanism [initial-response]");

    // The order of commands.
    public static readonly Reply HelloFirst = OutOfOrder("send HELO/EHLO first");
    public static readonly Reply NestedMail = OutOfOrder("nested MAIL command");
    public static readonly Reply MailFirst = OutOfOrder("need MAIL command");
    public static readonly Reply RcptFirst = OutOfOrder("need RCPT command");
    public static readonly Reply NoValidRecipients = new(554, new(5, 5, 1), "Error: no valid recipients");
    public static readonly Reply InsideBdat = OutOfOrder("command not allowed between BDAT chunks");
    public static readonly Reply InsideTransaction = OutOfOrder("MAIL transaction in progress");
    public static readonly Reply AlreadyTls = OutOfOrder("TLS already active");
    public static readonly Reply AlreadyAuthenticated = OutOfOrder("already authenticated");
    public static readonly Reply AuthNotOffered = OutOfOrder("authentication not enabled");

    // Addresses and parameters.
    public static readonly Reply BadSender = new(501, new(5, 1, 7), "Bad sender address syntax");
    public static readonly Reply BadRecipient = new(501, new(5, 1, 3), "Bad recipient address syntax");
    public static readonly Reply SenderNeedsUtf8 =
        new(553, new(5, 6, 7), "Must declare SMTPUTF8 to send unicode address");
    public static readonly Reply BadSize = new(501, new(5, 5, 4), "Bad message size syntax");
    public static readonly Reply BadParameter = new(501, new(5, 5, 4), "Error: bad or repeated parameter");
    public static readonly Reply ParametersTooLong =
        new(501, new(5, 5, 4), "Error: address and parameters too long");
    public static readonly Reply TooManyRecipients = new(452, new(4, 5, 3), "Error: too many recipients");

    // Authentication.
    public static readonly Reply Authenticated = new(235, new(2, 7, 0), "Authentication successful");
    public static readonly Reply AuthenticationFailed =
        new(535, new(5, 7, 8), "Error: authentication failed");
    public static readonly Reply AuthenticationAborted = new(501, new(5, 7, 0), "Authentication aborted");
    public static readonly Reply AuthenticationBadBase64 =
        new(501, new(5, 5, 2), "Error: bad base64 or SASL message");
    public static readonly Reply AuthenticationMechanism =
        new(504, new(5, 5, 4), "Error: unrecognized authentication mechanism");
    public static readonly Reply AuthenticationNeedsTls =
        new(538, new(5, 7, 11), "Encryption required: issue a STARTTLS command first");
    public static readonly Reply AuthenticationRequired = new(530, new(5, 7, 0), "Authentication required");
    public static readonly Reply AuthenticationThrottled =
        new(454, new(4, 7, 0), "Temporary authentication failure: too many failed logins, try again later");
    public static readonly Reply AuthenticationUnavailable =
        new(454, new(4, 7, 0), "Temporary authentication failure");
    internal static readonly Reply ChallengeEmpty = new(334, null, "");
    internal static readonly Reply ChallengeUserName = new(334, null, "VXNlcm5hbWU6");
    internal static readonly Reply ChallengePassword = new(334, null, "UGFzc3dvcmQ6");

    // The house.
    public static readonly Reply BareCarriageReturn = new(550, new(5, 6, 0), "Message contains a bare <CR>");
    public static readonly Reply TooManyHops = new(554, new(5, 4, 6), "Error: too many hops");
    public static readonly Reply InsufficientStorage = new(452, new(4, 3, 1), "Insufficient system storage");
    public static readonly Reply LocalError = new(451, new(4, 3, 0), "Error: queue file write error");
    public static readonly Reply TryLater =
        new(451, new(4, 3, 2), "Service temporarily unavailable, try again later");

    /// <summary>Message accepted; said only after the durable commit.</summary>
    public static Reply QueuedAs(string id) => new(250, new(2, 0, 0), $"Ok: queued as {id}");

    public static Reply ChunkOk(long octets) =>
        new(250, new(2, 0, 0), string.Create(CultureInfo.InvariantCulture, $"Ok: {octets} bytes"));

    /// <summary>Declared or counted: too large for <paramref name="octetsMax"/>.</summary>
    public static Reply SizeExceeded(long octetsMax) => new(552, new(5, 3, 4),
        string
            .Create(CultureInfo.InvariantCulture, $"Message size exceeds fixed limit of {octetsMax} octets"));

    public static Reply UnsupportedOption(ReadOnlySpan<byte> parameter) =>
        new(555, new(5, 5, 4), $"Unsupported option: {Clean(Encoding.UTF8.GetString(parameter), 64)}");

    /// <summary>No route and no domain of ours takes this recipient.</summary>
    public static Reply RelayDenied(Mailbox recipient) =>
        About(550, new(5, 7, 1), recipient, "Relay access denied");

    /// <summary>A domain of ours, but nobody there.</summary>
    public static Reply NoSuchUser(Mailbox recipient) =>
        About(550, new(5, 1, 1), recipient, "Recipient address rejected: User unknown");

    /// <summary>A submitted message that no route takes.</summary>
    public static Reply NoRoute(Mailbox recipient) =>
        About(550, new(5, 7, 1), recipient, "No route for this recipient");

    public static Reply SenderNotOwned(Mailbox? sender, string user) =>
        About(550, new(5, 7, 1), sender, $"Sender address rejected: not owned by user {Clean(user, 64)}");

    /// <summary>A lone local part where a domain is needed.</summary>
    public static Reply DomainMissing(Mailbox mailbox) =>
        About(504, new(5, 5, 2), mailbox, "Address rejected: need fully-qualified address");

    /// <summary>A refused connection; the code 421 is followed by a close.</summary>
    public static Reply TooManyConnections(string hostname) =>
        new(421, new(4, 7, 0), $"{hostname} Error: too many connections");

    /// <summary>Printable ASCII of <paramref name="text"/>, other characters as <c>?</c>, at most
    /// <paramref name="max"/> of them.</summary>
    public static string Clean(string text, int max)
    {
        var length = Math.Min(text.Length, max);
        return string.Create(length, text, static (cleaned, source) =>
        {
            for (var i = 0; i < cleaned.Length; i++)
                cleaned[i] = source[i] is >= ' ' and <= '~' ? source[i] : '?';
        });
    }

    static Reply About(int code, EnhancedStatus status, Mailbox? mailbox, string text) =>
        new(code, status, $"<{Clean(mailbox?.ToString() ?? "", 256)}>: {text}");

    static Reply Syntax(string usage) => new(501, new(5, 5, 4), $"Syntax: {usage}");

    static Reply OutOfOrder(string what) => new(503, new(5, 5, 1), $"Error: {what}");
}

/// <summary>The replies that carry our name or our options; made once per
/// <see cref="SmtpServerOptions"/>.</summary>
sealed class HostReplies
{
    static readonly ConditionalWeakTable<SmtpServerOptions, HostReplies> Known = [];
    readonly SmtpServerOptions options;
    readonly Reply?[] ehlo = new Reply?[4];

    HostReplies(SmtpServerOptions options)
    {
        this.options = options;
        var host = options.Hostname;
        Greeting = new Reply(220, null, $"{host} {options.Banner}");
        Helo = new Reply(250, null, host);
        TimedOut = new Reply(421, new(4, 4, 2), $"{host} Error: timeout exceeded");
        TooManyErrors = new Reply(421, new(4, 7, 0), $"{host} Error: too many errors");
        Stopping = new Reply(421, new(4, 3, 2), $"{host} Service shutting down");
        Failed = new Reply(421, new(4, 3, 0), $"{host} Error: internal error");
        SizeExceeded = Replies.SizeExceeded(options.ContentOctetsMax);
    }

    public Reply Greeting { get; }
    public Reply Helo { get; }
    public Reply TimedOut { get; }
    public Reply TooManyErrors { get; }
    public Reply Stopping { get; }
    public Reply Failed { get; }
    public Reply SizeExceeded { get; }

    public static HostReplies Of(SmtpServerOptions options) =>
        Known.GetValue(options, static o => new HostReplies(o));

    /// <summary>RFC 5321 §4.1.1.1: what may be used now.</summary>
    public Reply Ehlo(SessionFacts facts)
    {
        var startTls = options.Tls == TlsMode.StartTls && facts.Tls is null;
        var auth = SmtpSession.MayAuthenticate(options, facts);
        ref var known = ref ehlo[(startTls ? 1 : 0) + (auth ? 2 : 0)];
        if (known is not null)
            return known;
        List<string> lines = [options.Hostname, "PIPELINING"];
        lines.Add(string.Create(CultureInfo.InvariantCulture, $"SIZE {options.ContentOctetsMax}"));
        if (startTls)
            lines.Add("STARTTLS");
        if (auth)
            lines.Add($"AUTH {SmtpSession.Mechanisms}");
        lines.AddRange(["ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"]);
        return known = new Reply(250, null, lines);
    }
}
