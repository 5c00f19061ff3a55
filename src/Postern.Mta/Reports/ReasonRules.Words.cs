using System.Text.RegularExpressions;

namespace Postern.Mta.Reports;

static partial class ReasonRules
{
    const RegexOptions Options = RegexOptions.IgnoreCase
        | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;

    /// <summary>Words that mean another thing when a certain system says them.</summary>
    static readonly SourceRule[] Sources =
    [
        new(GoogleGroups, Anything, BounceReason.Rejected),
        new(PowerMta, BadMailbox, BounceReason.UserUnknown),
        new(Dovecot, MailboxFull, BounceReason.MailboxFull),
        new(AmazonReceiving, UserUnknown, BounceReason.Filtered),
        new(Orange, OrangeSpam, BounceReason.SpamDetected),
        new(Orange, OrangePolicy, BounceReason.PolicyViolation),
        new(Mimecast, MimecastSignature, BounceReason.VirusDetected),
    ];

    /// <summary>In order.</summary>
    static readonly WordRule[] Words =
    [
        new(Virus, BounceReason.VirusDetected),
        new(AuthFailure, BounceReason.AuthFailure),
        new(RequirePtr, BounceReason.RequirePtr),
        new(NotCompliant, BounceReason.NotCompliantRfc),
        new(BadReputation, BounceReason.BadReputation),
        new(Speeding, BounceReason.Speeding),
        new(TooManyConn, BounceReason.TooManyConn),
        new(SystemFull, BounceReason.SystemFull),
        new(MailboxFull, BounceReason.MailboxFull),
        new(ExceedLimit, BounceReason.ExceedLimit),
        new(MesgTooBig, BounceReason.MesgTooBig),
        new(Suspend, BounceReason.Suspend),
        new(NotAccept, BounceReason.NotAccept),
        new(HostUnknown, BounceReason.HostUnknown),
        new(HasMoved, BounceReason.HasMoved),
        new(NoRelaying, BounceReason.NoRelaying),
        new(Spam, BounceReason.SpamDetected),
        new(Blocked, BounceReason.Blocked),
        new(Mailer, BounceReason.MailerError),
        new(Rejected, BounceReason.Rejected),
        new(Filtered, BounceReason.Filtered),
        new(NoAccount, BounceReason.UserUnknown),
        new(UserUnknown, BounceReason.UserUnknown),
        new(Policy, BounceReason.PolicyViolation),
        new(StartTls, BounceReason.FailedStartTls),
        new(Security, BounceReason.SecurityError),
        new(Content, BounceReason.ContentError),
        new(Syntax, BounceReason.SyntaxError),
        new(AnySpam, BounceReason.SpamDetected),
        new(Network, BounceReason.NetworkError),
        new(Expired, BounceReason.Expired),
        new(SystemTrouble, BounceReason.SystemError),
    ];

    [GeneratedRegex("google ?groups", RegexOptions.NonBacktracking | Options)]
    static partial Regex GoogleGroups { get; }

    /// <summary>PowerMTA adds what it makes of the reply.</summary>
    [GeneratedRegex("x-powermta-bouncecategory:", RegexOptions.NonBacktracking | Options)]
    static partial Regex PowerMta { get; }

    [GeneratedRegex("bouncecategory: bad-mailbox", RegexOptions.NonBacktracking | Options)]
    static partial Regex BadMailbox { get; }

    /// <summary>Dovecot writes its reason for people; its fields may say anything.</summary>
    [GeneratedRegex("was automatically rejected:", RegexOptions.NonBacktracking | Options)]
    static partial Regex Dovecot { get; }

