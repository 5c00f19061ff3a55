using System.Text;

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

    /// <summary>A message by name. Ends with CRLF; no line begins with a dot.</summary>
    public static byte[] ContentOf(string name) => Encoding.Latin1.GetBytes(name.Split(' ')[0] switch
    {
        "header-lines" => Repeat(100_000, _ => "X-F: a\r\n") + "\r\nx\r\n",
        "to-lines" => Repeat(500_000, _ => "To: a@b.example\r\n") + "\r\nx\r\n",
        "nested-multipart" => "MIME-Version: 1.0\r\n" + Repeat(
            10_000, i => $"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n") + "\r\nx\r\n",
        "nested-message" => Repeat(5_000, _ => "Content-Type: message/rfc822\r\n\r\n") + "x\r\n",
        "many-parts" => "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            + Repeat(1_000_000, _ => "--b\r\n\r\n") + "--b--\r\n",
        "boundary-70" => Multipart(new string('b', 70)),
        "boundary-71" => Multipart(new string('b', 71)),
        "boundary-10000" => Multipart(new string('b', 10_000)),
        "boundary-prefix" => Multipart("b").Replace("\r\nx\r\n", "\r\n--bb\r\n\r\nx\r\n--bb--\r\n"),
        "continuations" => Attachment(Repeat(100_000, i => $";\r\n filename*{i}*=a")),
        "continuation-gaps" => Attachment("; filename*0=a; filename*2=b; filename*7*=utf-8''c"),
        "continuation-index" => Attachment("; filename*4294967296*=a; filename*-1=b"),
        "encoded-words" => "Subject:" + Repeat(100_000, _ => " =?utf-8?q?a?=\r\n") + "\r\nx\r\n",
        "encoded-megabyte" => $"Subject: =?utf-8?b?{new string('A', 1 << 20)}?=\r\n\r\nx\r\n",
        "encoded-twice" => "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?=\r\n\r\nx\r\n",
        "references" => "References:" + Repeat(50_000, i => $" <{i}@an.example>\r\n") + "\r\nx\r\n",
        "received" => "Received: from" + Repeat(1 << 20, _ => "a") + "\r\n\r\nx\r\n",
        "charset" => $"Content-Type: text/plain; charset={name[8..]}\r\n"
            + "Subject: +AGE-\r\n\r\n+AGE-\xff\xfe\r\n",
        _ => throw new ArgumentException(name),
    });

    static string Attachment(string parameters) =>
        $"Content-Disposition: attachment{parameters}\r\n\r\nx\r\n";

    static string Multipart(string boundary) => $"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n"
        + $"--{boundary}\r\n\r\nx\r\n--{boundary}--\r\n";

    static string Repeat(int count, Func<int, string> text)
    {
        var all = new StringBuilder();
        for (var i = 0; i < count; i++)
            all.Append(text(i));
        return all.ToString();
    }

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
