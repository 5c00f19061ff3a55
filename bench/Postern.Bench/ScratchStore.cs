using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta.Store;

namespace Postern.Bench;

/// <summary>The store of the program in a directory of its own, gone afterwards.</summary>
/// <remarks>It lies under <c>TMPDIR</c>, else <c>/tmp</c>: figures mean something on a disk only.</remarks>
sealed class ScratchStore : IAsyncDisposable
{
    readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("postern-bench-");

    public ScratchStore() => Store = SqliteStore.Open(
        new SqliteStoreOptions { Directory = directory.FullName }, TimeProvider.System,
        NullLogger<SqliteStore>.Instance);

    public SqliteStore Store { get; }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        directory.Delete(recursive: true);
    }
}
