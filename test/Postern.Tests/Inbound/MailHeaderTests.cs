using System.Text;
using System.Text.Json;
using Postern.Mta.Inbound;

namespace Postern.Tests.Inbound;

public sealed class MailHeaderTests
{
    const string KoreanData = "../shared/data/korean";

    [Theory]
    [InlineData("euc-kr")]
    [InlineData("EUC-KR")]
    [InlineData("ks_c_5601-1987")]
    [InlineData("cp949")]
    [InlineData("windows-949")]
    [InlineData("uhc")]
    public void Charset_KoreanName_IsCodePage949(string name)
    {
        MailCharsets.Register();
        Assert.Equal(949, Encoding.GetEncoding(name).CodePage);
        // A syllable that the older set does not have.
        Assert.Equal("똠", Encoding.GetEncoding(name).GetString([0x8c, 0x63]));
    }

    [Fact]
    public void Subject_EucKrWordWithSyllablesOf949_IsDecoded()
    {
        var header = MailHeader.Read(Encoding.ASCII.GetBytes("Subject: =?euc-kr?B?"
            + Convert.ToBase64String([0x8c, 0x63, 0xb9, 0xe6]) + "?=\r\n\r\n"));
        Assert.Equal("똠방", header.TextOf("subject"));
    }

    [Fact]
    public void Korean_Samples_AreDecodedAsExpected()
    {
        var folder = Path.GetFullPath(Repository.PathOf(KoreanData));
        if (!Directory.Exists(folder))
            folder = Path.GetFullPath(Repository.PathOf("../" + KoreanData));
        if (!Directory.Exists(folder))
            Assert.Skip("the samples are not on this machine");
        using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        foreach (var sample in expected.RootElement.EnumerateObject())
        {
            var header =
                MailHeader.Read(File.ReadAllBytes(Path.Combine(folder, "eml", sample.Name + ".eml")));
            if (sample.Value.TryGetProperty("subject", out var subject))
                Assert.Equal((sample.Name, subject.GetString()), (sample.Name, header.TextOf("Subject")));
            if (sample.Value.TryGetProperty("subject_any_of", out var any))
                Assert.Contains(header.TextOf("Subject"),
                    any.EnumerateArray().Select(text => text.GetString()));
            if (sample.Value.TryGetProperty("from_name", out var name))
                Assert.Equal((sample.Name, name.GetString()),
                    (sample.Name, header.AddressesOf("From")[0].Name));
        }
    }

    [Fact]
    public void Read_EndsAtTheEmptyLine()
    {
        var header = MailHeader.Read("A: 1\r\nB: 2\r\n folded\r\n\r\nC: 3\r\n"u8);
        Assert.Equal([("A", "1"), ("B", "2 folded")],
            header.Fields.Select(field => (field.Name, field.Value)));
        Assert.False(header.IsTruncated);
    }

    [Fact]
    public void Read_TooMuch_IsTruncated()
    {
        var many =
            MailHeader.Read(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("A: 1\r\n", 1001))));
        Assert.Equal((MailHeader.FieldsMax, true), (many.Fields.Count, many.IsTruncated));
        var wide =
            MailHeader.Read(Encoding.ASCII.GetBytes("A: " + new string('x', 200_000) + "\r\nB: 1\r\n\r\n"));
        Assert.True(wide.IsTruncated);
        Assert.Null(wide.TextOf("B"));
    }

    [Theory]
    [InlineData("no colon\r\n\r\n", "malformed-header-line")]
    [InlineData("Content-Type: text/plain; charset=x-nowhere\r\n\r\n", "unknown-charset")]
    [InlineData("Content-Type: text/plain; charset=utf-7\r\n\r\n", "unknown-charset")]
    public void Read_Defect_IsNamed(string head, string defect) =>
        Assert.Contains(defect, MailHeader.Read(Encoding.ASCII.GetBytes(head)).Defects);

    [Fact]
    public void Date_Unreadable_IsNullAndADefect()
    {
        var header = MailHeader.Read("Date: yesterday\r\n\r\n"u8);
        Assert.Null(header.Date);
        Assert.Contains("unreadable-date", header.Defects);
    }
}
