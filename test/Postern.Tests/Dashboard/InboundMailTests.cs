using Postern.Dashboard;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Dashboard;

public sealed class InboundMailTests : IAsyncDisposable
{
    static readonly CancellationToken None = CancellationToken.None;

    static readonly PosternOptions Options = new()
    {
        Listen = [new ListenOptions { Name = "door", For = ListenFor.Mx }],
        Inbound = new InboundOptions
        {
            Verdicts = [new VerdictOptions { Name = "soft list", Action = VerdictAction.Tag }],
        },
    };

    readonly MailHall hall = new();

    public ValueTask DisposeAsync() => hall.DisposeAsync();

    Task<InboundMailPage> ReadAsync(long? before = null) =>
        InboundMailPage.ReadAsync(hall.Store, Options, before, None);

    async Task<QueueId> CameAsync(
        string listener, string? checks = null, bool isHeld = false, params string[] recipients)
    {
        var id = hall.Queue.NextId();
        var change = new StoreChange();
        for (var number = 1; number <= recipients.Length; number++)
        {
            var fact = new MailEvent
            {
                Kind = EventKind.Accepted,
                At = hall.Clock.GetUtcNow(),
                Message = id,
                Recipient = number,
                RecipientAddress = recipients[number - 1],
                RecipientCount = recipients.Length,
                Sender = "ann@good.example",
                Client = new ClientFacts { Address = "192.0.2.1", Helo = "out", Listener = listener },
                Checks = checks,
            };
            change.Events.Add(fact);
            if (isHeld)
                change.Events.Add(fact with { Kind = EventKind.Held, Why = "verdict listed: ..." });
        }
        await hall.Store.CommitAsync(change);
        return id;
    }

    Task<QueueId> CameAsync(string listener, string? checks = null, bool isHeld = false) =>
        CameAsync(listener, checks, isHeld, "me@in.example");

    /// <summary>Each look at the store has a thousand places.</summary>
    [Fact]
    public async Task Page_BeforeAPlaceThatIsFarBeyondTheEnd_BeginsWithTheNewest()
    {
        var id = await CameAsync("door");
        Assert.Equal(id, Assert.Single((await ReadAsync(long.MaxValue)).Mails).Id);
    }

    [Theory]
    [InlineData("door", 1)]
    [InlineData("mx-25", 1)]
    [InlineData("deliver", 1)]
    [InlineData("submission-587", 0)]
    [InlineData("", 0)]
    public async Task Mail_IsShown_WhereOtherServersBringIt(string listener, int expected)
    {
        await CameAsync(listener);
        Assert.Equal(expected, (await ReadAsync()).Mails.Count);
    }

    [Theory]
    [InlineData(null, false, VerdictAction.Accept)]
    [InlineData("spf=pass", false, VerdictAction.Accept)]
    [InlineData("spf=fail rule=soft list", false, VerdictAction.Tag)]
    [InlineData("spf=fail rule=soft list", true, VerdictAction.Quarantine)]
    [InlineData("spf=fail rule=gone", false, null)]
    public async Task Verdict_IsThatOfTheRule(string? checks, bool isHeld, VerdictAction? expected)
    {
        await CameAsync("door", checks, isHeld);
        var mail = Assert.Single((await ReadAsync()).Mails);
        Assert.Equal(expected, mail.Verdict);
        Assert.DoesNotContain(mail.Checks, check => check.Name == "rule");
    }

    [Fact]
    public async Task Message_ToMany_IsOneRow()
    {
        await CameAsync(
            "door", null, isHeld: false, [.. Enumerable.Range(1, 9).Select(i => $"r{i}@in.example")]);
        var mail = Assert.Single((await ReadAsync()).Mails);
        Assert.Equal(["r1@in.example", "r2@in.example", "r3@in.example"], mail.Recipients);
        Assert.Equal(9, mail.RecipientCount);
    }

    [Fact]
    public async Task Pages_HaveEveryMessageOnce_NewestFirst()
    {
        var came = new List<QueueId>();
        for (var i = 0; i < 120; i++)
            came.Add(await CameAsync("door"));
        var seen = new List<QueueId>();
        long? before = null;
        do
        {
            var page = await ReadAsync(before);
            seen.AddRange(page.Mails.Select(mail => mail.Id));
            before = page.Next;
        }
        while (before is not null);
        came.Reverse();
        Assert.Equal(came, seen);
    }

    [Fact]
    public async Task Page_LooksAtABoundedStretch_AndSaysWhereToGoOn()
    {
        var first = await CameAsync("door");
        for (var i = 0; i < InboundMailPage.EventsMax; i++)
            await CameAsync("submission-587");
        var page = await ReadAsync();
        Assert.Empty(page.Mails);
        Assert.Equal(first, Assert.Single((await ReadAsync(page.Next)).Mails).Id);
    }

    [Theory]
    [InlineData("spf=pass", "good")]
    [InlineData("dmarc=fail", "bad")]
    [InlineData("spf=softfail", "warn")]
    [InlineData("dkim=none", "")]
    [InlineData("listed=zen.example", "bad")]
    public void Check_HasItsTone(string line, string tone) =>
        Assert.Equal(tone, Assert.Single(CheckFound.All(line)).Tone);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("nonsense without sign")]
    public void Checks_ThatSayNothing_AreNone(string? line) => Assert.Empty(CheckFound.All(line));
}
