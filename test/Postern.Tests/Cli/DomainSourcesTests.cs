using Postern.Api;
using Postern.Cli;

namespace Postern.Tests.Cli;

public sealed class DomainSourcesTests
{
    const string Printed = "[domains.\"mg.example.org\"]\napi-keys = [\"env:KEY\"]\n";

    static readonly DomainPage Running = new(
        [new DomainEntry("a.example", "store"), new DomainEntry("mg.example.org", "file")]);

    [Fact]
    public void Mark_DomainsOfFileAndStore_NamesTheSourceOfEach() => Assert.Equal(
        """
        [domains."mg.example.org"]  # source: file
        api-keys = ["env:KEY"]
        # [domains."a.example"]  # source: store

        """,
        DomainSources.Mark(Printed, Running));

    [Fact]
    public void Mark_WithoutAServer_MarksTheFiles() => Assert.Equal(
        "[domains.\"mg.example.org\"]  # source: file\napi-keys = [\"env:KEY\"]\n",
        DomainSources.Mark(Printed, null));
}
