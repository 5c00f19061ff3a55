using System.Buffers;
using System.Globalization;
using System.Text;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

/// <summary>A recipient that is a mailing list becomes its members in the commit of the message.</summary>
public sealed class MessageQueueListedTests : IAsyncLifetime
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static readonly PosternOptions Options = OptionsOf(
        Route("all") with { Accepts = MailDoors.Mx | MailDoors.Submission }) with
    {
        Domains = new Dictionary<string, DomainOptions> { ["mg.example.org"] = new() },
    };

    readonly MailHall hall = new(Options);
    readonly MailIntake intake;

    public MessageQueueListedTests() =>
        intake = new MailIntake(hall.Store, hall.Queue, new MemoryBudget(1 << 20), hall.Clock);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => hall.DisposeAsync();

    async ValueTask PutAsync(string list, ListAccess access, params string[] members)
    {
        await hall.Queue.PutObjectsAsync([
            hall.Queue.Lists.Table.Put(list, new StoredList(
                "", "", access, ReplyPreference.List, Start, members.Length)),
            .. members.Select(member => hall.Queue.Lists.Members.Put(
                MailingList.PrefixOf(list) + member.TrimEnd('!'),
                new ListMember("", !member.EndsWith('!'), null))),
        ]);
        await hall.Queue.Lists.ReloadAsync([list], Cancel);
    }

    async ValueTask<Reply> SendAsync(string content, params string[] recipients)
    {
        await using var sink = intake.OpenSink();
        await sink.WriteAsync(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(content)), Cancel);
        var request = new IntakeRequest(
            MailDoors.Submission, "mx.example.org", new ReversePath(Mailbox("poster@example.com")),
            MailParameters.None, new ClientFacts(), Mail(hall.Letter(), recipients).Recipients,
            CheckAuthors: null);
        return await intake.AcceptAsync(request, sink, Cancel);
    }

    /// <summary>Who got it, and from which list.</summary>
    async ValueTask<string[]> ReachedAsync(string content, params string[] recipients)
    {
        Assert.Equal(250, (await SendAsync(content, recipients)).Code);
        await hall.RunAsync();
        return [.. hall.Relay.Attempts.SelectMany((attempt, place) => attempt.Recipients.Select(row =>
            $"{row.Address}{ListIn(hall.Relay.Contents[place])}")).Order(StringComparer.Ordinal)];
    }

    static string ListIn(string content)
    {
        const string field = "List-Id: <";
        var at = content.IndexOf(field, StringComparison.Ordinal);
        return at < 0 ? "" : " " + content[(at + field.Length)..].Split('.')[0];
    }

    const string Plain = "Subject: x\r\n\r\nbody\r\n";

    [Fact]
    public async Task Members_AndOthers_GetTheMail_EachWithItsOwnFields()
    {
        await PutAsync(
            "l@mg.example.org", ListAccess.Everyone, "a@x.example", "b@x.example", "off@x.example!");
        Assert.Equal(
            ["a@x.example", "a@x.example l", "b@x.example l", "c@x.example"],
            await ReachedAsync(Plain, "L@mg.example.org", "a@x.example", "c@x.example"));
        Assert.Equal(
            [EventKind.Accepted, EventKind.Expanded, EventKind.Routed, EventKind.Routed], hall.Kinds.Take(4));
        var parent = hall.Store.Recipients.Single(row => row.Number == 1);
        Assert.Equal(
            (RecipientState.Done, RecipientOutcome.Expanded), (parent.State, parent.Outcome));
        Assert.Equal(2, hall.Store.Recipients.Count(row => row is { Parent: 1, List: 1 }));
    }

    [Fact]
    public async Task Alias_MayLeadToAList()
    {
        await PutAsync("l@mg.example.org", ListAccess.Readonly, "a@x.example");
        Assert.Equal(
            ["a@x.example l", "c@x.example"],
            await ReachedAsync(Plain, "team@example.com=l@mg.example.org,c@x.example"));
    }

    [Fact]
    public async Task ListsInLists_GoThreeDeep_AndEachMemberGetsOneMail()
    {
        await PutAsync("l1@mg.example.org", ListAccess.Everyone,
            "a@x.example", "l1@mg.example.org", "l2@mg.example.org");
        await PutAsync("l2@mg.example.org", ListAccess.Everyone,
            "a@x.example", "b@x.example", "l3@mg.example.org");
        await PutAsync("l3@mg.example.org", ListAccess.Everyone,
            "c@x.example", "l1@mg.example.org", "l4@mg.example.org");
        await PutAsync("l4@mg.example.org", ListAccess.Everyone, "d@x.example");
        Assert.Equal(
            ["a@x.example l1", "b@x.example l2", "c@x.example l3"],
            await ReachedAsync(Plain, "l1@mg.example.org"));
        var failed = Assert.Single(hall.Events(EventKind.Failed));
        Assert.Equal(
            ("l4@mg.example.org", "5.4.6", "the list l4@mg.example.org lies more than 3 deep in other lists"),
            (failed.RecipientAddress, failed.Status, failed.Reply));
    }

    [Theory]
    [InlineData("List-Id: <l.mg.example.org>")]
    [InlineData("list-id: \"The List\" <L.MG.example.org>")]
    [InlineData("List-Id: l.mg.example.org")]
    public async Task MailThatHasBeenThere_EndsWithoutAReport(string field)
    {
        await PutAsync("l@mg.example.org", ListAccess.Everyone, "a@x.example");
        Assert.Equal(250, (await SendAsync($"{field}\r\n{Plain}", "l@mg.example.org")).Code);
        await hall.RunAsync();
        Assert.Equal([EventKind.Accepted, EventKind.Failed], hall.Kinds);
        Assert.Equal(("5.4.6", EventSeverity.Permanent), (
            hall.Store.Events[1].Status, hall.Store.Events[1].Severity));
        Assert.Equal(RecipientOutcome.Failed, hall.Only.Outcome);
    }

    [Fact]
    public async Task MailOfAnotherList_KeepsTheContent_ButForTheFieldsOfLists()
    {
        await PutAsync("l@mg.example.org", ListAccess.Everyone, "a@x.example");
        await SendAsync(
            "Reply-To: p@x\r\nList-Id: <o.other.example>\r\nFrom: a@b.c\r\nPrecedence: bulk\r\n"
            + "List-Post: <mailto:o@other.example>\r\nMessage-ID: <1@x>\r\nDate: x\r\n"
            + "List-Unsubscribe: <https://u>\r\n\r\nbody\r\n", "l@mg.example.org");
        await hall.RunAsync();
        var content = Assert.Single(hall.Relay.Contents);
        Assert.StartsWith(
            "List-Id: <l.mg.example.org>\r\nList-Post: <mailto:l@mg.example.org>\r\nPrecedence: list\r\n"
            + "Reply-To: l@mg.example.org\r\nReceived: ", content, StringComparison.Ordinal);
        Assert.EndsWith(
            "+0000\r\nFrom: a@b.c\r\nMessage-ID: <1@x>\r\nDate: x\r\n"
            + "List-Unsubscribe: <https://u>\r\n\r\nbody\r\n", content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Readonly_ListHasNoPost_AndLeavesTheReplyToItsPoster()
    {
        await PutAsync("l@mg.example.org", ListAccess.Readonly, "a@x.example");
        await SendAsync("Reply-To: p@x\r\n" + Plain, "l@mg.example.org");
        await hall.RunAsync();
        var content = Assert.Single(hall.Relay.Contents);
        Assert.StartsWith(
            "List-Id: <l.mg.example.org>\r\nPrecedence: list\r\nReceived: ", content,
            StringComparison.Ordinal);
        Assert.Contains("\r\nReply-To: p@x\r\n", content, StringComparison.Ordinal);
        Assert.Equal("poster@example.com", hall.Relay.Attempts[0].Sender.Mailbox?.ToString());
    }

    [Theory]
    [InlineData(ListAccess.Everyone, 0)]
    [InlineData(ListAccess.Readonly, 1)]
    public async Task MemberThatFails_IsReportedWhereThePosterAlonePosts(ListAccess access, int reports)
    {
        await PutAsync("l@mg.example.org", access, "a@x.example");
        hall.Queue.ReturnPaths = new ReturnPaths(new byte[32]);
        hall.Relay.Otherwise = new AttemptResult.Failed(new EnhancedStatus(5, 2, 2), "552 full");
        await SendAsync(Plain, "l@mg.example.org");
        await hall.RunAsync();
        Assert.Equal(reports, hall.Events(EventKind.BouncedToSender).Count());
        var sender = hall.Relay.Attempts[0].Sender.Mailbox!.ToString();
        Assert.Equal(access == ListAccess.Readonly, sender == "poster@example.com");
        // What belongs to the list's domain is told to it.
        var failed = hall.Events(EventKind.Failed).First();
        Assert.Equal(("mg.example.org", "l@mg.example.org"), (failed.Options!.Domain, failed.Options.List));
    }

    [Fact]
    public async Task WithoutAKeyOfReturnPaths_MembersGetTheNullSender()
    {
        await PutAsync("l@mg.example.org", ListAccess.Everyone, "a@x.example");
        await SendAsync(Plain, "l@mg.example.org");
        await hall.RunAsync();
        Assert.True(Assert.Single(hall.Relay.Attempts).Sender.IsNull);
    }

    [Fact]
    public async Task ListOfADomainThatIsGone_IsAnAddressAsAnyOther()
    {
        await PutAsync("l@gone.example.org", ListAccess.Everyone, "a@x.example");
        Assert.Equal(["l@gone.example.org"], await ReachedAsync(Plain, "l@gone.example.org"));
    }

    static string[] Many(int first, int count) => [.. Enumerable.Range(first, count).Select(
        number => string.Create(CultureInfo.InvariantCulture, $"m{number:D5}@x.example"))];

    [Fact]
    public async Task LargestList_IsOneCommit_OfItsMembersRowsAndEvents()
    {
        await PutAsync("l@mg.example.org", ListAccess.Everyone, Many(0, MailingList.MembersMax));
        var before = hall.Commits;
        Assert.Equal(250, (await SendAsync(Plain, "l@mg.example.org")).Code);
        Assert.Equal(1, hall.Commits - before);
        Assert.Equal(MailingList.MembersMax + 1, hall.Store.Recipients.Count);
        Assert.Equal(MailingList.MembersMax + 2, hall.Store.Events.Count);
        // No more goes at once than a thousand recipients of an envelope would.
        Assert.Equal(1000, hall.Store.Recipients.Count(row => row.State == RecipientState.Active));
        await hall.RunAsync();
        Assert.All(hall.Store.Recipients, row => Assert.Equal(RecipientState.Done, row.State));
        Assert.Equal(MailingList.MembersMax, hall.Relay.Attempts.Sum(attempt => attempt.Recipients.Count));
    }

    [Fact]
    public async Task MoreMembersThanOneCommitTakes_AreRefused()
    {
        await PutAsync("l1@mg.example.org", ListAccess.Everyone, Many(0, 6000));
        await PutAsync("l2@mg.example.org", ListAccess.Everyone, Many(5000, 5000));
        Assert.Equal(
            "550 5.2.4 Its mailing lists have over 10000 members together; send to them one by one",
            (await SendAsync(Plain, "l1@mg.example.org", "l2@mg.example.org")).ToString());
        Assert.Empty(hall.Store.Recipients);
        Assert.Equal(250, (await SendAsync(Plain, "l2@mg.example.org")).Code);
    }
}
