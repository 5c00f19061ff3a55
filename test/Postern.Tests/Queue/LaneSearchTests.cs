using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Tests.Queue;

public sealed class LaneSearchTests
{
    readonly LaneSearch search = new("two", generation: 1);

    static DueKey Key(int turn) => new(
        RecipientState.Ready, DateTimeOffset.UnixEpoch.AddTicks(turn), new QueueId(7), 1);

    readonly Dictionary<string, DueKey> closed = [];

    void Step(int to, int fetched = 1000, int leased = 0, int? stop = null, params string[] full) =>
        search.End(new LeasedWindow(
            [], fetched, leased, NextDueAt: null, Key(to), stop is { } at ? Key(at) : null, full,
            closed));

    [Fact]
    public void Search_GoesOnWhereItWas()
    {
        Assert.Equal(default, search.Begin());
        Step(to: 50);
        Assert.Equal(Key(50), search.Begin());
        Assert.False(search.IsOver);
    }

    [Fact]
    public void LanesEnd_EndsIt_UntilSomethingComes()
    {
        search.Begin();
        Step(to: 30, fetched: 30);
        Assert.True(search.IsOver);
        search.NoteCame(Key(31));
        Assert.False(search.IsOver);
        Assert.Equal(Key(30), search.Begin());
    }

    [Fact]
    public void WhatComesWhileAStepIsMade_IsNotMissedAtTheEnd()
    {
        search.Begin();
        search.NoteCame(Key(20));
        Step(to: 30, fetched: 30);
        Assert.False(search.IsOver);
        Assert.True(search.Begin().CompareTo(Key(20)) < 0);
    }

    [Fact]
    public void WantOfRoom_DoesNotEndIt()
    {
        search.Begin();
        Step(to: 30, fetched: 30, leased: 20, stop: 20, full: "two");
        Assert.False(search.IsOver);
        Assert.Equal(Key(20), search.Begin());
        Assert.Equal(["two"], search.Full);
    }

    [Fact]
    public void AProbe_DoesNotEndIt_ForThoseBehind()
    {
        search.Begin();
        Step(to: 30, fetched: 30, leased: 1, stop: 1);
        Assert.False(search.IsOver);
        Assert.Equal(Key(1), search.Begin());
    }

    [Fact]
    public void WhatComesBehind_IsLookedForAlone()
    {
        search.Begin();
        Step(to: 1000);
        search.NoteCame(Key(20));
        search.NoteCame(Key(10));
        search.NoteCame(Key(2000));
        var from = search.Begin();
        Assert.True(from.CompareTo(Key(10)) < 0 && from.CompareTo(Key(9)) > 0);
        Step(to: 15);
        Assert.Equal(Key(15), search.Begin());
        // More comes while it is on its way.
        search.NoteCame(Key(5));
        search.NoteCame(Key(25));
        Step(to: 22);
        Assert.True(search.Begin().CompareTo(Key(5)) < 0);
        Step(to: 21);
        Assert.Equal(Key(21), search.Begin());
        Step(to: 60);
        Assert.Equal(Key(1000), search.Begin());
    }

    [Fact]
    public void Steps_GrowWhileNothingIsFound_AndShrinkToTheRoom()
    {
        for (var i = 0; i < 10; i++)
        {
            search.Begin();
            Step(to: i + 1);
        }
        Assert.Equal(1000, search.Limit);
        Step(to: 20, leased: 40, full: "two");
        Assert.Equal(80, search.Limit);
    }

    [Fact]
    public void Steps_StayLarge_WhereEachDomainHasALane()
    {
        for (var i = 0; i < 10; i++)
            Step(to: i + 1);
        Step(to: 20, leased: 1, full: "two slow.example");
        Assert.Equal(1000, search.Limit);
    }

    [Fact]
    public void ProbeOfAClosedLane_IsLookedForWhereItsFirstRecipientIs()
    {
        closed["two far.example"] = Key(12);
        search.Begin();
        Step(to: 30, fetched: 30);
        Assert.True(search.IsOver);
        Assert.Equal(["two far.example"], search.Closed);
        closed.Clear();
        search.NoteProbeDue("two far.example");
        Assert.False(search.IsOver);
        Assert.Equal(Key(12) with { Number = 0 }, search.Begin());
        Step(to: 12, fetched: 1, leased: 1, stop: 12);
        Assert.Empty(search.Closed);
        Assert.Equal(Key(30), search.Begin());
    }

    [Fact]
    public void ProbeOfAClosedLane_WhoseRecipientHasGone_IsLookedForInAll()
    {
        closed["two far.example"] = Key(12);
        search.Begin();
        Step(to: 30, fetched: 30);
        closed.Clear();
        search.NoteProbeDue("two far.example");
        search.Begin();
        Step(to: 20, fetched: 8);
        Assert.Equal(default(DueKey) with { Number = -1 }, search.Begin());
        Step(to: 30, fetched: 30);
        Assert.True(search.IsOver);
    }
}
