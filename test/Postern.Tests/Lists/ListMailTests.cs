using System.Text;
using Postern.Mta.Lists;
using Postern.Mta.Queue;

namespace Postern.Tests.Lists;

public sealed class ListMailTests
{
    [Fact]
    public void WhatIsCutAtTheDoor_IsCutForMembersToo()
    {
        var list = new ListMail("all@in.example", "List-Id: <all>\r\n", [new(10, 5), new(40, 10)], false);
        var edits = list.Over(new HeaderEdits("Received: x\r\n"u8.ToArray(), [new(0, 10), new(40, 10)]));
        Assert.Equal("List-Id: <all>\r\nReceived: x\r\n", Encoding.ASCII.GetString(edits.Prefix.Span));
        Assert.Equal([new(0, 10), new(10, 5), new ContentRange(40, 10)], edits.Cuts);
    }

    [Fact]
    public void RangesThatOverlap_AreOne() => Assert.Equal(
        [new(0, 8), new(8, 2), new ContentRange(20, 10)],
        HeaderEdits.Merge([new(20, 10), new(0, 5), new(4, 4), new(8, 2), new(22, 3), new(20, 10)]));
}
