using System.Text;

namespace Postern.Tests;

/// <summary>The rules of the house over the whole checkout. <see cref="TidyRuleTests"/> shows that each can
/// fail.</summary>
public sealed class TidyTests
{
    static readonly string[] Generated =
        ["bin", "obj", ".git", "node_modules", "artifacts", "BenchmarkDotNet.Artifacts"];

    static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Postern.Smtp"] = [],
        ["Postern.Mta"] = ["Postern.Smtp"],
        ["Postern"] = ["Postern.Mta", "Postern.Smtp"],
    };

    static IEnumerable<string> Files(string under, params string[] endings) =>
        Directory.EnumerateFiles(
            Repository.PathOf(under), "*", new EnumerationOptions { RecurseSubdirectories = true })
            .Select(path => Path.GetRelativePath(Repository.Root, path))
            .Where(path => !path.Split('/').Any(Generated.Contains) && endings.Any(path.EndsWith))
            .Order(StringComparer.Ordinal);

    static string Read(string relative) => File.ReadAllText(Repository.PathOf(relative));

    static void Nothing(IEnumerable<string> findings) =>
        Assert.True(!findings.Any(), "\n" + string.Join("\n", findings));

    static void NothingInSource(Func<SourceText, IEnumerable<string>> rule) => Nothing(
        from path in Files(".", ".cs")
        from finding in rule(new SourceText(Read(path)))
        select $"{path}: {finding}");

    [Fact]
    public void Solution_Root_HasTheEntryScript() => Assert.True(File.Exists(Repository.PathOf("do")));

    [Fact]
    public void Lines_OfCodeAndScripts_FitThePage() => Nothing(
        from path in Files(".", ".cs", ".csproj", ".props", ".sh", ".toml", "/do", "/install-peers")
            .Append("do")
        from finding in Tidy.LongLines(Read(path))
        select $"{path}: {finding}");

    [Fact]
    public void Functions_FitOneScreen() => NothingInSource(Tidy.LongFunctions);

    [Fact]
    public void TypeNames_SayWhatTheThingIs() => NothingInSource(Tidy.BannedTypeNames);

    [Fact]
    public void Folders_AreIdeas() => Nothing(
        Files(".", ".cs").SelectMany(path => path.Split('/')[..^1]).Distinct().Where(Tidy.IsBannedFolder));

    [Fact]
    public void Files_AreNamedAfterTheirFirstType() => Nothing(
        Files(".", ".cs")
            .Where(path => !Tidy.IsNamedAfterFirstType(Path.GetFileName(path), new SourceText(Read(path)))));

    [Fact]
    public void Projects_ReferenceOnlyDownwards() => Nothing(
        from arrow in Arrows
        from reference in Tidy.ProjectReferences(Read($"src/{arrow.Key}/{arrow.Key}.csproj"))
        where !arrow.Value.Contains(reference)
        select $"{arrow.Key} -> {reference}");

    [Fact]
    public void Code_NamesOnlyProjectsBelow() => Nothing(
        from arrow in Arrows
        where arrow.Key != "Postern" // stands on top and may know all
        from path in Files($"src/{arrow.Key}", ".cs")
        from finding in Tidy.WrongArrows(new SourceText(Read(path)), [arrow.Key, .. arrow.Value])
        select $"{path}: {finding}");

    [Fact]
    public void Smtp_HasNoDependency() =>
        Assert.False(Tidy.HasPackages(Read("src/Postern.Smtp/Postern.Smtp.csproj")));

    [Fact]
    public void Documents_LinkToWhatExists() => Nothing(
        from path in Files(".", ".md")
        from target in Tidy.RelativeLinks(Read(path))
        let full = Path.Combine(Repository.Root, Path.GetDirectoryName(path)!, Uri.UnescapeDataString(target))
        where !File.Exists(full) && !Directory.Exists(full)
        select $"{path}: {target}");

    [Fact]
    public void LockFiles_NameNoRegistry() => Nothing(
        from path in Files(".", "packages.lock.json", "package-lock.json")
        from finding in Tidy.RegistryHosts(Read(path))
        select $"{path}: {finding}");

    [Fact]
    public void Nothing_IsMarkedUnfinished() => Nothing(
        from path in Files(".", ".cs", ".md", ".sh", ".toml", ".props", ".csproj", ".js", ".go").Append("do")
        from finding in Tidy.UnfinishedWords(Read(path))
        select $"{path}: {finding}");

    [Fact]
    public void RfcTable_ListsEverySectionTheSourceCites()
    {
        Assert.SkipUnless(File.Exists(Repository.PathOf("docs/RFC.md")), "docs/RFC.md is not written yet");
        var listed = Tidy.RfcRows(Read("docs/RFC.md")).Select(row => row.Section).ToHashSet();
        Nothing(
            from path in Files("src", ".cs")
            from citation in Tidy.Citations(Read(path)).Distinct()
            where !listed.Contains(citation)
            select $"{path}: {citation} is not in docs/RFC.md");
    }

    [Fact]
    public void RfcTable_NamesFilesThatCiteTheSection()
    {
        Assert.SkipUnless(File.Exists(Repository.PathOf("docs/RFC.md")), "docs/RFC.md is not written yet");
        var rows = Tidy.RfcRows(Read("docs/RFC.md")).ToArray();
        Assert.NotEmpty(rows);
        Nothing(rows.Where(row => row.Status is not ("Yes" or "Partial" or "No"))
            .Select(row => $"{row.Section}: \"{row.Status}\" is neither Yes, Partial nor No"));
        Nothing(rows.Where(row => row.Status != "No" && row.Files.Count == 0)
            .Select(row => $"{row.Section}: no file"));
        Nothing(
            from row in rows
            from file in row.Files
            where !File.Exists(Repository.PathOf(file)) || !Tidy.Citations(Read(file)).Contains(row.Section)
            select $"{row.Section}: {file} is missing or does not cite it");
    }

    [Fact]
    public void Architecture_NamesWhatExists()
    {
        Assert.SkipUnless(
            File.Exists(Repository.PathOf("ARCHITECTURE.md")), "ARCHITECTURE.md is not written yet");
        var files = Files(".", ".cs").ToArray();
        var members = new Dictionary<string, StringBuilder>();
        foreach (var source in files.Select(path => new SourceText(Read(path))))
            foreach (var type in source.Types)
                (members.TryGetValue(type, out var code) ? code : members[type] = new StringBuilder())
                    .Append(source.Code);
        Nothing(Tidy.CodeReferences(Read("ARCHITECTURE.md")).Where(reference => !Exists(reference)));

        bool Exists(string reference)
        {
            if (reference.EndsWith(".cs", StringComparison.Ordinal))
                return files.Any(path => ("/" + path).EndsWith("/" + reference, StringComparison.Ordinal));
            var parts = reference.Split('.');
            return members.TryGetValue(parts[0], out var code)
                && code.ToString().Contains(parts[1], StringComparison.Ordinal);
        }
    }
}
