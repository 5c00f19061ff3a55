using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using Postern.Mta.Configuration;

namespace Postern.Mta.Transports;

/// <summary>Where a server that speaks LMTP listens: <c>127.0.0.1:24</c>, <c>[::1]:24</c>,
/// <c>dovecot.internal:24</c> or <c>unix:/run/dovecot/lmtp</c>.</summary>
/// <param name="IsHere">Octets to it do not leave this machine.</param>
sealed record LmtpHost(NextHop Hop, bool IsHere)
{
    const string Unix = "unix:";

    /// <summary>The longest path of a unix socket on Linux, in octets (sun_path, unix(7)).</summary>
    const int SocketOctetsMax = 107;

    const string Example = "write \"127.0.0.1:24\" or \"unix:/run/dovecot/lmtp\"";

    /// <param name="problem">What is wrong, for the operator.</param>
    public static bool TryParse(
        string? text, [NotNullWhen(true)] out LmtpHost? host, [NotNullWhen(false)] out string? problem)
    {
        host = null;
        problem = null;
        if (text is null)
            problem = $"is missing; {Example}";
        else if (text.StartsWith(Unix, StringComparison.Ordinal))
            host = OfSocket(text, text[Unix.Length..], out problem);
        else
            host = OfAddress(text, out problem);
        return host is not null;
    }

    static LmtpHost? OfSocket(string text, string path, out string? problem)
    {
        problem = !path.StartsWith('/') ? $"\"{text}\" is no whole path; write \"unix:/run/dovecot/lmtp\""
            : System.Text.Encoding.UTF8.GetByteCount(path) > SocketOctetsMax
                ? $"\"{path}\" is too long for a socket, {SocketOctetsMax} octets"
                : null;
        return problem is not null ? null : new LmtpHost(
            new NextHop(
                text, "localhost", [NextHop.LmtpPort], NextHopLookup.Literal, NextHopOrigin.Configured)
            {
                Socket = path,
            },
            IsHere: true);
    }

    static LmtpHost? OfAddress(string text, out string? problem)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(
            text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port == 0)
        {
            problem = $"\"{text}\" names no port; {Example}";
            return null;
        }
        // RFC 2033 §5: what listens there speaks SMTP.
        if (port == NextHop.SmtpPort)
        {
            problem = $"\"{text}\": LMTP is never spoken on port 25; {Example}";
            return null;
        }
        var name = text[..colon];
        var isBracketed = name.StartsWith('[') && name.EndsWith(']');
        var inner = isBracketed ? name[1..^1] : name;
        problem = null;
        if (Network.TryParseAddress(inner, out var address)
            && (isBracketed || address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork))
            return new LmtpHost(
                new NextHop(
                    text, address.ToString(), [port], NextHopLookup.Literal, NextHopOrigin.Configured),
                IPAddress.IsLoopback(address));
        if (inner.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return new LmtpHost(
                new NextHop(text, "localhost", [port], NextHopLookup.Literal, NextHopOrigin.Configured),
                IsHere: true);
        if (HostName.IsValid(inner) && !IPAddress.TryParse(inner, out _))
            return new LmtpHost(
                new NextHop(
                    text, HostName.ToALabels(inner).ToLowerInvariant(), [port], NextHopLookup.Addresses,
                    NextHopOrigin.Configured),
                IsHere: false);
        problem = $"\"{name}\" is no host or address; {Example}";
        return null;
    }
}
