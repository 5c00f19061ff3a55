using System.Text;

namespace Postern.Tests.Security;

/// <summary>Messages that are hard on whoever reads them, by the names that the catalogue's cases use
/// here.</summary>
static class HardContents
{
    public static readonly string[] Names =
    [
        "header-lines", "to-lines", "nested-multipart", "nested-message", "many-parts", "boundary-70",
        "boundary-71", "boundary-10000", "boundary-prefix", "continuations", "continuation-gaps",
        "continuation-index", "encoded-words", "encoded-megabyte", "encoded-twice", "references", "received",
        "charset x-unknown", "charset utf-7", "charset utf-16", "charset us-ascii",
    ];

    /// <summary>A message by name. Ends with CRLF; no line begins with a dot.</summary>
    public static byte[] Of(string name) => Encoding.Latin1.GetBytes(name.Split(' ')[0] switch
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
}
