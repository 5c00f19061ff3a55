using System.Text;

namespace Postern.Smtp;

/// <summary>One command line without its line end (RFC 5321 §4.1.1): a verb in any case, a space, an
/// argument.</summary>
public readonly ref struct SmtpCommand
{
    SmtpCommand(Verb verb, ReadOnlySpan<byte> argument)
    {
        Verb = verb;
        Argument = argument;
    }

    public Verb Verb { get; }

    /// <summary>What follows the verb, without spaces around it.</summary>
    public ReadOnlySpan<byte> Argument { get; }

    /// <summary>Splits a line. Never fails: what is no command is <see cref="Verb.Unknown"/> with the line as
    /// argument.</summary>
    public static SmtpCommand Parse(ReadOnlySpan<byte> line)
    {
        // RFC 5321 §4.1.1: trailing white space is tolerated. Only spaces: other white space is content.
        line = line.TrimEnd((byte)' ');
        var space = line.IndexOf((byte)' ');
        var word = space < 0 ? line : line[..space];
        var verb = VerbOf(word);
        return verb == Verb.Unknown
            ? new SmtpCommand(verb, line)
            : new SmtpCommand(verb, space < 0 ? [] : line[space..].TrimStart((byte)' '));
    }

    /// <summary>Reads <c>FROM:</c> or <c>TO:</c> before a path. Spaces after the colon are tolerated: many
    /// programs send one.</summary>
    public static bool TrySkipKeyword(ref ReadOnlySpan<byte> argument, ReadOnlySpan<byte> keyword)
    {
        if (argument.Length < keyword.Length || !Ascii.EqualsIgnoreCase(argument[..keyword.Length], keyword))
            return false;
        argument = argument[keyword.Length..].TrimStart((byte)' ');
        return true;
    }

    static Verb VerbOf(ReadOnlySpan<byte> word) => word.Length switch
    {
        3 => Is(word, "GET"u8) ? Verb.Forbidden : Verb.Unknown,
        4 => VerbOfFour(word),
        7 when Is(word, "XCLIENT"u8) => Verb.NotImplemented,
        7 when Is(word, "CONNECT"u8) => Verb.Forbidden,
        8 when Is(word, "STARTTLS"u8) => Verb.StartTls,
        8 when Is(word, "XFORWARD"u8) => Verb.NotImplemented,
        _ => Verb.Unknown,
    };

    static Verb VerbOfFour(ReadOnlySpan<byte> word) => (word[0] | 0x20) switch
    {
        'm' when Is(word, "MAIL"u8) => Verb.Mail,
        'r' when Is(word, "RCPT"u8) => Verb.Rcpt,
        'r' when Is(word, "RSET"u8) => Verb.Rset,
        'd' when Is(word, "DATA"u8) => Verb.Data,
        'b' when Is(word, "BDAT"u8) => Verb.Bdat,
        'b' when Is(word, "BURL"u8) => Verb.NotImplemented,
        'e' when Is(word, "EHLO"u8) => Verb.Ehlo,
        'e' when Is(word, "EXPN"u8) || Is(word, "ETRN"u8) => Verb.NotImplemented,
        'h' when Is(word, "HELO"u8) => Verb.Helo,
        'h' when Is(word, "HELP"u8) => Verb.Help,
        'q' when Is(word, "QUIT"u8) => Verb.Quit,
        'n' when Is(word, "NOOP"u8) => Verb.Noop,
        'a' when Is(word, "AUTH"u8) => Verb.Auth,
        'a' when Is(word, "ATRN"u8) => Verb.NotImplemented,
        'v' when Is(word, "VRFY"u8) => Verb.Vrfy,
        'l' when Is(word, "LHLO"u8) => Verb.Lhlo,
        'p' when Is(word, "POST"u8) => Verb.Forbidden,
        's' when Is(word, "SEND"u8) || Is(word, "SOML"u8) || Is(word, "SAML"u8) => Verb.NotImplemented,
        't' when Is(word, "TURN"u8) => Verb.NotImplemented,
        _ => Verb.Unknown,
    };

    static bool Is(ReadOnlySpan<byte> word, ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(word, name);
}

/// <summary>The verbs a server knows; <see cref="NotImplemented"/> and <see cref="Forbidden"/> stand for
/// several.</summary>
public enum Verb
{
    Unknown,
    Helo,
    Ehlo,
    Lhlo,
    Mail,
    Rcpt,
    Data,
    Bdat,
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
    StartTls,
    Auth,

    /// <summary>EXPN, ETRN, XCLIENT and others that exist elsewhere and are never obeyed here.</summary>
    NotImplemented,

    /// <summary>GET, POST and CONNECT: a browser or proxy was made to talk to us.</summary>
    Forbidden,
}
