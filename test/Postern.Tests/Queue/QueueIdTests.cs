using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Queue;
using Postern.Tests.Doubles;

namespace Postern.Tests.Queue;

public sealed class QueueIdTests
{
    [Fact]
    public void Text_OfAnyId_IsReadBack() => Gen.Long[0, long.MaxValue].Sample(value =>
    {
        var text = new QueueId(value).ToString();
        return text.Length == 13 && QueueId.TryParse(text, out var id) && id.Value == value
            && QueueId.TryParse(text.ToLowerInvariant(), out id) && id.Value == value;
    });

    [Theory]
    [InlineData("OIL0000000000", "0110000000000")]
    [InlineData("oil0000000000", "0110000000000")]
    public void LookAlikes_AreUnderstood(string written, string meant)
    {
        Assert.True(QueueId.TryParse(written, out var id));
        Assert.Equal(meant, id.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("123456789012")]
    [InlineData("12345678901234")]
    [InlineData("U000000000000")]
    [InlineData("000000000000-")]
    [InlineData("8000000000000")]
    [InlineData("ZZZZZZZZZZZZZ")]
    public void Text_ThatIsNoId_IsRefused(string text) => Assert.False(QueueId.TryParse(text, out _));

    [Fact]
    public void Id_TellsWhenItWasGivenOut()
    {
        var source = new QueueIdSource(new FakeTimeProvider(MailHall.Start), 5, default);
        Assert.Equal(MailHall.Start, source.Next().At);
    }

    [Fact]
    public void Ids_OfOneMillisecond_GrowBeyondTheSequence()
    {
        var source = new QueueIdSource(new FakeTimeProvider(MailHall.Start), 5, default);
        var ids = Enumerable.Range(0, 10_000).Select(_ => source.Next()).ToList();
        Assert.Equal(ids.Distinct().Order(), ids);
        Assert.All(ids, id => Assert.Equal(5, (id.Value >> 12) & 1023));
    }

    [Fact]
    public void Ids_NeverGoBackWithTheClock()
    {
        var late = new QueueIdSource(new FakeTimeProvider(MailHall.Start.AddDays(1)), 0, default).Next();
        var source = new QueueIdSource(new FakeTimeProvider(MailHall.Start), 0, late);
        var first = source.Next();
        Assert.True(first > late);
        Assert.True(source.Next() > first);
    }

    [Fact]
    public void Ids_OfAnotherNodesStore_KeepOurNumber()
    {
        var theirs = new QueueIdSource(new FakeTimeProvider(MailHall.Start.AddDays(1)), 9, default).Next();
        var ours = new QueueIdSource(new FakeTimeProvider(MailHall.Start), 3, theirs).Next();
        Assert.True(ours > theirs);
        Assert.Equal(3, (ours.Value >> 12) & 1023);
    }
}
