using System.Text;

namespace Postern.Interop.Dashboard;

/// <summary>The catalogue's cases of the dashboard, in a real browser against the real program.</summary>
public sealed partial class BrowserSecurityTests(BrowserHouse house)
    : IClassFixture<BrowserHouse>, IAsyncLifetime
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await house.OpenAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact] // UI-12
    public async Task Csv_OfHostileCells_HasNoFormula()
    {
        string[] starts =
            ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\",\n=1"];
        for (var i = 0; i < starts.Length; i++)
            (await house.Postern.CommandAsync(
                "suppression", "add", $"={i}@csv.test", "--domain", BrowserHouse.Domain, "--reason",
                starts[i])).Succeeded();
        (await house.Postern.CommandAsync(
            "suppression", "add", "+x@csv.test", "--tag", "=tag")).Succeeded();
        await using var tab = await house.OpenTabAsync();
        await tab.GoAsync("/suppressions");
        var download = await tab.Page.RunAndWaitForDownloadAsync(() => tab.Page.Locator(
            "a[href^='/suppressions.csv']").ClickAsync());
        Assert.Equal("suppressions.csv", download.SuggestedFilename);
        var rows = CellsOf(await File.ReadAllTextAsync(await download.PathAsync(), Cancel));
        Assert.True(rows.Count > starts.Length);
        Assert.All(rows, row => Assert.Equal(rows[0].Count, row.Count));
        Assert.All(rows.SelectMany(row => row), cell => Assert.DoesNotMatch("^[=+\\-@\t\r\n]", cell));
        Assert.Contains(rows, row => row.Any(cell => cell == "'=0@csv.test"));
        Assert.Contains(rows, row => row.Any(cell => cell == "'" + starts[0]));
        tab.AssertNoTrouble();
    }

    /// <summary>RFC 4180 §2, as a spreadsheet reads it.</summary>
    static List<List<string>> CellsOf(string csv)
    {
        var (rows, row) = (new List<List<string>>(), new List<string>());
        var (cell, isQuoted) = (new StringBuilder(), false);
        for (var i = 0; i < csv.Length; i++)
        {
            if (csv[i] == '"' && isQuoted && i + 1 < csv.Length && csv[i + 1] == '"')
                cell.Append(csv[++i]);
            else if (csv[i] == '"')
                isQuoted = !isQuoted;
            else if (!isQuoted && csv[i] is ',' or '\n')
            {
                row.Add(cell.ToString());
                cell.Clear();
                if (csv[i] != '\n')
                    continue;
                rows.Add(row);
                row = [];
            }
            else if (isQuoted || csv[i] != '\r')
                cell.Append(csv[i]);
        }
        return rows;
    }

    [Fact] // UI-14
    public async Task Name_InEitherFormOfHangul_IsShownOnceAndFoundByBoth()
    {
        const string name = "견적서 최종.pdf", subject = "한글제목";
        var apart = name.Normalize(NormalizationForm.FormD);
        var ids = new List<string>();
        foreach (var form in new[] { NormalizationForm.FormC, NormalizationForm.FormD })
            ids.Add(await house.SubmitAsync($"""
                From: "{"보내는이".Normalize(form)}" <a@sender.test>
                Subject: {subject.Normalize(form)}
                MIME-Version: 1.0
                Content-Type: multipart/mixed; boundary=b

                --b
                Content-Type: application/pdf
                Content-Disposition: attachment; filename*=utf-8''{Uri.EscapeDataString(name.Normalize(form))}

                x
                --b--

                """));
        await using var tab = await house.OpenTabAsync(options: new TabOptions { Language = "ko-KR" });
        foreach (var id in ids)
        {
            await tab.GoAsync($"/messages/{id}/content?view=attachments");
            var link = tab.Page.Locator("section.mail a[download]");
            Assert.Equal(name, await link.TextContentAsync());
            var download = await tab.Page.RunAndWaitForDownloadAsync(() => link.ClickAsync());
            Assert.Equal(name, download.SuggestedFilename);
        }
        Assert.NotEqual(name, apart);
        foreach (var form in new[] { NormalizationForm.FormC, NormalizationForm.FormD })
            await Eventually.TrueAsync(
                async () =>
                {
                    await tab.GoAsync("/messages?q=" + Uri.EscapeDataString(subject.Normalize(form)));
                    var links = await tab.Page.Locator("#found tbody a").AllAsync();
                    return links.Count == ids.Count;
                },
                $"both are found by {form}", evidence: () => house.Postern.Said);
        tab.AssertNoTrouble();
    }
}
