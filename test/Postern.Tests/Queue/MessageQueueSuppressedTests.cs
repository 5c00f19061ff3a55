using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Doubles;

namespace Postern.Tests.Queue;

/// <summary>What the list keeps back, and what comes onto it with which commit.</summary>
public sealed class MessageQueueSuppressedTests
{
    const string Domain = "example.org";

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static PosternOptions Options => MailHall.OptionsOf(MailHall.Route("all", via: ["relay"]) with
    {
        Accepts = MailDoors.Mx | MailDoors.Submission | MailDoors.Api,
    }) with
    {
        Domains = new Dictionary<string, DomainOptions> { ["Example.ORG"] = new() },
        Listen = [new ListenOptions { Name = "outside", On = "127.0.0.1:0", For = ListenFor.Mx }],
    };

    static async Task<MailHall> HallAsync(params SuppressionKey[] keys)
    {
        var hall = new MailHall(Options);
        await AddAsync(hall, keys);
        return hall;
    }

    static async Task AddAsync(MailHall hall, params SuppressionKey[] keys)
    {
        foreach (var (domain, kind, address) in keys)
        {
            var entry = new Suppression
            {
                Since = MailHall.Start,
                Tags = kind == SuppressionKind.Unsubscribe ? ["news"] : null,
            };
            Assert.True(await hall.Queue.SuppressAsync(
                domain, kind, [new Named<Suppression>(address, entry)], Cancel));
        }
    }

    static SuppressionKey Bounce(string address, string domain = Domain) =>
        new(domain, SuppressionKind.Bounce, address);

    static async Task<string[]> NamesAsync(MailHall hall) => [.. (await hall.Store.ReadObjectsAsync(
        SuppressionList.ObjectKind, Cancel)).Select(stored => stored.Name)];

    [Theory]
    [InlineData(SuppressionKind.Bounce, "suppress-bounce", "Not delivering to previously bounced address")]
    [InlineData(
        SuppressionKind.Complaint, "suppress-complaint",
        "Not delivering to a user who marked your messages as spam")]
    public async Task Recipient_OnTheList_FailsWithoutAttemptAndReport(
        SuppressionKind kind, string why, string text)
    {
        await using var hall = await HallAsync(new SuppressionKey(Domain, kind, "a@example.net"));
        await hall.AcceptAsync("A@example.NET", "b@example.net");
        await hall.RunAsync();
        var failed = Assert.Single(hall.Events(EventKind.Failed));
        Assert.Equal(
            (why, text, EventSeverity.Permanent, "A@example.NET"),
            (failed.Why, failed.Reply, failed.Severity, failed.RecipientAddress));
        Assert.Equal(
            [RecipientOutcome.Failed, RecipientOutcome.Relayed],
            hall.Store.Recipients.Select(row => row.Outcome));
        Assert.Equal("b@example.net", Assert.Single(
            Assert.Single(hall.Relay.Attempts).Recipients).Address.ToString());
        Assert.DoesNotContain(EventKind.BouncedToSender, hall.Kinds);
        Assert.DoesNotContain(EventKind.DeadLettered, hall.Kinds);
    }

    [Theory]
    [InlineData("news", true)]
    [InlineData("NEWS", true)]
    [InlineData("receipt", false)]
    public async Task Unsubscription_FromATag_KeepsBackMailWithIt(string tag, bool isKept)
    {
        await using var hall = await HallAsync(
            new SuppressionKey(Domain, SuppressionKind.Unsubscribe, "a@example.net"));
        var letter = hall.Letter() with { Options = new MailOptions { Domain = Domain, Tags = [tag] } };
        await hall.AcceptAsync(letter, "a@example.net");
        await hall.RunAsync();
        Assert.Equal(isKept ? RecipientOutcome.Failed : RecipientOutcome.Relayed, hall.Only.Outcome);
        Assert.Equal(isKept ? "suppress-unsubscribe" : null,
            hall.Events(EventKind.Failed).SingleOrDefault()?.Why);
    }

    [Fact]
    public async Task Alias_ThatLeadsToAnAddressOnTheList_LosesThatOneAlone()
    {
        await using var hall = await HallAsync(Bounce("a@example.net"));
        await hall.AcceptAsync("list@example.net=a@example.net,b@example.net");
        await hall.RunAsync();
        Assert.Equal("a@example.net", Assert.Single(hall.Events(EventKind.Failed)).RecipientAddress);
        Assert.Equal("b@example.net", Assert.Single(
            Assert.Single(hall.Relay.Attempts).Recipients).Address.ToString());
    }

