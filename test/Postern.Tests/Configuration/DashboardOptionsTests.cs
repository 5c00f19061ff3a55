using Postern.Mta.Configuration;

namespace Postern.Tests.Configuration;

public sealed class DashboardOptionsTests
{
    const string Listener = "\n[[listen]]\non = \"127.0.0.1:2525\"\nfor = \"submission\"\n";
    const string Url = "[dashboard]\nurl = \"https://postern.example.org\"\n";
    const string Oidc = "[dashboard.oidc]\nissuer = \"https://id.example.org\"\nclient-id = \"postern\"\n";

    static ConfigurationResult Read(string text) => ConfigurationReader.ReadText(
        text + Listener, "postern.toml",
        new ConfigurationSurroundings { Variable = name => name == "SECRET" ? "sesame" : null });

    [Fact]
    public void Session_LastsTwelveHours_WhereNothingIsSaid() =>
        Assert.Equal(TimeSpan.FromHours(12), Read("").Options.Dashboard.Session);

    [Fact]
    public void Dashboard_WithAllItsSettings_IsRead()
    {
        var read = Read(
            Url + "session = \"1h\"\n" + Oidc + "client-secret = \"env:SECRET\"\n"
            + "admins = [\"a@example.org\"]\noperators = [\"b@example.org\"]\nreaders = \"*@example.org\"\n");
        Assert.Empty(read.Errors);
        var dashboard = read.Options.Dashboard;
        Assert.Equal(
            ("https://postern.example.org", TimeSpan.FromHours(1)), (dashboard.Url, dashboard.Session));
        Assert.Equal(("https://id.example.org", "postern", "sesame"),
            (dashboard.Oidc.Issuer, dashboard.Oidc.ClientId, dashboard.Oidc.ClientSecret!.Value));
        Assert.Equal("*@example.org", Assert.Single(dashboard.Oidc.Readers).Text);
    }

    [Theory]
    [InlineData("[dashboard]\nurl = \"https://a.example/path\"", "dashboard.url", "is no origin")]
    [InlineData("[dashboard]\nurl = \"https://a.example/\"", "dashboard.url", "is no origin")]
    [InlineData("[dashboard]\nurl = \"a.example\"", "dashboard.url", "is no origin")]
    [InlineData("[dashboard]\nurl = \"http://a.example\"", "dashboard.url", "must be https")]
    [InlineData("[dashboard]\nsession = \"31d\"", "dashboard.session", "30d at most")]
    [InlineData("[dashboard]\nsession = \"0s\"", "dashboard.session", "longer than nothing")]
    [InlineData(Oidc + "admins = [\"a@example.org\"]", "dashboard.oidc.issuer", "needs dashboard.url")]
    [InlineData(Url + Oidc, "dashboard.oidc.issuer", "lets nobody in")]
    [InlineData(Url + "[dashboard.oidc]\nissuer = \"https://id.example.org\"\nadmins = \"a@b.example\"",
        "dashboard.oidc.issuer", "needs client-id")]
    [InlineData(Url + "[dashboard.oidc]\nissuer = \"http://id.example\"\nclient-id = \"x\"\nreaders = \"*\"",
        "dashboard.oidc.issuer", "must be https")]
    [InlineData("[dashboard.oidc]\nreaders = \"*@example.org\"", "dashboard.oidc", "needs issuer")]
    public void Setting_ThatCannotBe_IsAnErrorWithItsKey(string text, string key, string why)
    {
        var error = Assert.Single(Read(text).Errors);
        Assert.Equal(key, error.Key);
        Assert.Contains(why, error.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8025")]
    [InlineData("http://localhost:8025")]
    [InlineData("https://postern.example.org:8443")]
    public void Url_OfLoopbackOrOverTls_IsGood(string url) =>
        Assert.Empty(Read($"[dashboard]\nurl = \"{url}\"").Errors);
}
