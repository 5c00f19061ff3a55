namespace Postern.Tests;

/// <summary>Each tidy rule against a bad sample and a good one: a rule that cannot fail is no rule.</summary>
public sealed class TidyRuleTests
{
    static string Method(string name, int lines, string? attribute = null)
    {
        var body = Enumerable.Repeat("        Do(\"}}\", '{', $\"{a[\"k\"]}\");\n", lines - 3);
        return $"{attribute}    void {name}()\n    {{\n{string.Concat(body)}    }}\n";
    }

    [Fact]
    public void LongLines_OneColumnTooMany_IsNamed()
    {
        Assert.Empty(Tidy.LongLines(new string('한', 110) + "\n"));
        Assert.Equal(["line 2 has 111 columns"], Tidy.LongLines("ok\n" + new string('x', 111)));
    }

    [Fact]
    public void LongFunctions_SixtyOneLines_IsNamed()
    {
        var source = new SourceText(
            "namespace A;\n\nsealed class B\n{\n" + Method("Fits", 60) + Method("Long", 61) + "}\n");
        Assert.Equal(["Long, line 65, has 61 lines"], Tidy.LongFunctions(source));
    }

    [Fact]
    public void LongFunctions_ArrowBodyOfSixtyOneLines_IsNamed()
    {
        var arms = string.Concat(Enumerable.Range(0, 58).Select(i => $"        {i} => \"{{\",\n"));
        var source = new SourceText(
            $"class B\n{{\n    string Name(int i) => i switch\n    {{\n{arms}    }};\n    int x;\n}}\n");
        Assert.Equal(["Name, line 3, has 61 lines"], Tidy.LongFunctions(source));
    }

    [Fact]
    public void LongFunctions_TableOrAttributes_AreNotCounted()
    {
        var rows = string.Concat(Enumerable.Repeat("        \"a\",\n", 90));
        var attributes = string.Concat(Enumerable.Repeat("    [InlineData(1)]\n", 90));
        var source = new SourceText(
            $"class B\n{{\n    static readonly string[] Table =\n    [\n{rows}    ];\n"
            + Method("Fits", 10, attributes) + "}\n");
        Assert.Equal(["Fits"], source.Functions.Select(function => function.Name));
        Assert.Empty(Tidy.LongFunctions(source));
    }

    [Theory]
    [InlineData("var a = \"// }\"; // }", "var a =       ;     ")]
    [InlineData("var a = @\"\\\"; {}", "var a =     ; {}")]
    [InlineData("var a = $\"{b(\"}\")}{{\"; {}", "var a =              ; {}")]
    [InlineData("var a = \"\"\"{\"}\"\"\"; {}", "var a =          ; {}")]
    [InlineData("var a = \"\"; var b = $\"\"; {\"\"}", "var a =   ; var b =    ; {  }")]
    [InlineData("var a = @\"\"\"{\"; {}", "var a =       ; {}")]
    [InlineData("var a = '\\''; /* { */ {}", "var a =     ;         {}")]
    [InlineData("#pragma don't\n{}", "             \n{}")]
    public void SourceText_LiteralsAndComments_AreBlanked(string text, string code) =>
        Assert.Equal(code, new SourceText(text).Code);

    [Fact]
    public void BannedTypeNames_AnyWordOfTheName_IsNamed()
    {
        var source = new SourceText(
            "public sealed class QueueManager;\nrecord struct Base64Text;\n// class UtilBox\n"
            + "enum Database { }\nstatic class UtilBox { }\ninterface IMailService { }\n");
        Assert.Equal(["QueueManager", "UtilBox", "IMailService"], Tidy.BannedTypeNames(source));
    }

    [Theory]
    [InlineData("Core", true)]
    [InlineData("Common", true)]
    [InlineData("Queue", false)]
    public void IsBannedFolder_NamesWithoutAnIdea_AreBanned(string name, bool banned) =>
        Assert.Equal(banned, Tidy.IsBannedFolder(name));

