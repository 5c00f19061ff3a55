using System.Buffers;
using System.Globalization;
using System.Text;
using Postern.Smtp;

namespace Postern.Mta.Inbound.Checks;

/// <summary>What stands in a DKIM-Signature (RFC 6376 §3.5), an ARC-Message-Signature or an ARC-Seal
/// (RFC 8617 §4.1.2, §4.1.3).</summary>
/// <remarks>Whatever can be read is there, also beside a <see cref="Fault"/>.</remarks>
sealed record SignatureField
{
    const int StartCharacters = 8;

    /// <summary>Of an identity that is shown: a local part and a domain (RFC 5321 §4.5.3.1).</summary>
    const int IdentityCharactersMax = 320;

    static readonly SearchValues<char> FieldName = SearchValues.Create(
        [.. Enumerable.Range(33, 94).Select(static c => (char)c).Where(static c => c is not (':' or ';'))]);

    /// <summary>Its number in the header.</summary>
    public required int Field { get; init; }

    public required SignatureKind Kind { get; init; }

    /// <summary>Null: it can be tried.</summary>
    public SignatureFault? Fault { get; init; }

    /// <summary><c>d=</c> as an A-label in lower case. Empty: unreadable.</summary>
    public string Domain { get; init; } = "";

    /// <summary><c>s=</c>, the same way.</summary>
    public string Selector { get; init; } = "";

    public string AlgorithmName { get; init; } = "";
    public SignatureAlgorithm Algorithm { get; init; }
    public SignedForm HeaderForm { get; init; }
    public SignedForm BodyForm { get; init; }

    /// <summary><c>c=</c> is there.</summary>
    public bool IsFormGiven { get; init; }

    /// <summary><c>h=</c>.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    public byte[] Signature { get; init; } = [];

    /// <summary>The first characters of <c>b=</c> (RFC 6008 §4). Empty: it is no base64.</summary>
    public string SignatureStart =>
        string.Concat(Convert.ToBase64String(Signature).Take(StartCharacters));

    public byte[] BodyHash { get; init; } = [];

    /// <summary><c>l=</c>. Null: the whole body.</summary>
    public long? BodyOctets { get; init; }

    /// <summary><c>i=</c> of DKIM. Null: not given.</summary>
    public string? Identity { get; init; }

    /// <summary><c>i=</c> of ARC. 0: unreadable.</summary>
    public int Instance { get; init; }

    /// <summary><c>cv=</c> of a seal. Empty: not given.</summary>
    public string ChainState { get; init; } = "";

    /// <summary><c>t=</c> and <c>x=</c>, in seconds since 1970.</summary>
    public long? SignedAt { get; init; }

    public long? ExpiresAt { get; init; }

    /// <summary>Where the value of <c>b=</c> stands behind the colon.</summary>
    public int ValueStart { get; init; }

    public int ValueEnd { get; init; }

    /// <summary>The identity as it may be shown. Null: not given, or nothing that a person could read for
    /// certain.</summary>
    public string? ShownIdentity => Identity is { Length: <= IdentityCharactersMax } text
        && text.EnumerateRunes().All(static rune => Rune.GetUnicodeCategory(rune) is not (
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned)) ? text : null;

    /// <summary>The domain of <see cref="Identity"/>, in lower case.</summary>
    public string IdentityDomain =>
        Identity is null ? Domain : DomainName.ToALabel(Identity[(Identity.LastIndexOf('@') + 1)..]) ?? "";

    public static SignatureField Read(HeaderBlock header, int field, SignatureKind kind)
    {
        var bare = new SignatureField { Field = field, Kind = kind };
        if (!TagList.TryParse(Encoding.Latin1.GetString(header.ValueOf(field)), out var tags))
            return bare.Broken("its tags cannot be read");
        var (start, end) = tags.RangeOf("b");
        var forms = (tags["c"] ?? "simple").Split('/');
        var read = bare with
        {
            Domain = DomainOf(tags["d"]),
            Selector = DomainOf(tags["s"]),
            AlgorithmName = ReportWord(tags["a"]),
            Algorithm = tags["a"] switch
            {
                "rsa-sha256" => SignatureAlgorithm.RsaSha256,
                "ed25519-sha256" => SignatureAlgorithm.Ed25519Sha256,
                _ => SignatureAlgorithm.Unknown,
            },
            HeaderForm = forms[0] == "relaxed" ? SignedForm.Relaxed : SignedForm.Simple,
            BodyForm = forms.Length > 1 && forms[1] == "relaxed" ? SignedForm.Relaxed : SignedForm.Simple,
            IsFormGiven = tags["c"] is not null,
            Names = tags["h"] is { } names
                ? [.. TagList.Unfold(names).Split(':').Where(static name => name.Length > 0)] : [],
            Signature = Base64Of(tags["b"]),
            BodyHash = Base64Of(tags["bh"]),
            BodyOctets = NumberOf(tags["l"]),
            Identity = kind == SignatureKind.Dkim && tags["i"] is { } identity
                ? FromOctets(TagList.Unfold(identity)) : null,
            Instance = kind == SignatureKind.Dkim ? 0 : InstanceOf(tags["i"]),
            ChainState = tags["cv"] ?? "",
            SignedAt = NumberOf(tags["t"]),
            ExpiresAt = NumberOf(tags["x"]),
            ValueStart = start,
            ValueEnd = end,
        };
        return read with { Fault = read.FindFault(tags) };
    }

