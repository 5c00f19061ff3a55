using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Postern.Dashboard;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class LiveStreamTests : IAsyncLifetime
{
    PageHouse house = null!;

    public async ValueTask InitializeAsync() =>
        house = await PageHouse.OpenAsync(MailHall.OptionsOf(MailHall.Route("all")));

    public ValueTask DisposeAsync() => house.DisposeAsync();

    /// <summary>Its clock stands: nothing else could end it.</summary>
    [Fact]
    public async Task Stream_EndsWithTheProgram()
    {
        using var stopping = new CancellationTokenSource();
        var clock = new FakeTimeProvider();
        var stream = new LiveStream(
            house.Agent, new Pulse(house.Agent.Metrics.Totals, clock), clock, stopping.Token);
        var running = stream.RunAsync(new DefaultHttpContext(), () => false);
        Assert.False(running.IsCompleted);
        await stopping.CancelAsync();
        await running;
    }
}
