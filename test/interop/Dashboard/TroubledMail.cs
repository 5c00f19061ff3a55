using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Postern.Interop.Dashboard;

/// <summary>A message in trouble, and its page in front of two readers, one English and one Korean.</summary>
sealed class TroubledMail : IAsyncDisposable
{
    /// <summary>A badge that does not come within this time does not come by itself.</summary>
    const float PatienceMs = 30_000;

    readonly TroubleHouse house;
    readonly string id;
    readonly Tab english;
    readonly Tab korean;

    TroubledMail(TroubleHouse house, string id, Tab english, Tab korean) =>
        (this.house, this.id, this.english, this.korean) = (house, id, english, korean);

    public static async Task<TroubledMail> SendAsync(
        TroubleHouse house, string way, string listener = "submission")
    {
        var id = await house.SendAsync(way, listener);
        var mail = new TroubledMail(
            house, id, await house.OpenAsync("en-US"), await house.OpenAsync("ko-KR"));
        await mail.TurnBackAsync();
        return mail;
    }

    /// <summary>The pages come to show it by themselves, and then both say what the command says.</summary>
    public async Task<Told> IsNamedAsync(Named named)
    {
        await ComesAsync(english, named.Tone, named.English);
        await ComesAsync(korean, named.Tone, named.Korean);
        Told? command = null, left = null, right = null;
        // The text has a time in it that moves, so that the three may be of different moments.
        await Eventually.TrueAsync(
            async () =>
            {
                await TurnBackAsync();
                (left, right) = (await ReadAsync(english), await ReadAsync(korean));
                command = await AskAsync();
                return left == right && left == command with { Cause = left.Cause }
                    && command.Cause == named.Command;
            },
            "the command and both pages say the same",
            evidence: () => $"command: {command}\nEnglish: {left}\nKorean: {right}\n{house.Postern.Said}");
        await Expect(BadgeOf(english, named.Tone)).ToHaveTextAsync(named.English);
        await Expect(BadgeOf(korean, named.Tone)).ToHaveTextAsync(named.Korean);
        return command!;
    }

    /// <summary>The overview and the pages of transports tell of it with the same mend.</summary>
    public async Task HasAlarmAsync(string transport, Told told)
    {
        Assert.NotNull(told.Mend);
        Assert.True(await house.Postern.HasAlarmAsync(told.AlarmKind));
        await english.GoAsync("/");
        await Expect(AlarmOf(english, transport).Locator(".mend")).ToHaveTextAsync(told.Mend);
        await korean.GoAsync("/transports");
        var sheet = korean.Page.Locator("#transports > section").Filter(new() { HasText = transport });
        await Expect(sheet.Locator(".notice.bad .mend")).ToHaveTextAsync(told.Mend);
        await sheet.GetByRole(AriaRole.Link, new() { Name = transport, Exact = true }).ClickAsync();
        await Expect(korean.Page.Locator("#transport .notice.bad .mend")).ToHaveTextAsync(told.Mend);
        await TurnBackAsync();
    }

    public async Task HasNoAlarmAsync(string transport, Told told)
    {
        await english.GoAsync("/");
        await Eventually.TrueAsync(
            async () => !await house.Postern.HasAlarmAsync(told.AlarmKind), "the alarm is cleared",
            evidence: () => house.Postern.Said);
        await Expect(AlarmOf(english, transport)).ToHaveCountAsync(0);
    }

    public Task PressAsync(string button) =>
        english.Page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();

    /// <summary>The words of a command that the page names as the mend, as an operator reads them.</summary>
    /// <param name="before">What stands before them.</param>
    public async Task<string[]> CommandOfMendAsync(string before)
    {
        var mend = (await ReadAsync(english)).Mend!;
        return mend[(mend.IndexOf(before, StringComparison.Ordinal) + before.Length)..].Split(' ');
    }

