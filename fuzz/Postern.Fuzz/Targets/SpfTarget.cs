using System.Net;
using System.Net.Sockets;
using System.Text;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Transports;

namespace Postern.Fuzz.Targets;

/// <summary>An SPF record, whatever its octets, in a DNS where every name has it or something worse: the
/// check ends, asks no more than it may, and tells nothing that cannot be seen.</summary>
sealed class SpfTarget : FuzzTarget
{
    /// <summary>The first record, ten that are referred to, the words for a fail.</summary>
    const int TextsMax = 1 + SpfCheck.TermsMax + 1;

    /// <summary>A question and ten hosts for each term, and ten names that are to be confirmed.</summary>
    const int OthersMax = (SpfCheck.TermsMax * (1 + SpfCheck.NamesMax)) + SpfCheck.NamesMax + 1;

    /// <summary>A name, or a term in quotes, with the words around it.</summary>
    const int WhyCharactersMax = 300;

    public override string Name => "spf";

    public override int OctetsMax => 2048;

    public override IReadOnlyList<string> Words { get; } =
    [
        "v=spf1 ", " include:", " a", " mx", " ptr", " exists:", " ip4:192.0.2.0/24", " ip6:2001:db8::/32",
        " redirect=", " exp=", " -all", " ~all", " ?all", " all", "/24", "//64", "%{i}", "%{ir}.%{v}", "%{l}",
        "%{s}", "%{o2r}", "%{d}", "%{p}", "%{h}", "%{c}", "%{r}", "%{t}", "%{L}", "%{d1r-+.}", "%%", "%_",
        "%-", "d.example", ".example", "..", ":", "=", "%{", "}", "\\x00", "\\xff", "\\r\\n", "192.0.2.1",
    ];

    public override int Run(byte[] input)
    {
        var text = Encoding.Latin1.GetString(input);
        CheckExpansion(text);
        var echo = new EchoResolver(text);
        var client = IPAddress.Parse(input.Length % 2 == 0 ? "192.0.2.1" : "2001:db8::1");
        var question = SpfQuestion.Of(client, text, null, "mx.example") with
        {
            LocalPart = "a.b-c",
            Domain = "d.example",
        };
        var checking = new SpfCheck(echo, StillClock.Instance).CheckAsync(question, default).AsTask();
        Finding.Unless(checking.IsCompletedSuccessfully, "a check waits for nothing but the DNS");
        var verdict = checking.Result;
        Finding.Unless(echo.Texts <= TextsMax, "records have a limit", $"{echo.Texts}");
        Finding.Unless(echo.Others <= OthersMax, "questions have a limit", $"{echo.Others}");
        CheckShown(verdict.Explanation, SpfCheck.ExplanationCharactersMax);
        CheckShown(verdict.Why, WhyCharactersMax);
        return Shape(
            (int)verdict.Result, Magnitude(echo.Texts), Magnitude(echo.Others),
            Magnitude(verdict.Explanation?.Length ?? 0), (verdict.Why ?? "").Take(9).Sum(c => c));
    }

    static void CheckExpansion(string text)
    {
        var values = new SpfMacroValues(
            new SpfQuestion(IPAddress.IPv6Loopback, text, text, text, SpfScope.MailFrom, "mx.example"),
            "d.example", "d.example", null, DateTimeOffset.UnixEpoch);
        var isDomain = SpfMacro.IsDomainSpec(text);
        var isString = SpfMacro.IsMacroString(text, SpfMacro.DomainLetters, out _);
        Finding.Unless(!isDomain || isString, "a domain-spec is a macro string", text);
        var name = SpfMacro.ToName(text, values);
        Finding.Unless(
            name is null || (DnsNames.ToQuestion(name) == name && name.Length <= DnsNames.CharactersMax),
            "a target is a name", name ?? "");
        // HELO name and local part are the input itself: what they become has no limit but that of the text.
        Finding.Unless(
            SpfMacro.Expand(text, SpfMacro.ExplanationLetters, values) is not { Length: > 16 * 1024 },
            "an expansion has a limit", text);
        if (SpfRecord.IsOfVersion(text) && !SpfRecord.TryParse(text, out _, out var fault))
            CheckShown(fault, WhyCharactersMax);
    }

    static void CheckShown(string? text, int charactersMax) => Finding.Unless(
        text is null
            || (text.Length <= charactersMax && !text.AsSpan().ContainsAnyExceptInRange(' ', '~')),
        "what is told is short and printable", text ?? "");

    /// <summary>Every name has the record, or nothing, or trouble, as its letters will have it.</summary>
    sealed class EchoResolver(string text) : IResolver
    {
        public int Texts { get; private set; }
        public int Others { get; private set; }

        public ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel)
        {
            Texts++;
            var outcome = Texts == 1 ? LookupOutcome.Found : OutcomeOf(name);
            return new(new TextLookup(outcome, outcome == LookupOutcome.Found ? [text] : []));
        }

        public ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel)
        {
            Others++;
            MxHost[] hosts = [.. Parts(domain.Length % 13).Select(part => new MxHost(part, 1))];
            return new(new MxLookup(OutcomeOf(domain), hosts));
        }

        public ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel) =>
            throw new NotSupportedException("one family is enough");

        public ValueTask<AddressLookup> LookupAddressesAsync(
            string host, AddressFamily family, CancellationToken cancel)
        {
            Others++;
            Finding.Unless(DnsNames.ToQuestion(host) == host, "what is asked is a name", host);
            var address = family == AddressFamily.InterNetwork ? "192.0.2.1" : "2001:db8::1";
            var outcome = OutcomeOf(host);
            return new(new AddressLookup(
                outcome, outcome == LookupOutcome.Found ? [IPAddress.Parse(address)] : []));
        }

        public ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel)
        {
            Others++;
            return new(new NameLookup(OutcomeOf(text), Parts(20)));
        }

        string[] Parts(int max) => [.. text.Split(' ', ':').Take(max)];

        static LookupOutcome OutcomeOf(string name) => (name.Sum(c => c) % 8) switch
        {
            0 => LookupOutcome.Unknown,
            1 => LookupOutcome.NoRecords,
            2 => LookupOutcome.NoSuchName,
            _ => LookupOutcome.Found,
        };
    }
}
