using System.Text;
using System.Text.Unicode;

namespace Postern.Smtp;

/// <summary>Reads the parameters of MAIL and RCPT (RFC 5321 §4.1.2), each once, in one pass.</summary>
public static class PathParameters
{
    /// <summary>RFC 3461 §4.4, characters as encoded.</summary>
    const int EnvelopeIdOctetsMax = 100;

    /// <summary>RFC 3461 §4.2, characters as encoded.</summary>
    internal const int OriginalRecipientOctetsMax = 500;

    [Flags]
    enum Seen
    {
        None = 0,
        Size = 1,
        Body = 2,
        SmtpUtf8 = 4,
        Return = 8,
        EnvelopeId = 16,
        Auth = 32,
        Notify = 64,
        OriginalRecipient = 128,
    }

    /// <param name="text">What follows the path: empty, or a space and parameters.</param>
    /// <param name="culprit">The parameter at fault.</param>
    public static ParameterFault ReadMail(
        ReadOnlySpan<byte> text, out MailParameters parameters, out ReadOnlySpan<byte> culprit)
    {
        parameters = MailParameters.None;
        culprit = text;
        if (text.IsEmpty)
            return ParameterFault.None;
        var seen = Seen.None;
        while (TryNext(ref text, out culprit, out var keyword, out var value, out var fault))
        {
            if (fault == ParameterFault.None)
                fault = ReadMailParameter(keyword, value, ref seen, ref parameters);
            if (fault != ParameterFault.None)
                return fault;
        }
        return ParameterFault.None;
    }

    /// <inheritdoc cref="ReadMail"/>
    public static ParameterFault ReadRcpt(
        ReadOnlySpan<byte> text, out RcptParameters parameters, out ReadOnlySpan<byte> culprit)
    {
        parameters = RcptParameters.None;
        culprit = text;
        if (text.IsEmpty)
            return ParameterFault.None;
        var seen = Seen.None;
        while (TryNext(ref text, out culprit, out var keyword, out var value, out var fault))
        {
            if (fault == ParameterFault.None)
                fault = ReadRcptParameter(keyword, value, ref seen, ref parameters);
            if (fault != ParameterFault.None)
                return fault;
        }
        return ParameterFault.None;
    }

    static ParameterFault ReadMailParameter(
        ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> value, ref Seen seen, ref MailParameters parameters)
    {
        if (Is(keyword, "SIZE"u8))
        {
            if (!Once(ref seen, Seen.Size))
                return ParameterFault.Syntax;
            if (!TryReadSize(value, out var octets))
                return ParameterFault.BadSize;
            parameters = parameters with { DeclaredOctets = octets };
            return ParameterFault.None;
        }
        if (Is(keyword, "BODY"u8))
            return Once(ref seen, Seen.Body) ? ReadBody(value, ref parameters) : ParameterFault.Syntax;
        if (Is(keyword, "SMTPUTF8"u8))
        {
            // RFC 6531 §3.4: it takes no value.
            if (!Once(ref seen, Seen.SmtpUtf8) || !value.IsEmpty)
                return ParameterFault.Syntax;
            parameters = parameters with { SmtpUtf8 = true };
            return ParameterFault.None;
        }
        if (Is(keyword, "RET"u8))
            return Once(ref seen, Seen.Return) ? ReadReturn(value, ref parameters) : ParameterFault.Syntax;
        if (Is(keyword, "ENVID"u8))
        {
            if (!Once(ref seen, Seen.EnvelopeId) || value.Length is 0 or > EnvelopeIdOctetsMax
                || !Xtext.TryDecode(value, out var id))
            {
                return ParameterFault.Syntax;
            }
            parameters = parameters with { EnvelopeId = id };
            return ParameterFault.None;
        }
        if (Is(keyword, "AUTH"u8))
        {
            // RFC 4954 §5: no client is trusted with another's identity, so the value is checked and taken as
            // <>.
            return Once(ref seen, Seen.Auth) && !value.IsEmpty && Xtext.TryDecode(value, out _)
                ? ParameterFault.None
                : ParameterFault.Syntax;
        }
        return ParameterFault.Unsupported;
    }

    static ParameterFault ReadRcptParameter(
        ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> value, ref Seen seen, ref RcptParameters parameters)
    {
        if (Is(keyword, "NOTIFY"u8))
        {
            if (!Once(ref seen, Seen.Notify) || !TryReadNotify(value, out var notify))
                return ParameterFault.Syntax;
            parameters = parameters with { Notify = notify };
            return ParameterFault.None;
        }
        if (Is(keyword, "ORCPT"u8))
        {
            if (!Once(ref seen, Seen.OriginalRecipient) || !TryReadOriginalRecipient(value, out var original))
                return ParameterFault.Syntax;
            parameters = parameters with { OriginalRecipient = original };
            return ParameterFault.None;
        }
        return ParameterFault.Unsupported;
    }

    static ParameterFault ReadBody(ReadOnlySpan<byte> value, ref MailParameters parameters)
    {
        // RFC 6152 §2; BINARYMIME (RFC 3030 §3) is not offered.
        BodyType? body = Is(value, "7BIT"u8) ? BodyType.SevenBit
            : Is(value, "8BITMIME"u8) ? BodyType.EightBitMime
            : null;
        if (body is not { } known)
            return value.IsEmpty ? ParameterFault.Syntax : ParameterFault.Unsupported;
        parameters = parameters with { Body = known };
        return ParameterFault.None;
    }

