using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

public sealed class MessageQueuePreviewTests
{
    static readonly CancellationToken None = CancellationToken.None;

    static QueueSelection All => new QueueSelection.Matching(QueueFilter.All);

    /// <summary>Of one message two deferred recipients and a held one; of another a deferred
    /// one.</summary>
    static async ValueTask<(MailHall Hall, QueueId First, QueueId Second)> HallAsync()
    {
        var hall = new MailHall();
        hall.Relay.Otherwise = Results.Greylisted;
        var first = await hall.AcceptAsync("a@one.net", "b@one.net", "c@one.net!");
        var second = await hall.AcceptAsync("a@two.net");
        await hall.RunAsync();
        return (hall, first, second);
    }

    [Theory]
    [InlineData(QueueCommand.Hold, 2, 3)]
    [InlineData(QueueCommand.Release, 1, 1)]
    [InlineData(QueueCommand.Retry, 2, 3)]
    [InlineData(QueueCommand.Cancel, 2, 4)]
    [InlineData(QueueCommand.Expire, 2, 4)]
    public async Task Preview_CountsWhatTheCommandThenChanges(
        QueueCommand command, int messages, int recipients)
    {
        var (hall, _, _) = await HallAsync();
        await using var _ = hall;
        var preview = await hall.Queue.PreviewAsync(All, command, PreviewLimit.Quick, None);
        Assert.Equal(
            (messages, recipients, true), (preview.Messages, preview.Recipients, preview.IsWhole));
        Assert.Equal(messages, preview.Sample.Count);
        Assert.Equal(recipients, command switch
        {
            QueueCommand.Hold => await hall.Queue.HoldAsync(All, "kim", None),
            QueueCommand.Release => await hall.Queue.ReleaseAsync(All, "kim", None),
            QueueCommand.Retry => (await hall.Queue.RetryAsync(All, "kim", None)).Recipients,
            QueueCommand.Cancel => await hall.Queue.CancelAsync(All, "kim", None),
            _ => await hall.Queue.ExpireAsync(All, "kim", None),
        });
    }

    [Fact]
    public async Task Preview_ChangesNothing()
    {
        var (hall, _, _) = await HallAsync();
        await using var _ = hall;
        var (before, commits) = (hall.Store.Recipients.ToList(), hall.Commits);
        await hall.Queue.PreviewAsync(All, QueueCommand.Cancel, PreviewLimit.None, None);
        Assert.Equal(before, hall.Store.Recipients);
        Assert.Equal(commits, hall.Commits);
    }

    [Fact]
    public async Task Preview_OfAFilter_CountsThoseRecipientsAlone()
    {
        var (hall, _, second) = await HallAsync();
        await using var _ = hall;
        var two = new QueueSelection.Matching(new QueueFilter { Recipient = "*@two.net" });
        var preview = await hall.Queue.PreviewAsync(two, QueueCommand.Hold, PreviewLimit.Quick, None);
        Assert.Equal(1, preview.Recipients);
        Assert.Equal(second, Assert.Single(preview.Sample).Message.Id);
        var held = new QueueSelection.Matching(new QueueFilter { State = RecipientState.Held });
        var none = await hall.Queue.PreviewAsync(held, QueueCommand.Retry, PreviewLimit.Quick, None);
        Assert.Equal(0, none.Recipients);
    }

    [Fact]
    public async Task Preview_OfMoreThanItsLimit_StopsAfterThePage_AndSaysSo()
    {
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Greylisted;
        for (var i = 0; i < 600; i++)
            await hall.AcceptAsync($"r{i}@one.net");
        var few = new PreviewLimit(10, TimeSpan.FromMinutes(1));
        var preview = await hall.Queue.PreviewAsync(All, QueueCommand.Cancel, few, None);
        Assert.Equal((500, false), (preview.Recipients, preview.IsWhole));
        Assert.Equal(20, preview.Sample.Count);
        var whole = await hall.Queue.PreviewAsync(All, QueueCommand.Cancel, PreviewLimit.None, None);
        Assert.Equal((600, true), (whole.Recipients, whole.IsWhole));
    }

    [Fact]
    public async Task Several_MeansThoseThatAreThere()
    {
        var (hall, first, second) = await HallAsync();
        await using var _ = hall;
        var third = await hall.AcceptAsync("a@three.net");
        await hall.RunAsync();
        var some = new QueueSelection.Several([first, third, new QueueId(7)]);
        var preview = await hall.Queue.PreviewAsync(some, QueueCommand.Cancel, PreviewLimit.Quick, None);
        Assert.Equal((2, 4), (preview.Messages, preview.Recipients));
        Assert.Equal(4, await hall.Queue.CancelAsync(some, "kim", None));
        Assert.Equal([second], hall.Store.Recipients.Where(row => row.State != RecipientState.Done)
            .Select(row => row.Message));
    }

    [Fact]
    public async Task Retry_OfATransport_ProbesItsLanesAlone()
    {
        await using var hall = new MailHall(OptionsOf(
            Route("one", to: ["*@one.net"], via: ["first"]), Route("two", via: ["second"])));
        foreach (var way in (string[])["first", "second"])
            hall.Ways[way].Otherwise = Results.LoginRefused;
        await hall.AcceptAsync("a@one.net", "a@two.net");
        await hall.RunAsync();
        var first = new QueueSelection.Matching(new QueueFilter { Transport = "first" });
        Assert.Equal(1, (await hall.Queue.RetryAsync(first, "kim", None)).Lanes);
        Assert.Equal(2, (await hall.Queue.RetryAsync(All, "kim", None)).Lanes);
    }
}
