using System.Text.Json.Nodes;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Postern.Interop.Dashboard;

/// <summary>What operators do on pages is done, in the store, and noted in their name.</summary>
public sealed partial class DashboardActsTests(DashboardStage stage) : IClassFixture<DashboardStage>
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    PosternProcess Postern => stage.Postern;

    /// <summary>Presses a button, and waits for the page that says that it was done.</summary>
    static async Task PressAsync(ILocator button, string said = "Done")
    {
        await button.ClickAsync();
        await Expect(button.Page.GetByRole(AriaRole.Status)).ToContainTextAsync(said);
    }

    static ILocator Button(Tab tab, string name) =>
        tab.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = name, Exact = true });

    static ILocator Link(Tab tab, string name) =>
        tab.Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = name, Exact = true });

    static ILocator Row(Tab tab, string text) =>
        tab.Page.GetByRole(AriaRole.Row).Filter(new LocatorFilterOptions { HasText = text });

    /// <summary>It is an event in somebody's name, and a row of the page.</summary>
    async Task NotedAsync(Tab tab, string who, string what)
    {
        await stage.AssertDoneAsync(who, what);
        await tab.GoAsync("/audit");
        var row = Row(tab, Uri.UnescapeDataString(what)).First;
        await Expect(row).ToContainTextAsync(who);
        await Expect(row).ToContainTextAsync("page");
        tab.AssertNoTrouble();
    }

    /// <summary>One that waits for its next try.</summary>
    async Task<string> DeferredAsync(string to, string? from = null)
    {
        var id = await stage.SubmitAsync(to, $"To {to}", from);
        await stage.StateAsync(id, "deferred");
        return id;
    }

    [Fact]
    public async Task SignIn_AndOut_OpensAndShutsThePages()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await Expect(tab.Page.Locator(".who")).ToContainTextAsync(DashboardStage.Operator);
        await Button(tab, "Sign out").ClickAsync();
        await tab.Page.WaitForURLAsync("**/login*");
        await tab.GoAsync("/queue");
        Assert.StartsWith("/login", new Uri(tab.Page.Url).PathAndQuery);
        tab.AssertNoTrouble();
    }

    [Fact]
    public async Task HoldAndRelease_OfAMessage_ChangeItsState()
    {
        var id = await DeferredAsync("busy.hold@customer.example");
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync($"/queue/{id}/why");
        await PressAsync(Button(tab, "Hold"));
        await stage.StateAsync(id, "held");
        await NotedAsync(tab, DashboardStage.Operator, $"POST queue/hold?id={id}");
        await tab.GoAsync($"/messages/{id}");
        await PressAsync(Button(tab, "Release"));
        await stage.EventAsync(id, "released");
        await stage.StateAsync(id, "deferred");
        await NotedAsync(tab, DashboardStage.Operator, $"POST queue/release?id={id}");
    }

    [Fact]
    public async Task TryNow_OfADeferredMessage_MakesTheNextAttempt()
    {
        var id = await DeferredAsync("busy.retry@customer.example");
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync($"/messages/{id}");
        await PressAsync(Button(tab, "Try now"));
        await AttemptedAsync(id, 2);
        await NotedAsync(tab, DashboardStage.Operator, $"POST queue/retry?id={id}");
    }

    Task AttemptedAsync(string id, int attempt) => Eventually.TrueAsync(
        async () => (await stage.EventsOfAsync(id)).Any(one => (int?)one!["postern"]?["attempt"] == attempt),
        $"{id} has attempt {attempt}", 15, () => Postern.Said);

    [Theory]
    [InlineData("cancel", "Cancel…", "Cancel these", "cancelled")]
    [InlineData("expire", "Expire…", "Expire these", "expired")]
    public async Task End_OfAMessage_AsksFirstAndThenEndsIt(
        string command, string link, string button, string happened)
    {
        var id = await DeferredAsync($"busy.{command}@customer.example");
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync($"/messages/{id}");
        await Link(tab, link).ClickAsync();
        await Expect(tab.Page.Locator("#count")).ToContainTextAsync("1 recipient is concerned.");
        Assert.Equal("deferred", await stage.StateOfAsync(id));
        await PressAsync(Button(tab, button));
        await stage.EventAsync(id, happened);
        Assert.NotEqual("deferred", await stage.StateOfAsync(id));
        await NotedAsync(tab, DashboardStage.Operator, $"POST queue/{command}?id={id}");
    }

    [Fact]
    public async Task HoldAndRelease_OfAllThatFit_LeaveOthersAlone()
    {
        const string from = "bulk@shop.example";
        string[] meant =
        [
            await DeferredAsync("busy.1@bulk.example", from),
            await DeferredAsync("busy.2@bulk.example", from),
        ];
        var other = await DeferredAsync("busy.3@bulk.example");
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await WithAllAsync(tab, from, "Hold");
        foreach (var id in meant)
            await stage.StateAsync(id, "held");
        Assert.Equal("deferred", await stage.StateOfAsync(other));
        await NotedAsync(tab, DashboardStage.Operator, "POST queue/hold?sender=bulk%40shop.example");
        await WithAllAsync(tab, from, "Release");
        foreach (var id in meant)
            await stage.EventAsync(id, "released");
        Assert.DoesNotContain(await stage.EventsOfAsync(other), one => (string?)one!["event"] == "released");
        await NotedAsync(tab, DashboardStage.Operator, "POST queue/release?sender=bulk%40shop.example");
    }

    static async Task WithAllAsync(Tab tab, string sender, string command)
    {
        await tab.GoAsync("/queue");
        await tab.Page.GetByLabel("From", new PageGetByLabelOptions { Exact = true }).FillAsync(sender);
        await Button(tab, "Show").ClickAsync();
        await tab.Page.GetByRole(AriaRole.Group, new() { Name = "With all that fit" })
            .GetByRole(AriaRole.Link, new() { Name = command }).ClickAsync();
        await Expect(tab.Page.Locator("#count")).ToHaveTextAsync("2 recipients are concerned, messages: 2.");
        await PressAsync(Button(tab, command + " these"), "Done: 2 changed.");
    }

    [Fact]
    public async Task Hold_OfMarkedRows_LeavesTheOthersAlone()
    {
        const string from = "picked@shop.example";
        var marked = await DeferredAsync("busy.1@picked.example", from);
        var left = await DeferredAsync("busy.2@picked.example", from);
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync("/queue?sender=" + from);
        await tab.Page.GetByLabel($"Mark {marked}").CheckAsync();
        await tab.Page.GetByRole(AriaRole.Group, new() { Name = "With the marked ones" })
            .GetByRole(AriaRole.Button, new() { Name = "Hold" }).ClickAsync();
        await PressAsync(Button(tab, "Hold these"), "Done: 1 changed.");
        await stage.StateAsync(marked, "held");
        Assert.Equal("deferred", await stage.StateOfAsync(left));
        await NotedAsync(tab, DashboardStage.Operator, $"POST queue/hold?id={marked}");
        await tab.GoAsync("/queue?sender=" + from);
        await tab.Page.GetByLabel("Mark all of this page").CheckAsync();
        await Expect(tab.Page.GetByLabel($"Mark {left}")).ToBeCheckedAsync();
        await Expect(tab.Page.GetByLabel($"Mark {marked}")).ToBeCheckedAsync();
    }

    [Fact]
    public async Task TryNow_OfATransport_TriesWhatWaitsForIt()
    {
        var id = await DeferredAsync("busy.lane@customer.example");
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync("/transports");
        await tab.Page.GetByRole(AriaRole.Heading)
            .GetByRole(AriaRole.Link, new() { Name = "relay" }).ClickAsync();
        await PressAsync(Button(tab, "Try now"));
        await AttemptedAsync(id, 2);
        await NotedAsync(tab, DashboardStage.Operator, "POST queue/retry?transport=relay");
    }

    [Theory]
    [InlineData("x@archive.example", "It goes by archive.", "archive")]
    [InlineData("x@elsewhere.example", "It goes by relay.", "everything")]
    public async Task Explain_OfARecipient_SaysWhatTheCommandSays(string to, string decision, string route)
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Reader);
        await tab.GoAsync("/routes");
        await tab.Page.Locator("input[name=from]").FillAsync("a@shop.example");
        await tab.Page.Locator("input[name=to]").FillAsync(to);
        await tab.Page.GetByLabel("Came through").SelectOptionAsync("submission");
        await Button(tab, "Explain").ClickAsync();
        await Expect(tab.Page.Locator("#decision")).ToContainTextAsync(decision);
        await Expect(tab.Page.Locator(".decides")).ToContainTextAsync(route);
        // A closed lane is probed meanwhile, and rests again: at some moment both are asked in the same one.
        await Eventually.TrueAsync(async () =>
        {
            var said = JsonNode.Parse((await Postern.CommandAsync(
                "route", "explain", "--from", "a@shop.example", "--to", to, "--json")).Succeeded().Output)!;
            Assert.Equal(route, (string?)said["route"]);
            await tab.Page.ReloadAsync();
            return (await tab.Page.Locator("#decision").InnerTextAsync()).Contains(
                (string)said["why"]!, StringComparison.Ordinal);
        }, "command and page say the same");
        tab.AssertNoTrouble();
    }

    [Fact]
    public async Task Release_FromQuarantine_LetsItIn()
    {
        var id = await stage.ReceiveAsync("good@offers.example", "freed@in.shop.example", "Not so bad");
        Assert.Equal("held", await stage.StateOfAsync(id));
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync("/inbound?view=quarantine");
        await PressAsync(
            Row(tab, "freed@in.shop.example").GetByRole(AriaRole.Button, new() { Name = "Release" }));
        await Eventually.TrueAsync(
            () => stage.Mailboxes.Deliveries.Any(one => one.Recipient == "freed@in.shop.example"),
            "the mailbox has it", evidence: () => Postern.Said);
        await NotedAsync(tab, DashboardStage.Operator, $"POST queue/release?id={id}");
    }

    [Fact]
    public async Task Cancel_FromQuarantine_KeepsItOut()
    {
        var id = await stage.ReceiveAsync("bad@offers.example", "spared@in.shop.example", "Cheap watches");
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync("/inbound?view=quarantine");
        await Row(tab, "spared@in.shop.example")
            .GetByRole(AriaRole.Link, new() { Name = "Cancel…" }).ClickAsync();
        await PressAsync(Button(tab, "Cancel these"));
        await stage.EventAsync(id, "cancelled");
        Assert.DoesNotContain(stage.Mailboxes.Deliveries, one => one.Recipient == "spared@in.shop.example");
        await NotedAsync(tab, DashboardStage.Operator, $"POST queue/cancel?id={id}");
    }

    [Fact]
    public async Task Replay_OfADeadLetter_DeliversIt()
    {
        const string to = "replayed@in.shop.example";
        var id = await stage.DeadLetterAsync("dora@partner.example", to);
        stage.Closed.Remove(to);
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync("/inbound?view=dead-letters");
        await PressAsync(Row(tab, to).GetByRole(AriaRole.Button, new() { Name = "Replay" }));
        await Eventually.TrueAsync(
            () => stage.Mailboxes.Deliveries.Any(one => one.Recipient == to), "the mailbox has it",
            evidence: () => Postern.Said);
        await NotedAsync(tab, DashboardStage.Operator, $"POST inbound/replay?id={id}");
    }

    [Fact]
    public async Task Replay_OfAllThatFit_LeavesOthersAlone()
    {
        string[] meant = ["eve@many.example", "fay@many.example"];
        foreach (var (i, from) in meant.Index())
            await stage.DeadLetterAsync(from, $"many{i}@in.shop.example");
        await stage.DeadLetterAsync("gil@partner.example", "many2@in.shop.example");
        stage.Closed.RemoveWhere(one => one.StartsWith("many", StringComparison.Ordinal));
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync("/inbound?view=dead-letters");
        await tab.Page.Locator("input[name=sender]").FillAsync("*@many.example");
        await Button(tab, "Show").ClickAsync();
        await Link(tab, "Replay all that fit…").ClickAsync();
        await Expect(tab.Page.Locator("main")).ToContainTextAsync("2 recipients will be tried again.");
        await PressAsync(Button(tab, "Replay"), "Done: 2 changed.");
        await Eventually.TrueAsync(
            () => stage.Mailboxes.Deliveries.Count(
                one => one.Recipient.StartsWith("many", StringComparison.Ordinal)) == 2,
            "both are delivered", evidence: () => Postern.Said);
        Assert.DoesNotContain(stage.Mailboxes.Deliveries, one => one.Recipient == "many2@in.shop.example");
        await NotedAsync(
            tab, DashboardStage.Operator, "POST inbound/replay?state=dead-letter&sender=*@many.example");
    }
}