    [Fact]
    public void WrongArrows_UpwardUse_IsNamed()
    {
        var source = new SourceText(
            "using Postern.Mta.Queue;\nusing Postern.Smtp;\n// Postern.Cli\n"
            + "var a = Postern.Api.B;\nPosternOptions.C();\n");
        Assert.Equal(["Postern.Mta", "Postern.Api"], Tidy.WrongArrows(source, ["Postern.Smtp"]));
    }

    [Fact]
    public void ProjectFile_ReferencesAndPackages_AreSeen()
    {
        const string Project = "<ProjectReference Include=\"..\\Postern.Mta\\Postern.Mta.csproj\" />"
            + "<PackageReference Include=\"X\" />";
        Assert.Equal(["Postern.Mta"], Tidy.ProjectReferences(Project));
        Assert.True(Tidy.HasPackages(Project));
        Assert.False(Tidy.HasPackages("<Project />"));
    }

    [Theory]
    [InlineData("Mailbox.cs", "readonly record struct Mailbox(int A);", true)]
    [InlineData("Mailbox.Parse.cs", "readonly partial record struct Mailbox;", true)]
    [InlineData("Address.cs", "sealed class Mailbox;\nsealed class Address;", false)]
    [InlineData("Usings.cs", "global using Xunit;", true)]
    public void IsNamedAfterFirstType_OtherName_IsRefused(string file, string text, bool named) =>
        Assert.Equal(named, Tidy.IsNamedAfterFirstType(file, new SourceText(text)));

    [Fact]
    public void RelativeLinks_UrlsAnchorsAndCode_AreLeftOut() => Assert.Equal(
        ["docs/a.md", "b.md"],
        Tidy.RelativeLinks(
            "[a](docs/a.md#x) [b](<b.md>) [c](https://example.org) [d](#e) `[f](g.md)`\n"
            + "```\n[h](i.md)\n```\n"));

    [Fact]
    public void UnfinishedWords_WholeWordsOnly_AreNamed()
    {
        Assert.NotEmpty(Tidy.UnfinishedWords("// TO" + "DO: later"));
        Assert.NotEmpty(Tidy.UnfinishedWords("FIX" + "ME"));
        Assert.Empty(Tidy.UnfinishedWords("TO" + "DOS"));
    }

    [Theory]
    [InlineData("\"resolved\": \"https://mirror.example/a.tgz\"")]
    [InlineData("https://api.nuget.org/v3/index.json")]
    [InlineData("https://registry.npmjs.org/a")]
    public void RegistryHosts_InLockFile_AreNamed(string text) => Assert.NotEmpty(Tidy.RegistryHosts(text));

    [Fact]
    public void RegistryHosts_HashesAlone_AreFine() =>
        Assert.Empty(Tidy.RegistryHosts("\"integrity\": \"sha512-AAAA\""));

    [Fact]
    public void Citations_SeveralSectionsOfOneRfc_AreAllSeen() => Assert.Equal(
        [new(5321, "4.1.1.3"), new(5321, "4.5"), new(3463, "2"), new(8446, "B.4")],
        Tidy.Citations("// RFC 5321 §4.1.1.3 and §4.5. See RFC 3463 §2, RFC 8446 §B.4 and RFC 9110."));

    [Fact]
    public void RfcRows_OfATable_AreRead()
    {
        var rows = Tidy.RfcRows(
            "| RFC | Section | | File |\n|---|---|---|---|\n"
            + "| RFC 5321 | §4.1.1.3 | Yes | [Rcpt](../src/A/B.Rcpt.cs) |\n| RFC 1870 | §5, §6 | No | |\n")
                .ToArray();
        Assert.Equal([new(5321, "4.1.1.3"), new(1870, "5"), new(1870, "6")], rows.Select(row => row.Section));
        Assert.Equal(["src/A/B.Rcpt.cs"], rows[0].Files);
        Assert.Equal("No", rows[2].Status);
    }

    [Fact]
    public void CodeReferences_FilesAndMembers_AreSeen() => Assert.Equal(
        ["Queue/MessageQueue.cs", "Router.Decide", "SmtpSession.Rcpt.cs"],
        Tidy.CodeReferences(
            "`Queue/MessageQueue.cs` `Router.Decide` `SmtpSession.Rcpt.cs` `Postern.Smtp` `postern.toml`\n"
            + "```\n`A.B`\n```"));
}
