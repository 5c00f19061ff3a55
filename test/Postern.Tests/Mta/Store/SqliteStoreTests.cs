using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using static Postern.Tests.Mta.Store.Sample;

namespace Postern.Tests.Mta.Store;

/// <summary>What only a store on a disk can show: damage, failed and full disks, files, schema.</summary>
public sealed class SqliteStoreTests : IAsyncLifetime
{
    readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("postern-store-");
    long? pagesMax;
    DiskSpace space = new(1L << 40, 1L << 41);
    SqliteStore store = null!;

    string Database => Path.Combine(directory.FullName, "postern.db");
    string Contents => Path.Combine(directory.FullName, "content");

    public ValueTask InitializeAsync()
    {
        store = Open();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        SqliteConnection.ClearAllPools();
        directory.Delete(recursive: true);
    }

    [Fact]
    public void Open_MakesFilesForTheOwnerAlone()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            directory.UnixFileMode);
        Assert.All(
            directory.EnumerateFiles(),
            file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, file.UnixFileMode));
    }

    [Fact]
    public async Task List_OfMuchThatDoesNotFit_IsAnEmptyPageThatIsNotTheLast()
    {
        for (var id = 1; id <= 5200; id += 100)
        {
            var change = new StoreChange();
            for (var at = id; at < id + 100; at++)
            {
                change.Messages.Add(new NewMessage(
                    Message(at, at == 5200 ? "" : "a@example.org"), Content()));
                change.Recipients.Add(Recipient(at));
            }
            await store.CommitAsync(change);
        }
        var nobody = new QueueFilter { Sender = "<>" };
        var first = await store.ListAsync(nobody, default, 10, None);
        Assert.Equal((0, 5000), (first.Messages.Count, first.Next?.Value));
        var second = await store.ListAsync(nobody, first.Next!.Value, 10, None);
        Assert.Equal(5200, Assert.Single(second.Messages).Message.Id.Value);
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task Open_OfASchemaOfTheFuture_IsRefusedWithBothVersions()
    {
        await store.DisposeAsync();
        Execute("PRAGMA user_version = 99");
        var error = Assert.Throws<StoreException>(Open);
        Assert.Contains("99", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_OfAnEmptyDatabaseOfVersion0_MigratesIt()
    {
        await store.DisposeAsync();
        File.Delete(Database);
        Execute("PRAGMA user_version = 0");
        store = Open();
        await store.CommitAsync(Accept(1));
        Assert.Equal(1, store.Epoch);
        Assert.Equal("3", Query("PRAGMA user_version"));
        Assert.Equal("wal", Query("PRAGMA journal_mode"));
    }

    [Fact]
    public async Task Open_OfAFileThatIsNoDatabase_SaysSo()
    {
        await store.DisposeAsync();
        await File.WriteAllBytesAsync(Database, new byte[8192].Select(_ => (byte)'x').ToArray(), None);
        var error = Assert.Throws<StoreException>(Open);
        Assert.Contains("Move it aside", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_RemovesFilesThatNoMessageNames()
    {
        var kept = await WriteFileAsync(1);
        await store.CommitAsync(AcceptFile(kept, Recipient(1)));
        await WriteFileAsync(2);
        await File.WriteAllTextAsync(Path.Combine(Contents, "foreign"), "", None);
        await store.DisposeAsync();

        store = Open();

        Assert.Equal([kept.ContentFile, "foreign"], Directory.EnumerateFiles(Contents)
            .Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task ContentFile_NotKept_IsRemovedWhenDisposed()
    {
        await using (var writer = store.CreateContentFile(new QueueId(3)))
        {
            await writer.WriteAsync(Octets(10), None);
            await writer.FlushAsync(None);
        }
        Assert.Empty(Directory.EnumerateFiles(Contents));
    }

    [Fact]
    public async Task Sweep_RemovesTheFileOfADroppedMessage()
    {
        await store.CommitAsync(AcceptFile(await WriteFileAsync(4), Recipient(4)));
        await store.CommitAsync(Change(Recipient(4, state: RecipientState.Done)));
        await store.SweepAsync(Start, DateTimeOffset.MinValue, None);
        Assert.Empty(Directory.EnumerateFiles(Contents));
    }

    [Theory]
    [InlineData("UPDATE recipient SET facts = '{' WHERE message = 1")]
    [InlineData("UPDATE recipient SET due = due - 1 WHERE message = 1")]
    [InlineData("UPDATE message SET facts = replace(facts, 'a@', 'b@') WHERE id = 1")]
    [InlineData("DELETE FROM message WHERE id = 1")]
    public async Task DamagedRow_IsSetAsideAndStopsNothing(string damage)
    {
        await store.CommitAsync(Accept(1));
        await store.CommitAsync(Accept(2));
        await store.DisposeAsync();
        Execute(damage);
        store = Open();

        var window = await store.FetchDueAsync("relay", Start, 10, None);
        Assert.Equal(2, Assert.Single(window.Recipients).Message.Id.Value);

        // The row is set aside by the writer: the commits after it show that it is done.
        await store.CommitAsync(Tell(Event(2)));
        await store.CommitAsync(Tell(Event(2)));
        Assert.Equal("1", Query("SELECT count(*) FROM quarantine"));
        Assert.Equal(1, Assert.Single(await store.ReadLanesAsync(Start, None)).Recipients);
        Assert.Contains(
            await store.ReadEventsOfAsync(new QueueId(1), None), stored =>
                stored.Event.Kind == EventKind.Held);
        while (await store.SweepAsync(Start.AddYears(1), DateTimeOffset.MinValue, None) > 0)
        {
        }
        Assert.Equal("1", Query("SELECT count(*) FROM recipient WHERE message = 1"));
    }

    [Fact]
    public async Task DamagedEvent_IsLeftOut()
    {
        await store.CommitAsync(Tell(Event(1), Event(1), Event(1)));
        Execute("UPDATE event SET at = at + 1 WHERE seq = 2");
        Assert.Equal([1, 3], (await store.ReadEventsAfterAsync(0, 10, None)).Select(stored => stored.Seq));
    }

    [Fact]
    public async Task DamagedContent_IsNeverHandedOut()
    {
        await store.CommitAsync(Accept(1));
        Execute("UPDATE content SET bytes = 'hellO'");
        await Assert.ThrowsAsync<ContentDamagedException>(
            async () => await store.OpenContentAsync(Message(1), None));
    }

    [Fact]
    public async Task DamagedContentFile_ShowsAtTheEndOfTheReader()
    {
        var message = await WriteFileAsync(5);
        await store.CommitAsync(AcceptFile(message, Recipient(5)));
        await using (var file = File.OpenWrite(Path.Combine(Contents, message.ContentFile!)))
        {
            file.Position = 4000;
            file.WriteByte(1);
        }
        using var content = await store.OpenContentAsync(message, None);
        await Assert.ThrowsAsync<ContentDamagedException>(() => ReadTextAsync(content!));

        File.Delete(Path.Combine(Contents, message.ContentFile!));
        await Assert.ThrowsAsync<ContentDamagedException>(
            async () => await store.OpenContentAsync(message, None));
    }

    [Fact]
    public async Task FailedWrite_FailsTheStoreForGoodAndLosesNothingAcknowledged()
    {
        await store.CommitAsync(AcceptSilently(1));
        // A descriptor that cannot be written: EBADF, an I/O error to SQLite.
        using (Descriptors.Replace(Database + "-wal", "/dev/null", FileAccess.Read))
        {
            var error = await RefusedAsync(store, Accept(2));
            Assert.Equal(StoreHealth.Failed, error.Health);
        }
        Assert.Equal(StoreHealth.Failed, store.Health);
        await RefusedAsync(store, Tell(Event(1)));
        await store.DisposeAsync();

        store = Open();
        Assert.Equal([1], (await store.ListAsync(QueueFilter.All, default, 9, None))
            .Messages.Select(m => m.Message.Id.Value));
    }

    [Fact]
    public async Task FullQuota_LetsDeliveriesGoOnAndRecoversWhenTheyHaveMadeRoom()
    {
        await store.DisposeAsync();
        pagesMax = 300;
        store = Open();
        var stored = 0;
        while (await TryAcceptLargeAsync(stored + 1))
            stored++;
        Assert.InRange(stored, 5, 50);

        for (var id = 1; id <= stored; id++)
            await store.CommitAsync(Change(Recipient(id, state: RecipientState.Done)));
        await store.SweepAsync(Start, DateTimeOffset.MinValue, None);

        Assert.True(await TryAcceptLargeAsync(100));
    }

    [Fact]
    public async Task Reserve_RefusesNewMessagesOnly()
    {
        await store.CommitAsync(Accept(1));
        await store.DisposeAsync();
        space = new DiskSpace(9, 1000);
        store = Open();
        Assert.Equal(StoreHealth.Full, store.Health);
        Assert.Equal(StoreHealth.Full, (await RefusedAsync(store, Accept(2))).Health);
        await store.CommitAsync(Change(Recipient(1, state: RecipientState.Done)));
    }

    [Fact]
    public async Task Reserve_ReachedByContentFilesBetweenTwoMeasurements_RefusesTheRest()
    {
        await store.DisposeAsync();
        space = new DiskSpace(400_010, 1L << 40);
        store = Open();
        await using var writer = store.CreateContentFile(new QueueId(1));
        await writer.WriteAsync(Octets(300_000), None);
        space = new DiskSpace(9, 1L << 40);
        var error = await Assert.ThrowsAsync<StoreException>(
            async () => await writer.WriteAsync(Octets(300_000), None));
        Assert.Equal(StoreHealth.Full, error.Health);
        Assert.Throws<StoreException>(() => store.CreateContentFile(new QueueId(2)));
    }

    [Fact]
    public async Task ConcurrentCommits_AllArriveOnce()
    {
        var writers = Enumerable.Range(0, 16).Select(writer => Task.Run(async () =>
        {
            for (var i = 1; i <= 50; i++)
                await store.CommitAsync(Accept((writer * 1000) + i));
        }));
        await Task.WhenAll(writers);
        await store.DisposeAsync();
        store = Open();
        Assert.Equal(800, (await store.ListAsync(QueueFilter.All, default, 2000, None)).Messages.Count);
        Assert.Equal(
            Enumerable.Range(1, 800).Select(seq => (long)seq),
            (await store.ReadEventsAfterAsync(0, 2000, None)).Select(stored => stored.Seq));
    }

    [Fact]
    public async Task Log_GrownAheadWithZeroes_IsReadToItsLastCommitAndNoFurther()
    {
        await store.CommitAsync(Accept(1));
        await store.CommitAsync(Change(Recipient(1, state: RecipientState.Done)));
        await store.SweepAsync(Start, DateTimeOffset.MinValue, None);
        await store.CommitAsync(Accept(2));
        var copy = directory.CreateSubdirectory("copy");
        foreach (var file in directory.EnumerateFiles("postern.db*").Where(f => f.Extension != ".db-shm"))
            file.CopyTo(Path.Combine(copy.FullName, file.Name));

        var log = await File.ReadAllBytesAsync(Path.Combine(copy.FullName, "postern.db-wal"), None);
        Assert.Equal(1 << 20, log.Length);
        Assert.Equal(0, log[^1]);
        var options = new SqliteStoreOptions { Directory = copy.FullName, Space = () => space };
        await using var restored = SqliteStore.Open(
            options, TimeProvider.System, NullLogger<SqliteStore>.Instance);
        var left = await restored.ListAsync(QueueFilter.All, default, 10, None);
        Assert.Equal(2, Assert.Single(left.Messages).Message.Id.Value);
    }

    [Fact]
    public async Task ReadEventsOf_FindsThemBeforeAndAfterIndexing()
    {
        for (var i = 0; i < 30; i++)
            await store.CommitAsync(Tell([.. Enumerable.Range(1, 100).Select(message => Event(message))]));
        await store.DisposeAsync();
        store = Open();
        await store.CommitAsync(Tell(Event(7)));
        Assert.Equal(31, (await store.ReadEventsOfAsync(new QueueId(7), None)).Count);
    }

    SqliteStore Open() => SqliteStore.Open(
        new SqliteStoreOptions
        {
            Directory = directory.FullName,
            Reserve = 10,
            Space = () => space,
            PagesMax = pagesMax,
        },
        TimeProvider.System, NullLogger<SqliteStore>.Instance);

    /// <summary>Without events, so that no indexing of them runs into what the test does next.</summary>
    static StoreChange AcceptSilently(long id)
    {
        var change = Accept(id);
        change.Events.Clear();
        return change;
    }

    async Task<bool> TryAcceptLargeAsync(long id)
    {
        using var content = Content(new string('x', 60_000));
        try
        {
            await store.CommitAsync(AcceptContent(Message(id), content, Recipient(id)));
            return true;
        }
        catch (StoreException error) when (error.Health == StoreHealth.Full)
        {
            return false;
        }
    }

    async Task<QueuedMessage> WriteFileAsync(long id)
    {
        await using var writer = store.CreateContentFile(new QueueId(id));
        await writer.WriteAsync(Octets(300_000), None);
        await writer.FlushAsync(None);
        writer.Keep();
        return Message(id) with { ContentFile = writer.Name, ContentOctets = 300_000 };
    }

    void Execute(string sql) => Query(sql);

    string? Query(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar()?.ToString();
    }
}
