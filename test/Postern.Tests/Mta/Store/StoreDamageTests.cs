using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using static Postern.Tests.Mta.Store.Sample;

namespace Postern.Tests.Mta.Store;

/// <summary>Copies of one store, each damaged in its own way: it opens or says what is wrong; what it hands
/// out is what was stored; what it leaves out is set aside and told.</summary>
public sealed class StoreDamageTests : IAsyncLifetime
{
    /// <summary>So many messages were moved into the database, and as many again lie in the log.</summary>
    const int MessagesPerFile = 20;
    const int Messages = 2 * MessagesPerFile;
    const int CopiesPerKind = 40;

    readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("postern-damage-");

    string Original => Path.Combine(directory.FullName, "original");

    public async ValueTask InitializeAsync()
    {
        var source = Path.Combine(directory.FullName, "source");
        await using (var store = Open(source))
            await AcceptAsync(store, 1);
        await using (var store = Open(source))
        {
            await AcceptAsync(store, MessagesPerFile + 1);
            Copy(source, Original);
        }
    }

    public ValueTask DisposeAsync()
    {
        SqliteConnection.ClearAllPools();
        directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Undamaged_HandsOutEverything()
    {
        var outcome = await ReadAsync(Copy("whole"));
        Assert.Equal(Messages, outcome.Whole.Count);
    }

    [Theory]
    [InlineData("postern.db", "flip")]
    [InlineData("postern.db", "zero")]
    [InlineData("postern.db", "cut")]
    [InlineData("postern.db-wal", "flip")]
    [InlineData("postern.db-wal", "cut")]
    public async Task Damaged_OpensOrSaysWhy(string file, string kind)
    {
        var random = new Random(7);
        for (var copy = 0; copy < CopiesPerKind; copy++)
        {
            var place = Copy(string.Create(CultureInfo.InvariantCulture, $"{file}-{kind}-{copy}"));
            var what = Damage(Path.Combine(place, file), kind, random);
            var outcome = await ReadAsync(place);
            TestContext.Current.TestOutputHelper?.WriteLine($"{file} {what}: {outcome}");
        }
    }

    static string Damage(string path, string kind, Random random)
    {
        using var file = new FileStream(path, FileMode.Open);
        var at = random.NextInt64(file.Length);
        switch (kind)
        {
            case "flip":
                file.Position = at;
                var octet = file.ReadByte();
                file.Position = at;
                file.WriteByte((byte)(octet ^ (1 << random.Next(8))));
                break;
            case "zero":
                file.Position = at / 4096 * 4096;
                file.Write(new byte[4096]);
                break;
            default:
                file.SetLength(at);
                break;
        }
        return $"{kind} {at / 4096}:{at % 4096}";
    }

    async Task<Outcome> ReadAsync(string place)
    {
        var outcome = new Outcome();
        try
        {
            await using var store = Open(place);
            try
            {
                var due = await store.FetchDueAsync("relay", Start, 1000, None);
                outcome.Due = due.Recipients.Count;
                foreach (var stored in await store.ListAsync(QueueFilter.All, default, 1000, None))
                {
                    try
                    {
                        var content = await store.OpenContentAsync(stored.Message, None);
                        if (content is null)
                            outcome.Trouble.Add("no content");
                        else if (await ReadTextAsync(content) == TextOf(stored.Message.Id.Value))
                            outcome.Whole.Add(stored.Message.Id.Value);
                        else
                            outcome.Trouble.Add("WRONG CONTENT");
                    }
                    catch (ContentDamagedException)
                    {
                        outcome.Trouble.Add("content damaged");
                    }
                    catch (StoreException e)
                    {
                        outcome.Trouble.Add("content: " + e.Message);
                    }
                }
                await store.CommitAsync(Tell(Event(2)));
                await store.CommitAsync(Tell(Event(2)));
            }
            catch (StoreException e)
            {
                outcome.Trouble.Add(e.Message);
            }
            outcome.Trouble.Add(store.Health.ToString());
        }
        catch (StoreException e)
        {
            outcome.Refused = e.Message;
        }
        return outcome;
    }

    sealed class Outcome
    {
        public string? Refused { get; set; }
        public int Due { get; set; }
        public List<long> Whole { get; } = [];
        public List<string> Trouble { get; } = [];
        public override string ToString() =>
            $"refused={Refused} due={Due} whole={Whole.Count} {string.Join("; ", Trouble)}";
    }

    static async Task AcceptAsync(SqliteStore store, long first)
    {
        for (var id = first; id < first + MessagesPerFile; id++)
            await store.CommitAsync(AcceptContent(Message(id), Content(TextOf(id)), Recipient(id)));
    }

    static string TextOf(long id) =>
        string.Concat(Enumerable.Repeat(string.Create(CultureInfo.InvariantCulture, $"{id} "), 700));

    string Copy(string name)
    {
        var place = Path.Combine(directory.FullName, name);
        Copy(Original, place);
        return place;
    }

    static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.Combine(to, "content"));
        foreach (var name in new[] { "postern.db", "postern.db-wal" })
            File.Copy(Path.Combine(from, name), Path.Combine(to, name));
    }

    static SqliteStore Open(string place) => SqliteStore.Open(
        new SqliteStoreOptions { Directory = place, Reserve = 10 }, TimeProvider.System,
        NullLogger<SqliteStore>.Instance);
}
