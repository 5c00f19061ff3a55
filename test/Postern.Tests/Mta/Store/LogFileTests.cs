using Microsoft.Data.Sqlite;
using Postern.Mta.Store;

namespace Postern.Tests.Mta.Store;

public sealed class LogFileTests : IDisposable
{
    readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("postern-log-");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void Commit_WhoseDirectoryCannotBeFlushed_Fails()
    {
        var before = directory.CreateSubdirectory("before").FullName;
        using var database = Open(Path.Combine(before, "test.db"));
        // The log is open and stays so; only its directory is not found any more.
        Directory.Move(before, Path.Combine(directory.FullName, "after"));
        var failure = Assert.Throws<SqliteFailure>(() => database.Execute("CREATE TABLE t(x)"));
        Assert.True(failure.IsFatal);
        // Nothing is flushed again, though the directory is back.
        Directory.Move(Path.Combine(directory.FullName, "after"), before);
        Assert.Throws<SqliteFailure>(() => database.Execute("CREATE TABLE t(x)"));
    }

    [Fact]
    public void Commits_AreReadByAnUntouchedSqlite_RolledBackOnesAreNot()
    {
        var path = Path.Combine(directory.FullName, "test.db");
        using var database = Open(path);
        // Few pages fit into memory: most of a transaction goes to the log before its commit, and comes back.
        database.Execute("PRAGMA cache_size=10; CREATE TABLE t(x INTEGER PRIMARY KEY, y BLOB)");
        database.Execute("BEGIN");
        Fill(database, from: 1, to: 200);
        database.Execute("UPDATE t SET y = zeroblob(9000) WHERE x % 3 = 0; COMMIT; BEGIN");
        Fill(database, from: 201, to: 400);
        database.RollBack();
        database.Execute("BEGIN");
        Fill(database, from: 501, to: 510);
        database.Execute("COMMIT");

        Assert.True(new FileInfo(path + "-wal").Length > 200 * 5000);
        Assert.Equal(["ok"], Ask(path, "PRAGMA integrity_check"));
        Assert.Equal(["210", "510"], Ask(path, "SELECT count(*) FROM t UNION ALL SELECT max(x) FROM t"));
        Assert.Equal(
            ["5000", "9000"], Ask(path, "SELECT DISTINCT length(y) FROM t WHERE x < 500 ORDER BY 1"));
    }

    [Fact]
    public void Checkpoint_EmptiesTheLog_WhichGoesOn()
    {
        var path = Path.Combine(directory.FullName, "test.db");
        using var database = Open(path);
        database.Execute("CREATE TABLE t(x INTEGER PRIMARY KEY, y BLOB)");
        Fill(database, from: 1, to: 100);
        const int truncate = 3; // SQLITE_CHECKPOINT_TRUNCATE
        database.Checkpoint(truncate);
        Assert.Equal(0, new FileInfo(path + "-wal").Length);
        Fill(database, from: 101, to: 110);
        Assert.Equal(["110"], Ask(path, "SELECT count(*) FROM t"));
    }

    static SqliteDatabase Open(string path)
    {
        var database = SqliteDatabase.Open(path);
        database.Execute("PRAGMA journal_mode=WAL");
        database.Execute("PRAGMA synchronous=FULL");
        _ = database.Scalar("SELECT count(*) FROM sqlite_schema");
        return database;
    }

    static void Fill(SqliteDatabase database, int from, int to)
    {
        for (var x = from; x <= to; x++)
            database.Use("INSERT INTO t VALUES (?, randomblob(5000))").Bind(1, x).Run();
    }

    static List<string> Ask(string path, string question)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = question;
        using var reader = command.ExecuteReader();
        var answers = new List<string>();
        while (reader.Read())
            answers.Add(reader.GetString(0));
        return answers;
    }
}
