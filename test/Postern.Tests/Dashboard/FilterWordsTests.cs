using Postern.Dashboard;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Tests.Dashboard;

public sealed class FilterWordsTests
{
    static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    static readonly QueueFilter Full = new()
    {
        State = RecipientState.Deferred,
        Transport = "relay",
        Route = "shop",
        Sender = "<>",
        Recipient = "*@b.example",
        Domain = "d.example",
        ArrivedBefore = At,
        ArrivedAfter = At.AddDays(-1),
    };

    static string In(string language, QueueFilter filter) =>
        string.Join("; ", FilterWords.Of(filter, Words.For(language)));

    [Fact]
    public void EveryKey_HasItsSentence() => Assert.Equal(
        "in state: deferred; for transport relay; by route shop; from <>; to *@b.example;"
        + " of sending domain d.example; arrived before 2026-01-02 03:04:05Z;"
        + " arrived after 2026-01-01 03:04:05Z",
        In("en", Full));

    [Fact]
    public void EveryKey_HasItsSentenceInKorean() => Assert.Equal(
        FilterWords.Of(Full, Words.For("en")).Count, FilterWords.Of(Full, Words.For("ko")).Count);

    [Fact]
    public void NoKey_MeansEverything_AndSaysSo()
    {
        Assert.Equal("Everything in the queue", In("en", QueueFilter.All));
        Assert.Equal("큐에 있는 모든 메일", In("ko", QueueFilter.All));
    }

    [Fact]
    public void DeadLetters_AreNotCalledDone() => Assert.Equal(
        "failed for good, and kept",
        In("en", new QueueFilter { State = RecipientState.Done, DeadLetters = true }));

    [Fact]
    public void WhatHidesText_IsShown() => Assert.Equal(
        @"for transport a\u{202e}b", In("en", new QueueFilter { Transport = "a\u202eb" }));
}
