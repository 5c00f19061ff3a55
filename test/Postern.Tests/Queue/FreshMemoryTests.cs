using Postern.Mta.Queue;

namespace Postern.Tests.Queue;

public sealed class FreshMemoryTests
{
    const int Segment = 16 * 1024;
    readonly FreshMemory memory = new();

    static Flow FlowOf(string sender) => new(null, null, sender, "example.org");

    int TakeWhatFits(string sender)
    {
        var taken = 0;
        while (memory.Take(FlowOf(sender), 1))
            taken++;
        memory.Return(FlowOf(sender), 1);
        return taken;
    }

    [Fact]
    public void OneSender_TakesTwoThirds_AndLeavesRoomForOthers()
    {
        const int all = (32 << 20) / Segment;
        Assert.InRange(TakeWhatFits("bulk"), (all * 2 / 3) - 1, all * 2 / 3);
        Assert.True(memory.Take(FlowOf("reset"), 100_000));
    }

    [Fact]
    public void WhatIsReturned_CanBeTakenAgain()
    {
        var first = TakeWhatFits("bulk");
        for (var i = 0; i < first; i++)
            memory.Return(FlowOf("bulk"), 1);
        Assert.Equal(first, TakeWhatFits("bulk"));
    }
}