    [Theory]
    [InlineData("sender@example.org", MailDoors.Mx, Domain)]
    [InlineData("sender@example.org", MailDoors.Mx, "*")]
    [InlineData("sender@elsewhere.example", MailDoors.Submission, "*")]
    [InlineData("sender@example.org", MailDoors.Submission, "other.example")]
    [InlineData("", MailDoors.Submission, "*")]
    public async Task Mail_OfNoSendingDomainOfTheList_Leaves(string sender, MailDoors door, string domain)
    {
        await using var hall = await HallAsync(Bounce("a@example.net", domain));
        await hall.AcceptAsync(hall.Letter(sender, door), "a@example.net");
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
    }

    [Fact]
    public async Task Entry_OfEveryDomain_HoldsForAConfiguredOne()
    {
        await using var hall = await HallAsync(Bounce("a@example.net", "*"));
        await hall.AcceptAsync("a@example.net");
        Assert.Equal("suppress-bounce", Assert.Single(hall.Events(EventKind.Failed)).Why);
    }

    [Fact]
    public async Task Entry_ThatIsRemoved_HoldsNoMore_AndOneThatIsAddedAgainDoes()
    {
        await using var hall = await HallAsync(Bounce("a@example.net"));
        Assert.True(await hall.Queue.UnsuppressAsync(Bounce("a@example.net"), null, Cancel));
        Assert.False(await hall.Queue.UnsuppressAsync(Bounce("a@example.net"), null, Cancel));
        await hall.AcceptAsync("a@example.net");
        Assert.Empty(hall.Events(EventKind.Failed));
        await AddAsync(hall, Bounce("a@example.net"));
        await hall.AcceptAsync("a@example.net");
        Assert.Single(hall.Events(EventKind.Failed));
    }

    [Fact]
    public async Task List_OfAnEarlierProcess_HoldsInThisOne()
    {
        var hall = await HallAsync([.. Enumerable.Range(0, 2345).Select(i => Bounce($"r{i}@example.net"))]);
        await using var next = await hall.CrashAsync();
        await next.Queue.Suppressions.LoadAsync(next.Store, Cancel);
        await next.AcceptAsync("r2344@example.net", "r9999@example.net");
        Assert.Equal("r2344@example.net", Assert.Single(next.Events(EventKind.Failed)).RecipientAddress);
    }

    [Fact]
    public async Task Emptying_TakesAllOfOneListOfOneDomain()
    {
        await using var hall = await HallAsync(
            [
                .. Enumerable.Range(0, 1001).Select(i => Bounce($"r{i}@example.net")),
                Bounce("a@example.net", "other.example"),
                new SuppressionKey(Domain, SuppressionKind.Complaint, "a@example.net"),
            ]);
        await hall.Queue.UnsuppressAllAsync(Domain, SuppressionKind.Bounce, Cancel);
        Assert.Equal(
            ["example.org/complaints/a@example.net", "other.example/bounces/a@example.net"],
            await NamesAsync(hall));
        await hall.AcceptAsync("r7@example.net");
        Assert.Empty(hall.Events(EventKind.Failed));
    }

    static AttemptResult.Failed Gone() =>
        new(new EnhancedStatus(5, 1, 1), "host mx said: 550 5.1.1 gone (in reply to RCPT TO command)");

    [Fact]
    public async Task Failure_ThatSaysTheAddressIsGone_FeedsTheList()
    {
        await using var hall = await HallAsync();
        hall.Relay.Answer(Gone());
        var id = await hall.AcceptAsync("A@Example.NET");
        await hall.RunAsync();
        var stored = Assert.Single(await hall.Queue.Suppressions.Entries.ReadAsync(Cancel));
        Assert.Equal("example.org/bounces/a@example.net", stored.Name);
        Assert.Equal(
            new Suppression
            {
                Since = MailHall.Start,
                Code = "550",
                Error = "5.1.1 gone",
                Message = id.ToString(),
            },
            stored.Value);
        await hall.AcceptAsync("a@example.net");
        Assert.Equal("suppress-bounce", hall.Events(EventKind.Failed).Last().Why);
    }