    [GeneratedRegex(@"^(dns;)? ?inbound-smtp\.[a-z0-9-]+\.amazonaws\.com",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex AmazonReceiving { get; }

    /// <summary>Orange and La Poste end a reply with a number that says what it means.</summary>
    [GeneratedRegex(@"\b(ofr|lpn)[0-9]*_[0-9]{3}\b", RegexOptions.NonBacktracking | Options)]
    static partial Regex Orange { get; }

    [GeneratedRegex("_506", RegexOptions.NonBacktracking | Options)]
    static partial Regex OrangeSpam { get; }

    [GeneratedRegex("_630", RegexOptions.NonBacktracking | Options)]
    static partial Regex OrangePolicy { get; }

    [GeneratedRegex(@"mimecast\.com", RegexOptions.NonBacktracking | Options)]
    static partial Regex Mimecast { get; }

    [GeneratedRegex("rejected due to security policies", RegexOptions.NonBacktracking | Options)]
    static partial Regex MimecastSignature { get; }

    [GeneratedRegex("", RegexOptions.NonBacktracking | Options)]
    static partial Regex Anything { get; }

    [GeneratedRegex(@"\bvirus(es)?\b|malware|infected|potentially executable attachment|trojan",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex Virus { get; }

    [GeneratedRegex(
        @"\bspf\b|\bdkim\b|\bdmarc\b|sender policy framework|sender is unauthenticated"
        + "|required authentication level|fails authentication checks|authentication information"
        + "|fails to pass", RegexOptions.NonBacktracking | Options)]
    static partial Regex AuthFailure { get; }

    [GeneratedRegex(
        @"\bptr\b|reverse (dns|look-?up|name|hostname)|cannot find your (reverse )?hostname"
        + "|ip name lookup failed|unverif(y|i)able sending ip|unresolvable relay|cannot resolve your address"
        + "|rdns|generic dns|no reverse|domain mismatches client ip|client host name",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex RequirePtr { get; }

    [GeneratedRegex(
        "multiple addresses in from|(not|non)-? ?rfc ?[0-9]*|rfc ?[0-9]+ (non-?)?complian|duplicate header"
        + "|missing (required )?header|from: header (is )?(missing|invalid)|violat(es|ion of) rfc",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex NotCompliant { get; }

    [GeneratedRegex(
        "try again slower|at a rate that prevents|too many (recipients|messages|emails?) (this|per|in (an?"
        + "|the (last|past))) (hour|day|minute)|max(imum)? (emails?|messages) per (hour|day)"
        + "|sending rate exceeded|messages per (hour|day)|too many messages (sent )?(from|to|in)"
        + "|receiving mail too quickly|mail (flow|sending) rate|hourly (message )?limit",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex Speeding { get; }

    [GeneratedRegex(
        "too many (concurrent |simultaneous |smtp )*(connections?|sessions|errors from|recipients)"
        + "|(connection|session)s? (rate )?limit|maximum (number of )?connections?|connection limit"
        + "|daily message quota exceeded|trop de connexions|throttl|rate.?limit|frequency limited"
        + "|quota of recipients|numerous attempts to deliver", RegexOptions.NonBacktracking | Options)]
    static partial Regex TooManyConn { get; }

    [GeneratedRegex(
        "(mail ?box|mail ?folder|account|inbox|maildir|mail file|store|user)( of .{1,40})?( is| has| was"
        + @"| are)?( currently| almost| temporarily)? (full\b|over ?(the )?(disk )?(quota|limit|drawn)|exceed"
        + @"|too full|would exceed|reached)|full mail ?box|over ?(disk |the allowed )?quota\b"
        + "|quota.{0,20}(exceed|violat|reach|full)|exceed.{0,40}(quota|storage|allocation|disk space)|(disk"
        + "|disc|user ?disk|domain ?disk|mailbox|mail) quota|out of (storage|quota)|over the allowed quota"
        + "|(not enough|no) (disk|storage|mailbox|free) ?space|no space left|(mailbox|inbox) size limit"
        + "|too much mail data|space has been used up|boite du destinataire pleine|mailbox is (over|full)"
        + "|does not have enough space|user has too many messages|out of (available )?space|storage (limit"
        + "|full)", RegexOptions.NonBacktracking | Options)]
    static partial Regex MailboxFull { get; }

    [GeneratedRegex(
        "too (large|big) for (this )?(recipient|user|mailbox)|length exceeds administrative limit",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex ExceedLimit { get; }

    [GeneratedRegex(
        "(message|mail|e-?mail|content)( header)?( file)?( size| length)?( is)? (too (large|big|long)"
        + "|(is )?larger|exceed)|exceed.{0,30}(message|mail) ?size|line limit exceeded|size (limit|exceed)"
        + "|max(imum)? message size|limite du message|too big message|message.{0,20} exceeds (the )?(maximum"
        + "|size|fixed)", RegexOptions.NonBacktracking | Options)]
    static partial Regex MesgTooBig { get; }

    [GeneratedRegex(
        "system (is )?full|insufficient (system|disk) (storage|resources|space)|server is out of",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex SystemFull { get; }

    [GeneratedRegex(
        "(account|user|mail ?box|recipient|address|currently|been|service|is|was) suspend"
        + "|suspended (account|user)|suspend the service|(account|mail ?box|user|recipient|address"
        + "|email)( .{1,30})?( is| has been| was)?( currently| temporarily)? (disabled|deactivated|locked"
        + @"|frozen|terminated|discontinued|blocked\b|not active|closed)|(disabled|deactivated|locked|frozen"
        + "|inactive) (account|mail ?box|user|recipient)|account inactive|temporarily inactive"
        + "|destinataire (archivee|est bloque)|no longer accepts mail|invalid/inactive user",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex Suspend { get; }

    [GeneratedRegex(
        @"(does|do|will) not accept (any )?(mail|messages|e-?mail)( \(?null ?mx|$|[.)]| for)|(host|domain"
        + "|server).{0,20} does not accept mail|null ?mx|no mx( record)?s? found|indicated no smtp service"
        + "|find a mail exchanger|not accepting network messages|mail receiving disabled"
        + "|no valid mail exchanger|no mail (exchanger|server)s? for",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex NotAccept { get; }

    [GeneratedRegex(
        "(host|domain)( name)?( is)? (unknown|does(n't| not) exist|is not reachable|not exist)"
        + "|unknown (host|domain|server)|no such (domain|host)|illegal host|name or service not known"
        + "|host or domain name not found|(host|domain) [^ ]{1,255} (was |is )?(not found|does not exist"
        + "|unknown)|unrout?e?able (domain|address|mail domain)|recipient domain (must exist|not found"
        + "|does not exist)|domain mentioned in email address is unknown|host not found|bad destination (host"
        + @"|system)|domain not found|dns lookup failure|[a-z0-9-]+(\.[a-z0-9-]+)+ does not exist"
        + "|account or domain may not exist|nxdomain", RegexOptions.NonBacktracking | Options)]
    static partial Regex HostUnknown { get; }

    [GeneratedRegex(
        "(has|have) moved|been replaced by|moved to (another|a new)|no longer (at|with) (this|us)"
        + "|changed (his|her|their|the) (e-?mail )?address", RegexOptions.NonBacktracking | Options)]
    static partial Regex HasMoved { get; }

    [GeneratedRegex(
        "relay(ing)? (access )?(denied|not (permitted|allowed)|prohibited|mail to)|no relaying|(unable"
        + "|not (permitted|allowed|authori[sz]ed|configured)) to relay|open relay|insecure mail relay"
        + "|as a relay|not a gateway|allowed rcpthosts|don't handle mail for|email address is not verified"
        + "|non-local e-?mail|specified domain is not allowed|not local host|we do not relay",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex NoRelaying { get; }

    [GeneratedRegex("reputation|unexpected volume or user complaints",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex BadReputation { get; }

    [GeneratedRegex(
        "spam(my)? (message|content|url|score|mail|-like)|(as|like|to be|is|identified|probable|possibl[ey]"
        + @"|possible|detected|suspected|contains?|considered|classified|probably) (be )?(a )?spam\b"
        + "|url in (the |this )?message|spamassassin|dspam|junk ?mail|message scored|(banned"
        + "|message) content (is )?(rejected|not)|rejecting banned content|content filter"
        + @"|appears to be unsolicited|- spam\b|spamming not allowed|anti-?spam (engine|filter|policy)"
        + "|spam (detected|filter|check)|spambouncer|bulk e-?mail", RegexOptions.NonBacktracking | Options)]
    static partial Regex Spam { get; }

    [GeneratedRegex(
        "(client )?host (address |name |ip )?(was |is )?(rejected|blocked|denied)|black ?list|block ?list"
        + @"|spamhaus|spamcop|\brbl\b|dnsbl|blocked (using|by|from|for|due)|banned"
        + "|connection (was )?(refused by|rejected|denied)|connections? not accepted|(ip"
        + "|client)( address)? (blocked|rejected|banned|denied)|(your (ip|host|server|network|isp|domain)|ip"
        + "|client|network)( address)?( .{1,50})? (is|has been|was|are)( currently| temporarily)? (blocked"
        + "|listed|rejected|banned|denied)|unwanted messages|messages from [^ ]{1,60} (weren't sent|were not"
        + "|temporarily deferred)|dynamic ip|unsolicited|access from .{1,50} (blocked|denied)"
        + "|helo (command )?rejected|invalid domain name|not allowed to connect|refused to talk to me"
        + "|smtp server of your isp|a problem occurred|bad ip|part of their network is on"
        + "|you are not allowed to connect", RegexOptions.NonBacktracking | Options)]
    static partial Regex Blocked { get; }

    [GeneratedRegex(
        @"x-unix|command (failed|died|output)|mailer (error|died)|procmail|maildrop|pipe to \||""\|"
        + @"|dead\.letter|local delivery agent|unknown mailer error|\.forward",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex Mailer { get; }

    [GeneratedRegex(
        "sender (address |e-?mail |domain |verify |verification |was |is )*(rejected|failed|denied|invalid"
        + "|refused|black|not (pre-approved|accepted|allowed)|unknown|spammer|empty|verif)|invalid sender"
        + "|domain of (the )?sender|(null|empty) (envelope )?senders?|(unroutable|unverified) sender"
        + "|sender's? (domain|address)|from: domain|mail from not owned|returned mail not accepted|batv"
        + "|emetteur invalide|purported responsible|administrative prohibition"
        + "|all recipient addresses rejected|registered gateway user|non-member|backscatter"
        + "|mail from (address )?(rejected|refused)|bouncedeny|not accept mail from",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex Rejected { get; }

    [GeneratedRegex(
        "only accept(ing|s) mail from|user (rules|reject|refuses)|recipient('s)? (preferences|rejected)"
        + "|blocked by (the )?recipient|rejected by (the )?user|refuse to receive|rejected by .{0,20}(rule"
        + "|filter)|(user|recipient|mailbox) does not (want|accept)|bounced address"
        + @"|resolver\.rst\.notauthori[sz]ed|not authori[sz]ed to send|extended inactivity"
        + "|account is protected|is not accepting (any )?mail|rejected by a remote mail|message filtered"
        + "|sms e-?mail|not allowed to send (to|mail to)|you are not permitted",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex Filtered { get; }

    /// <summary>True whenever it is said, also after the content.</summary>
    [GeneratedRegex("user doesn't have an? [^ ]+ account", RegexOptions.NonBacktracking | Options)]
    static partial Regex NoAccount { get; }

    [GeneratedRegex(
        "(user|recipient|address|account|mail ?box|e-?mail|person|customer|login|alias|name|addressee"
        + "|userid|spectator)( address| name| id| account)?( .{1,40})?( is| was| are| has been|:)*( currently"
        + "| either)? (not (exist|found|known|valid|listed|recogni[sz]ed|present|a valid|local|ok|here"
        + "|available)|does ?n[o']t ?(exist|have)|unknown|doesn't exist|could not be found|invalid|not exist"
        + "|unavailable|unavaiable|inactive|wrong|no longer (valid|exist|available|in use))|(unknown|invalid"
        + "|no such|illegal|bad|incorrect|non-?existent|no valid|inexistent|not a valid|not a known|inactive"
        + "|obsolete)( or unknown| or illegal| or invalid| virtual| local| final| delivery| destination"
        + "| e-?mail)* ?(user|recipient|address|account|mail ?box|e-?mail|person|local.?part|alias|rcpt|name"
        + "|destination)|no (mail ?box|account|user|one|body)( .{0,20})?(by that name|here|found|at this"
        + "|available|with that)|badrcptto|badrecipientto|validrcptto|tried to reach does not exist"
        + "|user missing|no existe|adresse d au moins un destinataire invalide|utilisateur inconnu"
        + "|nessun utente|recipnotfound|recipient(s)? (was|were|have been) undeliverable|not our customer"
        + "|unknown in|is not a (valid|known)|can't accept user|does not exist|undeliverable address"
        + @"|addressing error|not in (the )?directory|resolver\.adr\.|destination addresses were unknown"
        + "|envelope recipient (has been denied|is in)|rejected recipients|not a (valid|local|known) (address"
        + "|user)|recipient address rejected: access denied|no valid recipients",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex UserUnknown { get; }

    [GeneratedRegex(
        "polic(y|ies)|protocol violation|header error|content presents a potential"
        + "|attachment (type )?(is )?(not|illegal|blocked|prohibit)|illegal attachment|closed mailing list"
        + "|not subscribed|mass mailer|organi[sz]ational settings|low priority|local restriction|prohibited"
        + "|client host rejected|security reasons", RegexOptions.NonBacktracking | Options)]
    static partial Regex Policy { get; }

    [GeneratedRegex(
        "starttls (failed|command)|tls (negotiation|handshake|session).{0,20} (failed|error)"
        + "|failed to (negotiate|establish) tls", RegexOptions.NonBacktracking | Options)]
    static partial Regex StartTls { get; }

    [GeneratedRegex(
        "authentication (is )?(required|failure|credentials|turned)|unauthenticated|authenticat"
        + "|access (is )?denied|starttls is required|tls required|verification failure|security level"
        + "|not subscribed to ses|insufficient security|encryption (needed|required)|not authori[sz]ed"
        + "|failed to delivery|compromised", RegexOptions.NonBacktracking | Options)]
    static partial Regex Security { get; }

    [GeneratedRegex(
        "8-?bit (data|character)|improperly-formatted|mime (headers|complexity)|malformed (message|header"
        + "|mime)|invalid (mime|character)|bare (lf|cr|line ?feed)|corrupt|content (is )?(rejected"
        + "|not acceptable)|message header size", RegexOptions.NonBacktracking | Options)]
    static partial Regex Content { get; }

    [GeneratedRegex(
        "syntax error|command (parameter )?(not (recogni[sz]ed|implemented)|unrecogni[sz]ed)|(improper"
        + "|bad) (command )?sequence of commands|bad command|protocol error|unrecogni[sz]ed command",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex Syntax { get; }

    [GeneratedRegex(@"\bspam\b", RegexOptions.NonBacktracking | Options)]
    static partial Regex AnySpam { get; }

    [GeneratedRegex(
        "expired|in the queue too long|(connection|operation|message|session) timed? ?out|timed out"
        + "|giving up|multiple retries|not reach(able|ed) within|not delivered within"
        + "|could not be delivered for|long failure period|retry time|did not respond|not responding"
        + "|failing for a long time|failed to deliver to domain|delivery (attempts|time)"
        + "|did not accept our requests to connect|unable to connect|connection refused|still undelivered"
        + "|has been delayed|last [0-9]+ seconds|not been collected|could not find a gateway|retry timeout"
        + "|too old|deferred", RegexOptions.NonBacktracking | Options)]
    static partial Regex Expired { get; }

    [GeneratedRegex(
        "hop count|too many hops|mail ?(forwarding )?loop|routing loop|message loop|forwarding loop"
        + "|no route to host|host is unreachable|name lookup failure|name server reply|dns query failed"
        + "|network (error|is down)|lookup (failed|failure|error)|unable to resolve|dns records for",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex Network { get; }

    [GeneratedRegex(
        "(internal|local|system|server|configuration|operating system|write|i/o|disk|database|config) error"
        + "|service (currently |temporarily )?(unavailable|not available)|loops? (back|alert|was found)"
        + "|duplicated message-id|misconfigur|transaction failed|temporary local problem|does not support tls"
        + "|internal software|mail transport unavailable|interrupted system call|error while being processed"
        + "|error in processing|output file|timeout waiting for input|too many talkers|queue file",
        RegexOptions.NonBacktracking | Options)]
    static partial Regex SystemTrouble { get; }
}

/// <param name="Source">Compared with who speaks.</param>
sealed record SourceRule(Regex Source, Regex Words, BounceReason Reason);

sealed record WordRule(Regex Words, BounceReason Reason);
