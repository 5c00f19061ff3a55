using Postern.Listeners;
using Postern.Mta;
using Postern.Tests.Configuration;

namespace Postern.Tests.Listeners;

public sealed class PosternServerTests
{
    [Fact]
    public async Task Start_WhoseWebPartFails_GivesTheDataDirectoryBack()
    {
        using var directory = new TemporaryDirectory();
        var options = new PosternOptions
        {
            Hostname = "mx.example.org",
            Data = directory.PathOf("data"),
            Log = new LogOptions { File = directory.PathOf("log") },
            Listen = [new ListenOptions { On = "127.0.0.1:0", For = ListenFor.Mx }],
        };
        // Where the socket is to be.
        var inTheWay = Directory.CreateDirectory(PosternServer.AdminSocketOf(options));

        await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(options));

        inTheWay.Delete();
        await using var server = await StartAsync(options);
    }

    static Task<PosternServer> StartAsync(PosternOptions options) => PosternServer.StartAsync(
        options, () => options, null, TimeProvider.System, TestContext.Current.CancellationToken);
}
