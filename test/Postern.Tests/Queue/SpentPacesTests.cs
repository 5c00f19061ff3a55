using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Queue;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

/// <summary>A transport's rate over restarts and reloads.</summary>
public sealed class SpentPacesTests
{
    static readonly CancellationToken None = CancellationToken.None;

    static PosternOptions Limited(string rate, int connections = 200) => OptionsOf(Route("all")) with
    {
        Transports = new Dictionary<string, TransportOptions>
        {
            ["relay"] = new()
            {
                Kind = TransportKind.Pipe,
                Rate = Rate.TryParse(rate, out var read) ? read : throw new FormatException(rate),
                MaxConnections = connections,
            },
        },
    };

    static async Task<int> SendAsync(MailHall hall, int count)
    {
        for (; count > 0; count--)
            await hall.AcceptAsync("b@example.net");
        var before = hall.Relay.Attempts.Count;
        await hall.RunAsync();
        hall.Queue.KeepSpent();
        return hall.Relay.Attempts.Count - before;
    }

    [Theory]
    [InlineData("10/day", 0)]
    [InlineData("10/hour", 5)]
    [InlineData("10/min", 10)]
    public async Task Restart_GivesNothingBack_OfALongRate(string rate, int after)
    {
        var hall = new MailHall(Limited(rate));
        Assert.Equal(10, await SendAsync(hall, 30));
        hall.Clock.Advance(TimeSpan.FromMinutes(30));
        hall.Store.Crash();
        await using var next = new MailHall(hall.Options, hall.Disk, hall.Clock);
        await next.StartAsync();
        await next.RunAsync();
        Assert.Equal(after, next.Relay.Attempts.Count);
    }

    [Fact]
    public async Task Reload_GivesNothingBack()
    {
        await using var hall = new MailHall(Limited("10/day"));
        Assert.Equal(10, await SendAsync(hall, 30));
        hall.Reload(Limited("10/day", connections: 100));
        await hall.RunAsync();
        Assert.Equal(10, hall.Relay.Attempts.Count);
        hall.Reload(Limited("15/day"));
        await hall.RunAsync();
        Assert.Equal(15, hall.Relay.Attempts.Count);
    }

    [Fact]
    public async Task Rate_IsStoredWhileItChanges_AndNotOtherwise()
    {
        await using var hall = new MailHall(Limited("10/day"));
        await SendAsync(hall, 3);
        Assert.Single(await hall.Store.ReadObjectsAsync(SpentPaces.ObjectKind, None));
        Assert.Empty(hall.Dispatcher.TakeSpent());
        hall.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Empty(hall.Dispatcher.TakeSpent());
        await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        Assert.Single(hall.Dispatcher.TakeSpent());
    }
}
