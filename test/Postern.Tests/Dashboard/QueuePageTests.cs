using System.Net;
using System.Text.RegularExpressions;
using Postern.Dashboard;
using Postern.Dashboard.Pages;
using Postern.Mta.Accounts;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;
using static Postern.Tests.Mta.Store.Sample;

namespace Postern.Tests.Dashboard;

public sealed class QueuePageTests : IAsyncLifetime
{
    PageHouse house = null!;

    /// <summary>Sixty held messages, and a deferred one with five recipients.</summary>
    public async ValueTask InitializeAsync()
    {
        var store = new MemoryStore();
        for (var id = 1; id <= 60; id++)
            await store.CommitAsync(Accept(
                Message(id), Recipient(id, state: RecipientState.Held) with { LastText = "<b>no</b>" }));
        await store.CommitAsync(Accept(
            Message(100, ""), [.. Enumerable.Range(1, 5).Select(
                number => Recipient(100, number, RecipientState.Deferred, dueSeconds: 3600) with
                {
                    Attempts = number,
                    LastText = "4.2.1 later",
                })]));
        house = await PageHouse.OpenAsync(
            MailHall.OptionsOf(MailHall.Route("all", via: ["relay"])), store: store);
    }

    public ValueTask DisposeAsync() => house.DisposeAsync();

    static string IdOf(long id) => new QueueId(id).ToString();

    async Task<string> HtmlAsync(string address, OperatorRole role = OperatorRole.Operator) =>
        (await house.ShowAsync<QueuePage>(address, role: role)).Html;

