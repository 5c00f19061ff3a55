using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Tests.Doubles;

namespace Postern.Tests.Inbound.Filters;

/// <summary>Filters side by side.</summary>
public sealed class MailFiltersTests
{
    static readonly FilterQuestion Mail = new(
        new QueueId(1), new ClientFacts { Address = "192.0.2.1" }, new ReversePath(null),
        [MailHall.Mailbox("b@in.example")]);

    static readonly InboundOptions Options = new()
    {
        Clamav = new ClamavOptions
        {
            Address = FilterAddress.TryParse("127.0.0.1:3310", out var address, out _) ? address : null,
        },
        Rspamd = new RspamdOptions { Url = "http://127.0.0.1:11333" },
    };

    readonly ScriptedClamd clamd = new();
    readonly ScriptedRspamd rspamd = new();
    readonly List<string> troubled = [];

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    void Note(string filter, string? trouble)
    {
        if (trouble is not null)
            lock (troubled)
                troubled.Add(filter);
    }

    [Fact]
    public async Task Filters_AreAskedAtTheSameTime()
    {
        var (clamdAsked, rspamdAsked) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var handler = rspamd.MakeHandler();
        var connect = handler.ConnectCallback!;
        handler.ConnectCallback = async (context, cancel) =>
        {
            rspamdAsked.TrySetResult();
            await clamdAsked.Task.WaitAsync(cancel);
            return await connect(context, cancel);
        };
        using var filters = new MailFilters(
            async (to, cancel) =>
            {
                clamdAsked.TrySetResult();
                await rspamdAsked.Task.WaitAsync(cancel);
                return await clamd.ConnectAsync(to, cancel);
            },
            handler, Note, new FakeTimeProvider());
        using var content = new PooledContent();
        content.Append("Subject: x\r\n\r\n"u8);
        // Each waits until the other is asked.
        var answers = await filters.AskAsync(Options, Mail, content, Cancel)
            .WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Cancel);
        Assert.Equal((SpamResult.Ham, VirusResult.Clean), (answers.Spam!.Result, answers.Virus!.Result));
        Assert.Empty(troubled);
    }

    [Theory]
    [InlineData(true, false, "clamav")]
    [InlineData(false, true, "rspamd")]
    [InlineData(true, true, "clamav rspamd")]
    public async Task Filter_ThatIsDown_TakesNothingFromTheOther(
        bool isClamdDown, bool isRspamdDown, string expected)
    {
        (clamd.IsDown, rspamd.IsDown) = (isClamdDown, isRspamdDown);
        using var filters = new MailFilters(
            clamd.ConnectAsync, rspamd.MakeHandler(), Note, new FakeTimeProvider());
        using var content = new PooledContent();
        content.Append("Subject: x\r\n\r\n"u8);
        var answers = await filters.AskAsync(Options, Mail, content, Cancel);
        Assert.Equal(
            (isClamdDown ? VirusResult.Error : VirusResult.Clean,
                isRspamdDown ? SpamResult.Error : SpamResult.Ham),
            (answers.Virus!.Result, answers.Spam!.Result));
        Assert.Equal(expected, string.Join(' ', troubled.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task Filter_ThatIsNotConfigured_IsNotAsked()
    {
        using var filters = new MailFilters(
            clamd.ConnectAsync, rspamd.MakeHandler(), Note, new FakeTimeProvider());
        using var content = new PooledContent();
        Assert.Equal(
            FilterAnswers.None, await filters.AskAsync(new InboundOptions(), Mail, content, Cancel));
        Assert.Empty(clamd.Commands);
        Assert.Equal("", rspamd.RequestLine);
        Assert.False(MailFilters.IsAny(new InboundOptions()));
        Assert.Equal(
            ["clamav", "rspamd", "milter opendkim"],
            MailFilters.NamesOf(Options with { Milters = [new MilterOptions { Name = "opendkim" }] }));
    }
}
