using System.Buffers;
using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Events;

/// <summary>What the life of a message looks like as a trace; every test listens to a source of its
/// own.</summary>
public sealed class MailTracesTests : IAsyncLifetime
{
    const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const string Unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    readonly FakeTimeProvider clock = new(Start);
    MailTraces traces;
    MailHall hall;
    SpanRecorder recorder;

    public MailTracesTests() => (traces, recorder, hall) = Open(showsAddresses: false, takesRoots: true);

    (MailTraces, SpanRecorder, MailHall) Open(bool showsAddresses, bool takesRoots)
    {
        var made = new MailTraces(showsAddresses, clock);
        return (made, new SpanRecorder(made, takesRoots), new MailHall(
            OptionsOf(Route("all") with
            {
                Accepts = MailDoors.Mx | MailDoors.Submission,
                Retry = [TimeSpan.FromMinutes(5)],
            }), clock: clock, traces: made));
    }

    async ValueTask ReopenAsync(bool showsAddresses = false, bool takesRoots = true)
    {
        await DisposeAsync();
        (traces, recorder, hall) = Open(showsAddresses, takesRoots);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        recorder.Dispose();
        traces.Dispose();
        await hall.DisposeAsync();
    }

    async Task<Reply> SendAsync(
        string fields = "", MailDoors door = MailDoors.Submission, SubmissionStart? begun = null,
        ContentAuthor author = ContentAuthor.Submitter)
    {
        var intake = new MailIntake(hall.Store, hall.Queue, new MemoryBudget(1 << 20), hall.Clock);
        await using var sink = intake.OpenSink();
        var content = $"{fields}From: a@example.org\r\nMessage-ID: <1@example.org>\r\n"
            + "Subject: a secret\r\n\r\nx\r\n";
        await sink.WriteAsync(
            new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(content)), CancellationToken.None);
        var request = new IntakeRequest(
            door, "mx.example.org", new ReversePath(Mailbox("a@example.org")), MailParameters.None,
            new ClientFacts { Address = "192.0.2.1", Protocol = "ESMTP", Listener = "test" },
            Mail(hall.Letter(), "bob@example.net").Recipients, CheckAuthors: null)
        { Begun = begun, Author = author };
        return await intake.AcceptAsync(request, sink, CancellationToken.None);
    }

    static Telling Told(EventKind kind, string id) => new()
    {
        Transport = "relay",
        Kind = kind,
        Severity = kind == EventKind.Failed ? EventSeverity.Permanent : null,
        Recipient = "bob@example.net",
        MessageId = "1@example.org",
        Reply = "550 5.1.1 <bob@example.net>: who is bob?",
        Facts = new RemoteFacts("webhook", id, Start, null, null),
    };

    static string HexOf(Activity span) => span.TraceId.ToHexString();

    [Fact]
    public async Task Life_FromSubmissionToTheProvidersEvent_IsOneTrace()
    {
        await SendAsync($"traceparent: {Parent}\r\ntracestate: congo=x\r\n");
        hall.Relay.Answer(Results.Greylisted);
        await hall.RunAsync();
        await hall.PassAsync(TimeSpan.FromMinutes(30));
        Assert.Equal(TellingOutcome.Appended, await hall.Queue.TellAsync(Told(EventKind.Delivered, "e1")));
        Assert.Equal(
            ["submit", "attempt", "attempt", "provider event"],
            recorder.Spans.Select(span => span.OperationName));
        Assert.All(recorder.Spans, span =>
        {
            Assert.Equal("0af7651916cd43dd8448eb211c80319c", HexOf(span));
            Assert.Equal("congo=x", span.TraceStateString);
        });
        var submit = recorder.Only("submit");
        Assert.Equal("b7ad6b7169203331", submit.ParentSpanId.ToHexString());
        Assert.All(recorder.Spans.Skip(1), span => Assert.Equal(submit.SpanId, span.ParentSpanId));
        Assert.Equal(
            [ActivityKind.Server, ActivityKind.Client, ActivityKind.Client, ActivityKind.Consumer],
            recorder.Spans.Select(span => span.Kind));
        Assert.Equal(
            [("deferred", 1, ActivityStatusCode.Error), ("relayed", 2, ActivityStatusCode.Unset)],
            recorder.Spans[1..3].Select(span => (
                (string)span.GetTagItem("postern.outcome")!, (int)span.GetTagItem("postern.attempt")!,
                span.Status)));
        Assert.Equal("come back later", recorder.Spans[1].StatusDescription);
        Assert.Equal("delivered", recorder.Spans[3].GetTagItem("postern.event"));
    }

    [Fact]
    public async Task Trace_AfterACrash_GoesOn()
    {
        hall.Relay.Answer(Results.Greylisted);
        await SendAsync($"traceparent: {Parent}\r\n");
        await hall.RunAsync();
        await using var next = await hall.CrashAsync();
        await next.PassAsync(TimeSpan.FromMinutes(30));
        await next.Queue.TellAsync(Told(EventKind.Delivered, "e1"));
        Assert.Equal(
            ["submit", "attempt", "attempt", "provider event"],
            recorder.Spans.Select(span => span.OperationName));
        Assert.All(recorder.Spans, span => Assert.Equal("0af7651916cd43dd8448eb211c80319c", HexOf(span)));
    }

    [Fact]
    public async Task Message_WhileNobodyListens_KeepsNothing()
    {
        recorder.Dispose();
        Assert.Null(traces.Begin(Parent, null));
        await SendAsync($"traceparent: {Parent}\r\n");
        await hall.RunAsync();
        await hall.Queue.TellAsync(Told(EventKind.Delivered, "e1"));
        Assert.NotEmpty(hall.Store.Events);
        Assert.All(hall.Store.Events, fact => Assert.Null(fact.Trace));
        Assert.Empty(recorder.Spans);
    }

    [Fact]
    public async Task Message_ThatIsNotSampled_HasNoSpanAtAll()
    {
        await SendAsync($"traceparent: {Unsampled}\r\n");
        await hall.RunAsync();
        await hall.Queue.TellAsync(Told(EventKind.Delivered, "e1"));
        Assert.NotEmpty(hall.Events(EventKind.Delivered));
        Assert.All(hall.Store.Events, fact => Assert.Null(fact.Trace));
        Assert.DoesNotContain(recorder.Spans, span => span.Recorded);
    }

    [Fact]
    public async Task Submitter_ThatRecords_DecidesForItsMessage()
    {
        await ReopenAsync(takesRoots: false);
        await SendAsync();
        await SendAsync($"traceparent: {Parent}\r\n");
        Assert.Single(recorder.Spans, span => span.Recorded);
    }

    [Theory]
    [InlineData(MailDoors.Mx, ContentAuthor.Submitter, $"traceparent: {Parent}\r\n")]
    [InlineData(MailDoors.Submission, ContentAuthor.Stranger, $"traceparent: {Parent}\r\n")]
    [InlineData(MailDoors.Submission, ContentAuthor.Submitter, "traceparent: 00-zz\r\n")]
    [InlineData(
        MailDoors.Submission, ContentAuthor.Submitter,
        $"traceparent: {Parent}\r\ntraceparent: {Parent}\r\n")]
    public async Task Field_OfAStrangerOrMalformed_CountsForNothing(
        MailDoors door, ContentAuthor author, string fields)
    {
        Assert.Equal(250, (await SendAsync(fields, door, author: author)).Code);
        var submit = recorder.Only("submit");
        Assert.Equal(default, submit.ParentSpanId);
        Assert.NotEqual("0af7651916cd43dd8448eb211c80319c", HexOf(submit));
    }

    [Fact]
    public async Task Field_StaysInTheMail()
    {
        await SendAsync($"traceparent: {Parent}\r\n");
        await hall.RunAsync();
        Assert.Contains($"traceparent: {Parent}\r\n", hall.Relay.Contents[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_BeginsTheSpan_AndItsHeaderGoesBeforeTheField()
    {
        var begun = traces.Begin(Parent.Replace("0af7", "1111", StringComparison.Ordinal), "a=b");
        clock.Advance(TimeSpan.FromSeconds(2));
        await SendAsync($"traceparent: {Parent}\r\n", begun: begun);
        var submit = recorder.Only("submit");
        Assert.StartsWith("1111", HexOf(submit), StringComparison.Ordinal);
        Assert.Equal((Start.UtcDateTime, TimeSpan.FromSeconds(2)), (submit.StartTimeUtc, submit.Duration));
    }

    [Fact]
    public async Task Span_IsNeitherUnderTheWebServersOwn_NorTheCurrentOne()
    {
        using var web = new Activity("web").Start();
        await SendAsync();
        Assert.Same(web, Activity.Current);
        Assert.Equal(default, recorder.Only("submit").ParentSpanId);
        Assert.NotEqual(web.TraceId, recorder.Only("submit").TraceId);
    }

    [Fact]
    public async Task Submission_ThatIsNotStored_EndsAsAnError()
    {
        hall.Store.FailNext(StoreHealth.Full);
        Assert.False((await SendAsync()).IsPositive);
        var submit = recorder.Only("submit");
        Assert.Equal(ActivityStatusCode.Error, submit.Status);
        Assert.Equal("not-stored", submit.GetTagItem("error.type"));
    }

    [Fact]
    public async Task Report_IsASpanOfItsMessage_AndItsAttemptsAreUnderIt()
    {
        await SendAsync();
        hall.Relay.Answer(Results.Failed);
        await hall.RunAsync();
        var (submit, report) = (recorder.Only("submit"), recorder.Only("report"));
        Assert.Equal(submit.SpanId, report.ParentSpanId);
        Assert.Equal("failed", report.GetTagItem("postern.report"));
        var attempts = recorder.Spans.Where(span => span.OperationName == "attempt").ToList();
        Assert.Equal([submit.SpanId, report.SpanId], attempts.Select(span => span.ParentSpanId));
        Assert.All(recorder.Spans, span => Assert.Equal(submit.TraceId, span.TraceId));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Addresses_StandInSpansWhereTheyAreWanted_AndSubjectsNever(bool showsAddresses)
    {
        await ReopenAsync(showsAddresses);
        await SendAsync();
        hall.Relay.Answer(new AttemptResult.Deferred(
            new(4, 2, 1), "450 4.2.1 <bob@example.net>: mailbox of BOB is \u001b[31m full", Blame.Recipient));
        await hall.RunAsync();
        await hall.Queue.TellAsync(Told(EventKind.Failed, "e1"));
        var words = string.Join('\n', recorder.Spans.SelectMany(span => span.TagObjects
            .Select(tag => tag.Value is string[] many ? string.Join(' ', many) : $"{tag.Value}")
            .Append(span.StatusDescription)));
        Assert.Equal(3, recorder.Spans.Count);
        foreach (var secret in (string[])["bob", "a@example.org", "192.0.2.1", "<1@example.org>"])
            Assert.Equal(showsAddresses, words.Contains(secret, StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("a secret", words, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', words);
        if (!showsAddresses)
            Assert.Equal(
                "450 4.2.1 [address] mailbox of [address] is ?[31m full",
                recorder.Only("attempt").StatusDescription);
    }

    [Fact]
    public async Task SpansAndAttributes_AreDocumented()
    {
        await ReopenAsync(showsAddresses: true);
        await SendAsync();
        hall.Relay.Answer(Results.Failed);
        await hall.RunAsync();
        await hall.Queue.TellAsync(Told(EventKind.Failed, "e1"));
        using var relay = new Activity("attempt");
        MailTraces.SetRelay(relay, "mx.example.net[192.0.2.2]:25");
        var names = recorder.Spans.Append(relay).SelectMany(
            span => span.TagObjects.Select(tag => tag.Key).Append(span.OperationName)).Distinct().ToList();
        var document = File.ReadAllText(Repository.PathOf("docs/operate/tracing.md"));
        Assert.InRange(names.Count, 25, 40);
        Assert.All(names, name => Assert.Contains($"`{name}`", document, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("mx.example.net[192.0.2.2]:25", "mx.example.net", 25, "192.0.2.2")]
    [InlineData("mx.example.net[2001:db8::1]:587", "mx.example.net", 587, "2001:db8::1")]
    [InlineData("api.mailgun.net:443", "api.mailgun.net", 443, null)]
    [InlineData("none", null, null, null)]
    [InlineData("script", null, null, null)]
    [InlineData("a:b", null, null, null)]
    public void Relay_IsAServersAddress(string relay, string? host, int? port, string? peer)
    {
        using var span = new Activity("attempt");
        MailTraces.SetRelay(span, relay);
        Assert.Equal(host, span.GetTagItem("server.address"));
        Assert.Equal(port, span.GetTagItem("server.port"));
        Assert.Equal(peer, span.GetTagItem("network.peer.address"));
    }
}
