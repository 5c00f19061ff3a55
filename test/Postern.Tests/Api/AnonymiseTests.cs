using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Postern.Api;
using Postern.Cli;
using Postern.Mta.Events;
using Postern.Mta.Queue;
using Postern.Mta.Store;

namespace Postern.Tests.Api;

/// <summary>Somebody asks to be forgotten, over the admin API.</summary>
public sealed class AnonymiseTests(RunningServer server) : IClassFixture<RunningServer>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    async Task<(HttpStatusCode Status, JsonNode Answer)> AskAsync(string json)
    {
        using var http = server.Socket("admin.sock");
        using var body = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync(
            new Uri("admin/v1/log/anonymise", UriKind.Relative), body, Cancel);
        return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!);
    }

    async Task TellAsync(string recipient)
    {
        var id = server.Agent.Queue.NextId();
        var change = new StoreChange();
        change.Events.Add(new MailEvent
        {
            Kind = EventKind.Accepted,
            At = id.At,
            Message = id,
            Recipient = 1,
            RecipientAddress = recipient,
            Sender = "shop@example.org",
            Subject = "For you",
        });
        await server.Agent.Store.CommitAsync(change);
    }

    async Task<IReadOnlyList<MailEvent>> EventsAsync()
    {
        var events = new List<MailEvent>();
        await foreach (var stored in new EventReader(server.Agent.Store).UpAsync(0, Cancel))
            events.Add(stored.Event);
        return events;
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"address":"nobody"}""")]
    [InlineData("""{"address":"a b@example.org"}""")]
    public async Task Order_WithoutAnAddress_IsRefused(string json) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await AskAsync(json)).Status);

    [Fact]
    public async Task Order_IsDone_AndNotedByThePseudonym()
    {
        await TellAsync("forget@whole.example");
        await TellAsync("other@whole.example");
        var (status, answer) = await AskAsync("""{"address":"Forget@whole.example"}""");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal((1, 1, false),
            ((int)answer["eventsChanged"]!, (int)answer["messages"]!, (bool)answer["dryRun"]!));
        Assert.Contains("until it is rotated", (string)answer["notes"]![0]!, StringComparison.Ordinal);
        var events = await EventsAsync();
        var name = (string)answer["pseudonym"]!;
        Assert.Single(events, fact => fact.RecipientAddress == name && fact.Subject is null);
        Assert.Single(events, fact => fact.RecipientAddress == "other@whole.example"
            && fact.Subject == "For you");
        Assert.DoesNotContain(events, fact => fact.ToString().Contains(
            "forget@whole", StringComparison.OrdinalIgnoreCase));
        var note = Assert.Single(events, fact => fact.Why?.Contains(name, StringComparison.Ordinal) == true);
        Assert.Equal(("POST log/anonymise " + name, 1), (note.Why, note.RecipientCount));
    }

    [Fact]
    public async Task DryRun_SaysWhatWouldBe_AndIsNotNoted()
    {
        await TellAsync("dry@run.example");
        var before = await EventsAsync();
        var (_, answer) = await AskAsync("""{"address":"dry@run.example","dryRun":true}""");
        Assert.Equal((1, true), ((int)answer["eventsChanged"]!, (bool)answer["dryRun"]!));
        Assert.Equal(before.Count, (await EventsAsync()).Count);
        Assert.Contains(await EventsAsync(), fact => fact.RecipientAddress == "dry@run.example");
    }

    [Fact]
    public void Answer_ForPeople_SaysWhatIsLeft()
    {
        Assert.True(Postern.Smtp.Mailbox.TryParse("a@example.org", out var address));
        var text = AnonymiseCommand.Describe(AnonymiseAnswer.Of(
            new AnonymiseRequest(address), new AnonymiseReport("anon-1@anonymised.invalid")
            {
                EventsLooked = 9,
                EventsChanged = 4,
                Messages = 2,
                LeftInQueue = 3,
                LeftDeadLetters = 5,
                Suppressions = 6,
            }));
        foreach (var part in (string[])["pseudonym anon-1@", "9 events were looked at, 4 of",
            "3 messages are in", "5 messages are dead letters", "6 entries of suppression lists",
            "log file holds old lines"])
            Assert.Contains(part, text, StringComparison.Ordinal);
    }
}
