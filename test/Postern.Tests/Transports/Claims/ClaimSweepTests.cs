using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports.Claims;
using Postern.Tests.Doubles;
using Postern.Tests.Mta.Store;

namespace Postern.Tests.Transports.Claims;

public sealed class ClaimSweepTests : IAsyncDisposable
{
    static readonly DateTimeOffset Now = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("sweep");
    readonly MemoryStore store = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task File_OlderThanItIsKept_Goes()
    {
        Put("0000000000001.eml", days: 31);
        Put("0000000000002.eml", days: 29);
        Put("0000000000003.eml.part", days: 31);
        await SweepAsync(Topic("30d"));
        Assert.Equal(["0000000000002.eml"], Left());
    }

    [Fact]
    public async Task File_ThatIsNotOurs_Stays()
    {
        string[] names = ["0000000000001.txt", "letter.eml", "000000000000U.eml", ".eml", "0000000000001"];
        foreach (var name in names)
            Put(name, days: 400);
        Directory.CreateDirectory(Path.Combine(folder.FullName, "0000000000004.eml"));
        await SweepAsync(Topic("30d"));
        Assert.Equal(names.Order(StringComparer.Ordinal), Left());
    }

    [Fact]
    public async Task File_OfAMessageThatIsStillQueued_Stays()
    {
        var message = Sample.Message(7);
        await store.CommitAsync(Sample.Accept(
            message, Sample.Recipient(7, 1, RecipientState.Done), Sample.Recipient(7, 2)));
        Put($"{message.Id}.eml", days: 400);
        await SweepAsync(Topic("30d"));
        Assert.Equal([$"{message.Id}.eml"], Left());
        var change = new StoreChange();
        change.Recipients.Add(Sample.Recipient(7, 2, RecipientState.Done));
        await store.CommitAsync(change);
        await SweepAsync(Topic("30d"));
        Assert.Empty(Left());
    }

    [Fact]
    public async Task Directory_OfTwoTransports_IsKeptForTheLongerTime()
    {
        Put("0000000000001.eml", days: 31);
        Put("0000000000002.eml", days: 41);
        await SweepAsync(Topic("30d"), Topic("40d"));
        Assert.Equal(["0000000000001.eml"], Left());
        await SweepAsync(Topic("30d"), Topic(null));
        Assert.Equal(["0000000000001.eml"], Left());
    }

    [Fact]
    public async Task Directory_ThatIsNotThere_IsNoTrouble()
    {
        folder.Delete();
        await SweepAsync(Topic("30d"));
        folder.Create();
    }

    [Fact]
    public async Task Round_IsBounded()
    {
        const int more = 5;
        for (var i = 0; i < ClaimSweep.RemovedMax + more; i++)
            Put($"{new QueueId(i)}.eml", days: 31);
        await SweepAsync(Topic("30d"));
        Assert.Equal(more, Left().Count());
    }

    void Put(string name, int days)
    {
        var path = Path.Combine(folder.FullName, name);
        File.WriteAllLines(path, []);
        File.SetLastWriteTimeUtc(path, (Now - TimeSpan.FromDays(days)).UtcDateTime);
    }

    IEnumerable<string> Left() =>
        folder.EnumerateFiles().Select(static file => file.Name).Order(StringComparer.Ordinal);

    TransportOptions Topic(string? keep) => new()
    {
        Kind = TransportKind.Pubsub,
        ClaimDirectory = folder.FullName,
        ClaimKeep = keep is null ? null : TimeSpan.FromDays(int.Parse(keep.TrimEnd('d'), null)),
    };

    async Task SweepAsync(params TransportOptions[] transports)
    {
        var options = new PosternOptions
        {
            Transports = transports.Index().ToDictionary(
                static pair => $"t{pair.Index}", static pair => pair.Item),
        };
        await new ClaimSweep(store, () => options).SweepAsync(Now, Cancel);
    }
}
