using Postern.Mta.Intake;
using Postern.Tests.Doubles;

namespace Postern.Tests.Intake;

/// <summary>Answers are known for a day, and leave nothing behind.</summary>
public sealed class GivenAnswersTests : IAsyncDisposable
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    readonly MailHall hall = new();

    GivenAnswers Answers => hall.Queue.Answers;

    public ValueTask DisposeAsync() => hall.DisposeAsync();

    ValueTask KeepAsync(string name, string request = "hash") =>
        hall.Queue.PutObjectsAsync(Answers.Keep(name, request, 200, "{}"));

    async ValueTask<int> CountAsync() =>
        (await hall.Store.ReadObjectsAsync(GivenAnswers.ObjectKind, Cancel)).Count
        + (await hall.Store.ReadObjectsAsync(GivenAnswers.AgeKind, Cancel)).Count;

    [Fact]
    public async Task Answer_IsKnownForADay()
    {
        await KeepAsync("d.example/k");
        hall.Clock.Advance(GivenAnswers.Kept - TimeSpan.FromTicks(1));
        await Answers.SweepAsync(hall.Queue, Cancel);
        Assert.Equal(new GivenAnswer(MailHall.Start, "hash", 200, "{}"),
            await Answers.FindAsync("d.example/k", Cancel));
        hall.Clock.Advance(TimeSpan.FromTicks(1));
        Assert.Null(await Answers.FindAsync("d.example/k", Cancel));
    }

    [Fact]
    public async Task OldAnswers_AreForgotten_InSeveralCommits()
    {
        for (var i = 0; i < 1100; i++)
            await KeepAsync($"d.example/{i}");
        hall.Clock.Advance(GivenAnswers.Kept);
        await KeepAsync("d.example/young");
        hall.Clock.Advance(TimeSpan.FromTicks(1));
        var before = hall.Commits;
        await Answers.SweepAsync(hall.Queue, Cancel);
        Assert.Equal(3, hall.Commits - before);
        Assert.Equal(2, await CountAsync());
        Assert.NotNull(await Answers.FindAsync("d.example/young", Cancel));
    }

    [Fact]
    public async Task NameThatIsUsedAgain_IsKnownFromThen()
    {
        await KeepAsync("d.example/k/with/slashes");
        hall.Clock.Advance(GivenAnswers.Kept);
        await KeepAsync("d.example/k/with/slashes", "other");
        hall.Clock.Advance(TimeSpan.FromHours(1));
        await Answers.SweepAsync(hall.Queue, Cancel);
        Assert.Equal("other", (await Answers.FindAsync("d.example/k/with/slashes", Cancel))!.Request);
        Assert.Equal(2, await CountAsync());
    }

    [Fact]
    public void Claim_IsOneAtATime()
    {
        Assert.True(Answers.TryClaim("k"));
        Assert.False(Answers.TryClaim("k"));
        Answers.Release("k");
        Assert.True(Answers.TryClaim("k"));
    }
}
