using Microsoft.Extensions.Logging.Abstractions;
using Postern.Mta.Store;

namespace Postern.Tests.Mta.Store;

public sealed class SqliteStoreContractTests : StoreContract
{
    readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("postern-store-");

    protected override IMailStore Open() => SqliteStore.Open(
        new SqliteStoreOptions { Directory = directory.FullName, Reserve = 0 }, TimeProvider.System,
        NullLogger<SqliteStore>.Instance);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        directory.Delete(recursive: true);
    }
}
