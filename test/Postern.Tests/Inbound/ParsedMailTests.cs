using System.Text;
using CsCheck;
using Postern.Mta.Inbound;
using Postern.Tests.Transports;

namespace Postern.Tests.Inbound;

public sealed class ParsedMailTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static ValueTask<ParsedMail> ReadAsync(byte[] octets) => ParsedMail.ReadAsync(
        AttemptOf.Octets(octets, "a@b.example", "c@d.example").Content, Path.GetTempPath(), Cancel);

    static ValueTask<ParsedMail> ReadAsync(string text) => ReadAsync(Encoding.UTF8.GetBytes(
        text.ReplaceLineEndings("\r\n")));

    const string Whole = """
        From: =?utf-8?b?7ZmN6ri464+Z?= <hong@x.example>
        Subject: files
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary=m

        --m
        Content-Type: multipart/related; boundary=r

        --r
        Content-Type: text/html; charset=utf-8
        Content-Transfer-Encoding: base64

        PGI+7JWI64WVPC9iPg==
        --r
        Content-Type: image/png; name=logo.png
        Content-ID: <logo>
        Content-Transfer-Encoding: base64

        AQID
        --r--
        --m
        Content-Type: text/calendar

        BEGIN:VCALENDAR
        --m
        Content-Type: text/plain; name=notes.txt
        Content-Disposition: attachment; filename="../../notes.txt"

        notes
        --m
        Content-Type: message/rfc822

        Subject: inner

        inside
        --m--

        """;

    [Fact]
    public async Task Message_IsTakenApart()
    {
        await using var mail = await ReadAsync(Whole);
        Assert.Equal(("홍길동 <hong@x.example>", "files"), (mail.TextOf("from"), mail.TextOf("Subject")));
        Assert.Equal((null, "<b>안녕</b>", "안녕"), (mail.Plain, mail.Html, mail.PlainOrMade));
        Assert.Equal("BEGIN:VCALENDAR", mail.OtherTexts["calendar"]);
        Assert.Equal(
            ["logo.png image/png 3 <logo>", "notes.txt text/plain 5 ", "message.eml message/rfc822 24 "],
            mail.Attachments.Select(
                file => $"{file.Name} {file.ContentType} {file.Octets} {file.ContentId}"));
        foreach (var file in mail.Attachments)
        {
            using var octets = new MemoryStream();
            await file.WriteToAsync(octets, Cancel);
            Assert.Equal(file.Octets, octets.Length);
        }
    }

    [Theory]
    [InlineData("Content-Type: text/plain; charset=euc-kr\r\n\r\n", new byte[] { 0xbe, 0xc8 }, "안")]
    [InlineData("Content-Type: text/plain; charset=no-such\r\n\r\n", new byte[] { 0xec, 0x95, 0x88 }, "안")]
    [InlineData("Content-Type: text/plain; charset=utf-7\r\n\r\n", new byte[] { 0xbe, 0xc8 }, "안")]
    [InlineData("Content-Type: text/plain; charset=us-ascii\r\n\r\n", new byte[] { 0xec, 0x95, 0x88 }, "안")]
    [InlineData("Subject: x\r\n\r\n", new byte[] { (byte)'h', (byte)'i' }, "hi")]
    [InlineData("", new byte[] { }, null)]
    [InlineData("no header at all", new byte[] { }, "no header at all")]
    public async Task Text_OfWhateverCharset_IsRead(string head, byte[] body, string? expected)
    {
        await using var mail = await ReadAsync([.. Encoding.ASCII.GetBytes(head), .. body]);
        Assert.Equal(expected ?? "", mail.Plain ?? "");
    }

    [Fact]
    public async Task LargeMessage_LiesInAFile_AndIsTheSame()
    {
        var body = new string('x', 1 << 20);
        await using var mail = await ReadAsync("Subject: s\n\n" + body + "\n");
        Assert.Equal(body, mail.Plain!.TrimEnd());
    }

    [Fact]
    public async Task Message_WithParts_OfEndlessDepth_IsRead()
    {
        var text = new StringBuilder("MIME-Version: 1.0\n");
        for (var i = 0; i < 2000; i++)
            text.Append("Content-Type: multipart/mixed; boundary=b").Append(i).Append("\n\n--b").Append(i)
                .Append('\n');
        await using var mail = await ReadAsync(text + "Content-Type: text/plain\n\ndeep\n");
        Assert.Null(mail.Html);
    }

    [Fact]
    public async Task Octets_OfAnyKind_NeverThrow() =>
        await Gen.Select(Gen.Int[0, 2000], Gen.Int[0, 2000], Gen.Byte.Array[0, 40]).Array[0, 4].SampleAsync(
            async cuts =>
            {
                var octets = Encoding.UTF8.GetBytes(Whole.ReplaceLineEndings("\r\n")).ToList();
                foreach (var (from, length, put) in cuts)
                {
                    var at = Math.Min(from, octets.Count);
                    octets.RemoveRange(at, Math.Min(length % 50, octets.Count - at));
                    octets.InsertRange(at, put);
                }
                await using var mail = await ReadAsync([.. octets]);
                Assert.All(mail.Attachments, file => Assert.NotEmpty(file.Name));
                QuotedText.Of(mail.PlainOrMade ?? "");
            }, iter: 2000);

    [Theory]
    [InlineData("Message-ID", "Message-Id")]
    [InlineData("DKIM-Signature", "Dkim-Signature")]
    [InlineData("x-a", "X-A")]
    public void Names_AreInTitleCase(string name, string expected) =>
        Assert.Equal(expected, ParsedMail.TitleOf(name));
}
