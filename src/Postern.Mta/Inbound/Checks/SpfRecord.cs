using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Postern.Mta.Inbound.Checks;

/// <summary>A record, read whole: a fault anywhere makes it none (RFC 7208 §4.6).</summary>
/// <param name="Redirect">Where to go on when no directive matches (RFC 7208 §6.1). Null: nowhere.</param>
/// <param name="Explanation">Where the words for a fail stand (RFC 7208 §6.2). Null: there are none.</param>
sealed record SpfRecord(IReadOnlyList<SpfDirective> Directives, string? Redirect, string? Explanation)
{
    /// <summary>RFC 7208 §3.4 wants 512 octets at most; what stands in the DNS is at times a few
    /// thousand.</summary>
    public const int CharactersMax = 8192;

    const string Version = "v=spf1";

    // RFC 7208 §4.6.1: what may stand before "=", ":" or "/".
    static readonly SearchValues<char> NameCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    static readonly SearchValues<char> AddressCharacters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>RFC 7208 §4.5: the version ends at a space or with the record.</summary>
    public static bool IsOfVersion(string text) =>
        text.StartsWith(Version, StringComparison.OrdinalIgnoreCase)
        && (text.Length == Version.Length || text[Version.Length] == ' ');

    /// <param name="text">One that <see cref="IsOfVersion"/>.</param>
    /// <param name="fault">The term that cannot be read, fit to be shown. Null: all were.</param>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out SpfRecord? record, [NotNullWhen(false)] out string? fault)
    {
        record = null;
        fault = null;
        if (text.Length > CharactersMax)
        {
            fault = "a record of too many characters";
            return false;
        }
        var directives = new List<SpfDirective>();
        string? redirect = null, explanation = null;
        foreach (var range in text.AsSpan(Version.Length).Split(' '))
        {
            var term = text.AsMemory(Version.Length)[range];
            if (term.IsEmpty)
                continue;
            var isRead = NameOfModifier(term.Span) is { IsEmpty: false } name
                ? TryReadModifier(name, term.Span[(name.Length + 1)..], ref redirect, ref explanation)
                : TryReadDirective(term, directives);
            if (!isRead)
            {
                fault = $"cannot read \"{SpfCheck.Shown(term.Span, SpfCheck.WhyCharactersMax)}\"";
                return false;
            }
        }
        record = new SpfRecord(directives, redirect, explanation);
        return true;
    }

    /// <summary>RFC 7208 §4.6.1: a modifier has "=" behind its name, before any ":" or "/". Empty: it is
    /// none.</summary>
    static ReadOnlySpan<char> NameOfModifier(ReadOnlySpan<char> term)
    {
        var end = term.IndexOfAnyExcept(NameCharacters);
        return end > 0 && term[end] == '=' && char.IsAsciiLetter(term[0]) ? term[..end] : [];
    }

    static bool TryReadModifier(
        ReadOnlySpan<char> name, ReadOnlySpan<char> value, ref string? redirect, ref string? explanation)
    {
        if (name.Equals("redirect", StringComparison.OrdinalIgnoreCase))
            return TryReadOnce(value, ref redirect);
        if (name.Equals("exp", StringComparison.OrdinalIgnoreCase))
            return TryReadOnce(value, ref explanation);
        // RFC 7208 §6: an unknown one means nothing, but is written like the others.
        return SpfMacro.IsMacroString(value, SpfMacro.ExplanationLetters, out _);
    }

    // RFC 7208 §6: each at most once.
    static bool TryReadOnce(ReadOnlySpan<char> value, ref string? domainSpec)
    {
        if (domainSpec is not null || !SpfMacro.IsDomainSpec(value))
            return false;
        domainSpec = value.ToString();
        return true;
    }

    static bool TryReadDirective(ReadOnlyMemory<char> term, List<SpfDirective> directives)
    {
        var (result, rest) = term.Span[0] switch
        {
            '-' => (AuthenticationResult.Fail, term[1..]),
            '~' => (AuthenticationResult.Softfail, term[1..]),
            '?' => (AuthenticationResult.Neutral, term[1..]),
            '+' => (AuthenticationResult.Pass, term[1..]),
            // RFC 7208 §4.6.2: no qualifier is "+".
            _ => (AuthenticationResult.Pass, term),
        };
        var nameEnd = rest.Span.IndexOfAny(':', '/');
        var name = nameEnd < 0 ? rest.Span : rest.Span[..nameEnd];
        if (!TryReadMechanism(name, out var mechanism))
            return false;
        var directive = new SpfDirective(mechanism, result, term);
        var arguments = rest[name.Length..];
        var isRead = mechanism switch
        {
            SpfMechanism.All => arguments.IsEmpty,
            SpfMechanism.Ip4 or SpfMechanism.Ip6 => TryReadNetwork(arguments.Span, ref directive),
            SpfMechanism.A or SpfMechanism.Mx => TryReadPrefixes(ref arguments, ref directive)
                && (arguments.IsEmpty || TryReadTarget(arguments, ref directive)),
            SpfMechanism.Ptr => arguments.IsEmpty || TryReadTarget(arguments, ref directive),
            _ => TryReadTarget(arguments, ref directive),
        };
        if (isRead)
            directives.Add(directive);
        return isRead;
    }

    static bool TryReadMechanism(ReadOnlySpan<char> name, out SpfMechanism mechanism)
    {
        Span<char> lower = stackalloc char[7];
        mechanism = default;
        if (name.Length > lower.Length)
            return false;
        _ = name.ToLowerInvariant(lower);
        SpfMechanism? found = lower[..name.Length] switch
        {
            "all" => SpfMechanism.All,
            "include" => SpfMechanism.Include,
            "a" => SpfMechanism.A,
            "mx" => SpfMechanism.Mx,
            "ptr" => SpfMechanism.Ptr,
            "ip4" => SpfMechanism.Ip4,
            "ip6" => SpfMechanism.Ip6,
            "exists" => SpfMechanism.Exists,
            _ => null,
        };
        mechanism = found ?? default;
        return found is not null;
    }

