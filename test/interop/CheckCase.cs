using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math.EC.Rfc8032;
using Postern.Tests.Doubles;

namespace Postern.Interop;

/// <summary>A mail from outside, honest or forged.</summary>
/// <param name="Number">Tells it from others.</param>
/// <param name="Client">Its address.</param>
/// <param name="Sender">Empty: the null sender.</param>
/// <param name="From">The domain of From.</param>
/// <param name="Signatures">What became of each, from the top.</param>
/// <param name="Body">What was signed of it.</param>
/// <param name="Content">As it comes.</param>
sealed record CheckCase(
    int Number, string Client, string Sender, string From, IReadOnlyList<MailSignature> Signatures,
    string Body, byte[] Content)
{
    public const string Helo = "client.test";

    public override string ToString() =>
        $"{Number}: from {From}, sender <{Sender}> at {Client}, {string.Join(" and ", Signatures)}";
}

/// <summary>How a signature is made, and broken.</summary>
/// <param name="Form">Its <c>c=</c>.</param>
/// <param name="IsShort">With an <c>l=</c> of the body's length, and more behind it.</param>
sealed record MailSignature(string Domain, string Algorithm, string Form, bool IsShort, SignatureFlaw Flaw);

enum SignatureFlaw
{
    None,
    BodyChanged,
    HeaderChanged,
    Expired,
    WrongKey,
    RevokedKey,
    NoKey,
}

/// <summary>Makes mails from a seed, signed with keys of its own, and the zones that they are checked
/// by.</summary>
/// <remarks>The signing is written for this test alone: it shares nothing with the program (RFC 6376 §3.4,
/// RFC 6376 §3.7).</remarks>
sealed partial class CheckCases : IDisposable
{
    static readonly string[] Domains =
        ["strict.example", "relaxed.example", "below.example", "none.example", "mail.strict.example",
        "mail.relaxed.example", "mail.below.example", "deep.mail.relaxed.example"];

    static readonly string[] Forms =
        ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"];

    readonly Random chance;
    readonly DateTimeOffset now;
    readonly RSA rsa = RSA.Create(2048);
    readonly RSA other = RSA.Create(2048);
    readonly Ed25519PrivateKeyParameters ed25519;

    public CheckCases(int seed, DateTimeOffset now)
    {
        chance = new Random(seed);
        this.now = now;
        var key = new byte[Ed25519.SecretKeySize];
        chance.NextBytes(key);
        ed25519 = new Ed25519PrivateKeyParameters(key);
    }

    public void Publish(ZoneServer zone)
    {
        zone.Add("_dmarc.strict.example", "TXT", "v=DMARC1; p=reject; adkim=s; aspf=s")
            .Add("_dmarc.relaxed.example", "TXT", "v=DMARC1; p=quarantine")
            .Add("_dmarc.below.example", "TXT", "v=DMARC1; p=none; sp=reject")
            .Add("net.example", "TXT", "v=spf1 ip4:127.0.0.1 -all").Add("out.example", "A", "127.0.0.1")
            .Add(CheckCase.Helo, "TXT", "v=spf1 a:out.example -all");
        foreach (var domain in Domains.Append("evil.example"))
        {
            if (SpfOf(domain) is { } spf)
                zone.Add(domain, "TXT", spf);
            var keys = "_domainkey." + domain;
            zone.Add("r." + keys, "TXT", "v=DKIM1; k=rsa; p=" + Base64(rsa.ExportSubjectPublicKeyInfo()))
                .Add("e." + keys, "TXT",
                    "v=DKIM1; k=ed25519; p=" + Base64(ed25519.GeneratePublicKey().GetEncoded()))
                .Add("wrong." + keys, "TXT", "v=DKIM1; p=" + Base64(other.ExportSubjectPublicKeyInfo()))
                .Add("revoked." + keys, "TXT", "v=DKIM1; p=");
        }
    }

    static string? SpfOf(string domain) => domain switch
    {
        "evil.example" => "v=spf1 ip4:127.0.0.0/8 -all",
        "none.example" => null,
        _ when domain.EndsWith("strict.example", StringComparison.Ordinal) =>
            "v=spf1 include:net.example -all",
        _ when domain.EndsWith("relaxed.example", StringComparison.Ordinal) => "v=spf1 ip4:127.0.0.0/31 ~all",
        _ => "v=spf1 a:out.example ?all",
    };

    public CheckCase Next(int number)
    {
        var from = One(Domains);
        var isForged = chance.Next(3) == 0;
        var owner = isForged ? "evil.example" : from;
        var sender = chance.Next(6) switch
        {
            0 => "",
            1 => "bounce@evil.example",
            2 => "bounce@" + One(Domains),
            _ => "bounce@" + owner,
        };
        var signatures = Enumerable.Range(0, chance.Next(4) switch { 0 => 0, 3 => 2, _ => 1 })
            .Select(_ => NextSignature(isForged ? owner : OneOf(from))).ToArray();
        var body = string.Concat(Enumerable.Range(0, chance.Next(1, 6)).Select(
            _ => One("hello  there \r\n", "\r\n", "a\tline\r\n", ".dot\r\n", " \r\n", "x \t y\r\n")))
            + One("", "\r\n\r\n", "end\r\n");
        return new CheckCase(
            number, One("127.0.0.1", "127.0.0.1", "127.0.0.9"), sender, from, signatures,
            body, Encoding.ASCII.GetBytes(Compose(number, from, signatures, body)));
    }