    static ParameterFault ReadReturn(ReadOnlySpan<byte> value, ref MailParameters parameters)
    {
        DsnReturn? what = Is(value, "FULL"u8) ? DsnReturn.Full : Is(value, "HDRS"u8) ? DsnReturn.Headers
            : null;
        if (what is not { } known)
            return ParameterFault.Syntax;
        parameters = parameters with { Return = known };
        return ParameterFault.None;
    }

    // RFC 1870 §3: 1 to 20 digits. What does not fit a long is larger than any limit.
    static bool TryReadSize(ReadOnlySpan<byte> value, out long octets)
    {
        octets = 0;
        if (value.Length is 0 or > 20 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return false;
        foreach (var digit in value)
        {
            if (octets > (long.MaxValue - 9) / 10)
            {
                octets = long.MaxValue;
                return true;
            }
            octets = (octets * 10) + digit - '0';
        }
        return true;
    }

    static bool TryReadNotify(ReadOnlySpan<byte> value, out DsnNotify notify)
    {
        notify = DsnNotify.Unspecified;
        if (Is(value, "NEVER"u8))
        {
            notify = DsnNotify.Never;
            return true;
        }
        while (true)
        {
            var comma = value.IndexOf((byte)',');
            var word = comma < 0 ? value : value[..comma];
            var flag = Is(word, "SUCCESS"u8) ? DsnNotify.Success
                : Is(word, "FAILURE"u8) ? DsnNotify.Failure
                : Is(word, "DELAY"u8) ? DsnNotify.Delay
                : DsnNotify.Unspecified;
            // RFC 3461 §4.1: NEVER stands alone; a word given twice is a fault too.
            if (flag == DsnNotify.Unspecified || notify.HasFlag(flag))
                return false;
            notify |= flag;
            if (comma < 0)
                return true;
            value = value[(comma + 1)..];
        }
    }

    static bool TryReadOriginalRecipient(ReadOnlySpan<byte> value, out string original)
    {
        original = "";
        var semicolon = value.IndexOf((byte)';');
        if (semicolon <= 0 || value.Length > OriginalRecipientOctetsMax || semicolon + 1 == value.Length)
            return false;
        var type = value[..semicolon];
        foreach (var octet in type)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet != (byte)'-')
                return false;
        }
        // RFC 6533 §3: utf-8 addresses have an encoding of their own; kept as they came.
        string? address;
        if (Is(type, "UTF-8"u8))
        {
            address = Encoding.UTF8.GetString(value[(semicolon + 1)..]);
            // It goes on into the header section of a report, as an address does.
            foreach (var rune in address.EnumerateRunes())
            {
                if (!rune.IsAscii && !DomainName.IsVisible(rune))
                    return false;
            }
        }
        else if (!Xtext.TryDecode(value[(semicolon + 1)..], out address))
        {
            return false;
        }
        original = $"{Encoding.ASCII.GetString(type).ToLowerInvariant()};{address}";
        return true;
    }

    /// <summary>Takes the next parameter off <paramref name="text"/>; false at the end.</summary>
    static bool TryNext(
        scoped ref ReadOnlySpan<byte> text,
        out ReadOnlySpan<byte> parameter,
        out ReadOnlySpan<byte> keyword,
        out ReadOnlySpan<byte> value,
        out ParameterFault fault)
    {
        keyword = value = parameter = default;
        fault = ParameterFault.None;
        if (text.IsEmpty)
            return false;
        // Between the path and each parameter stands a space; several are tolerated.
        var spaced = text[0] == (byte)' ';
        text = text.TrimStart((byte)' ');
        if (text.IsEmpty)
            return false;
        var end = text.IndexOf((byte)' ');
        parameter = end < 0 ? text : text[..end];
        text = end < 0 ? [] : text[end..];
        var equals = parameter.IndexOf((byte)'=');
        keyword = equals < 0 ? parameter : parameter[..equals];
        value = equals < 0 ? [] : parameter[(equals + 1)..];
        if (!spaced || !IsKeyword(keyword) || !IsValue(value) || (equals >= 0 && value.IsEmpty))
            fault = ParameterFault.Syntax;
        return true;
    }

    static bool IsKeyword(ReadOnlySpan<byte> keyword)
    {
        foreach (var octet in keyword)
        {
            if (!char.IsAsciiLetterOrDigit((char)octet) && octet != (byte)'-')
                return false;
        }
        return !keyword.IsEmpty && keyword[0] != (byte)'-';
    }

    // RFC 5321 §4.1.2 esmtp-value, with UTF-8 as RFC 6531 §3.3 extends it.
    static bool IsValue(ReadOnlySpan<byte> value)
    {
        foreach (var octet in value)
        {
            if (octet is < 0x21 or (byte)'=' or 0x7F)
                return false;
        }
        return Utf8.IsValid(value);
    }

    static bool Once(ref Seen seen, Seen one)
    {
        var first = (seen & one) == 0;
        seen |= one;
        return first;
    }

    static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(text, name);
}

/// <summary>What is wrong with the parameters of MAIL or RCPT.</summary>
public enum ParameterFault
{
    None,

    /// <summary>Not <c>KEYWORD[=value]</c>, given twice, or a value outside its grammar: 501.</summary>
    Syntax,

    /// <summary>A keyword or a value of an extension that is not offered: 555 (RFC 5321 §4.1.1.11).</summary>
    Unsupported,

    /// <summary>SIZE= is no number of at most 20 digits: 501.</summary>
    BadSize,
}
