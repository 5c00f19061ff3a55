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
