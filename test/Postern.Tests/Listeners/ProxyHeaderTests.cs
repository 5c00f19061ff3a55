using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Postern.Listeners;

namespace Postern.Tests.Listeners;

public sealed class ProxyHeaderTests
{
    const string Signature = "0D0A0D0A000D0A515549540A";

    /// <summary>203.0.113.7:40000 to 192.0.2.1:25.</summary>
    const string IPv4 = Signature + "2111000CCB007107C00002019C400019";

    static ProxyHeaderState Read(string hex, out ProxyHeader header, out long left)
    {
        var octets = new ReadOnlySequence<byte>(Convert.FromHexString(hex));
        var state = ProxyHeader.TryRead(ref octets, out header);
        left = octets.Length;
        return state;
    }

    [Fact]
    public void Header_OfIPv4_GivesBothAddressesAndLeavesTheRest()
    {
        Assert.Equal(ProxyHeaderState.Whole, Read(IPv4 + "45484C4F", out var header, out var left));
        Assert.Equal(IPEndPoint.Parse("203.0.113.7:40000"), header.Remote);
        Assert.Equal(IPEndPoint.Parse("192.0.2.1:25"), header.Local);
        Assert.Equal(4, left);
    }

    [Fact]
    public void Header_OfIPv6_GivesBothAddresses()
    {
        var hex = Signature + "21210024" + "20010DB8000000000000000000000007"
            + "20010DB8000000000000000000000001"
            + "9C400019";
        Assert.Equal(ProxyHeaderState.Whole, Read(hex, out var header, out _));
        Assert.Equal(IPEndPoint.Parse("[2001:db8::7]:40000"), header.Remote);
    }

    [Fact]
    public void Header_WithIPv4InIPv6_GivesIPv4()
    {
        var hex = Signature + "21210024" + "00000000000000000000FFFFCB007107"
            + "00000000000000000000FFFFC0000201"
            + "9C400019";
        Read(hex, out var header, out _);
        Assert.Equal(IPAddress.Parse("203.0.113.7"), header.Remote!.Address);
    }

    [Fact]
    public void Header_Local_GivesNoAddress()
    {
        Assert.Equal(ProxyHeaderState.Whole, Read(Signature + "20000000", out var header, out _));
        Assert.Null(header.Remote);
    }

    [Fact]
    public void Header_WithExtraValues_SkipsThem()
    {
        var hex = Signature + "2111000F" + "CB007107C00002019C400019" + "04" + "0000" + "FF";
        Assert.Equal(ProxyHeaderState.Whole, Read(hex, out _, out var left));
        Assert.Equal(1, left);
    }

    [Theory]
    [InlineData("45484C4F20782E6578616D706C650D0A")]
    [InlineData(Signature + "1111000CCB007107C00002019C400019")]
    [InlineData(Signature + "2211000CCB007107C00002019C400019")]
    [InlineData(Signature + "21000000")]
    [InlineData(Signature + "2112000CCB007107C00002019C400019")]
    [InlineData(Signature + "21110004CB007107")]
    [InlineData(Signature + "2111FFFF")]
    public void Header_ThatBreaksTheProtocol_IsMalformed(string hex) =>
        Assert.Equal(ProxyHeaderState.Malformed, Read(hex, out _, out _));

    [Fact]
    public void Header_CutAnywhere_IsPartial()
    {
        for (var length = 0; length < IPv4.Length; length += 2)
            Assert.Equal(ProxyHeaderState.Partial, Read(IPv4[..length], out _, out _));
    }

    [Fact]
    public async Task Connection_ThatEndsInsideTheHeader_GivesNone()
    {
        var pipe = new Pipe();
        var cancel = TestContext.Current.CancellationToken;
        await pipe.Writer.WriteAsync(Convert.FromHexString(IPv4).AsMemory(0, 20), cancel);
        await pipe.Writer.CompleteAsync();
        Assert.Null(await ProxyHeader.ReadAsync(pipe.Reader, cancel));
    }

    [Fact]
    public async Task Connection_WithOctetByOctet_GivesTheHeaderAndNothingMore()
    {
        var pipe = new Pipe();
        var reading = ProxyHeader.ReadAsync(pipe.Reader, TestContext.Current.CancellationToken).AsTask();
        foreach (var octet in Convert.FromHexString(IPv4 + "41"))
            await pipe.Writer.WriteAsync(new[] { octet }, TestContext.Current.CancellationToken);
        Assert.Equal(40000, (await reading)!.Value.Remote!.Port);
        Assert.True(pipe.Reader.TryRead(out var rest));
        Assert.Equal("A"u8.ToArray(), rest.Buffer.ToArray());
    }
}
