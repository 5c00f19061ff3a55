using Postern.Mta.Queue;

namespace Postern.Tests.Queue;

public sealed class TurnOrderTests
{
    readonly TurnOrder order = new(priority: 0);

    static Flow FlowOf(string sender) => new("all", null, sender, "example.org");

    [Fact]
    public void Turns_OfOneFlow_StandOneBehindTheOther()
    {
        var first = order.Take(FlowOf("bulk"));
        Assert.True(order.Take(FlowOf("bulk")) > first);
    }

    [Fact]
    public void Turn_OfANewFlow_StandsNearTheFront_HoweverLongTheOthersAre()
    {
        DateTimeOffset[] bulk = [.. Enumerable.Range(0, 1000).Select(_ => order.Take(FlowOf("bulk")))];
        foreach (var turn in bulk[..100])
            order.NoteServed(turn);
        Assert.Equal(bulk[100], order.Take(FlowOf("reset")));
    }

    [Fact]
    public void NewFlows_DoNotHoldUpAnOldOne()
    {
        order.Take(FlowOf("bulk"));
        var last = order.Take(FlowOf("bulk"));
        for (var i = 0; i < 3; i++)
            order.NoteServed(order.Take(FlowOf($"new{i}")));
        Assert.True(order.Take(FlowOf("another")) > last);
    }

    [Fact]
    public void Flow_IsHeldUntilItsLastTurnIsServed()
    {
        Assert.False(order.Holds(FlowOf("a")));
        var turn = order.Take(FlowOf("a"));
        Assert.True(order.Holds(FlowOf("a")));
        order.NoteServed(turn);
        Assert.False(order.Holds(FlowOf("a")));
    }

    [Fact]
    public void Turns_OfAHigherPriority_AreEarlier_AndAllAreInThePast()
    {
        DateTimeOffset[] turns =
            [.. new[] { 100, 1, 0, -1, -100 }.Select(priority => new TurnOrder(priority).Take(FlowOf("a")))];
        Assert.Equal(turns.Order(), turns);
        Assert.True(turns[^1].Year < 2002);
        Assert.Equal([100, 1, 0, -1, -100], turns.Select(TurnOrder.PriorityOf));
    }

    [Fact]
    public void Restart_NothingNewStandsBeforeWhatWasLeft()
    {
        var left = order.Take(FlowOf("a"));
        for (var i = 0; i < 10; i++)
            left = order.Take(FlowOf("a"));
        var next = new TurnOrder(priority: 0);
        next.Begin(left);
        Assert.Equal(left, next.Take(FlowOf("b")));
    }

    [Fact]
    public void Flows_WhoseTurnsAreOver_AreForgotten()
    {
        for (var i = 0; i < 5000; i++)
            order.NoteServed(order.Take(FlowOf($"sender{i}")));
        Assert.False(order.Holds(FlowOf("sender1")));
        Assert.Equal(order.Front, order.Take(FlowOf("sender1")));
    }
}
