using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Configuration;
using Postern.Tests.Dashboard;
using Postern.Tests.Doubles;
using static Postern.Tests.Mta.Store.Sample;

namespace Postern.Tests.Mta.Store;

/// <summary>After <c>log.keep</c> nothing of a message is left.</summary>
public sealed class RetentionTests : IAsyncLifetime
{
    static readonly TimeSpan keep = TimeSpan.FromDays(90);
    static readonly QueueId id = new(
        (long)(MailHall.Start - QueueId.Origin).TotalMilliseconds << 22);

    readonly FakeTimeProvider clock = new(MailHall.Start);
    readonly TemporaryDirectory directory = new();
    SqliteStore store = null!;
    MessageIndex index = null!;

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        store = SqliteStore.Open(
            new SqliteStoreOptions { Directory = directory.PathOf("store"), Reserve = 0 }, clock,
            NullLogger<SqliteStore>.Instance);
        index = new MessageIndex(
            store, directory.PathOf(MessageIndex.FileName), () => keep, clock, NullLogger.Instance);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await index.DisposeAsync();
        await store.DisposeAsync();
        directory.Dispose();
    }

    /// <summary>Mail that is done, what was done about it, and the indexes that know of both.</summary>
    async Task LiveAsync()
    {
        await store.CommitAsync(Accept(Message(id.Value), Recipient(id.Value, 1, RecipientState.Done)));
        await store.CommitAsync(Tell(
            Fact(EventKind.Accepted, id),
            Fact(EventKind.Relayed, id),
            Fact(EventKind.Operated, null) with { Actor = "ann", Why = "hold" }));
        await NoteAsync();
    }

    MailEvent Fact(EventKind kind, QueueId? message) => new()
    {
        Kind = kind,
        At = clock.GetUtcNow(),
        Message = message,
        Recipient = message is null ? null : 1,
        RecipientAddress = message is null ? null : "kim@example.net",
        MessageId = "<1@example.org>",
        Subject = "Your order",
    };

    /// <summary>An event of another time, by which the search tables have come to all before it.</summary>
    async Task NoteAsync()
    {
        clock.Advance(TimeSpan.FromSeconds(2));
        await store.CommitAsync(Tell(Fact(EventKind.AlarmRaised, null)));
        await index.CatchUpAsync(Cancel);
    }

    async Task SweepAsync()
    {
        while (await store.SweepAsync(clock.GetUtcNow(), clock.GetUtcNow() - keep, Cancel) > 0)
        {
        }
        await index.SweepAsync(Cancel);
    }

    static long Count(string file, string table)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT count(*) FROM {table}";
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    long InStore(string table) => Count(directory.PathOf("store/postern.db"), table);

    long InIndex(string table) => Count(directory.PathOf(MessageIndex.FileName), table);

    [Fact]
    public async Task Message_BeforeItsTime_IsKnownEverywhere()
    {
        await LiveAsync();
        clock.Advance(keep - TimeSpan.FromDays(1));
        await NoteAsync();
        await SweepAsync();
        Assert.Equal(3, (await store.ReadEventsOfAsync(id, Cancel)).Count);
        Assert.Single(await store.FindEventsAsync("kim@example.net", 10, Cancel));
        Assert.Equal((3L, 2L), (InStore("event_of"), InStore("search")));
        Assert.Single((await index.FindAsync(IndexQuery.Parse("order"), Cancel)).Cards);
        Assert.Single(await index.ReadOperatedAsync(null, 10, Cancel));
        Assert.Equal((1L, 1L), (InIndex("card"), InIndex("words WHERE words MATCH 'order'")));
    }

    [Fact]
    public async Task Message_AfterItsTime_IsKnownNowhere()
    {
        await LiveAsync();
        clock.Advance(keep + TimeSpan.FromDays(1));
        await NoteAsync();
        await SweepAsync();
        Assert.Null(await store.ReadMessageAsync(id, Cancel));
        Assert.Empty(await store.ReadEventsOfAsync(id, Cancel));
        Assert.Empty(await store.FindEventsAsync("kim@example.net", 10, Cancel));
        Assert.Equal((0L, 0L, 0L, 0L, 0L),
            (InStore("message"), InStore("recipient"), InStore("content"), InStore("event_of"),
                InStore("search")));
        // The last event stays until another comes: it keeps the numbers from beginning anew.
        Assert.Equal(EventKind.AlarmRaised,
            Assert.Single(await store.ReadEventsAfterAsync(0, 10, Cancel)).Event.Kind);
        Assert.Empty((await index.FindAsync(new IndexQuery(), Cancel)).Cards);
        Assert.Empty(await index.ReadOperatedAsync(null, 10, Cancel));
        Assert.Empty((await index.CountAsync(Cancel)).Messages);
        Assert.Equal((0L, 0L, 0L, 0L),
            (InIndex("card"), InIndex("crowd"), InIndex("operated"),
                InIndex("words WHERE words MATCH 'order'")));
    }

    [Fact]
    public async Task Session_AfterItsTime_LeavesNothingInTheStore()
    {
        await using var house = new DashboardHouse();
        var user = await house.AddAsync("ann", Postern.Mta.Accounts.OperatorRole.Admin);
        await house.EnterAsync(user);
        Assert.Single(await house.Store.ReadObjectsAsync(Postern.Dashboard.Sessions.ObjectKind, Cancel));
        house.Clock.Advance(keep);
        house.Sessions.Sweep();
        Assert.Empty(await house.Store.ReadObjectsAsync(Postern.Dashboard.Sessions.ObjectKind, Cancel));
    }
}
