using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Postern.Mta.Transports;

namespace Postern.Tests.Transports;

public sealed class DnsResolverTests
{
    const ushort A = 1, Cname = 5, Soa = 6, Ptr = 12, Mx = 15, Txt = 16, Aaaa = 28;

    [Fact]
    public async Task Mx_Answers_ComeByPreferenceInLowerCase()
    {
        using var server = new NameServer((_, type) => type == Mx
            ? (0, [MxRecord(20, "B.example"), MxRecord(5, "a.example")])
            : (0, []));
        var mx = await server.Resolver.LookupMxAsync("d.example", TestContext.Current.CancellationToken);
        Assert.Equal(LookupOutcome.Found, mx.Outcome);
        Assert.Equal([new MxHost("a.example", 5), new MxHost("b.example", 20)], mx.Hosts);
    }

    [Fact] // CLI-28
    public async Task Mx_RootAlone_IsTheNullMx()
    {
        using var server = new NameServer((_, _) => (0, [MxRecord(0, "")]));
        var mx = await server.Resolver.LookupMxAsync("d.example", TestContext.Current.CancellationToken);
        Assert.Equal("", Assert.Single(mx.Hosts).Name);
    }

    [Theory]
    [InlineData(0, LookupOutcome.NoRecords)]
    [InlineData(2, LookupOutcome.Unknown)]
    [InlineData(3, LookupOutcome.NoSuchName)]
    [InlineData(5, LookupOutcome.Unknown)]
    public async Task Mx_NoAnswer_IsToldByTheResponseCode(int code, LookupOutcome outcome)
    {
        using var server = new NameServer((_, _) => (code, []));
        var mx = await server.Resolver.LookupMxAsync("d.example", TestContext.Current.CancellationToken);
        Assert.Equal((outcome, 0), (mx.Outcome, mx.Hosts.Count));
    }

    [Fact]
    public async Task Addresses_OfBothFamilies_TakeTurns()
    {
        using var server = new NameServer((_, type) => (0, type switch
        {
            A => [Record(A, [192, 0, 2, 1]), Record(A, [192, 0, 2, 2])],
            Aaaa => [Record(Aaaa, IPAddress.Parse("2001:db8::1").GetAddressBytes())],
            _ => [],
        }));
        var found = await server.Resolver.LookupAddressesAsync(
            "h.example", TestContext.Current.CancellationToken);
        Assert.Equal("2001:db8::1", found.Addresses[1].ToString());
        Assert.Equal(3, found.Addresses.Count);
    }

    [Theory]
    [InlineData(3, 3, LookupOutcome.NoSuchName)]
    [InlineData(0, 2, LookupOutcome.Unknown)]
    [InlineData(0, 0, LookupOutcome.NoRecords)]
    public async Task Addresses_None_AreMissingOnlyWhenBothAnswersSaySo(
        int four, int six, LookupOutcome outcome)
    {
        using var server = new NameServer((_, type) => (type == A ? four : six, []));
        var found = await server.Resolver.LookupAddressesAsync(
            "h.example", TestContext.Current.CancellationToken);
        Assert.Equal(outcome, found.Outcome);
    }

    [Fact]
    public async Task Text_OfSeveralStrings_IsOne()
    {
        using var server = new NameServer((_, type) => type == Txt
            ? (0, [TxtRecord("v=spf1 include:a", ".example -all"), TxtRecord("other")])
            : (0, []));
        var found = await server.Resolver.LookupTextAsync(
            "d.example", TestContext.Current.CancellationToken);
        Assert.Equal(LookupOutcome.Found, found.Outcome);
        Assert.Equal(["v=spf1 include:a.example -all", "other"], found.Texts);
    }

    [Theory]
    [InlineData(0, LookupOutcome.NoRecords)]
    [InlineData(2, LookupOutcome.Unknown)]
    [InlineData(3, LookupOutcome.NoSuchName)]
    public async Task Text_NoAnswer_IsToldByTheResponseCode(int code, LookupOutcome outcome)
    {
        using var server = new NameServer((_, _) => (code, []));
        var found = await server.Resolver.LookupTextAsync(
            "d.example", TestContext.Current.CancellationToken);
        Assert.Equal((outcome, 0), (found.Outcome, found.Texts.Count));
    }

    [Fact]
    public async Task Text_BehindAliases_IsFound()
    {
        using var server = new NameServer((_, _) => (0, [
            Record(Cname, Name("b.example")), RecordOf("B.example", Cname, Name("c.example")),
            RecordOf("c.Example", Txt, [1, (byte)'x'])]));
        var found = await server.Resolver.LookupTextAsync(
            "d.example", TestContext.Current.CancellationToken);
        Assert.Equal((LookupOutcome.Found, "x"), (found.Outcome, Assert.Single(found.Texts)));
        Assert.Equal(TimeSpan.FromSeconds(60), found.TimeToLive);
    }

    [Fact]
    public async Task Records_OfAnotherName_AreNotBelieved()
    {
        using var server = new NameServer((_, _) => (0, [RecordOf("evil.example", A, [192, 0, 2, 1])]));
        var found = await server.Resolver.LookupAddressesAsync(
            "d.example", AddressFamily.InterNetwork, TestContext.Current.CancellationToken);
        Assert.Equal((LookupOutcome.NoRecords, 0), (found.Outcome, found.Addresses.Count));
    }

