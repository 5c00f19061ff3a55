using Postern.Dashboard;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class OperatorActTests
{
    static OperatorAct Of(string what) =>
        OperatorAct.Of(new OperatedEntry(1, MailHall.Start, "ann", what, 3));

    [Theory]
    [InlineData("POST reload (page)", "POST reload", "page")]
    [InlineData("POST reload (command)", "POST reload", "command")]
    [InlineData("POST reload", "POST reload", null)]
    [InlineData("DELETE accounts/%EA%B9%80 (page)", "DELETE accounts/김", "page")]
    public void Call_IsReadable_AndTheFaceStandsBesideIt(string what, string call, string? face) =>
        Assert.Equal((call, face), (Of(what).Call, Of(what).Face));

    [Fact]
    public void Call_OfOneMessage_LeadsToIt()
    {
        var id = new QueueId(123456789);
        Assert.Equal(id, Of($"POST queue/hold?id={id} (page)").Message);
        Assert.Null(Of($"POST queue/hold?id={id}&id={id}").Message);
        Assert.Null(Of("POST queue/hold?state=ready").Message);
    }
}
