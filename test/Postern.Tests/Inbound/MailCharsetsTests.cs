using System.Text;
using Postern.Mta.Inbound;

namespace Postern.Tests.Inbound;

public sealed class MailCharsetsTests
{
    // WHATWG Encoding, the table of labels, and what mail has besides.
    [Theory]
    [InlineData("euc-kr", 949)]
    [InlineData("ks_c_5601-1987", 949)]
    [InlineData("ks_c_5601-1989", 949)]
    [InlineData("ksc5601", 949)]
    [InlineData("KSC_5601", 949)]
    [InlineData("korean", 949)]
    [InlineData("iso-ir-149", 949)]
    [InlineData("cp949", 949)]
    [InlineData("uhc", 949)]
    [InlineData("windows-949", 949)]
    [InlineData("x-windows-949", 949)]
    [InlineData("\"euc-kr\"", 949)]
    [InlineData("iso-2022-kr", 50225)]
    [InlineData("johab", 1361)]
    [InlineData("x-johab", 1361)]
    [InlineData("cp1361", 1361)]
    [InlineData("shift_jis", 932)]
    [InlineData("windows-31j", 932)]
    [InlineData("euc-jp", 51932)]
    [InlineData("iso-2022-jp", 50220)]
    [InlineData("gb2312", 54936)]
    [InlineData("gbk", 54936)]
    [InlineData("gb18030", 54936)]
    [InlineData("hz-gb-2312", 52936)]
    [InlineData("big5", 950)]
    [InlineData("koi8-r", 20866)]
    [InlineData("koi8-u", 21866)]
    [InlineData("windows-1250", 1250)]
    [InlineData("cp1251", 1251)]
    [InlineData("iso-8859-1", 1252)]
    [InlineData("us-ascii", 1252)]
    [InlineData("windows-1258", 1258)]
    [InlineData("iso-8859-9", 1254)]
    [InlineData("iso-8859-15", 28605)]
    [InlineData("iso8859-2", 28592)]
    [InlineData("tis-620", 874)]
    [InlineData("macintosh", 10000)]
    [InlineData("utf8", 65001)]
    [InlineData("utf-16", 1200)]
    [InlineData("utf-16be", 1201)]
    public void Find_Label_IsTheEncodingThatBrowsersTakeForIt(string label, int page)
    {
        var found = MailCharsets.Find(label);
        Assert.Equal(page, found?.CodePage);
        Assert.Equal(page, MailCharsets.Find(label.ToUpperInvariant())?.CodePage);
        Assert.NotEmpty(found!.GetString([0x41, 0x42, 0x43, 0x44]));
    }

    [Theory]
    [InlineData("utf-7")]
    [InlineData("UTF-7")]
    [InlineData("unicode-1-1-utf-7")]
    [InlineData("x-nowhere")]
    [InlineData("")]
    public void Find_LabelThatNobodyKnowsOrThatIsUnsafe_IsNull(string label) =>
        Assert.Null(MailCharsets.Find(label));

    [Theory]
    [InlineData("안녕", 65001, 65001)]
    [InlineData("안녕 똠", 949, 949)]
    [InlineData("Müller und Söhne", 1252, 1252)]
    [InlineData("naïve café", 1252, 1252)]
    [InlineData("plain", 20127, 65001)]
    public void Guess_WithoutALabel_IsKoreanOnlyWhereItHoldsHangul(string text, int page, int expected)
    {
        MailCharsets.Register();
        Assert.Equal(expected, MailCharsets.Guess(Encoding.GetEncoding(page).GetBytes(text)).CodePage);
    }

    [Theory]
    [InlineData(null, "\u00ef\u00bb\u00bf\u00ec\u0095\u0088", "안")]
    [InlineData("utf-16", "\u00fe\u00ff\u00d5\u005c", "한")]
    [InlineData("utf-16", "\u00ff\u00fe\u005c\u00d5", "한")]
    [InlineData("utf-16le", "\u005c\u00d5", "한")]
    [InlineData("us-ascii", "\u00be\u00c8", "안")]
    [InlineData("us-ascii", "caf\u00e9 \u00e0", "café à")]
    [InlineData("iso-8859-1", "\u0080 5", "€ 5")]
    [InlineData("iso-2022-kr", "\u001b$)C\u000e>H\u000f", "안")]
    [InlineData("utf-8", "a\u00ff", "a\ufffd")]
    public void Decode_OfOctets_FollowsMarkThenLabelThenLook(string? label, string octets, string expected) =>
        Assert.Equal(expected, MailCharsets.Decode(Encoding.Latin1.GetBytes(octets), label));

    [Theory]
    [InlineData("big5")]
    [InlineData("cp949")]
    [InlineData("euc_jp")]
    // Not euc_kr: Python composes syllables of four codes there, which no browser does.
    [InlineData("gb18030")]
    [InlineData("iso2022_jp")]
    [InlineData("iso2022_kr")]
    [InlineData("johab")]
    [InlineData("shift_jis")]
    public void Decode_OfTheSamplesOfCpython_GivesTheirUtf8(string name)
    {
        var folder = Path.Combine(
            Reports.BounceReaderTests.SamplesOf("cpython-email"), "cjkencodings");
        var label = name.Replace("iso2022", "iso-2022", StringComparison.Ordinal)
            .Replace("shift_jis", "shift-jis", StringComparison.Ordinal).Replace('_', '-');
        Assert.Equal(
            File.ReadAllText(Path.Combine(folder, name + "-utf8.txt"), Encoding.UTF8),
            MailCharsets.Decode(File.ReadAllBytes(Path.Combine(folder, name + ".txt")), label));
    }
}
