using System.Buffers;
using System.Text;
using Postern.Mta.Intake;

namespace Postern.Tests.Intake;

public sealed class HeaderScanTests
{
    static HeaderScan Scan(string latin1) =>
        HeaderScan.Of(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(latin1)));

    [Fact]
    public void Fields_AreFound()
    {
        var scan = Scan("Return-Path: <x@y>\r\nReceived: a\r\nRECEIVED: b\r\nMessage-Id:\r\n <1@x>\r\n"
            + "From: a@x\r\nSender: b@x\r\nDate: now\r\nDelivered-To: c@x\r\n\r\nFrom: body@x\r\n");
        Assert.True(scan.IsComplete);
        Assert.True(scan.StartsWithField);
        Assert.Equal(2, scan.ReceivedCount);
        Assert.Equal("<1@x>", scan.MessageId);
        Assert.Equal(["a@x", "b@x"], scan.Authors);
        Assert.Equal(1, scan.FromCount);
        Assert.True(scan.HasDate);
        Assert.Equal(["c@x"], scan.DeliveredTo);
        Assert.Equal(new(0, 20), scan.ReturnPath);
    }

    [Theory]
    [InlineData("From: a@x\r\n", null)]
    [InlineData("Subject:\r\n", "")]
    [InlineData("SUBJECT : Your order\r\nSubject: another\r\n", "Your order")]
    [InlineData("Subject: a\r\n folded\r\n\tone\r\n", "a folded one")]
    [InlineData("Subject: =?utf-8?B?7KO866y4IO2ZleyduA==?=\r\n", "주문 확인")]
    [InlineData("Subject: =?utf-8?B?7KO866y4?=\r\n =?utf-8?Q?_=ED=99=95=EC=9D=B8?=\r\n", "주문 확인")]
    [InlineData("Subject: =?euc-kr?B?wda5rg?=\r\n", "주문")]
    [InlineData("Subject: \u00ec\u00a3\u00bc\u00eb\u00ac\u00b8\r\n", "주문")]
    [InlineData("Subject: \u00c1\u00d6\u00b9\u00ae\r\n", "주문")]
    [InlineData("Subject: \u00e6\u00f8\r\nContent-Type: text/plain; charset=iso-8859-2\r\n", "ćř")]
    [InlineData("Subject: a\u001b[2Jb\u0007\r\n", "a[2Jb")]
    [InlineData("Subject: =?utf-8?Q?a=0D=0Ab=E2=80=A8c?=\r\n", "abc")]
    [InlineData("Subject: =?nobody-knows?Q?a?=\r\n", "=?nobody-knows?Q?a?=")]
    public void Subject_IsWhatAReaderSees(string header, string? subject) =>
        Assert.Equal(subject, Scan(header + "\r\nSubject: of the body\r\n").Subject);

    [Fact]
    public void Subject_IsCutAtTwoHundredCharacters_NeverWithinOne()
    {
        Assert.Equal(new string('a', 200), Scan($"Subject: {new string('a', 900)}\r\n\r\n").Subject);
        var words = string.Concat(Enumerable.Repeat("\r\n =?utf-8?B?8J+TpvCfk6bwn5Om8J+TpvCfk6Y=?=", 25));
        Assert.Equal(
            "x" + string.Concat(Enumerable.Repeat("📦", 99)),
            Scan($"Subject: =?utf-8?Q?x?={words}\r\n\r\n").Subject);
    }

    [Fact]
    public void NameWithBlanksBeforeTheColon_IsTheField() =>
        Assert.Equal(1, Scan("From \t: a@x\r\n\r\n").FromCount);

    [Theory]
    [InlineData("\r\nbody\r\n")]
    [InlineData("no field\r\n\r\n")]
    [InlineData(" folded: nothing\r\n")]
    [InlineData("sp ace: x\r\n")]
    [InlineData(": x\r\n")]
    public void Content_ThatBeginsWithNoField_IsAllBody(string content)
    {
        var scan = Scan(content);
        Assert.True(scan.IsComplete);
        Assert.False(scan.StartsWithField);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Subject: x\r\n")]
    [InlineData("Subject: x\r\nFr")]
    [InlineData("Subject: x\r\nFrom: a@")]
    [InlineData("Sub")]
    public void Header_OfWhichMoreMayCome_IsNotComplete(string content) =>
        Assert.False(Scan(content).IsComplete);

    [Theory]
    [InlineData("Subject: \u00e9\r\n\r\n", true)]
    [InlineData("Subject: e\r\n\r\n\u00e9", false)]
    [InlineData("Subject: e\r\n\u00e9 without line end", false)]
    public void EightBit_IsThatOfTheHeaderAlone(string content, bool eightBit) =>
        Assert.Equal(eightBit, Scan(content).HasEightBit);
}
