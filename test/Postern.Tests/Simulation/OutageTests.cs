using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Transports;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Simulation;

/// <summary>Long outages in virtual time: of a provider, and of DNS.</summary>
public sealed class OutageTests
{
    /// <summary>DESIGN §9.2: 1, 2, 4, 8 s, each 10 s for 15 min, then each 30 s, in 24 h.</summary>
    const int ProbesMax = 4 + 90 + 2850;

    [Fact]
    public async Task Provider_DeadFor24Hours_IsProbedGentlyAndThenDrained()
    {
        const int messages = 100_000;
        await using var hall = new MailHall();
        hall.Relay.Otherwise = Results.Unreachable;
        for (var i = 0; i < messages; i++)
            await hall.AcceptAsync(hall.Letter($"s{i % 7}@example.org"), "b@example.net");
        await hall.PassAsync(TimeSpan.FromHours(24));
        // Those leased before the lane closed are given back without an attempt.
        Assert.InRange(hall.Relay.Attempts.Count, ProbesMax - 100, ProbesMax);
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Ready, row.State));

        hall.Relay.Otherwise = Results.Relayed;
        await hall.PassAsync(TimeSpan.FromSeconds(30));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
        Assert.Equal(messages, hall.Events(EventKind.Relayed).Count());
        Assert.Empty(hall.Events(EventKind.Failed));
    }

    [Fact]
    public async Task Provider_DeadFor24Hours_MailGoesThroughTheOtherAndReturns()
    {
        await using var hall = new MailHall(OptionsOf(Route("all", via: ["one", "two"])));
        var (one, two) = (hall.Ways["one"], hall.Ways["two"]);
        one.Otherwise = Results.Unreachable;
        for (var hour = 0; hour < 24; hour++)
        {
            for (var i = 0; i < 100; i++)
                await hall.AcceptAsync("b@example.net");
            await hall.RunAsync();
            Assert.Equal(100 * (hour + 1), two.Attempts.Count);
            await hall.PassAsync(TimeSpan.FromHours(1));
        }
        // Each message is a chance to probe, and nothing waits to be one.
        Assert.InRange(one.Attempts.Count, 24, 100);
        one.Otherwise = Results.Relayed;
        for (var i = 0; i < 100; i++)
            await hall.AcceptAsync("b@example.net");
        await hall.RunAsync();
        await hall.AcceptAsync("last@example.net");
        await hall.RunAsync();
        Assert.Equal("last@example.net", one.Attempts[^1].Recipients[0].Address.ToString());
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
    }

    [Theory]
    [InlineData(DnsTrouble.Silent)]
    [InlineData(DnsTrouble.Slow)]
    [InlineData(DnsTrouble.WrongAddress)]
    public async Task Dns_InTroubleForAnHour_BouncesNothing(DnsTrouble trouble)
    {
        // Everything goes on inside the calls of this thread.
        SynchronizationContext.SetSynchronizationContext(null);
        var clock = new FakeTimeProvider(Start);
        var dns = new TroubledResolver(clock) { Trouble = trouble };
        var relay = new PoliteRelay();
        var options = OptionsOf(Route("all")) with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["relay"] = new() { Kind = TransportKind.Smtp, Tls = TransportTls.None },
            },
        };
        await using var hall = new MailHall(options, clock: clock, build: (name, own) => new SmtpTransport(
            name, own, "mx.example.org", dns,
            new AddressPolicy(new HashSet<IPAddress>(), PrivateAddresses.Refused), clock, DialAsync));
        for (var i = 0; i < 200; i++)
            await hall.AcceptAsync($"r{i}@d{i % 10}.example");
        await hall.PassAsync(TimeSpan.FromHours(1));
        Assert.Empty(hall.Events(EventKind.Failed));
        Assert.Empty(relay.Contents);
        dns.Trouble = DnsTrouble.None;
        await hall.PassAsync(TimeSpan.FromMinutes(2));
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientOutcome.Relayed, row.Outcome));
        Assert.Equal(200, relay.Contents.Count);

        ValueTask<Stream> DialAsync(IPAddress address, int port, CancellationToken cancel)
        {
            if (!address.Equals(TroubledResolver.Right))
                throw new SocketException((int)SocketError.ConnectionRefused);
            return new(ScriptedRelay.PlayInMemory(relay.PlayAsync).Client);
        }
    }
}

public enum DnsTrouble
{
    None,

    /// <summary>Time-outs and SERVFAIL: nothing is known.</summary>
    Silent,

    /// <summary>30 s, and then no answer.</summary>
    Slow,

    /// <summary>The address of somebody who does not listen.</summary>
    WrongAddress,
}

/// <summary>Every domain is its own mail host.</summary>
sealed class TroubledResolver(TimeProvider clock) : IResolver
{
    public static readonly IPAddress Right = IPAddress.Parse("198.51.100.1");
    static readonly IPAddress Wrong = IPAddress.Parse("198.51.100.2");

    public DnsTrouble Trouble { get; set; }

    public async ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel) =>
        await IsKnownAsync(cancel)
            ? new MxLookup(LookupOutcome.Found, [new MxHost(domain, 10)])
            : new MxLookup(LookupOutcome.Unknown, []);

    public async ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel) =>
        await IsKnownAsync(cancel)
            ? new AddressLookup(
                LookupOutcome.Found, [Trouble == DnsTrouble.WrongAddress ? Wrong : Right])
            : new AddressLookup(LookupOutcome.Unknown, []);

    public async ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel) =>
        await IsKnownAsync(cancel)
            ? new TextLookup(LookupOutcome.NoRecords, [])
            : new TextLookup(LookupOutcome.Unknown, []);

    public ValueTask<AddressLookup> LookupAddressesAsync(
        string host, AddressFamily family, CancellationToken cancel) => LookupAddressesAsync(host, cancel);

    public async ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel) =>
        await IsKnownAsync(cancel)
            ? new NameLookup(LookupOutcome.NoRecords, [])
            : new NameLookup(LookupOutcome.Unknown, []);

    async ValueTask<bool> IsKnownAsync(CancellationToken cancel)
    {
        if (Trouble == DnsTrouble.Slow)
        {
            await Task.Delay(TimeSpan.FromSeconds(30), clock, cancel);
            return false;
        }
        return Trouble != DnsTrouble.Silent;
    }
}