    static bool TryReadTarget(ReadOnlyMemory<char> arguments, ref SpfDirective directive)
    {
        if (arguments.IsEmpty || arguments.Span[0] != ':' || !SpfMacro.IsDomainSpec(arguments.Span[1..]))
            return false;
        directive = directive with { Target = arguments[1..] };
        return true;
    }

    /// <summary>RFC 7208 §5.6: <c>:192.0.2.0/24</c>, the length optional.</summary>
    static bool TryReadNetwork(ReadOnlySpan<char> arguments, ref SpfDirective directive)
    {
        var bits = directive.Mechanism == SpfMechanism.Ip4 ? 32 : 128;
        var prefix = bits;
        if (arguments.IsEmpty || arguments[0] != ':')
            return false;
        var address = arguments[1..];
        var slash = address.IndexOf('/');
        if (slash >= 0)
        {
            if (!TryReadPrefix(address[(slash + 1)..], bits, out prefix))
                return false;
            address = address[..slash];
        }
        // No zone, no brackets; and what is read as an address in many ways is one only as four numbers.
        if (address.ContainsAnyExcept(AddressCharacters) || !IPAddress.TryParse(address, out var parsed)
            || (bits == 32) != (parsed.AddressFamily == AddressFamily.InterNetwork)
            || (bits == 32 && !address.SequenceEqual(parsed.ToString())))
        {
            return false;
        }
        directive = directive with
        {
            Network = SpfAddress.OfOctets(parsed),
            Prefix4 = prefix,
            Prefix6 = prefix,
        };
        return true;
    }

    /// <summary>Takes <c>/24</c>, <c>//64</c> or <c>/24//64</c> off the end (RFC 7208 §5.3).</summary>
    static bool TryReadPrefixes(ref ReadOnlyMemory<char> arguments, ref SpfDirective directive)
    {
        var digits = DigitsAtEnd(arguments.Span);
        if (digits.Length < arguments.Length - 1 && arguments.Span[..^digits.Length].EndsWith("//"))
        {
            if (!TryReadPrefix(digits, 128, out var six))
                return false;
            directive = directive with { Prefix6 = six };
            arguments = arguments[..^(digits.Length + 2)];
            digits = DigitsAtEnd(arguments.Span);
        }
        if (!digits.IsEmpty && arguments.Span[..^digits.Length].EndsWith("/"))
        {
            if (!TryReadPrefix(digits, 32, out var four))
                return false;
            directive = directive with { Prefix4 = four };
            arguments = arguments[..^(digits.Length + 1)];
        }
        return true;
    }

    static ReadOnlySpan<char> DigitsAtEnd(ReadOnlySpan<char> text) =>
        text[(text.LastIndexOfAnyExceptInRange('0', '9') + 1)..];

    static bool TryReadPrefix(ReadOnlySpan<char> digits, int max, out int prefix)
    {
        prefix = 0;
        // RFC 7208 §5.6: no zeros in front.
        if (digits.Length is 0 or > 3 || (digits.Length > 1 && digits[0] == '0'))
            return false;
        foreach (var digit in digits)
        {
            if (!char.IsAsciiDigit(digit))
                return false;
            prefix = (prefix * 10) + digit - '0';
        }
        return prefix <= max;
    }
}

/// <summary>The mechanisms of RFC 7208 §5.</summary>
enum SpfMechanism
{
    All,
    Include,
    A,
    Mx,
    Ptr,
    Ip4,
    Ip6,
    Exists,
}

/// <summary>A mechanism and what it means when it matches.</summary>
/// <param name="Text">As it stands in the record, which is printable ASCII.</param>
readonly record struct SpfDirective(
    SpfMechanism Mechanism, AuthenticationResult Result, ReadOnlyMemory<char> Text)
{
    /// <summary>A domain-spec (RFC 7208 §7.1). Empty: the domain itself.</summary>
    public ReadOnlyMemory<char> Target { get; init; }

    /// <summary>Of <c>ip4</c> and <c>ip6</c>.</summary>
    public SpfAddress Network { get; init; }

    /// <summary>Bits that must agree.</summary>
    public int Prefix4 { get; init; } = 32;

    /// <summary>Bits that must agree.</summary>
    public int Prefix6 { get; init; } = 128;

    public bool Matches(SpfAddress client, SpfAddress network) =>
        client.IsWithin(network, client.Bits == 32 ? Prefix4 : Prefix6);
}

/// <summary>An address as a number, which is quick to compare.</summary>
/// <param name="Bits">32 or 128.</param>
readonly record struct SpfAddress(UInt128 Value, int Bits)
{
    /// <summary>An IPv4 address mapped into IPv6 is IPv4 (RFC 7208 §5).</summary>
    public static SpfAddress Of(IPAddress address) =>
        OfOctets(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    /// <summary>As it is written: <c>ip6:::ffff:192.0.2.1</c> matches no client.</summary>
    public static SpfAddress OfOctets(IPAddress address)
    {
        Span<byte> octets = stackalloc byte[16];
        _ = address.TryWriteBytes(octets, out var length);
        return length == 4
            ? new SpfAddress(BinaryPrimitives.ReadUInt32BigEndian(octets), 32)
            : new SpfAddress(BinaryPrimitives.ReadUInt128BigEndian(octets), 128);
    }

    public bool IsWithin(SpfAddress network, int prefix) =>
        Bits == network.Bits && (prefix == 0 || (Value ^ network.Value) >> (Bits - prefix) == 0);
}
