using System.Text;

namespace Postern.Tests.Security;

/// <summary>Octets for the cases of the catalogue that are a line of description, and for those whose own are
/// cut short: steps as in <see cref="SecurityServerTests"/>, between bars.</summary>
static partial class ServerCases
{
    const string Hello = "S ^220|C EHLO c.example.net\\r\\n|S ^250";
    const string Mail = Hello + "|C MAIL FROM:<a@sender.example>\\r\\n|S ^250";
    const string Rcpt = Mail + "|C RCPT TO:<known@local.example>\\r\\n|S ^250";
    const string Data = Rcpt + "|C DATA\\r\\n|S ^354";
    const string Ok = "|S ^250 2.0.0 Ok: queued";

    static readonly string Login =
        Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{SecurityHouse.User}\0{SecurityHouse.Password}"));

    /// <summary>Double bars stand between connections. Null: the catalogue has all it takes.</summary>
    public static string? Of(string id) =>
        Commands(id) ?? Logins(id) ?? Chunks(id) ?? Encrypted(id) ?? Contents(id);

    /// <summary>The steps between the bars; a broken bar stands for one.</summary>
    public static string[] Steps(string text) =>
        [.. text.TrimStart('|').Split('|').Select(s => s.Replace('\u00a6', '|'))];

    static string? Commands(string id) => id switch
    {
        "CMD-01" => Hello + Ask("NOOP " + new string('A', 505), "250"),
        "CMD-02" => Hello + Ask("NOOP " + new string('A', 506), "500") + Ask(new string('B', 12_289), "500")
            + Ask("NOOP", "250"),
        "CMD-06" => "S ^220" + Ask("MAIL FROM:<a@b.example>", "503") + Ask("EHLO a", "250")
            + Ask("RCPT TO:<known@local.example>", "503") + Ask("DATA", "503")
            + Ask("MAIL FROM:<a@b.example>", "250") + Ask("MAIL FROM:<b@b.example>", "503")
                + Ask("DATA", "503"),
        "CMD-07" => Mail + Ask("RCPT TO:<nobody@local.example>", "550 5.1.1") + Ask("DATA", "(503|554)"),
        "CMD-08" => Hello
            + string.Concat(new[] { "abc", "-1", "99999999999999999999", "1 SIZE=2", "999999999999999999999" }
            .Select(s => Ask($"MAIL FROM:<a@b.example> SIZE={s}", "(501|552)"))),
        "CMD-09" => Hello + Ask("MAIL FROM:<a@b.example> FOO=1", "555 5.5.4")
            + Ask("MAIL FROM:<a@b.example> BODY=FOO", "555 5.5.4")
            + Ask("HELO a", "250") + Ask("MAIL FROM:<a@b.example> SMTPUTF8", "555 5.5.4"),
        "CMD-11" => Mail + string
            .Concat(Enumerable.Range(0, 1000).Select(i => Ask($"RCPT TO:<r{i}@local.example>", "250")))
            + Ask("RCPT TO:<r1000@local.example>", "452 4.5.3") + Ask("DATA", "354") + Ask("x\\r\\n.", "250"),
        "CMD-12" => Mail + string.Concat(Enumerable.Range(0, 20).Select(
            _ => Ask("RCPT TO:<nobody@local.example>", "550 5.1.1 <nobody@local.example>: Recipient")))
            + "|S ^421 4.7.0|S <closed>",
        "CMD-13" => Mail + Ask($"RCPT TO:<{new string('a', 65)}@local.example>", "501")
            + Ask($"RCPT TO:<a@{string.Concat(Enumerable.Repeat("abcdefg.", 32))}>", "501")
            + Ask($"RCPT TO:<a@{string.Concat(Enumerable.Repeat("abcdefg.", 31))}abcde>", "501"),
        "CMD-14" => "S ^220" + string
            .Concat(new[] { "<script>", "[999.1.1.1]", "a b", "", new string('a', 300), "\\xff", "my_host" }
            .Select(n => Ask($"EHLO {n}", n == "my_host" ? "250" : "(250|501|550)"))),
        "CMD-15" => Hello + string.Concat(Enumerable.Range(0, 25)
            .Select(_ => Ask("NOOP", "250") + Ask("RSET", "250") + Ask("VRFY a", "252")))
            + string.Concat(Enumerable.Range(0, 24).Select(_ => Ask("HELP", "214"))) + Ask("NOOP", "421")
                + "|S <closed>",
        "CMD-18" => Rcpt + Ask("RSET", "250") + Ask("DATA", "503") + Envelope + Ask("DATA", "354")
            + Ask("a\\rb\\r\\n.", "550 5.6.0") + Ask("RSET", "250") + Ask("DATA", "503")
            + Ask("MAIL FROM:<>", "250"),
        "CMD-04" => Hello + string.Concat(new[] { "\\x00", "\\xff", "\\x1b" }.Select(
            octet => Ask($"MA{octet}IL FROM:<a@b.example>", "(500|501)"))) + Ask("NOOP", "250"),
        "CMD-16" => "S ^220" + Raw("EHLO a\\r\\nMAIL FROM:<a@b.example>\\r\\n") + "|S ^554 5.5.0|S ^<closed>",
        "CMD-21" => Hello + string.Concat(
            new[]
            {
                "ETRN a", "TURN", "BURL imap://a LAST", "XCLIENT ADDR=127.0.0.1", "XFORWARD ADDR=127.0.0.1",
                "PROXY TCP4 127.0.0.1 127.0.0.1 1 2",
            }.Select(line => Ask(line, "(500|502|550) ")))
            + Ask("MAIL FROM:<a@sender.example>", "250") + Ask("RCPT TO:<x@evil.example>", "550"),
        "CMD-22" => Hello + Ask("mail from: <a@b.example>", "250") + Ask("rset  ", "250")
            + Ask("Mail From:<a@b.example>  ", "250"),
        "CMD-23" => Hello + Ask("MAIL FROM:<a@b.example>"
            + string.Concat(Enumerable.Range(0, 1000).Select(i => $" P{i}=1")), "501"),
        _ => null,
    };

