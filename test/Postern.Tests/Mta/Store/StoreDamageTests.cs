using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using static Postern.Tests.Mta.Store.Sample;

namespace Postern.Tests.Mta.Store;

/// <summary>Copies of one store, 200 of them damaged at random: each opens, or says what is wrong and
/// overwrites nothing; what it hands out is what was stored; what it cannot hand out is told.</summary>
public sealed class StoreDamageTests : IAsyncLifetime
{
    const int Messages = 40;

    /// <summary>In the store that was not closed: so many are in the database, the rest in the log.</summary>
    const int MessagesMoved = 20;

    const int CopiesPerKind = 40;
    const int PageOctets = 4096;
    const string Database = "postern.db";
    const string Log = "postern.db-wal";

    readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("postern-damage-");

    public async ValueTask InitializeAsync()
    {
        var source = PathOf("closed");
        await using (var store = Open(source))
            await AcceptAsync(store, 1, MessagesMoved);
        await using (var store = Open(source))
        {
            await AcceptAsync(store, MessagesMoved + 1, Messages);
            Copy("closed", "killed");
        }
    }

    public ValueTask DisposeAsync()
    {
        SqliteConnection.ClearAllPools();
        directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("closed")]
    [InlineData("killed")]
    public async Task Undamaged_HandsOutEverything(string original)
    {
        Copy(original, "whole");
        Assert.Equal(Enumerable.Range(1, Messages), (await ReadAsync("whole")).Whole);
    }

    [Theory]
    [InlineData("flip")]
    [InlineData("zero")]
    [InlineData("cut")]
    public async Task Database_Damaged_LosesOnlyWhatWasTouchedAndTellsIt(string damage)
    {
        var random = new Random(7);
        var notWhole = 0;
        for (var copy = 0; copy < CopiesPerKind; copy++)
        {
            var name = Damage("closed", Database, damage, copy, random);
            var outcome = await ReadAsync(name);
            Assert.True(
                outcome.Refusal is not null || outcome.Trouble is not null
                    || outcome.Whole.Count + outcome.Told.Count == Messages,
                $"{name}: {outcome}");
            if (outcome is { Refusal: null, Trouble: null })
                notWhole += Messages - outcome.Whole.Count;
        }
        if (damage == "flip")
            Assert.InRange(notWhole, 1, 2 * CopiesPerKind);
    }

    /// <summary>SQLite takes a log up to the first octet that does not fit, as after a power cut.</summary>
    [Theory]
    [InlineData("flip")]
    [InlineData("cut")]
    public async Task Log_Damaged_KeepsWhatCameBefore(string damage)
    {
        var random = new Random(8);
        for (var copy = 0; copy < CopiesPerKind; copy++)
        {
            var name = Damage("killed", Log, damage, copy, random);
            var outcome = await ReadAsync(name);
            Assert.True(
                outcome is { Refusal: null, Trouble: null } && outcome.Told.Count == 0
                    && outcome.Whole.Count >= MessagesMoved
                    && outcome.Whole.SequenceEqual(Enumerable.Range(1, outcome.Whole.Count)),
                $"{name}: {outcome}");
        }
    }

    [Fact]
    public async Task ForeignFiles_AreLeftAlone()
    {
        Copy("killed", "foreign");
        string[] foreign = ["postern.db.bak", "notes", "content/notes", "content/0SAZ9D31M0000.orig"];
        foreach (var name in foreign)
            await File.WriteAllLinesAsync(Path.Combine(PathOf("foreign"), name), ["mine"], None);
        Assert.Equal(Messages, (await ReadAsync("foreign")).Whole.Count);
        Assert.All(
            foreign, name => Assert.Equal("mine\n", File.ReadAllText(Path.Combine(PathOf("foreign"), name))));
    }

