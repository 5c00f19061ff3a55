namespace Postern.Tests.Security;

/// <summary>What is said before, around and inside handshakes.</summary>
static partial class ServerCases
{
    static string StartTls => Hello + Ask("STARTTLS", "220");
    static string Secured => StartTls + "|X tls-handshake" + Ask("EHLO a", "250");
    static string Immediate => "X tls-handshake|S ^220" + Ask("EHLO a", "250");

    static string? Encrypted(string id) => id switch
    {
        "TLS-02" => Hello + Raw("STARTTLS\\r\\nEHLO x\\r\\nAUTH PLAIN AHUAcA==\\r\\n")
            + "|S ^554|S ^<closed>",
        "TLS-05" => Rcpt + Ask("STARTTLS", "503") + Ask("RSET", "250") + Ask("STARTTLS", "220")
            + "|X tls-handshake" + Ask("RCPT TO:<known@local.example>", "503") + Ask("EHLO a", "250")
            + Ask("RCPT TO:<known@local.example>", "503"),
        "TLS-11" => StartTls + "|X wait 29|X open|X wait 1|S ^<closed>",
        "TLS-12" => Raw("EHLO a\\r\\n") + "|S ^(\\x15\u00a6<closed>)",
        "TLS-13" => "S ^220" + Raw("\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc")
            + "|S ^(500\u00a6554\u00a6421) |S ^<closed>",
        "TLS-14" => "X hello tls-1.1|S ^(\\x15\\x03\u00a6<closed>)"
            + "||X hello null-ciphers|S ^(\\x15\\x03\u00a6<closed>)"
            // That a hello by hand can succeed at all.
            + "||X hello whole|S ^\\x16\\x03",
        "TLS-15" => string.Join("||", new[] { "sni-64k", "sni-nul", "sni-path" }
            .Select(hello => $"X hello {hello}|S ^(\\x15\u00a6\\x16\u00a6<closed>)")),
        "TLS-16" => "X refused-alpn http/1.1",
        "TLS-19" => Immediate + Again + Raw("half\\r\\n") + "|X fin|N 0"
            + "||" + Immediate + Again + Raw("half\\r\\n") + "|K .\\r\\n|X fin|N 0"
            + "||" + Immediate + Again + Raw("whole\\r\\n.\\r\\n") + "|X fin|N 1",
        "TLS-22" => "X slow||X hello one-octet-records|S ^(\\x15\u00a6\\x16\u00a6<closed>)",
        _ => null,
    };

    /// <summary>A handshake by name.</summary>
    public static byte[] HelloOf(string name) => (name switch
    {
        "whole" => new ClientHello(),
        "tls-1.1" => new ClientHello { Version = 0x0302 },
        // RSA and ECDHE with NULL, and the export ciphers of RFC 2246 §A.5.
        "null-ciphers" => new ClientHello
        {
            Ciphers = [0x0001, 0x0002, 0x0003, 0x0006, 0x0008, 0xC006, 0xC010],
        },
        "sni-64k" => new ClientHello { ServerName = new string('a', 65_000) },
        "sni-nul" => new ClientHello { ServerName = "mx.local.example\\\0" },
        "sni-path" => new ClientHello { ServerName = "../../../etc/postern/privkey.pem" },
        "one-octet-records" => new ClientHello { RecordOctetsMax = 1 },
        _ => throw new ArgumentException(name),
    }).ToArray();
}