    static string? Logins(string id) => id switch
    {
        "AUT-05" => Hello + Ask("AUTH PLAIN", "334") + Ask(new string('A', 12_289), "(500|501) 5.5.6"),
        "AUT-06" => Hello + Ask($"AUTH PLAIN {Login}", "235") + Ask($"AUTH PLAIN {Login}", "503")
            + Ask("MAIL FROM:<user@local.example>", "250") + Ask($"AUTH PLAIN {Login}", "503"),
        "AUT-02" => Hello + string.Concat(
            new[] { "%%%", "====", "AAA", "AHUA AHA=" }.Select(b => Ask($"AUTH PLAIN {b}", "501 5.5.2"))),
        "AUT-12" => Hello + string.Concat(new[] { "a\r\nb", "../../x", "${jndi:ldap://x}", "a%00" }
            .Select(n => Ask(
                "AUTH PLAIN " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{n}\0p")), "(501|535)"))),
        "AUT-16" => Hello + Ask("AUTH LOGIN", "334") + Ask("", "501") + Ask("AUTH LOGIN", "334")
            + Ask("dXNlcg==", "334") + Ask("", "501"),
        "AUT-19" => Hello + Ask($"AUTH PLAIN {Login}", "235")
            + Ask("MAIL FROM:<user@local.example> AUTH=admin@local.example", "250"),
        "AUT-11" => Hello + LoginAs("forms@local.example", "\u00e9\uac00 horse")
            + "||" + Hello + LoginAs("forms@local.example", "e\u0301\u1100\u1161 horse")
            + "||" + Hello + LoginAs("long@local.example", new string('p', 1024))
            + "||" + Hello + LoginAs("space@local.example", " horse")
            + "||" + Hello + LoginAs("space@local.example", "horse", "535"),
        "AUT-14" => Hello + Ask($"AUTH PLAIN {Login}", "235")
            + Letter("From: <admin@local.example>", "550 5.7.1")
            + Letter("From: <user@local.example>\\r\\nFrom: <admin@local.example>", "550 5.7.1")
            + Letter("From: <user@local.example>, <admin@local.example>", "550 5.7.1")
            + Letter("Subject: x\\r\\nno field\\r\\nFrom: <admin@local.example>", "550 5.7.1")
            + "|N 0" + Letter("From: <user@local.example>", "250"),
        _ => null,
    };

    static string? Chunks(string id) => id switch
    {
        "BDA-01" => string.Join("||", new[]
        {
            "18446744073709551616 LAST", "-1 LAST", "0x10", "1e3", "",
        }.Select(count => Rcpt + Ask($"BDAT {count}", "501") + "|S ^<closed>")),
        "BDA-04" => Rcpt + Raw("BDAT 3\\r\\nabc") + "|S ^250" + Ask("DATA", "503")
            + "||" + Data + Ask("BDAT 3 LAST\\r\\n.", "250"),
        "BDA-06" => Rcpt + Ask("BDAT 0 LAST", "(250|554)")
            + "||" + Rcpt + Raw("BDAT 3 LAST\\r\\nabc") + Ok + Ask("RCPT TO:<known@local.example>", "503")
            + "||" + Rcpt + Raw("BDAT 3\\r\\nabc") + "|S ^250" + Ask("RSET", "250")
            + Ask("BDAT 0 LAST", "503") + "|N 0",
        "BDA-03" => Hello + Raw("BDAT 28\\r\\nMAIL FROM:<a@evil.example>\\r\\n") + "|S ^503"
            + Ask("RCPT TO:<known@local.example>", "503"),
        // The catalogue's own count is one too many for its octets.
        "BDA-07" => Rcpt + Raw("BDAT 11 LAST\\r\\na\\r\\n.\\r\\nb\\r\\n..") + Ok,
        "REL-27" => Hello + Ask("MAIL FROM:<>", "250") + Ask("RCPT TO:<x@evil.example>", "(550|554)"),
        "BDA-10" => Secured + Envelope + Raw("BDAT 20 LAST\\r\\nhalf")
            + "|X close_notify|K aaaaaaaaaaaaaaaaaaaaaaaa\\r\\n|X fin|N 0",
        _ => null,
    };

    static string Envelope =>
        Ask("MAIL FROM:<a@b.example>", "250") + Ask("RCPT TO:<known@local.example>", "250");

    static string Again => Envelope + Ask("DATA", "354");

    static string Ask(string line, string reply) =>
        Raw(line + "\\r\\n") + "|S ^" + reply.Replace('|', '\u00a6');

    static string Raw(string octets) => "|C " + octets;

    static string LoginAs(string user, string password, string reply = "235") =>
        Ask("AUTH PLAIN " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{user}\0{password}")), reply);

    /// <summary>One message of the account that logged in.</summary>
    static string Letter(string header, string reply) => Ask("MAIL FROM:<user@local.example>", "250")
        + Ask("RCPT TO:<known@local.example>", "250") + Ask("DATA", "354")
        + Ask(header + "\\r\\n\\r\\nx\\r\\n.", reply);
}
