using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Postern.Api;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Tests.Api;

public sealed class QueueQueryTests
{
    static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    static bool TryRead(string query, out QueueFilter filter, out string trouble) => QueueQuery.TryRead(
        new QueryCollection(QueryHelpers.ParseQuery(query)), ["after"], Now, out filter, out trouble);

    static QueueFilter Read(string query) =>
        TryRead(query, out var filter, out var trouble) ? filter : throw new FormatException(trouble);

    [Fact]
    public void Read_OfEveryKey_IsThatFilter()
    {
        Assert.Equal(
            new QueueFilter
            {
                State = RecipientState.Held,
                Route = "r",
                Transport = "t",
                Sender = "<>",
                Recipient = "*@b.example",
                Domain = "d.example",
                ArrivedBefore = Now.AddHours(-1),
                ArrivedAfter = Now.AddDays(-2),
            },
            Read("?state=held&route=r&transport=t&sender=%3C%3E&recipient=*@b.example&domain=d.example"
                + "&older=1h&newer=2d&after=x"));
        Assert.Equal(QueueFilter.All, Read(""));
        Assert.True(Read("?state=dead-letter").DeadLetters);
    }

    [Theory]
    [InlineData("2026-01-31T12:00Z", 12)]
    [InlineData("2026-01-31T12:00", 12)]
    [InlineData("2026-01-31T12:00:00", 12)]
    [InlineData("2026-01-31T12:00:00.0000000Z", 12)]
    [InlineData("2026-01-31T12:00:00%2B09:00", 3)]
    [InlineData("2026-01-31", 0)]
    public void Moments_AreUtcUnlessTheySayOtherwise(string text, int hour) => Assert.Equal(
        new DateTimeOffset(2026, 1, 31, hour, 0, 0, TimeSpan.Zero),
        Read($"?arrived-before={text}").ArrivedBefore);

    [Theory]
    [InlineData("?stat=held", "stat is not known")]
    [InlineData("?state=lost", "state is not known")]
    [InlineData("?state=1", "state is not known")]
    [InlineData("?sender=nobody", "sender is no address pattern")]
    [InlineData("?recipient=", "recipient is no address pattern")]
    [InlineData("?older=soon", "older is no duration")]
    [InlineData("?arrived-after=1/2/2026", "arrived-after is no moment")]
    public void Read_OfAMistake_SaysWhich(string query, string trouble)
    {
        Assert.False(TryRead(query, out _, out var said));
        Assert.StartsWith(trouble, said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?state=dead-letter&transport=a%26b")]
    [InlineData("?state=ready&route=r&sender=%3C%3E&recipient=%2B@b.example&domain=d.example")]
    [InlineData("?older=90m&newer=3d")]
    public void Write_ReadAgain_IsTheSameFilter(string query)
    {
        var filter = Read(query);
        Assert.Equal(filter, Read("?" + QueueQuery.Write(filter)));
    }

    [Fact]
    public void Ids_AreEachReadOnce_AndBounded()
    {
        var (one, other) = ($"{new QueueId(1)}", $"{new QueueId(2)}");
        Assert.True(WebApi.TryReadIds([one, one], out var which));
        Assert.Equal(new QueueSelection.One(new QueueId(1)), which);
        Assert.True(WebApi.TryReadIds([one, other], out which));
        Assert.Equal(
            [new QueueId(1), new QueueId(2)], Assert.IsType<QueueSelection.Several>(which).Ids);
        Assert.False(WebApi.TryReadIds([one, "x"], out _));
        Assert.False(WebApi.TryReadIds([], out _));
        Assert.False(WebApi.TryReadIds([.. Enumerable.Repeat(one, 101)], out _));
    }
}
