using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Postern.Interop.Dashboard;

/// <summary>Acts on suppressions, accounts, users and the configuration.</summary>
public sealed partial class DashboardActsTests
{
    async Task<string> ListAsync(params string[] command) =>
        (await Postern.CommandAsync(command)).Succeeded().Output;

    [Fact]
    public async Task Suppression_AddedAndRemoved_IsInTheListAndInTheFileMeanwhile()
    {
        const string address = "rest@customer.example";
        await using var tab = await stage.SignInAsync(DashboardStage.Operator);
        await tab.GoAsync("/suppressions");
        await tab.Page.Locator("input[name='body.address']").FillAsync(address);
        await tab.Page.Locator("input[name='body.domain']").FillAsync(DashboardStage.Domain);
        await tab.Page.Locator("select[name='body.kind']").SelectOptionAsync("complaint");
        await tab.Page.Locator("input[name='body.reason']").FillAsync("=wrote to the desk");
        await PressAsync(Button(tab, "Add"));
        Assert.Contains("\"complaint\"", await ListAsync("suppression", "list", address, "--json"));
        await stage.AssertDoneAsync(
            DashboardStage.Operator, $"POST suppressions {DashboardStage.Domain} complaint {address}");

        var file = await tab.Page.RunAndWaitForDownloadAsync(() => Link(tab, "Export as CSV").ClickAsync());
        Assert.Equal("suppressions.csv", file.SuggestedFilename);
        var line = Assert.Single(
            await File.ReadAllLinesAsync(await file.PathAsync(), Cancel),
            one => one.Contains(address, StringComparison.Ordinal));
        Assert.StartsWith($"{DashboardStage.Domain},complaint,{address},20", line);
        Assert.DoesNotContain(",=", line);

        await Row(tab, address).GetByRole(AriaRole.Link, new() { Name = "Remove…" }).ClickAsync();
        await PressAsync(Button(tab, "Remove it"));
        Assert.DoesNotContain(address, await ListAsync("suppression", "list", "--json"));
        await NotedAsync(
            tab, DashboardStage.Operator,
            $"DELETE suppressions?domain={DashboardStage.Domain}&kind=complaint&address={address}");
    }

    [Fact]
    public async Task Account_AddedAndRemoved_MayLogInMeanwhile()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Admin);
        await tab.GoAsync("/domains");
        await tab.Page.Locator("input[name='body.name']").FillAsync("printer");
        await tab.Page.Locator("input[name='body.password']").FillAsync("printer's own password");
        await tab.Page.Locator("input[name='body.rate']").FillAsync("600/min");
        await tab.Page.Locator("textarea[name='body.senders[]']")
            .FillAsync("*@print.example\nscan@shop.example");
        await PressAsync(Button(tab, "Add"));
        var list = await ListAsync("account", "list", "--json");
        Assert.Contains("\"printer\"", list);
        Assert.Contains("\"*@print.example\",\"scan@shop.example\"", list);
        Assert.Contains("600/min", list);
        await stage.AssertDoneAsync(DashboardStage.Admin, "POST accounts printer");

        await Row(tab, "printer").GetByRole(AriaRole.Link, new() { Name = "Remove…" }).ClickAsync();
        await PressAsync(Button(tab, "Remove it"));
        Assert.DoesNotContain("printer", await ListAsync("account", "list", "--json"));
        await NotedAsync(tab, DashboardStage.Admin, "DELETE accounts/printer");
    }

    [Fact]
    public async Task User_FromAddingToRemoval_SignsInAsThePagesSay()
    {
        const string first = "the first password", second = "the second password";
        await using var tab = await stage.SignInAsync(DashboardStage.Admin);
        await tab.GoAsync("/users");
        await tab.Page.Locator("input[name='body.name']").FillAsync("nina");
        await tab.Page.Locator("select[name='body.role']").SelectOptionAsync("reader");
        await tab.Page.Locator("input[name='body.password']").FillAsync(first);
        await PressAsync(Button(tab, "Add"));
        Assert.Matches("nina.*reader", await ListAsync("user", "list"));
        await stage.AssertDoneAsync(DashboardStage.Admin, "POST users nina reader");
        // Without script: a live page leaves by itself when its session ends, beside what is done here.
        var still = new TabOptions { HasScript = false };
        await using var hers = await stage.OpenAsync(still);
        await hers.SignInAsync("nina", first);

        await Row(tab, "nina").GetByRole(AriaRole.Link, new() { Name = "Manage" }).ClickAsync();
        await tab.Page.Locator("input[name='body.password']").FillAsync(second);
        await PressAsync(Button(tab, "Set it"));
        await NotedAsync(tab, DashboardStage.Admin, "POST users/nina/password");
        await hers.GoAsync("/queue");
        Assert.Contains("/login", hers.Page.Url);
        await hers.SignInAsync("nina", second);

        await tab.GoAsync("/users/nina");
        await tab.Page.Locator("select[name='body.role']").SelectOptionAsync("operator");
        await PressAsync(Button(tab, "Change it"));
        Assert.Matches("nina.*operator", await ListAsync("user", "list"));
        await NotedAsync(tab, DashboardStage.Admin, "POST users/nina/role operator");

        await tab.GoAsync("/users/nina");
        await PressAsync(Button(tab, "Make a link"));
        var link = await tab.Page.GetByRole(AriaRole.Status).Locator("code").InnerTextAsync();
        await using var byLink = await stage.OpenAsync(still);
        await byLink.SignInAsync(link);
        await Expect(byLink.Page.Locator(".who")).ToContainTextAsync("nina");

        await tab.GoAsync("/users/nina");
        await PressAsync(Button(tab, "Remove"));
        Assert.DoesNotContain("nina", await ListAsync("user", "list"));
        await NotedAsync(tab, DashboardStage.Admin, "DELETE users/nina");
        await byLink.GoAsync("/queue");
        Assert.Contains("/login", byLink.Page.Url);
    }

    [Fact]
    public async Task Reload_OfAChangedFile_AppliesIt()
    {
        await using var tab = await stage.SignInAsync(DashboardStage.Admin);
        Postern.Settings += """

            [transports.spare]
            kind = "smtp"
            host = "[127.0.0.1]:1"
            """;
        Postern.WriteConfiguration();
        await tab.GoAsync("/transports/spare", status: 404);
        await tab.GoAsync("/settings");
        await PressAsync(Button(tab, "Reload the configuration"));
        await tab.GoAsync("/transports/spare");
        await stage.AssertDoneAsync(DashboardStage.Admin, "POST reload");

        Postern.Settings += "\nnonsense = true\n";
        Postern.WriteConfiguration();
        await tab.GoAsync("/settings");
        await PressAsync(Button(tab, "Reload the configuration"), "nonsense");
        await Expect(tab.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("Not done.");
        Postern.Settings = Postern.Settings.Replace("\nnonsense = true\n", "", StringComparison.Ordinal);
        Postern.WriteConfiguration();
    }
}