    string Damage(string original, string file, string damage, int copy, Random random)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{file}-{damage}-{copy}");
        Copy(original, name);
        using var stream = new FileStream(Path.Combine(PathOf(name), file), FileMode.Open);
        var at = random.NextInt64(stream.Length);
        switch (damage)
        {
            case "flip":
                stream.Position = at;
                var octet = stream.ReadByte();
                stream.Position = at;
                stream.WriteByte((byte)(octet ^ (1 << random.Next(8))));
                break;
            case "zero":
                stream.Position = at / PageOctets * PageOctets;
                stream.Write(new byte[PageOctets]);
                break;
            default:
                stream.SetLength(at);
                break;
        }
        return name;
    }

    async Task<Outcome> ReadAsync(string name)
    {
        var outcome = new Outcome();
        var (database, log) = FilesOf(name);
        try
        {
            await using var store = Open(PathOf(name));
            try
            {
                await store.FetchDueAsync("relay", Start, 1000, None);
                foreach (var stored in (await store.ListAsync(QueueFilter.All, default, 1000, None)).Messages)
                    await ReadContentAsync(store, stored.Message, outcome);
                // What was set aside is written down by the commits that come after it.
                await store.CommitAsync(Tell(Event(2)));
                await store.CommitAsync(Tell(Event(2)));
                await CountHeldAsync(store, outcome);
            }
            catch (StoreException trouble)
            {
                outcome.Trouble = trouble.Message;
            }
        }
        catch (StoreException refusal)
        {
            outcome.Refusal = refusal.Message;
            var after = FilesOf(name);
            Assert.Equal(database, after.Database);
            Assert.StartsWith(log, after.Log, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refusal.Message);
        }
        return outcome;
    }

    static async Task ReadContentAsync(SqliteStore store, QueuedMessage message, Outcome outcome)
    {
        try
        {
            if (await store.OpenContentAsync(message, None) is not { } content)
            {
                outcome.Told.Add(message.Id.Value);
                return;
            }
            Assert.Equal(TextOf(message.Id.Value), await ReadTextAsync(content));
            outcome.Whole.Add((int)message.Id.Value);
        }
        catch (ContentDamagedException)
        {
            outcome.Told.Add(message.Id.Value);
        }
    }

    /// <summary>Each message that is not listed any more has an event that says so.</summary>
    static async Task CountHeldAsync(SqliteStore store, Outcome outcome)
    {
        foreach (var stored in await store.ReadEventsAfterAsync(0, 1000, None))
        {
            if (stored.Event is { Kind: EventKind.Held, Message: { } id })
                outcome.Told.Add(id.Value);
        }
        outcome.Told.ExceptWith(outcome.Whole.Select(id => (long)id));
    }

    sealed class Outcome
    {
        /// <summary>Why it was not opened. Null: it was.</summary>
        public string? Refusal { get; set; }

        /// <summary>Why a read of many rows was refused. Null: none was.</summary>
        public string? Trouble { get; set; }

        public List<int> Whole { get; } = [];
        public HashSet<long> Told { get; } = [];

        public override string ToString() =>
            $"refused: {Refusal}; trouble: {Trouble}; whole: {string.Join(' ', Whole)}; "
            + $"told: {string.Join(' ', Told)}";
    }

    static async Task AcceptAsync(SqliteStore store, long first, long last)
    {
        for (var id = first; id <= last; id++)
            await store.CommitAsync(AcceptContent(Message(id), Content(TextOf(id)), Recipient(id)));
    }

    static string TextOf(long id) =>
        string.Concat(Enumerable.Repeat(string.Create(CultureInfo.InvariantCulture, $"{id} "), 700));

    string PathOf(string name) => Path.Combine(directory.FullName, name);

    void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.Combine(PathOf(to), "content"));
        foreach (var file in new[] { Database, Log })
            File.Copy(Path.Combine(PathOf(from), file), Path.Combine(PathOf(to), file));
    }

    (string Database, string Log) FilesOf(string name) => (
        Convert.ToHexString(File.ReadAllBytes(Path.Combine(PathOf(name), Database))),
        Convert.ToHexString(File.ReadAllBytes(Path.Combine(PathOf(name), Log))));

    static SqliteStore Open(string place) => SqliteStore.Open(
        new SqliteStoreOptions { Directory = place, Reserve = 10 }, TimeProvider.System,
        NullLogger<SqliteStore>.Instance);
}
