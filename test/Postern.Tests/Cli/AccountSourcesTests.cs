using Postern.Api;
using Postern.Cli;
using Postern.Mta.Configuration;

namespace Postern.Tests.Cli;

public sealed class AccountSourcesTests
{
    const string Printed = "hostname = \"h\"\n\n[accounts.shop]\npassword = \"env:SHOP\"\n";

    static readonly AccountPage Running = new(
    [
        new AccountEntry("app", [], "store", "100/min", "5000/day", 17),
        new AccountEntry("shop", [], "file"),
        new AccountEntry("the \"x\"", ["*@example.org", "a@b.example"], "store"),
    ]);

    [Fact]
    public void Mark_AccountsOfFileAndStore_NamesTheSourceOfEach() => Assert.Equal(
        """
        hostname = "h"

        [accounts.shop]  # source: file
        password = "env:SHOP"
        # [accounts.app]  # source: store
        # rate = "100/min"
        # quota = "5000/day"
        # [accounts."the \"x\""]  # source: store
        # senders = ["*@example.org", "a@b.example"]

        """,
        AccountSources.Mark(Printed, Running));

    [Fact]
    public void Mark_WithoutAServer_SaysThatTheStoreIsNotShown() => Assert.EndsWith(
        "# No running server answers: what its store holds is not shown.\n",
        AccountSources.Mark(Printed, null), StringComparison.Ordinal);

    [Fact]
    public void Mark_AddsOnlyComments()
    {
        var surroundings = new ConfigurationSurroundings { Variable = _ => "secret" };
        Assert.Equal(
            ConfigurationPrinter.Print(
                ConfigurationReader.ReadText(Printed, "postern.toml", surroundings).Options),
            ConfigurationPrinter.Print(ConfigurationReader.ReadText(
                AccountSources.Mark(Printed, Running), "postern.toml", surroundings).Options));
    }
}
