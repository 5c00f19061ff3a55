using System.Net.Sockets;
using System.Text;
using Postern.Tests.Api;

namespace Postern.Tests.Listeners;

public sealed class GracefulStopTests
{
    [Fact]
    public async Task Stop_WithAnOpenSession_EndsItWith421()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var server = new RunningServer();
        await server.InitializeAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(server.AddressOf("mx"), cancel);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        Assert.StartsWith("220 mx.example.org", await reader.ReadLineAsync(cancel), StringComparison.Ordinal);
        await server.StopAsync();
        Assert.StartsWith("421", await reader.ReadLineAsync(cancel), StringComparison.Ordinal);
        Assert.Null(await reader.ReadLineAsync(cancel));
    }
}
