using System.Net;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta.Accounts;

namespace Postern.Tests.Accounts;

public sealed class LoginThrottleTests
{
    static readonly IPAddress peer = IPAddress.Parse("192.0.2.1");
    readonly FakeTimeProvider clock = new();
    readonly LoginThrottle throttle;

    public LoginThrottleTests() => throttle = new LoginThrottle(clock);

    void Fail(int times, string account = "shop", string? address = null)
    {
        for (var i = 0; i < times; i++)
            throttle.Failed(address is null ? peer : IPAddress.Parse(address), account);
    }

    [Fact]
    public void Failures_AreAnsweredLaterAndLater() => Assert.Equal(
        [0, 1, 2, 4, 8, 8], Enumerable.Range(0, 6).Select(_ => throttle.Failed(peer, "shop").TotalSeconds));

    [Fact]
    public void Address_AtItsLimit_IsRefusedForAnyAccount()
    {
        Fail(LoginThrottle.AddressFailuresMax - 1);
        Assert.Null(throttle.RefusedFor(peer, "shop"));
        Fail(1);
        Assert.Equal(LoginThrottle.Window, throttle.RefusedFor(peer, "another"));
        Assert.Null(throttle.RefusedFor(IPAddress.Parse("192.0.2.2"), "shop"));
    }

    [Fact]
    public void Account_AtItsLimit_IsRefusedFromAnywhere()
    {
        for (var i = 0; i < LoginThrottle.AccountFailuresMax; i++)
            throttle.Failed(new IPAddress(new byte[] { 10, 0, 0, (byte)i }), "shop");
        Assert.NotNull(throttle.RefusedFor(peer, "shop"));
        Assert.Null(throttle.RefusedFor(peer, "another"));
    }

    [Fact]
    public void Refusal_EndsWhenFailuresHaveAged()
    {
        Fail(LoginThrottle.AddressFailuresMax);
        clock.Advance(LoginThrottle.Window - TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(1), throttle.RefusedFor(peer, "shop"));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(throttle.RefusedFor(peer, "shop"));
        Assert.Equal(TimeSpan.Zero, throttle.Failed(peer, "shop"));
    }

    [Fact]
    public void Success_ClearsTheAddress()
    {
        Fail(LoginThrottle.AddressFailuresMax - 1);
        throttle.Succeeded(peer);
        Fail(1);
        Assert.Null(throttle.RefusedFor(peer, "shop"));
    }

    [Fact]
    public void Ipv6_CountsByItsNetwork()
    {
        Fail(LoginThrottle.AddressFailuresMax, address: "2001:db8::1");
        Assert.NotNull(throttle.RefusedFor(IPAddress.Parse("2001:db8::ffff"), "x"));
        Assert.Null(throttle.RefusedFor(IPAddress.Parse("2001:db8:0:1::1"), "x"));
    }

    [Fact]
    public void Ipv4_MappedIntoIpv6_IsTheSameAddress()
    {
        Fail(LoginThrottle.AddressFailuresMax);
        Assert.NotNull(throttle.RefusedFor(peer.MapToIPv6(), "x"));
    }

    [Fact]
    public void Memory_IsBounded_TheOldestGoFirst()
    {
        var counts = new FailureCounts();
        for (var i = 0; i <= LoginThrottle.EntriesMax; i++)
            counts.Add($"k{i}", i, 1_000_000);
        Assert.Equal(LoginThrottle.EntriesMax, counts.Count);
        Assert.Null(counts.Find("k0"));
        Assert.NotNull(counts.Find("k1"));
    }
}
