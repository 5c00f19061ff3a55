using Postern.Mta.Store;

namespace Postern.Tests.Mta.Store;

public sealed class DirectoryFlushTests : IDisposable
{
    readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("postern-flush-");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void Commit_WhoseDirectoryCannotBeFlushed_Fails()
    {
        var before = directory.CreateSubdirectory("before").FullName;
        using var database = SqliteDatabase.Open(Path.Combine(before, "test.db"));
        database.Execute("PRAGMA journal_mode=WAL");
        database.Execute("PRAGMA synchronous=FULL");
        _ = database.Scalar("SELECT count(*) FROM sqlite_schema");
        // The log is open and stays so; only its directory is not found any more.
        Directory.Move(before, Path.Combine(directory.FullName, "after"));
        var failure = Assert.Throws<SqliteFailure>(() => database.Execute("CREATE TABLE t(x)"));
        Assert.True(failure.IsFatal);
        Assert.Contains("open " + before, failure.Message, StringComparison.Ordinal);
    }
}
