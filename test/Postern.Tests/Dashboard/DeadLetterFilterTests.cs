using Postern.Dashboard;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class DeadLetterFilterTests : IAsyncDisposable
{
    static readonly CancellationToken None = CancellationToken.None;

    readonly MailHall hall = new();

    public ValueTask DisposeAsync() => hall.DisposeAsync();

    DeadLetterFilter Filter(params (string Name, string Value)[] fields) =>
        DeadLetterFilter.TryRead(
            name => fields.FirstOrDefault(field => field.Name == name).Value ?? "", hall.Clock.GetUtcNow(),
            out var filter, out var trouble) ? filter : throw new FormatException(trouble);

    async Task DiedAsync(MailDoors door, params string[] recipients)
    {
        var letter = hall.Letter("ann@good.example", door);
        var change = new StoreChange();
        change.Messages.Add(MailHall.Mail(letter) is { Content: var content } mail
            ? new NewMessage(mail.Message, content) : throw new FormatException());
        change.Recipients.AddRange(recipients.Select((address, index) => new Recipient
        {
            Message = letter.Id,
            Number = index + 1,
            Address = MailHall.Mailbox(address),
            State = RecipientState.Done,
            Outcome = RecipientOutcome.Failed,
            Route = index == 0 ? "in" : "other",
            KeepUntil = hall.Queue.Time.Now + TimeSpan.FromDays(1),
            LastText = "550 no",
        }));
        await hall.Store.CommitAsync(change);
    }

    [Fact]
    public void Query_IsThatOfTheAdminApi() => Assert.Equal(
        "state=dead-letter&recipient=*@in.example&older=2d",
        Filter(("recipient", "*@in.example"), ("older", "2d")).Query);

    [Theory]
    [InlineData("sender", "@@")]
    [InlineData("recipient", "no address")]
    [InlineData("older", "yesterday")]
    [InlineData("newer", "-1d")]
    public void Field_ThatCannotBeRead_IsNamed(string name, string value)
    {
        Assert.False(DeadLetterFilter.TryRead(
            field => field == name ? value : "", hall.Clock.GetUtcNow(), out _, out var trouble));
        Assert.StartsWith(name + ":", trouble, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Count_IsOfRecipientsThatFit_AndTheSampleIsBounded()
    {
        for (var i = 0; i < 15; i++)
            await DiedAsync(MailDoors.Mx, "a@in.example", "b@in.example");
        var all = await Filter().CountAsync(hall.Store, None);
        Assert.Equal((30, true), (all.Count, all.IsAll));
        Assert.Equal(DeadLetterFilter.SampleMax, all.Sample.Count);
        Assert.Equal(15, (await Filter(("route", "in")).CountAsync(hall.Store, None)).Count);
        Assert.Equal(15, (await Filter(("recipient", "b@in.example")).CountAsync(hall.Store, None)).Count);
        Assert.Equal(0, (await Filter(("older", "1d")).CountAsync(hall.Store, None)).Count);
    }

    [Fact]
    public async Task Count_IsWhatAReplayHits()
    {
        await DiedAsync(MailDoors.Mx, "a@in.example", "b@in.example");
        await DiedAsync(MailDoors.Submission, "c@in.example");
        var filter = Filter();
        var count = (await filter.CountAsync(hall.Store, None)).Count;
        Assert.Equal(2, count);
        Assert.Equal(count, await hall.Queue.ReplayAsync(
            new QueueSelection.Matching(filter.Filter), ReplayReach.DeadLetters, "ann", None));
    }
}