    [Fact]
    public async Task Failure_ThatWasNotStored_FeedsNothing()
    {
        await using var hall = await HallAsync();
        hall.Relay.Answer(Gone());
        await hall.AcceptAsync("a@example.net");
        hall.Store.FailNext(StoreHealth.Failed);
        await hall.RunWorkersAsync();
        Assert.Single(hall.Relay.Attempts);
        Assert.Empty(hall.Events(EventKind.Failed));
        Assert.Empty(await NamesAsync(hall));
        Assert.True(hall.Queue.Suppressions.IsEmpty);
    }

    [Theory]
    [InlineData("sender@elsewhere.example", MailDoors.Submission)]
    [InlineData("sender@example.org", MailDoors.Mx)]
    public async Task Failure_OfOtherMail_FeedsNothing(string sender, MailDoors door)
    {
        await using var hall = await HallAsync();
        hall.Relay.Answer(Gone());
        await hall.AcceptAsync(hall.Letter(sender, door), "a@example.net");
        await hall.RunAsync();
        Assert.Single(hall.Events(EventKind.Failed));
        Assert.Empty(await NamesAsync(hall));
    }

    [Fact]
    public async Task Refusal_ThatSeveralRecipientsShare_FeedsNothing()
    {
        await using var hall = await HallAsync();
        hall.Relay.Answer(Gone());
        await hall.AcceptAsync("a@example.net", "b@example.net");
        await hall.RunAsync();
        Assert.Equal(2, hall.Events(EventKind.Failed).Count());
        Assert.Empty(await NamesAsync(hall));
    }

    [Theory]
    [InlineData("a@example.net", Domain)]
    [InlineData("example.net", Domain)]
    [InlineData("example.net", "*")]
    public async Task Allowlist_KeepsFailuresOffTheList(string allowed, string domain)
    {
        await using var hall = await HallAsync(new SuppressionKey(domain, SuppressionKind.Allow, allowed));
        hall.Relay.Answer(Gone());
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        Assert.Single(hall.Events(EventKind.Failed));
        Assert.Equal([$"{domain}/whitelists/{allowed}"], await NamesAsync(hall));
    }

    static Telling Told(EventKind kind, string recipient = "a@example.net") => new()
    {
        Transport = "relay",
        Kind = kind,
        Severity = kind == EventKind.Failed ? EventSeverity.Permanent : null,
        Recipient = recipient,
        MessageId = "1@example.org",
        Status = "5.1.1",
        Reply = "550 no such user",
        Facts = new RemoteFacts("webhook", $"{kind}", MailHall.Start, "bounce", null),
    };

    [Theory]
    [InlineData(EventKind.Failed, "example.org/bounces/a@example.net")]
    [InlineData(EventKind.Complained, "example.org/complaints/a@example.net")]
    [InlineData(EventKind.Unsubscribed, "example.org/unsubscribes/a@example.net")]
    public async Task Telling_OfAProvider_FeedsTheListInItsCommit(EventKind kind, string expected)
    {
        await using var hall = await HallAsync();
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        var before = hall.Commits;
        Assert.Equal(TellingOutcome.Appended, await hall.Queue.TellAsync(Told(kind)));
        Assert.Equal([expected], await NamesAsync(hall));
        Assert.Equal(1, hall.Commits - before);
        await hall.AcceptAsync("a@example.net");
        Assert.StartsWith("suppress-", hall.Events(EventKind.Failed).Last().Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Telling_OfAMessageFromOutside_FeedsNothing()
    {
        await using var hall = await HallAsync();
        var letter = hall.Letter(door: MailDoors.Mx) with
        {
            Client = new ClientFacts { Listener = "outside" },
        };
        await hall.AcceptAsync(letter, "a@example.net");
        await hall.RunAsync();
        await hall.Queue.TellAsync(Told(EventKind.Complained));
        Assert.Empty(await NamesAsync(hall));
    }

    [Fact]
    public async Task Telling_OfSomebodyTheMessageDidNotGoTo_FeedsNothing()
    {
        await using var hall = await HallAsync();
        await hall.AcceptAsync("a@example.net");
        await hall.RunAsync();
        Assert.Equal(TellingOutcome.Appended, await hall.Queue.TellAsync(
            Told(EventKind.Complained, "else@example.net")));
        Assert.Empty(await NamesAsync(hall));
    }
}
