using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Accounts;

public sealed class DomainDirectoryTests
{
    static readonly DateTimeOffset at = new(2026, 3, 26, 12, 59, 15, TimeSpan.Zero);

    static readonly PosternOptions options = new()
    {
        Domains = new Dictionary<string, DomainOptions>
        {
            ["File.example"] = new() { ApiKeys = [new Secret("env:X", "key-of-the-file")] },
            ["bücher.example"] = new(),
        },
    };

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static async Task<DomainDirectory> LoadAsync(params Func<IMailStore, ObjectChange>[] stored)
    {
        await using var store = new MemoryStore(new MemoryDisk());
        var change = new StoreChange();
        change.Objects.AddRange(stored.Select(one => one(store)));
        await store.CommitAsync(change);
        return await DomainDirectory.LoadAsync(options, store, Cancel);
    }

    static Func<IMailStore, ObjectChange> Domain(string name) =>
        store => DomainDirectory.TableOf(store).Put(name, new StoredDomain(at));

    [Fact]
    public async Task Domains_OfFileAndStore_AreInTheOrderOfTheirNames() => Assert.Equal(
        ["a.example", "File.example", "bücher.example"],
        (await LoadAsync(Domain("a.example"))).All.Select(domain => domain.Name));

    [Fact]
    public async Task Name_InBoth_IsTheFiles()
    {
        var directory = await LoadAsync(Domain("file.example"));
        Assert.True(directory.TryFind("file.example", out var found));
        Assert.IsType<DomainSource.File>(found.Source);
        Assert.Equal("File.example", found.Name);
    }

    [Theory]
    [InlineData("FILE.example", "File.example")]
    [InlineData("file.example.", "File.example")]
    [InlineData("xn--bcher-kva.example", "bücher.example")]
    [InlineData("BÜCHER.example", "bücher.example")]
    [InlineData("A.Example", "a.example")]
    public async Task Domain_IsFound_HoweverItIsSpelled(string asked, string name)
    {
        var directory = await LoadAsync(Domain("a.example"));
        Assert.True(directory.TryFind(asked, out var found));
        Assert.Equal(name, found.Name);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[192.0.2.1]")]
    [InlineData("a b.example")]
    [InlineData("-a.example")]
    [InlineData("a.example/b")]
    [InlineData("x@a.example")]
    [InlineData("a..example")]
    public void Name_ThatIsNone_IsNotRead(string text) =>
        Assert.False(DomainDirectory.TryReadName(text, out _));

    [Fact]
    public async Task Settings_OfADomainOfTheFile_ComeBackWhole()
    {
        var settings = new DomainSettings(
            "go", "http", RequireTls: true, SkipVerification: true, "s1", new OpenTracking(true, true),
            ClickTracking.HtmlOnly, new UnsubscribeTracking(true, "<a>", "b"),
            new DnsSeen([new("mx.example", 10)], ["v=spf1 -all"]));
        var directory = await LoadAsync(
            store => DomainDirectory.SettingsOf(store).Put("file.example", settings));
        Assert.True(directory.TryFind("file.example", out var found));
        var seen = found.Settings.Seen!;
        Assert.Equal([new("mx.example", 10)], seen.Mx!);
        Assert.Equal(["v=spf1 -all"], seen.Spf!);
        Assert.Equal(settings with { Seen = null }, found.Settings with { Seen = null });
    }

    [Fact]
    public async Task Settings_WrittenByAnEarlierVersion_HaveDefaultsForWhatIsNew()
    {
        var directory = await LoadAsync(_ => new ObjectChange(
            DomainDirectory.SettingsKind, "file.example", "{\"require-tls\":true}"u8.ToArray()));
        Assert.True(directory.TryFind("file.example", out var found));
        Assert.Equal(new DomainSettings(RequireTls: true), found.Settings);
        Assert.Equal("email", found.Settings.WebPrefix);
    }
}