    /// <summary>From the list of dead letters, in a tab of its own.</summary>
    public async Task ReplayFromListAsync()
    {
        await using var tab = await house.OpenAsync("en-US");
        await tab.GoAsync("/inbound?view=dead-letters");
        await tab.Page.GetByRole(AriaRole.Row)
            .Filter(new() { Has = tab.Page.Locator($"a[href='/messages/{id}']") })
            .GetByRole(AriaRole.Button, new() { Name = "Replay" }).ClickAsync();
        await Expect(tab.Page.GetByRole(AriaRole.Status)).ToBeVisibleAsync();
        tab.AssertNoTrouble();
    }

    public async ValueTask DisposeAsync()
    {
        await english.DisposeAsync();
        await korean.DisposeAsync();
    }

    /// <summary>Nobody loads the pages anew: they come to it by themselves.</summary>
    public async Task IsRelayedAsync()
    {
        await ComesAsync(english, "good", "relayed");
        await ComesAsync(korean, "good", "전달됨");
        var command = await AskAsync();
        Assert.Equal("done", command.Cause);
        Assert.Contains(" took it at ", command.Text);
        Assert.Equal(command with { Cause = "" }, await ReadAsync(english));
        Assert.Equal(command with { Cause = "" }, await ReadAsync(korean));
        english.AssertNoTrouble();
        korean.AssertNoTrouble();
    }

    async Task ComesAsync(Tab tab, string tone, string badge)
    {
        try
        {
            await Expect(BadgeOf(tab, tone)).ToHaveTextAsync(badge, new() { Timeout = PatienceMs });
        }
        catch (PlaywrightException e)
        {
            Assert.Fail($"{e.Message}\n{await AskAsync()}\n{house.Postern.Said}");
        }
    }

    async Task TurnBackAsync()
    {
        await english.GoAsync($"/messages/{id}");
        await korean.GoAsync($"/messages/{id}");
    }

    static ILocator FateOf(Tab tab) => tab.Page.Locator("#fates .fate").Last;

    /// <summary>Of the fate and the cause the latter, which stands behind it.</summary>
    static ILocator BadgeOf(Tab tab, string tone) => FateOf(tab).Locator($".badge.{tone}").Last;

    static ILocator AlarmOf(Tab tab, string transport) =>
        tab.Page.Locator("#alarms .notice.bad").Filter(new() { HasText = transport });

    static async Task<Told> ReadAsync(Tab tab)
    {
        var fate = FateOf(tab);
        var mends = await fate.Locator(".mend").AllTextContentsAsync();
        return new Told(
            "", (await fate.Locator(".why").TextContentAsync())!, mends is [var mend, ..] ? mend : null);
    }

    /// <summary>What an operator reads who types it; of several recipients the last.</summary>
    async Task<Told> AskAsync()
    {
        const string mend = "    mend: ";
        var run = (await house.Postern.CommandAsync("queue", "why", id)).Succeeded();
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var at = Array.FindLastIndex(lines, line => line.StartsWith(id, StringComparison.Ordinal));
        var colon = lines[at + 1].IndexOf(": ", StringComparison.Ordinal);
        return new Told(
            lines[at + 1][..colon].Trim(), lines[at + 1][(colon + 2)..],
            lines.ElementAtOrDefault(at + 2) is { } last && last.StartsWith(mend, StringComparison.Ordinal)
                ? last[mend.Length..] : null);
    }
}

/// <summary>How one cause is called: by the command, and on the badge in either language.</summary>
sealed record Named(string Command, string English, string Korean)
{
    public string Tone { get; init; } = "warn";
}

/// <summary>Why it waits, or how it ended.</summary>
/// <param name="Cause">The command's word. Empty: pages have a badge instead.</param>
/// <param name="Mend">Null: nothing is to be done.</param>
sealed record Told(string Cause, string Text, string? Mend)
{
    /// <summary>The text of an alarm begins <c>alarm KIND:</c>.</summary>
    public string AlarmKind => Text.Split(' ', ':')[1];
}
