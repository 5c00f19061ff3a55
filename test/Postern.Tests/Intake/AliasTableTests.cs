using Postern.Mta;
using Postern.Mta.Configuration;
using Postern.Mta.Intake;
using Postern.Smtp;
using Postern.Tests.Configuration;

namespace Postern.Tests.Intake;

public sealed class AliasTableTests
{
    static AliasTable TableOf(string file, string origin = "example.org")
    {
        using var directory = new TemporaryDirectory();
        var errors = new List<ConfigurationError>();
        var table = AliasTable.Load(OptionsOf(directory.Write("virtual", file), origin), errors);
        Assert.Empty(errors);
        return table;
    }

    static PosternOptions OptionsOf(string path, string origin = "example.org") => new()
    {
        Hostname = "mx.example.org",
        Submission = new SubmissionOptions { Origin = origin },
        Aliases = new AliasOptions { Files = [path] },
    };

    static string Expand(AliasTable table, string address)
    {
        Assert.True(Mailbox.TryParse(address, out var mailbox));
        return table.Expand(mailbox) switch
        {
            AliasExpansion.Unchanged => "-",
            AliasExpansion.To to => string.Join(' ', to.Targets),
            AliasExpansion.TooMuch => "too much",
            var other => throw new InvalidOperationException(other.ToString()),
        };
    }

    [Theory]
    [InlineData("a+b@x.org", "1@t")]
    [InlineData("a+c@x.org", "2+c@t")]
    [InlineData("a@x.org", "2@t")]
    [InlineData("A@X.ORG", "2@t")]
    [InlineData("other@x.org", "5@t")]
    [InlineData("a+b@example.org", "3@t")]
    [InlineData("a+c@example.org", "4+c@t")]
    [InlineData("a@mx.example.org", "4@t")]
    [InlineData("a@y.org", "-")]
    [InlineData("a", "4@t")]
    public void Keys_AreLookedUpInTheOrderOfVirtual(string address, string targets) => Assert.Equal(targets,
        Expand(TableOf("a+b@x.org 1@t\na@x.org 2@t\na+b 3@t\na 4@t\n@x.org 5@t\n"), address));

    [Fact]
    public void Domain_ToDomain_KeepsTheLocalPart() =>
        Assert.Equal("who+ever@new.org", Expand(TableOf("@old.org @new.org"), "who+ever@old.org"));

    [Fact]
    public void Lines_GoOnAndHaveComments() => Assert.Equal("a@t b@t c@example.org",
        Expand(TableOf("# first\nlist@x.org a@t,\n  # between\n\n\tb@t, c\n\n"), "list@x.org"));

    [Fact]
    public void Targets_AreExpandedAgainAndNoneTwice() => Assert.Equal("p@t q@t",
        Expand(TableOf("all one, two\none p@t\ntwo q@t, p@t, one\n"), "all@example.org"));

    [Fact]
    public void Alias_ToItselfAndAnother_KeepsBoth() => Assert.Equal("me@x.org copy@t",
        Expand(TableOf("me@x.org me@x.org, copy@t"), "me@x.org"));

    [Theory]
    [InlineData("a@x.org a@x.org", "-")]
    [InlineData("a@x.org b@x.org\nb@x.org a@x.org", "-")]
    [InlineData("a@x.org b@x.org, c@t\nb@x.org a@x.org", "a@x.org c@t")]
    public void Loops_EndAndLoseNothing(string file, string targets) =>
        Assert.Equal(targets, Expand(TableOf(file), "a@x.org"));

    [Fact]
    public void Chain_OfThousandLevels_IsTheLimit()
    {
        var chain = string.Concat(Enumerable.Range(0, 1002).Select(i => $"c{i}@x.org c{i + 1}@x.org\n"));
        Assert.Equal("too much", Expand(TableOf(chain), "c0@x.org"));
        Assert.Equal("c1002@x.org", Expand(TableOf(chain), "c2@x.org"));
    }

    [Fact]
    public void List_OfMoreThanThousand_IsTooMuch()
    {
        static string Members(int count) =>
            string.Join(',', Enumerable.Range(0, count).Select(i => $"m{i}@t"));
        Assert.Equal(1000, Expand(TableOf($"l@x.org {Members(1000)}"), "l@x.org").Split(' ').Length);
        Assert.Equal("too much", Expand(TableOf($"l@x.org {Members(1001)}"), "l@x.org"));
    }

    [Theory]
    [InlineData("x.org\tanything", "-")]
    [InlineData("a@x.org |cmd", null)]
    [InlineData("a@x.org", null)]
    [InlineData("a@x.org b@t\na@x.org c@t", null)]
    [InlineData(" a@x.org b@t", null)]
    [InlineData("a@@x b@t", null)]
    public void Mistakes_AreToldWithFileAndLine(string file, string? good)
    {
        using var directory = new TemporaryDirectory();
        var path = directory.Write("virtual", "# a comment\n" + file);
        var errors = new List<ConfigurationError>();
        AliasTable.Load(OptionsOf(path), errors);
        if (good is not null)
            Assert.Empty(errors);
        else
            Assert.Equal((path, 1 + file.Split('\n').Length), (Assert.Single(errors).File, errors[0].Line));
    }

    [Fact]
    public void Table_OfTheConfiguration_ComesBeforeTheFiles()
    {
        using var directory = new TemporaryDirectory();
        var options = OptionsOf(directory.Write("virtual", "root file@t\ncron cron@t\n"));
        options = options with
        {
            Aliases = options.Aliases with
            {
                Table = new Dictionary<string, IReadOnlyList<string>> { ["root"] = ["table@t"] },
            },
        };
        var table = AliasTable.Load(options, []);
        Assert.Equal("table@t", Expand(table, "root"));
        Assert.Equal("cron@t", Expand(table, "cron@localhost"));
    }
}
