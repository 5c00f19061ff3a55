using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Inbound;
using Postern.Mta.Transports;
using Postern.Mta.Transports.Brokers;
using Postern.Mta.Transports.PubSub;

namespace Postern.Tests.Transports.Brokers;

public sealed class BrokerTransportTests : IAsyncDisposable
{
    const string Mail = "From: <dev@from.example>\r\nSubject: hello\r\n\r\nbody\r\n";

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("brokers");
    readonly FakeTimeProvider clock = new();
    readonly ScriptedLink link = new();
    readonly BrokerTransport transport;

    public BrokerTransportTests() => transport = new BrokerTransport(
        "topic", new TransportOptions(), new InboundSource("mx.b.example", "0.1.0", "+", folder.FullName),
        link, clock);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await transport.DisposeAsync();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Attempt_OfTwoRecipients_PublishesTheDocumentWithItsAttributesForEach()
    {
        var report = await AttemptAsync(AttemptOf.Text(Mail, "Sales+eu@b.example", "c@b.example"));
        Assert.Equal(["1", "2"],
            report.Results.Select(result => Assert.IsType<AttemptResult.Relayed>(result).RemoteId));
        Assert.Equal(["000000000YGJ0.1", "000000000YGJ0.2"], link.Published.Select(message => message.Id));
        var first = link.Published[0];
        Assert.Equal("sales+eu@b.example", first.Key);
        using var document = JsonDocument.Parse(first.Document);
        Assert.Equal("postern.inbound.v1", document.RootElement.GetProperty("schema").GetString());
        Assert.Equal(Mail, Encoding.UTF8.GetString(
            document.RootElement.GetProperty("raw").GetProperty("data").GetBytesFromBase64()));
        Assert.Equal(("000000000YGJ0.1", "Sales+eu@b.example", "eu", "from.example", "application/json"),
            (first.Attributes["ce-id"], first.Attributes["rcpt"], first.Attributes["rcpt-tag"],
                first.Attributes["from-domain"], first.Attributes["content-type"]));
    }

    [Fact]
    public async Task Attempt_BrokerGoesAwayMidway_KeepsWhatWasProvedAndAsksNoMore()
    {
        var asked = 0;
        link.Answer = (_, _) => Task.FromResult<PublishOutcome>(++asked == 1
            ? new PublishOutcome.Published("7") : new PublishOutcome.Unavailable("gone", null));
        var report = await AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "b@b.example", "c@b.example"));
        Assert.Equal(["Relayed", "NextHopDown", "NextHopDown"],
            report.Results.Select(result => result.GetType().Name));
        Assert.Equal(2, asked);
        var down = Assert.IsType<AttemptResult.NextHopDown>(report.Results[2]);
        Assert.Equal((NextHopTrouble.Unreachable, null), (down.Trouble, down.Alarm));
    }

    [Fact]
    public async Task Attempt_OperatorsCase_HoldsTheMailUnderAnAlarm()
    {
        link.Answer = (_, _) => Task.FromResult<PublishOutcome>(
            new PublishOutcome.Misconfigured("login", "refused", "mend"));
        var report = await AttemptAsync(AttemptOf.Text(Mail, "a@b.example"));
        var down = Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]);
        Assert.Equal((NextHopTrouble.Refusing, "login"), (down.Trouble, down.Alarm?.Kind));
    }

    [Fact]
    public async Task Attempt_WithoutAnAnswer_IsTheNextHopsFaultWhenTimeIsUp()
    {
        link.Answer = NeverAsync;
        var attempting = AttemptAsync(AttemptOf.Text(Mail, "a@b.example")).AsTask();
        clock.Advance(BrokerTransport.AttemptLimit);
        var down = Assert.IsType<AttemptResult.NextHopDown>((await attempting).Results[0]);
        Assert.Contains("timeout", down.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attempt_WhenTheServerStops_ProvesNothing()
    {
        link.Answer = NeverAsync;
        using var stop = new CancellationTokenSource();
        var attempting = transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), stop.Token).AsTask();
        await stop.CancelAsync();
        var down = Assert.IsType<AttemptResult.NextHopDown>((await attempting).Results[0]);
        Assert.Equal("The server stops", down.Text);
    }

    [Fact]
    public async Task Attempt_TooLargeForTheBroker_GoesByClaim()
    {
        link.Answer = (message, _) => Task.FromResult<PublishOutcome>(
            message.Attributes["raw-mode"] == "ref"
                ? new PublishOutcome.Published("1") : new PublishOutcome.Refused("too large"));
        var report = await AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "b@b.example"));
        Assert.All(report.Results, result => Assert.IsType<AttemptResult.Relayed>(result));
        var file = Assert.Single(folder.GetFiles("*", SearchOption.AllDirectories));
        Assert.Equal(Mail.Length, file.Length);
        Assert.Equal(2, link.Published.Count);
    }

    [Fact]
    public async Task Attempt_TooLargeEvenByClaim_Fails()
    {
        link.Answer = (message, _) => Task.FromResult<PublishOutcome>(
            message.Attributes["rcpt"] == "a@b.example"
                ? new PublishOutcome.Refused("too large") : new PublishOutcome.Published("1"));
        var report = await AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "b@b.example"));
        Assert.Equal("5.3.4", Assert.IsType<AttemptResult.Failed>(report.Results[0]).Status.ToString());
        Assert.IsType<AttemptResult.Relayed>(report.Results[1]);
    }

    [Fact]
    public async Task Attempt_OverTheInlineLimit_GoesByClaimAtOnce()
    {
        var octets = new byte[link.InlineOctetsMax + 1];
        var report = await AttemptAsync(AttemptOf.Octets(octets, null, "a@b.example"));
        Assert.IsType<AttemptResult.Relayed>(report.Results[0]);
        Assert.Equal("ref", Assert.Single(link.Published).Attributes["raw-mode"]);
    }

    [Fact]
    public async Task Check_TellsWhatTheLinkFound()
    {
        Assert.IsType<TransportFinding.Well>(await transport.CheckAsync(Cancel));
        link.Finding = new PublishOutcome.Misconfigured("topic", "missing", "make it");
        Assert.Equal("topic",
            Assert.IsType<TransportFinding.Wrong>(await transport.CheckAsync(Cancel)).Alarm.Kind);
        link.Finding = new PublishOutcome.Unavailable("no answer", null);
        Assert.IsType<TransportFinding.Unproved>(await transport.CheckAsync(Cancel));
    }

    [Fact]
    public async Task Dispose_EndsTheLink()
    {
        await transport.DisposeAsync();
        Assert.True(link.IsDisposed);
    }

    ValueTask<AttemptReport> AttemptAsync(Attempt attempt) => transport.AttemptAsync(attempt, Cancel);

    static async Task<PublishOutcome> NeverAsync(BrokerMessage message, CancellationToken cancel)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel);
        return new PublishOutcome.Published("never");
    }
}