    /// <summary>The domain itself most of the time, else one above, or below, or beside it.</summary>
    string OneOf(string from) => chance.Next(4) switch
    {
        0 => One(Domains),
        1 when from.StartsWith("mail.", StringComparison.Ordinal) => from["mail.".Length..],
        _ => from,
    };

    MailSignature NextSignature(string domain) => new(
        domain, One("rsa-sha256", "rsa-sha256", "ed25519-sha256"), One(Forms), chance.Next(6) == 0,
        chance.Next(2) == 0 ? SignatureFlaw.None : One(Enum.GetValues<SignatureFlaw>()));

    T One<T>(params T[] values) => values[chance.Next(values.Length)];

    string Compose(int number, string from, MailSignature[] signatures, string body)
    {
        string[] fields =
        [
            $"From: Ann  <ann@{from}>\r\n", $"To: box@in.test\r\n",
            $"Subject: letter {number}\r\n\tof  a  {One("long", "short")} text \r\n",
            $"Date: {now.AddMinutes(-1).ToString("r", CultureInfo.InvariantCulture)[..^3]}+0000\r\n",
            $"Message-ID: <{number}@{from}>\r\n",
        ];
        var made = string.Concat(signatures.Select((one, place) => Sign(one, place, fields, body)));
        if (signatures.Any(one => one.IsShort))
            body += "and more\r\n";
        if (signatures.Any(one => one.Flaw == SignatureFlaw.BodyChanged))
            body = "not so\r\n" + body;
        var head = string.Concat(fields);
        if (signatures.Any(one => one.Flaw == SignatureFlaw.HeaderChanged))
            head = head.Replace("letter", "another letter", StringComparison.Ordinal);
        return $"{made}{head}\r\n{body}";
    }

    /// <param name="place">Among the signatures of the mail; no two are made in one second.</param>
    string Sign(MailSignature how, int place, string[] fields, string body)
    {
        var forms = how.Form.Split('/');
        var hashed = forms[1] == "relaxed" ? RelaxedBody(body) : SimpleBody(body);
        var length = how.IsShort
            ? string.Create(CultureInfo.InvariantCulture, $" l={hashed.Length};") : "";
        var expires = now.AddHours(how.Flaw == SignatureFlaw.Expired ? -1 : 24).ToUnixTimeSeconds();
        var selector = how.Flaw switch
        {
            SignatureFlaw.WrongKey => "wrong",
            SignatureFlaw.RevokedKey => "revoked",
            SignatureFlaw.NoKey => "missing",
            _ => how.Algorithm[0] == 'r' ? "r" : "e",
        };
        var field = string.Create(CultureInfo.InvariantCulture,
            $"DKIM-Signature: v=1; a={how.Algorithm}; c={how.Form}; d={how.Domain}; s={selector};\r\n\t"
            + $"t={now.AddHours(-2).ToUnixTimeSeconds() + place}; x={expires};{length} "
            + $"h=from:to:subject:date;\r\n\t"
            + $"bh={Base64(SHA256.HashData(Encoding.ASCII.GetBytes(hashed)))};\r\n\tb=");
        var signed = string.Concat(fields.Take(4).Append(field)
            .Select(text => forms[0] == "relaxed" ? RelaxedField(text) : text));
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(
            forms[0] == "relaxed" ? signed[..^2] : signed));
        return $"{field}{Base64(how.Algorithm[0] == 'r' ? SignRsa(hash) : SignEd25519(hash))}\r\n";
    }

    byte[] SignRsa(byte[] hash) => rsa.SignHash(hash, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    byte[] SignEd25519(byte[] hash)
    {
        var made = new byte[Ed25519.SignatureSize];
        ed25519.Sign(Ed25519.Algorithm.Ed25519, null, hash, 0, hash.Length, made, 0);
        return made;
    }

    static string RelaxedField(string field)
    {
        var colon = field.IndexOf(':', StringComparison.Ordinal);
        var value = Blanks().Replace(field[(colon + 1)..].Replace("\r\n", "", StringComparison.Ordinal), " ");
        return $"{field[..colon].ToLowerInvariant()}:{value.Trim(' ')}\r\n";
    }

    static string SimpleBody(string body)
    {
        while (body.EndsWith("\r\n\r\n", StringComparison.Ordinal))
            body = body[..^2];
        return body.Length == 0 ? "\r\n" : body;
    }

    static string RelaxedBody(string body)
    {
        var lines = body.Split("\r\n").Select(line => Blanks().Replace(line, " ").TrimEnd(' ')).ToList();
        while (lines.Count > 0 && lines[^1].Length == 0)
            lines.RemoveAt(lines.Count - 1);
        return string.Concat(lines.Select(line => line + "\r\n"));
    }

    static string Base64(byte[] octets) => Convert.ToBase64String(octets);

    public void Dispose()
    {
        rsa.Dispose();
        other.Dispose();
    }

    [GeneratedRegex("[ \t]+", RegexOptions.NonBacktracking)]
    private static partial Regex Blanks();
}