    /// <summary>RFC 8617 §4.2.1: 1 to 50. 0: it is none.</summary>
    public static int InstanceOf(string? text) =>
        text is { Length: 1 or 2 } && int.TryParse(text, NumberStyles.None, null, out var instance)
            && instance <= ArcChain.SetsMax ? instance : 0;

    SignatureField Broken(string why) =>
        this with { Fault = new SignatureFault(AuthenticationResult.Permerror, why) };

    SignatureFault? FindFault(TagList tags)
    {
        // RFC 8301 §3.1.
        if (AlgorithmName == "rsa-sha1")
            return new SignatureFault(AuthenticationResult.Policy, "rsa-sha1 proves nothing any more");
        return (MissingTag(tags) ?? UnknownWord(tags) ?? UnreadableValue(tags) ?? WrongFields(tags)
            ?? WrongIdentity()) is { } why ? new SignatureFault(AuthenticationResult.Permerror, why) : null;
    }

    string? MissingTag(TagList tags)
    {
        // RFC 6376 §3.5. ARC ignores v= (RFC 8617 §4.1.2).
        if (Kind == SignatureKind.Dkim && tags["v"] != "1")
            return "v= is not 1";
        ReadOnlySpan<string> needed = Kind switch
        {
            SignatureKind.Dkim => ["a", "b", "bh", "d", "h", "s"],
            SignatureKind.ArcMessage => ["a", "b", "bh", "d", "h", "i", "s"],
            _ => ["a", "b", "cv", "d", "i", "s"],
        };
        foreach (var name in needed)
        {
            if (tags[name] is null)
                return $"{name}= is missing";
        }
        return null;
    }

    string? UnknownWord(TagList tags)
    {
        if (Algorithm == SignatureAlgorithm.Unknown)
            return "its algorithm is not known";
        if (tags["c"] is { } forms && forms is not ("simple" or "relaxed" or "simple/simple"
            or "simple/relaxed" or "relaxed/simple" or "relaxed/relaxed"))
        {
            return "its canonicalization is not known";
        }
        if (tags["q"] is { } query && !TagList.Unfold(query).Split(':').Contains("dns/txt"))
            return "its key is not in DNS";
        return null;
    }

    string? UnreadableValue(TagList tags)
    {
        if (Domain.Length == 0)
            return "d= is no domain";
        if (Selector.Length == 0)
            return "s= is no selector";
        if (Signature.Length == 0)
            return "b= is no base64";
        if (Kind != SignatureKind.ArcSeal && BodyHash.Length != 32)
            return "bh= is no hash";
        if (tags["l"] is not null && BodyOctets is null)
            return "l= is no number";
        if (tags["t"] is not null && SignedAt is null)
            return "t= is no number";
        if (tags["x"] is not null && ExpiresAt is null)
            return "x= is no number";
        // RFC 6376 §3.5.
        if (ExpiresAt <= SignedAt)
            return "it expires before it was made";
        if (Kind != SignatureKind.Dkim && Instance == 0)
            return "i= is no instance";
        return null;
    }

    string? WrongFields(TagList tags)
    {
        if (Kind == SignatureKind.ArcSeal)
            return tags["h"] is null ? null : "a seal has no h=";
        foreach (var name in Names)
        {
            if (name.AsSpan().ContainsAnyExcept(FieldName))
                return "h= names no fields";
        }
        // RFC 6376 §5.4.
        if (Kind == SignatureKind.Dkim && !Names.Contains("from", StringComparer.OrdinalIgnoreCase))
            return "From is not signed";
        // RFC 8617 §4.1.2. Deviation: the other fields of ARC are let pass, as other validators do.
        if (Kind == SignatureKind.ArcMessage && Names.Contains("arc-seal", StringComparer.OrdinalIgnoreCase))
            return "a message signature does not sign seals";
        return null;
    }

    string? WrongIdentity()
    {
        // RFC 6376 §3.5: the same domain or one below it.
        var isBelow = IdentityDomain == Domain
            || IdentityDomain.EndsWith("." + Domain, StringComparison.Ordinal);
        return isBelow && Identity?.Contains('@') != false ? null : "i= is not of the domain of d=";
    }

    static string DomainOf(string? value) =>
        value is not null && DomainName.TryRead(Encoding.Latin1.GetBytes(value), out var domain)
            && !domain.StartsWith('[') ? DomainName.ToALabel(domain) ?? "" : "";

    /// <summary>Tags are read octet by octet: what is beyond ASCII is UTF-8 (RFC 8616 §3).</summary>
    static string FromOctets(string value) =>
        Ascii.IsValid(value) ? value : Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(value));

    static string ReportWord(string? value) =>
        value is { Length: <= 30 } && Ascii.IsValid(value) && !value.AsSpan().ContainsAnyExcept(FieldName)
            ? value : "";

    static byte[] Base64Of(string? value)
    {
        if (value is null)
            return [];
        var text = TagList.Unfold(value);
        var octets = new byte[text.Length];
        return Convert.TryFromBase64String(text, octets, out var length) ? octets[..length] : [];
    }

    static long? NumberOf(string? value) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}

enum SignatureKind
{
    Dkim,

    /// <summary>ARC-Message-Signature.</summary>
    ArcMessage,

    /// <summary>ARC-Seal.</summary>
    ArcSeal,
}

enum SignatureAlgorithm
{
    Unknown,
    RsaSha256,
    Ed25519Sha256,
}

/// <summary>Why a signature is not even tried.</summary>
readonly record struct SignatureFault(AuthenticationResult Result, string Why);
