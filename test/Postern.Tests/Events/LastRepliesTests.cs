using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Transports;

namespace Postern.Tests.Events;

public sealed class LastRepliesTests
{
    static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    static MailEvent Fact(string transport, int number, EventKind kind = EventKind.Attempted) => new()
    {
        Kind = kind,
        At = Start,
        Message = new QueueId(1),
        Transport = transport,
        Reply = $"{number}",
    };

    [Theory]
    [InlineData(0, "")]
    [InlineData(3, "2 1 0")]
    [InlineData(10, "9 8 7 6 5 4 3 2 1 0")]
    [InlineData(25, "24 23 22 21 20 19 18 17 16 15")]
    public void Of_IsTheLastTen_NewestFirst(int count, string expected)
    {
        var replies = new LastReplies();
        for (var i = 0; i < count; i++)
        {
            replies.Note(Fact("relay", i));
            replies.Note(Fact("other", 100 + i));
        }
        Assert.Equal(expected, string.Join(' ', replies.Of("relay").Select(fact => fact.Reply)));
    }

    [Fact]
    public void Note_OfWhatIsNoAttempt_KeepsNothing()
    {
        var replies = new LastReplies();
        replies.Note(Fact("relay", 1, EventKind.Accepted));
        replies.Note(Fact("relay", 2, EventKind.Failed));
        replies.Note(Fact("relay", 3) with { Transport = null });
        Assert.Empty(replies.Of("relay"));
        replies.Note(Fact("relay", 4, EventKind.Failed) with
        {
            Facts = new AttemptFacts("mx", 1, TimeSpan.Zero, TimeSpan.Zero, null),
        });
        Assert.Equal("4", Assert.Single(replies.Of("relay")).Reply);
    }
}
