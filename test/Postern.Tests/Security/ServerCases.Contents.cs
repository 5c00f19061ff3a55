namespace Postern.Tests.Security;

/// <summary>Messages that are hard on whoever reads them.</summary>
static partial class ServerCases
{
    // Taken as it is, or refused for good.
    const string TakenOrRefused = "(250\u00a65[0-9][0-9]) ";

    static string? Contents(string id) => id switch
    {
        "DAT-02" => Data + "|R 1048576" + Raw(".\\r\\n") + Ok + Again + "|R 1048578" + Raw(".\\r\\n")
            + "|S ^552 5.3.4"
            + Again + "|R 10485760" + Raw(".\\r\\n") + "|S ^552 5.3.4",
        "DAT-03" => Hello + Ask("MAIL FROM:<a@b.example> SIZE=1048577", "552 5.3.4")
            + Ask("MAIL FROM:<a@b.example> SIZE=10", "250")
            + Ask("RCPT TO:<known@local.example>", "250") + Ask("DATA", "354") + "|R 5000000" + Raw(".\\r\\n")
                + "|S ^552",
        "DAT-18" => Data + Raw("Subject: a\\x00b\\r\\n\\r\\n\\x00\\r\\n.\\r\\n") + Ok,
        "DAT-21" => Data + Raw("Subject: \\xec\\x9a\\x94\\r\\n\\r\\n\\xec\\x9a\\x94\\r\\n.\\r\\n") + Ok,
        "DAT-04" => Each("header-lines", "to-lines"),
        "DAT-07" => Each("nested-multipart"),
        "DAT-08" => Each("nested-message"),
        "DAT-09" => Each("many-parts"),
        "DAT-10" => Each("boundary-70", "boundary-71", "boundary-10000", "boundary-prefix"),
        "DAT-11" => Each("continuations", "continuation-gaps", "continuation-index"),
        "DAT-12" => Each("encoded-words", "encoded-megabyte", "encoded-twice"),
        "DAT-14" => Each("references", "received"),
        "DAT-17" => Each("charset x-unknown", "charset utf-7", "charset utf-16", "charset us-ascii"),
        "DAT-20" => Data + Raw("Delivered-To: known@local.example\\r\\n\\r\\nx\\r\\n.\\r\\n")
            + "|S ^554 5.4.6|N 0",
        "DAT-22" => string.Join("||", new[] { " ", "no field", ": x", "a b: c", "\\x00" }
            .Select(line => Data + Raw(
                $"From: a@sender.example\\r\\n{line}\\r\\nFrom: b@victim.example\\r\\n\\r\\nx\\r\\n.\\r\\n")
                + Ok)),
        "DAT-24" => Data + Raw("Message-ID: <1@x>\\r\\n\\r\\na\\r\\n.\\r\\n") + Ok + Again
            + Raw("Message-ID: <1@x>\\r\\n\\r\\na\\r\\n.\\r\\n") + Ok + "|N 2",
        _ => null,
    };

    static string Each(params string[] names) => string.Join(
        "||", names.Select(name => $"{Data}|G {name}{Raw(".\\r\\n")}|S ^{TakenOrRefused}"));

    /// <summary>Lines of 900 octets, ended so that the sum is <paramref name="octets"/>.</summary>
    public static byte[] Lines(int octets)
    {
        var lines = new byte[octets];
        Array.Fill(lines, (byte)'a');
        for (var end = 900; end < octets - 2; end += 900)
            "\r\n"u8.CopyTo(lines.AsSpan(end - 2));
        "\r\n"u8.CopyTo(lines.AsSpan(octets - 2));
        return lines;
    }
}