    [Fact]
    public async Task Aliases_InACircle_LeadNowhere()
    {
        using var server = new NameServer((_, _) => (0, [
            Record(Cname, Name("b.example")), RecordOf("b.example", Cname, Name("d.example"))]));
        var found = await server.Resolver.LookupTextAsync(
            "d.example", TestContext.Current.CancellationToken);
        Assert.Equal((LookupOutcome.NoRecords, 0), (found.Outcome, found.Texts.Count));
    }

    [Theory]
    [InlineData("192.0.2.1")]
    [InlineData("2001:db8::1")]
    [InlineData("::ffff:192.0.2.1")]
    public async Task Names_ThatAreNone_AreLeftOut(string address)
    {
        using var server = new NameServer((_, type) => type == Ptr
            ? (0, [Record(Ptr, Name("Mail.example")), Record(Ptr, Name("a\nb.example")),
                Record(Ptr, Name("<script>.example")), Record(Ptr, [0])])
            : (2, []));
        var found = await server.Resolver.LookupNamesAsync(
            IPAddress.Parse(address), TestContext.Current.CancellationToken);
        Assert.Equal((LookupOutcome.Found, "mail.example"), (found.Outcome, Assert.Single(found.Names)));
    }

    [Theory]
    [InlineData(0, LookupOutcome.NoRecords)]
    [InlineData(3, LookupOutcome.NoSuchName)]
    public async Task NoAnswer_MayBeKeptAsTheZoneSays(int code, LookupOutcome outcome)
    {
        // RFC 1035 §3.3.13: two names, five numbers, the last of them the minimum.
        byte[] start = [.. Name("ns.example"), .. Name("root.example"), .. new byte[19], 45];
        using var server = new NameServer((_, _) => (code, []), [RecordOf("example", Soa, start)]);
        var found = await server.Resolver.LookupTextAsync(
            "d.example", TestContext.Current.CancellationToken);
        Assert.Equal((outcome, TimeSpan.FromSeconds(45)), (found.Outcome, found.TimeToLive));
    }

    [Fact]
    public async Task Answer_ThatCannotBeRead_IsUnknown()
    {
        // Says that it is longer than the packet.
        using var server = new NameServer((_, _) => (0, [[.. Record(Txt, [])[..^1], 99]]));
        var found = await server.Resolver.LookupTextAsync(
            "d.example", TestContext.Current.CancellationToken);
        Assert.Equal((LookupOutcome.Unknown, 0), (found.Outcome, found.Texts.Count));
    }

    static byte[] TxtRecord(params string[] strings) => Record(Txt, [.. strings.SelectMany(
        text => (byte[])[(byte)text.Length, .. Encoding.ASCII.GetBytes(text)])]);

    static byte[] MxRecord(ushort preference, string host) =>
        Record(Mx, [(byte)(preference >> 8), (byte)preference, .. Name(host)]);

    // RFC 1035 §4.1.3; the name is a pointer to the question.
    static byte[] Record(ushort type, byte[] data) => [0xC0, 12, .. Rest(type, data)];

    static byte[] RecordOf(string owner, ushort type, byte[] data) => [.. Name(owner), .. Rest(type, data)];

    static byte[] Rest(ushort type, byte[] data) =>
        [0, (byte)type, 0, 1, 0, 0, 0, 60, 0, (byte)data.Length, .. data];

    static byte[] Name(string name) =>
        [.. name.Split('.', StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(l => (byte[])[(byte)l.Length, .. Encoding.ASCII.GetBytes(l)]), 0];

    /// <summary>A name server on a free UDP port: a code and records for each question.</summary>
    sealed class NameServer : IDisposable
    {
        readonly UdpClient socket = new(new IPEndPoint(IPAddress.Loopback, 0));
        readonly Func<string, ushort, (int Code, byte[][] Records)> answer;

        readonly byte[][] authority;

        public NameServer(
            Func<string, ushort, (int Code, byte[][] Records)> answer, byte[][]? authority = null)
        {
            this.answer = answer;
            this.authority = authority ?? [];
            Resolver = DnsResolver.Create(
                TimeProvider.System, new Random(1), (IPEndPoint)socket.Client.LocalEndPoint!);
            _ = ServeAsync();
        }

        public DnsResolver Resolver { get; }

        public void Dispose() => socket.Dispose();

        async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    var received = await socket.ReceiveAsync();
                    await socket.SendAsync(AnswerTo(received.Buffer), received.RemoteEndPoint);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        // RFC 1035 §4.1: header, the question as it came, the answers.
        byte[] AnswerTo(byte[] query)
        {
            var end = 12;
            while (query[end] != 0)
                end += query[end] + 1;
            var type = BinaryPrimitives.ReadUInt16BigEndian(query.AsSpan(end + 1));
            var (code, records) = answer("", type);
            var count = (byte)records.Length;
            var more = (byte)authority.Length;
            byte[] header = [query[0], query[1], 0x81, (byte)(0x80 | code), 0, 1, 0, count, 0, more, 0, 0];
            return [.. header, .. query.AsSpan(12, end + 5 - 12),
                .. records.Concat(authority).SelectMany(r => r)];
        }
    }
}
