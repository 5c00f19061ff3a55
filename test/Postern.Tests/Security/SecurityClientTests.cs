using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Transports;
using Postern.Smtp.Client;
using Postern.Tests.Doubles;
using Postern.Tests.Smtp.Client;
using Postern.Tests.Transports;

namespace Postern.Tests.Security;

/// <summary>Plays the catalogue's hostile relays as data against the real queue, transport and
/// client.</summary>
/// <remarks>
/// A relay of <see cref="ClientCases"/> plays the first connections; then comes one that takes everything.
/// What was proved to be final is never tried again, and everything else arrives there exactly once.
/// </remarks>
public sealed class SecurityClientTests
{
    static readonly string[] Special = ["CLI-27", "CLI-28", "CLI-29", "CLI-32", "CLI-33", "CLI-34"];

    internal static IEnumerable<SecurityCase> Played => SecurityCase.Of("CLI")
        .Where(one => ClientCases.Ids.Contains(one.Id) || Special.Contains(one.Id));

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, int> Cases()
    {
        var rows = new TheoryData<string, int>();
        foreach (var id in Played.Select(one => one.Id).Intersect(ClientCases.Ids))
        {
            for (var play = 0; play < ClientCases.Of(id).Count; play++)
                rows.Add(id, play);
        }
        if (rows.Count == 0)
            rows.Add("none", 0);
        return rows;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case_Played_HoldsWhatItMust(string id, int play)
    {
        var one = SecurityCase.Get(id);
        var row = ClientCases.Of(id)[play];
        await using var house = new SecurityHouse(ListenFor.Submission, RelayOf(row.Way), Dns());
        var scripts = row.Script.Split("||").Select(text => new RelayScript(one, text)).ToArray();
        foreach (var script in scripts)
            house.Scripts.Enqueue(script.PlayAsync);
        if (row.Way == ClientWay.Secure)
            await AttemptAsync(house, row);
        else
        {
            await house.SubmitAsync(row.Content, row.Recipients);
            await house.Hall.RunAsync();
            if (row.Script == "H|F|D|E")
                await house.Hall.PassAsync(TimeSpan.FromMinutes(10));
        }
        Assert.Equal(row.Result, string.Join(';', house.Reports[0].Results.Select(Show)));
        Assert.Contains(row.Says, house.Reports[0].Results[0].Text);
        var hostile = house.Conversations.Take(scripts.Length).SelectMany(c => c.Lines).ToArray();
        Assert.DoesNotContain(hostile, line => Regex.IsMatch(line, row.Never));
        Assert.All(scripts, script => Assert.InRange(script.Taken, 0, 256 << 10));
        if (row.Way != ClientWay.Secure)
            await CheckFateAsync(id, house, row, scripts[0]);
    }

    [Theory] // In the case's words: at most one attempt in 30 s of the first minute.
    [InlineData("S 421 4.7.0 busy|E")]
    [InlineData("H|C MAIL|S 421 4.7.0 busy|E")]
    [InlineData("H|F|D|S 421 4.7.0 busy|E")]
    public async Task Closing421_OfEveryConnection_IsNoHotLoop(string script)
    {
        var one = SecurityCase.Get("CLI-20");
        await using var house = new SecurityHouse(ListenFor.Submission, RelayOf(ClientWay.Plain));
        for (var i = 0; i < 10; i++)
            house.Scripts.Enqueue(new RelayScript(one, script).PlayAsync);
        await house.SubmitAsync("Subject: 1\r\n\r\n", "b@far.example");
        await house.SubmitAsync("Subject: 2\r\n\r\n", "c@far.example");
        await house.Hall.PassAsync(TimeSpan.FromSeconds(59));
        Assert.InRange(house.Conversations.Count, 1, 2);
    }

    [Theory]
    [InlineData("CLI-27", "127.0.0.1", "Failed 5.4.6")]
    [InlineData("CLI-27", "0.0.0.0", "Failed 5.4.6")]
    [InlineData("CLI-27", "::1", "Failed 5.4.6")]
    [InlineData("CLI-27", "::ffff:127.0.0.1", "Failed 5.4.6")]
    [InlineData("CLI-27", "10.0.0.5", "Failed 5.4.4")]
    [InlineData("CLI-27", "169.254.169.254", "Failed 5.4.4")]
    [InlineData("CLI-27", "fe80::1", "Failed 5.4.4")]
    [InlineData("CLI-27", "fd00::1", "Failed 5.4.4")]
    [InlineData("CLI-28", null, "Failed 5.1.10")]
    public async Task Mx_ThatIsNoWay_IsNeverConnectedTo(string id, string? address, string result)
    {
        SecurityCase.Get(id);
        var dns = address is null
            ? new FakeResolver().Mx("far.example", "")
            : new FakeResolver().Mx("far.example", "mx.far.example").Address("mx.far.example", address);
        await using var house = new SecurityHouse(ListenFor.Submission, new TransportOptions(), dns);
        await house.SubmitAsync("Subject: t\r\n\r\n", "b@far.example");
        await house.Hall.RunAsync();
        Assert.Equal(result, Show(Assert.Single(house.Reports[0].Results)));
        Assert.Empty(house.Conversations);
    }

    [Theory]
    [InlineData(false, 10)]
    [InlineData(true, 2)]
    public async Task Mx_OfHundredHostsThatHang_TakesTenMinutesAtMost(bool connects, int dialled)
    {
        SecurityCase.Get("CLI-29");
        var hosts = Enumerable.Range(0, 100).Select(i => $"mx{i}.example").ToArray();
        var dns = new FakeResolver().Mx("far.example", hosts);
        foreach (var (host, i) in hosts.Select((host, i) => (host, i)))
            dns.Address(host, [.. Enumerable.Range(0, 100).Select(j => $"198.51.{i}.{j}")]);
        var clock = new FakeTimeProvider();
        var addresses = new HashSet<string>();
        await using var transport = new SmtpTransport(
            "relay", new TransportOptions(), "postern.example", dns,
            new AddressPolicy(new HashSet<System.Net.IPAddress>(), PrivateAddresses.Refused), clock,
            async (address, _, cancel) =>
            {
                addresses.Add(address.ToString());
                if (connects)
                    return DuplexStream.CreatePair().Left;
                var never = new TaskCompletionSource<Stream>();
                using var cut = cancel.Register(() => never.TrySetCanceled(cancel));
                return await never.Task;
            });
        var attempt = transport.AttemptAsync(AttemptOf.Text("x", "b@far.example"), Cancel).AsTask();
        var waited = TimeSpan.Zero;
        for (; !attempt.IsCompleted && waited < TimeSpan.FromHours(1); waited += TimeSpan.FromSeconds(10))
            clock.Advance(TimeSpan.FromSeconds(10));
        Assert.IsType<AttemptResult.NextHopDown>(Assert.Single((await attempt).Results));
        Assert.InRange(waited, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(10));
        Assert.Equal(dialled, addresses.Count);
        Assert.InRange(dns.Asked.Count, 1, 6);
    }

    [Fact]
    public async Task Stop_InTheMiddleOfTheBody_IsNoHalfMessage()
    {
        var one = SecurityCase.Get("CLI-32");
        var content = "Subject: t\r\n\r\n" + string.Concat(Enumerable.Repeat("line\r\n", 200_000));
        await using var house = new SecurityHouse(ListenFor.Submission, RelayOf(ClientWay.Plain));
        var held = new TaskCompletionSource();
        house.Scripts.Enqueue(async relay =>
        {
            await new RelayScript(one, "H|F|B 1000").PlayAsync(relay);
            await held.Task;
            await new RelayScript(one, "d").PlayAsync(relay);
        });
        await house.SubmitAsync(content, "b@far.example");
        await house.Hall.RunWorkersAsync();
        await house.Hall.StopAsync();
        held.SetResult();
        Assert.Empty(house.Polite.Contents);
        house.Hall.Store.Crash();
        await using var next = new SecurityHouse(
            ListenFor.Submission, RelayOf(ClientWay.Plain), disk: house.Hall.Disk, clock: house.Hall.Clock);
        await next.Hall.StartAsync();
        await next.Hall.PassAsync(TimeSpan.FromHours(1));
        Assert.EndsWith(content, Assert.Single(next.Polite.Contents), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_WithATakerWhoGoesOn_FinishesWithinGrace()
    {
        var one = SecurityCase.Get("CLI-32");
        await using var house = new SecurityHouse(ListenFor.Submission, RelayOf(ClientWay.Plain));
        var held = new TaskCompletionSource();
        var rest = new RelayScript(one, "D|S 250 2.0.0 ok|E");
        house.Scripts.Enqueue(async relay =>
        {
            await new RelayScript(one, "H|F|B 1000").PlayAsync(relay);
            await held.Task;
            await rest.PlayAsync(relay);
        });
        await house.SubmitAsync(
            "Subject: t\r\n\r\n" + string.Concat(Enumerable.Repeat("line\r\n", 200_000)), "b@far.example");
        await house.Hall.RunWorkersAsync();
        var stopping = house.Hall.Dispatcher.StopAsync(TimeSpan.FromSeconds(10)).AsTask();
        held.SetResult();
        while (!stopping.IsCompleted)
        {
            house.Hall.Clock.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Yield();
        }
        Assert.Equal("Relayed 2.0.0", Show(Assert.Single(Assert.Single(house.Reports).Results)));
        Assert.EndsWith("line\r\n", Assert.Single(rest.Contents), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X close")]
    [InlineData("X rst")]
    [InlineData("S 421 4.4.2 timeout|X close")]
    public async Task Connection_ClosedWhileIdle_CostsNoAttempt(string farewell)
    {
        var one = SecurityCase.Get("CLI-33");
        await using var house = new SecurityHouse(ListenFor.Submission, RelayOf(ClientWay.Plain));
        var idle = new TaskCompletionSource();
        house.Scripts.Enqueue(async relay =>
        {
            await new RelayScript(one, "H|F|D|S 250 2.0.0 ok").PlayAsync(relay);
            await idle.Task;
            await new RelayScript(one, farewell).PlayAsync(relay);
        });
        await house.SubmitAsync("Subject: 1\r\n\r\n", "b@far.example");
        await house.Hall.PassAsync(TimeSpan.FromSeconds(60));
        idle.SetResult();
        await house.SubmitAsync("Subject: 2\r\n\r\n", "b@far.example");
        await house.Hall.RunAsync();
        Assert.Equal(2, house.Conversations.Count);
        Assert.Equal(["Relayed 2.0.0", "Relayed 2.0.0"], house.Reports.Select(r => Show(r.Results[0])));
        Assert.DoesNotContain(EventKind.Attempted, house.Hall.Kinds);
        Assert.Single(house.Polite.Contents);
    }

    [Theory]
    [InlineData("x\r\nMAIL FROM:<a@b>")]
    [InlineData("x\n")]
    [InlineData("x\0")]
    public async Task CommandLine_WithLineEndOrNul_NeverLeaves(string name)
    {
        SecurityCase.Get("CLI-34");
        var (stream, script) = ScriptedRelay.PlayInMemory(async relay =>
        {
            await relay.SayAsync("220 x");
            Assert.Null(await relay.ReadLineAsync());
        });
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await SmtpClientConnection.OpenAsync(
            stream, Relays.Plain with { HeloName = name }, new FakeTimeProvider(), Cancel));
        await stream.DisposeAsync();
        await script;
    }

    /// <summary>One attempt outside the queue: a handshake does not stay on this thread.</summary>
    static async Task AttemptAsync(SecurityHouse house, ClientCase row) =>
        await house.Transport.AttemptAsync(AttemptOf.Text(row.Content, row.Recipients), Cancel)
            .AsTask().WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);

    static async Task CheckFateAsync(string id, SecurityHouse house, ClientCase row, RelayScript script)
    {
        var before = house.Conversations.Count;
        if (row.Result == "Uncertain 4.4.2")
        {
            Assert.Equal(1, house.Hall.Only.Uncertain);
            await house.Hall.PassAsync(house.Options.Queue.UncertainWait - TimeSpan.FromSeconds(11 * 60));
            Assert.Equal(before, house.Conversations.Count);
        }
        await house.Hall.PassAsync(TimeSpan.FromHours(1));
        var commands = house.Polite.Commands.ToArray();
        foreach (var (address, result) in row.Recipients.Zip(row.Result.Split(';')))
        {
            // The relay shows octets as Latin-1.
            var path = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes($"RCPT TO:<{address}>"));
            var again = commands.Count(c => c.StartsWith(path, StringComparison.Ordinal));
            // Of two hosts it is the second one that relays, and that is the one which takes everything.
            var isOver = result.Split(' ')[0] switch
            {
                "Relayed" => row.Way != ClientWay.TwoHosts,
                "Failed" or "Unsupported" => true,
                _ => false,
            };
            Assert.Equal(isOver ? 0 : 1, again);
        }
        if (id == "CLI-16")
            Assert.Equal(Assert.Single(script.Contents), Assert.Single(house.Polite.Contents));
        if (id == "CLI-18")
            Assert.Equal("", Assert.Single(script.Contents));
        if (id == "CLI-12")
            CheckEscaped(house);
    }

    /// <summary>What a relay said goes into events and the bounce with its controls escaped.</summary>
    static void CheckEscaped(SecurityHouse house)
    {
        Assert.All(
            house.Hall.Store.Events, fact => Assert.DoesNotMatch(@"[\x00-\x1f\u202e]", fact.Reply ?? ""));
        var bounce = Assert.Single(house.Polite.Contents);
        Assert.Contains("MAIL FROM:<>", house.Polite.Commands.Single(c => c[0] == 'M'));
        Assert.DoesNotMatch("[\0\x1b]|(?m)^250 x", bounce);
    }

    static TransportOptions RelayOf(ClientWay way) => way switch
    {
        ClientWay.Secure => new()
        {
            Host = "[mx.relay.example]:587",
            Login = new Secret("file:login", "user:password"),
            Ca = new Secret("file:ca", TestCertificates.Shared.Authorities[0].ExportCertificatePem()),
        },
        ClientWay.TwoHosts => new() { Host = "[192.0.2.25]:25, [192.0.2.26]:25", Tls = TransportTls.None },
        _ => new() { Host = "[192.0.2.25]:25", Tls = TransportTls.None },
    };

    static FakeResolver Dns() => new FakeResolver().Address("mx.relay.example", "192.0.2.25");

    static string Show(AttemptResult result) => $"{result.GetType().Name} {result.Status}";
}
