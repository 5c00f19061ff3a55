using System.Text;
using Postern.Mta;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;

namespace Postern.Tests.Security;

/// <summary>Ways into the log for the catalogue's hostile words, as steps of
/// <see cref="SecurityServerTests"/>.</summary>
static class LogCases
{
    /// <summary>A word that stands beside the hostile characters.</summary>
    public const string Word = "level=error";

    public const string Secret = "hunter2";

    /// <summary>ESC, NUL, BEL and U+202E.</summary>
    const string Hostile = "a\\x1b[2J\\x00\\x07\\xe2\\x80\\xae" + Word;

    const string Hello = "S ^220|C EHLO c.example.net\\r\\n|S ^250";
    const string Envelope = "|C MAIL FROM:<a@sender.example>\\r\\n|S ^250"
        + "|C RCPT TO:<known@local.example>\\r\\n|S ^250|C DATA\\r\\n|S ^354";

    static readonly string Megabyte = new('A', 1 << 20);

    static readonly Dictionary<string, LogCase> Rows = new()
    {
        ["LOG-01"] = new("mx25", $"S ^220|C EHLO {Hostile}\\r\\n|S ^50|C HELO {Hostile}\\r\\n|S ^50"
            + $"|C EHLO a\\x1b\\xe2\\x80\\xae{Word}\\r\\n|S ^50"
            + $"||S ^220|C EHLO {Megabyte}\\r\\n|S ^(500\u00a6<closed>)", IsShown: true),
        ["LOG-02"] = new("mx25", Hello
            + $"|C MAIL FROM:<{Hostile}@b.example>\\r\\n|S ^50"
            + $"|C MAIL FROM:<\"\\xe2\\x80\\xae{Word}\"@sender.example> SMTPUTF8\\r\\n|S ^501"
            + $"|C MAIL FROM:<{Word}@sender.example>\\r\\n|S ^250"
            + $"|C RCPT TO:<{Hostile}@local.example>\\r\\n|S ^50"
            + $"|C RCPT TO:<\\xe2\\x80\\xae{Word}@local.example>\\r\\n|S ^50"
            + "|C RCPT TO:<known@local.example>\\r\\n|S ^250|C DATA\\r\\n|S ^354|C x\\r\\n.\\r\\n|S ^250"
            + $"||{Hello}|C MAIL FROM:<{Megabyte}@b.example>\\r\\n|S ^(500\u00a6<closed>)", IsShown: true),
        ["LOG-03"] = new("sub465", Hello
            + $"|C AUTH PLAIN {Login("\u001b[2J\r\n\u0007\u202e" + Word)}\\r\\n|S ^(501\u00a6535)"
            + $"|C AUTH PLAIN {Login(Word + Megabyte[..8000])}\\r\\n|S ^(501\u00a6535)"
            + $"|C AUTH {Hostile} {Secret}\\r\\n|S ^50|C {Secret} {Secret}\\r\\n|S ^50", IsShown: false),
        ["LOG-04"] = new("mx25", Hello + Envelope + $"|C Subject: {Hostile}\\r\\n\\x20level=fatal\\r\\n"
            + $"Message-ID: <{Hostile}@b.example>\\r\\n\\r\\nx\\r\\n.\\r\\n|S ^250"
            + $"||{Hello}{Envelope}|C Message-ID: <{Megabyte[..200_000]}>\\r\\n\\r\\nx\\r\\n.\\r\\n|S ^250"
            + $"||{Hello}{Envelope}|C Message-ID: <{Megabyte}>\\r\\n\\r\\nx\\r\\n.\\r\\n|S ^552",
            IsShown: true),
        // What is no line of ASCII, or too long, is not quoted (RFC 7208 §6.2).
        ["LOG-07"] = new("mx25", string.Join("||", new[] { "", "bad.", "long." }.Select(
            at => Hello + Envelope.Replace("a@", "a@" + at, StringComparison.Ordinal)
                + "|C DKIM-Signature: v=1; a=rsa-sha256; d=sender.example; s=k; h=from; bh=eA==; b=eA==\\r\\n"
                + "From: a@sender.example\\r\\n\\r\\nx\\r\\n.\\r\\n|S ^550 5\\.7\\.23 ")), IsShown: true)
        {
            Dns = new ZoneResolver()
                .Add("sender.example", "TXT", "v=spf1 exp=why.example -all").Add("why.example", "TXT", Word)
                .Add("bad.sender.example", "TXT", "v=spf1 exp=bad.example -all")
                .Add("bad.example", "TXT", $"a\r\n\e[2J\0\a\u202e{Word}")
                .Add("long.sender.example", "TXT", "v=spf1 exp=long.example -all")
                .Add("long.example", "TXT", Word + Megabyte)
                .Add("k._domainkey.sender.example", "TXT", $"v=DKIM1; n=\r\n\e[2J\u202e{Word}; p=eA=="),
            Verdict = new VerdictOptions
            {
                Name = "spf",
                Action = VerdictAction.Reject,
                Spf = [AuthenticationResult.Fail],
            },
        },
        ["LOG-08"] = new("sub465", string.Join("||", new[] { "sni-64k", "sni-nul", "sni-path" }
            .Select(hello => $"X hello {hello}|S ^(\\x15\u00a6\\x16\u00a6<closed>)")), IsShown: false),
        ["LOG-09"] = new("mx25", Hello + Envelope
            + $"|C Content-Disposition: attachment; filename=\"{Hostile}\"\\r\\n\\r\\nx\\r\\n.\\r\\n|S ^250"
            + $"||{Hello}{Envelope}|C Content-Disposition: attachment; filename={Word}{Megabyte[..200_000]}"
            + "\\r\\n\\r\\nx\\r\\n.\\r\\n|S ^250", IsShown: false),
    };

    public static IEnumerable<string> Ids => Rows.Keys;

    public static LogCase Of(string id) => Rows[id];

    static string Login(string user) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{user}\0{Secret}"));
}

/// <summary>How hostile words come in.</summary>
/// <param name="Mode">The listener.</param>
/// <param name="Script">Steps between bars, connections between double bars.</param>
/// <param name="IsShown">The log tells of them; else it must not.</param>
sealed record LogCase(string Mode, string Script, bool IsShown)
{
    /// <summary>By which mail is checked. Null: none is.</summary>
    public IResolver? Dns { get; init; }

    public VerdictOptions? Verdict { get; init; }
}
