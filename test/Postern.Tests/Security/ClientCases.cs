namespace Postern.Tests.Security;

/// <summary>Scripts for the catalogue's cases about the client.</summary>
static class ClientCases
{
    const string Lost = "NextHopDown 4.4.2";
    const string Unknown = "Uncertain 4.4.2";
    const string Large = "Subject: t\r\n\r\n";
    const string Korean = "Subject: t\r\n\r\n\xec\x9a\x94 and more\r\n";

    static readonly string[] NoReplies =
        ["050 x", "150 x", "650 x", "25x x", "2 50", "-250 x", ""];

    static readonly Dictionary<string, ClientCase[]> Scripts = new()
    {
        ["CLI-01"] = [new("S 220 x|C EHLO|O 250-x\\r\\n250 SIZE 1\\r\\n|E", "NextHopDown 4.7.4", "AUTH|MAIL",
            ClientWay.Secure) { Says = "TLS is required" }],
        ["CLI-02"] = [new("H STARTTLS|C STARTTLS|U|E", Lost, "AUTH|MAIL", ClientWay.Secure)],
        ["CLI-04"] =
        [
            .. new[] { "454 not now", "502 no" }.Select(reply => new ClientCase(
                $"H STARTTLS,AUTH PLAIN|C STARTTLS|S {reply}|E", "NextHopDown 4.0.0", "AUTH|MAIL",
                ClientWay.Secure)),
            new("H STARTTLS,AUTH PLAIN|C STARTTLS|S 354 go|E", Lost, "AUTH|MAIL", ClientWay.Secure),
            new("H STARTTLS,AUTH PLAIN|C STARTTLS|S 220 go|X close", Lost, "AUTH|MAIL", ClientWay.Secure),
        ],
        ["CLI-05"] =
        [
            .. new[] { ("other-name", "not for the name"), ("common-name", "not for the name"),
                ("expired", "expired"), ("self-signed", "self-signed") }.Select(bad => new ClientCase(
                    $"H STARTTLS|C STARTTLS|S 220 go|T {bad.Item1}", "NextHopDown 4.7.5", "AUTH|MAIL",
                    ClientWay.Secure) { Says = bad.Item2 }),
        ],
        ["CLI-06"] =
        [
            new("H STARTTLS,AUTH PLAIN|C STARTTLS|S 220 go|T good|C EHLO|S 250 SIZE|E", "NextHopDown 4.7.0",
                "AUTH|MAIL", ClientWay.Secure) { Says = "does not offer AUTH" },
            new("H AUTH PLAIN LOGIN|E", "NextHopDown 4.7.4", "AUTH|MAIL", ClientWay.Secure),
        ],
        ["CLI-09"] =
        [
            new("W", Lost), new("S 220 x|C EHLO|W", Lost), new("H|C MAIL|W", Lost), new("H|F|D|W", Unknown),
        ],
        ["CLI-10"] = [new("U|E", Lost), new("H|C MAIL|U|E", Lost), new("H|C MAIL|S 250 ok|C RCPT|U|E", Lost),
            new("H|F|D|U|E", Unknown)],
        ["CLI-11"] =
        [
            .. NoReplies.Select(line => new ClientCase($"H|C MAIL|S {line}|E", Lost)),
            .. NoReplies.Select(line => new ClientCase($"H|F|D|S {line}|E", Unknown)),
        ],
        ["CLI-12"] = [new("H|C MAIL|S 250 ok|C RCPT|U|X close", "Failed 5.0.0", "DATA")
            { Says = @"a\u000D\u0000\u001B[2J\u202E\u000A250 x" }],
        ["CLI-13"] = [new("U|E", Lost, "MAIL")],
        ["CLI-14"] = [new("H|C MAIL|S 250 ok|C RCPT|S 250 ok|C DATA|U|C RSET|S 250 ok|E", Lost, "hello")],
        ["CLI-15"] = [new("H|F|B 65536|X rst", Lost)
            { Content = Large + string.Concat(Enumerable.Repeat(new string('x', 76) + "\r\n", 20_000)) }],
        ["CLI-16"] = [new("H|F|D|X rst", Unknown), new("H|F|D|X close", Unknown), new("H|F|D|E", Unknown)],
        ["CLI-18"] = [new("H PIPELINING|C MAIL|C RCPT|C DATA|O 250 ok\\r\\n550 5.1.1 no\\r\\n354 go\\r\\n|D"
            + "|S 250 whatever|X close", "Failed 5.1.1", "hello")],
        ["CLI-19"] = [new("H|C MAIL|S 250 ok|C RCPT|S 250 ok|C RCPT|S 550 5.1.1 no|C RCPT|S 450 4.2.0 later"
            + "|C DATA|S 354 go|D|S 250 2.0.0 ok|X close", "Relayed 2.0.0;Failed 5.1.1;Deferred 4.2.0")
            { Recipients = ["b@far.example", "no@far.example", "later@far.example"] }],
        ["CLI-20"] =
        [
            .. new[] { "", "S 220 x|C EHLO|", "H|C MAIL|", "H|C MAIL|S 250 ok|C RCPT|",
                "H|C MAIL|S 250 ok|C RCPT|S 250 ok|C DATA|", "H|F|D|" }.Select(until => new ClientCase(
                    $"{until}S 421 4.3.2 closing|E", "NextHopDown 4.3.2")),
            new("H|F|D|S 250 2.0.0 ok|C QUIT|S 421 4.3.2 closing", "Relayed 2.0.0"),
        ],
        ["CLI-23"] = [new("H SIZE 100|X close", "Failed 5.3.4", "MAIL")],
        ["CLI-24"] = [new("H SMTPUTF8|X close", "Unsupported 5.6.3", "MAIL") { Content = Korean }],
        ["CLI-25"] =
        [
            new("H 8BITMIME|E", "Relayed 2.0.0", Way: ClientWay.TwoHosts)
                { Recipients = ["백@far.example"] },
            new("H 8BITMIME|X close||H 8BITMIME|X close", "Unsupported 5.6.7", "백", ClientWay.TwoHosts)
                { Recipients = ["백@far.example"] },
        ],
        ["CLI-31"] =
        [
            new("H|C MAIL|S 250 ok|C RCPT|U|X close", "Failed 5.0.0", "evil"),
            new("H|C MAIL|S 250 ok|C RCPT|S 251 user not local; will forward to <x@evil.example>|C DATA"
                + "|S 354 go|D|S 250 2.0.0 ok|E", "Relayed 2.0.0", "evil"),
        ],
    };

    public static IEnumerable<string> Ids => Scripts.Keys;

    public static IReadOnlyList<ClientCase> Of(string id) => Scripts[id];
}

/// <summary>How a case is set up.</summary>
enum ClientWay
{
    /// <summary>One relay without TLS.</summary>
    Plain,

    /// <summary>Two of them, tried in order.</summary>
    TwoHosts,

    /// <summary>One relay with a login, so that TLS is required and verified.</summary>
    Secure,
}

/// <summary>One play of a case: a relay's script, and what must come of it.</summary>
/// <param name="Script">As <see cref="RelayScript"/> reads it, of one connection after the other between
/// double bars; later connections are those of a relay that takes everything.</param>
/// <param name="Result">Kind and status of each recipient's result.</param>
/// <param name="Never">A pattern that no line of the client may fit.</param>
sealed record ClientCase(string Script, string Result, string Never = "(?!)", ClientWay Way = ClientWay.Plain)
{
    public string[] Recipients { get; init; } = ["b@far.example"];

    /// <summary>Each character one octet.</summary>
    public string Content { get; init; } = "Subject: t\r\n\r\nhello\r\n";

    /// <summary>A word of the result's text.</summary>
    public string Says { get; init; } = "";
}