    [Fact]
    public async Task List_IsNewestFirst_FiftyOnAPage_AndGoesOnByKey()
    {
        var first = await HtmlAsync("/queue");
        Assert.Contains(IdOf(100), first, StringComparison.Ordinal);
        Assert.Contains(IdOf(12), first, StringComparison.Ordinal);
        Assert.DoesNotContain(IdOf(11), first, StringComparison.Ordinal);
        Assert.Contains($"/queue?after={IdOf(12)}", first, StringComparison.Ordinal);
        var second = await HtmlAsync($"/queue?after={IdOf(12)}");
        Assert.Contains(IdOf(11), second, StringComparison.Ordinal);
        Assert.Contains(IdOf(1), second, StringComparison.Ordinal);
        Assert.DoesNotContain("rel=\"next\"", second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_OfAFilter_KeepsItInTheLinks()
    {
        var page = await HtmlAsync("/queue?state=held&sender=&order=oldest");
        Assert.Contains(IdOf(1), page, StringComparison.Ordinal);
        Assert.DoesNotContain(IdOf(100), page, StringComparison.Ordinal);
        Assert.Contains(
            $"/queue?state=held&amp;order=oldest&amp;after={IdOf(50)}", page, StringComparison.Ordinal);
        Assert.Contains("/queue/act?do=release&amp;state=held", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row_NamesThreeRecipients_AndCountsTheOthers()
    {
        var page = WebUtility.HtmlDecode(await HtmlAsync("/queue?sender=%3C%3E"));
        Assert.Contains("r1@example.com, r2@example.com, r3@example.com", page, StringComparison.Ordinal);
        Assert.DoesNotContain("r4@example.com", page, StringComparison.Ordinal);
        Assert.Contains(">+2<", page, StringComparison.Ordinal);
        Assert.Contains("4.2.1 later", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatAPeerSaid_IsText()
    {
        var page = await HtmlAsync("/queue");
        Assert.Contains("&lt;b&gt;no&lt;/b&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMistypedFilter_IsNotEverything()
    {
        var page = await HtmlAsync("/queue?sender=nobody");
        Assert.Contains("The filter cannot be read.", page, StringComparison.Ordinal);
        Assert.DoesNotContain(IdOf(100), page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_AreShownToThoseAloneWhoMayGiveThem()
    {
        Assert.Contains("do=cancel", await HtmlAsync("/queue"), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "do=cancel", await HtmlAsync("/queue", OperatorRole.Reader), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preview_CountsInWords_AndCallsTheAdminApiForTheSameFilter()
    {
        var (status, page) = await house.ShowAsync<QueueActPage>("/queue/act?do=cancel&state=held");
        Assert.Equal(200, status);
        Assert.Contains("60 recipients are concerned, messages: 60.", page, StringComparison.Ordinal);
        Assert.Contains("in state: held", page, StringComparison.Ordinal);
        Assert.Contains("value=\"POST queue/cancel?state=held&amp;", page, StringComparison.Ordinal);
        Assert.Contains(IdOf(20), page, StringComparison.Ordinal);
        Assert.DoesNotContain(IdOf(21), page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("state=held")]
    [InlineData("")]
    public async Task Command_OnAllThatFit_SparesWhatArrivesAfterItsPreview(string filter)
    {
        var (_, page) = await house.ShowAsync<QueueActPage>($"/queue/act?do=cancel&{filter}");
        var call = new Regex("value=\"POST queue/cancel[?]([^\"]*)\"").Match(page).Groups[1].Value;
        Assert.Contains(
            $"arrived-before={Uri.EscapeDataString("2026-01-02T03:04:05.0000001Z")}",
            WebUtility.HtmlDecode(call), StringComparison.Ordinal);
        Assert.Contains("arrived before 2026-01-02 03:04:05Z", page, StringComparison.Ordinal);
        Assert.DoesNotContain("all=true", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preview_OfMarkedOnes_NamesThem()
    {
        var (_, page) = await house.ShowAsync<QueueActPage>(
            $"/queue/act?picked=yes&do=release&id={IdOf(1)}&id={IdOf(2)}&id={IdOf(100)}");
        Assert.Contains("2 recipients are concerned, messages: 2.", page, StringComparison.Ordinal);
        Assert.Contains(
            $"value=\"POST queue/release?id={IdOf(1)}&amp;id={IdOf(2)}&amp;id={IdOf(100)}\"", page,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?do=hold&picked=yes")]
    [InlineData("?do=explode")]
    [InlineData("")]
    [InlineData("?do=hold&id=nonsense")]
    [InlineData("?do=hold&id=0000000000001&state=held")]
    public async Task Preview_OfNothing_OffersNothing(string query)
    {
        var (status, page) = await house.ShowAsync<QueueActPage>("/queue/act" + query);
        Assert.Equal(400, status);
        Assert.DoesNotContain("POST queue/", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("en", "retry time")]
    [InlineData("ko", "재시도 시각 대기")]
    public async Task Why_NamesItsCause_InTheReadersLanguage(string language, string cause)
    {
        var (status, page) = await house.ShowAsync<QueueWhyPage>(
            $"/queue/{IdOf(100)}/why", language: language, id: IdOf(100));
        Assert.Equal(200, status);
        Assert.Contains(cause, WebUtility.HtmlDecode(page), StringComparison.Ordinal);
        Assert.Contains($"POST queue/retry?id={IdOf(100)}", page, StringComparison.Ordinal);
        Assert.DoesNotContain("POST queue/cancel", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Why_OfAnUnknownMessage_IsNotFound() => Assert.Equal(
        404, (await house.ShowAsync<QueueWhyPage>("/queue/7/why", id: "7")).Status);

    [Fact]
    public void Ages_BeyondTheLargestLanes_AreOneRow()
    {
        var lanes = Enumerable.Range(10, 25).Select(
            number => new LaneTotal($"lane{number}", number, null, null)
            {
                Oldest = new QueueId(number),
                ByAge = [number, .. new int[9]],
            });
        var ages = QueueAges.Of([.. lanes], [1, 2, .. new int[8]]);
        Assert.Equal((20, "lane34"), (ages.Lanes.Count, ages.Lanes[0].Lane));
        Assert.Equal((60, 60), (ages.Others!.Total, ages.Others.ByAge[0]));
        Assert.Equal((550, 550), (ages.All.Total, ages.All.ByAge.Sum()));
        Assert.Equal((3, 2), (ages.Held.Total, ages.Held.ByAge[1]));
        Assert.Equal(0, QueueAges.Of([], []).All.Total);
    }
}
