using System.Net;
using Postern.Dashboard;
using Postern.Tests.Api;

namespace Postern.Tests.Dashboard;

public sealed class LiveStreamTests : IAsyncLifetime
{
    readonly RunningServer server = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task Stream_EndsInOrder_WhereTheServerStops()
    {
        var token = await server.SignIn.Sessions.StartAsync(
            new SessionOwner.First(), "127.0.0.1", earlier: null);
        using var http = server.Http("http", withToken: false);
        using var request = new HttpRequestMessage(HttpMethod.Get, "live");
        request.Headers.Add("Cookie", $"postern-session={token}");
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var stop = server.RestartAsync().AsTask();
        // One that is cut off because it did not end by itself throws.
        var told = await response.Content.ReadAsStringAsync(Cancel);
        Assert.StartsWith("retry:", told, StringComparison.Ordinal);
        await stop;
    }
}
