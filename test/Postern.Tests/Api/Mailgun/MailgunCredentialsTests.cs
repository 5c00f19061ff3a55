using System.Text.Json;
using Postern.Smtp.Sasl;

namespace Postern.Tests.Api.Mailgun;

public sealed class MailgunCredentialsTests : IAsyncLifetime
{
    const string All = "v3/domains/mg.example.org/credentials";

    readonly RunningServer server = new();
    HttpClient http = null!;

    public async ValueTask InitializeAsync()
    {
        await server.InitializeAsync();
        http = server.Api("key-mg");
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await server.DisposeAsync();
    }

    Task<string> SendAsync(string method, string path, params string[] fields) =>
        ApiCall.SendAsync(http, method, path, fields);

    bool LogsIn(string login, string password) =>
        server.Agent.Accounts.TryFind(login, out var account)
        && ScramSha256.Verify(account.Credential, password);

    [Theory]
    [InlineData("alice")]
    [InlineData("alice@mg.example.org")]
    [InlineData("alice@MG.Example.Org")]
    public async Task Login_IsMade_AndMaySendAsTheDomain(string login)
    {
        Assert.Equal(
            """200 {"message":"Created 1 credentials pair(s)"}""",
            await SendAsync("POST", All, "login", login, "password", "sesame"));
        Assert.True(LogsIn("alice@mg.example.org", "sesame"));
        Assert.True(server.Agent.Accounts.TryFind("alice@mg.example.org", out var account));
        Assert.Equal("*@mg.example.org", Assert.Single(account.Senders).Text);
        Assert.Equal(
            "200 {\"total_count\":1,\"items\":[{\"mailbox\":\"alice@mg.example.org\","
                + "\"login\":\"alice@mg.example.org\",\"created_at\":\"DATE\",\"size_bytes\":null}]}",
            await ApiCall.GetAsync(http, All));
    }

    [Fact]
    public async Task Password_ThatIsNotGiven_IsGenerated_AndShownOnce()
    {
        Assert.Equal(
            "200 {\"message\":\"Created 1 credentials pair(s)\",\"note\":\"The password was generated, and "
                + "is shown this once.\",\"credentials\":{\"bob@mg.example.org\":\"SECRET\"}}",
            await SendAsync("POST", All, "login", "bob"));
        using var answer = await http.PutAsync(
            All + "/bob@mg.example.org", null, TestContext.Current.CancellationToken);
        using var json = JsonDocument.Parse(
            await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("Password changed", json.RootElement.GetProperty("message").GetString());
        var password = json.RootElement.GetProperty("credentials").GetProperty("bob@mg.example.org")
            .GetString()!;
        Assert.Equal(32, password.Length);
        Assert.True(LogsIn("bob@mg.example.org", password));
        Assert.DoesNotContain(password, await ApiCall.GetAsync(http, All));
    }

    [Fact]
    public async Task Password_IsChanged_AndSurvivesARestart()
    {
        await SendAsync("POST", All, "login", "carol", "password", "sesame");
        var listed = await ApiCall.GetAsync(http, All);
        Assert.Equal(
            """200 {"message":"Password changed"}""",
            await SendAsync("PUT", All + "/carol", "password", "open-up"));
        await server.RestartAsync();
        Assert.True(LogsIn("carol@mg.example.org", "open-up"));
        Assert.False(LogsIn("carol@mg.example.org", "sesame"));
        using var again = server.Api("key-mg");
        Assert.Equal(listed, await ApiCall.GetAsync(again, All));
    }

    [Fact]
    public async Task Login_IsRemoved()
    {
        await SendAsync("POST", All, "login", "dave", "password", "sesame");
        Assert.Equal(
            """200 {"message":"Credentials have been deleted","spec":"dave@mg.example.org"}""",
            await SendAsync("DELETE", All + "/dave%40mg.example.org"));
        Assert.False(LogsIn("dave@mg.example.org", "sesame"));
        Assert.Equal(
            """404 {"message":"Credentials not found"}""", await SendAsync("DELETE", All + "/dave"));
        Assert.Equal(
            """404 {"message":"Credentials not found"}""",
            await SendAsync("PUT", All + "/dave", "password", "sesame"));
    }

    [Theory]
    [InlineData("password should be in range 5-32 characters", "login", "eve", "password", "four")]
    [InlineData("password should be in range 5-32 characters", "login", "eve", "password", "")]
    [InlineData(
        "password should be in range 5-32 characters", "login", "eve", "password",
        "012345678901234567890123456789012")]
    [InlineData("login parameter is no address of the domain", "password", "sesame")]
    [InlineData("login parameter is no address of the domain", "login", "eve@other.example.org")]
    [InlineData("login parameter is no address of the domain", "login", "eve\r\n@mg.example.org")]
    [InlineData("login parameter is no address of the domain", "login", "eve@")]
    public async Task Login_ThatCannotBe_IsNotMade(string message, params string[] fields)
    {
        Assert.Equal($$"""400 {"message":"{{message}}"}""", await SendAsync("POST", All, fields));
        Assert.Equal("""200 {"total_count":0,"items":[]}""", await ApiCall.GetAsync(http, All));
    }

    [Fact]
    public async Task Login_MadeTwice_KeepsItsPassword()
    {
        await SendAsync("POST", All, "login", "alice", "password", "sesame");
        Assert.Equal(
            """400 {"message":"Credentials alice@mg.example.org exist already"}""",
            await SendAsync("POST", All, "login", "alice", "password", "open-up"));
        Assert.True(LogsIn("alice@mg.example.org", "sesame"));
    }

    [Fact]
    public async Task Account_OfTheFile_IsShown_AndNotChanged()
    {
        const string refusal =
            "409 {\"message\":\"Account robot@other.example.org stands in the configuration file; change it "
            + "there\"}";
        using var api = server.Api("key-other");
        const string all = "v3/domains/other.example.org/credentials";
        Assert.Equal(
            refusal, await ApiCall.SendAsync(api, "PUT", all + "/robot", "password", "open-up"));
        Assert.Equal(refusal, await ApiCall.SendAsync(api, "DELETE", all + "/robot"));
        Assert.Equal(
            refusal, await ApiCall.SendAsync(api, "POST", all, "login", "robot", "password", "open-up"));
        Assert.Equal(
            "200 {\"total_count\":1,\"items\":[{\"mailbox\":\"robot@other.example.org\",\"login\":"
                + "\"robot@other.example.org\",\"size_bytes\":null}]}",
            await ApiCall.GetAsync(api, all));
        Assert.True(LogsIn("robot@other.example.org", "of-the-file"));
    }

    [Fact]
    public async Task Login_ThroughAnotherDomain_IsNotFound()
    {
        await SendAsync("POST", All, "login", "alice", "password", "sesame");
        using var other = server.Api("key-other");
        const string theirs = "v3/domains/other.example.org/credentials";
        Assert.Equal(
            """404 {"message":"Credentials not found"}""",
            await ApiCall.SendAsync(other, "DELETE", theirs + "/alice@mg.example.org"));
        Assert.DoesNotContain("alice", await ApiCall.GetAsync(other, theirs));
        Assert.Equal("401 Forbidden", await ApiCall.GetAsync(other, All));
        Assert.True(LogsIn("alice@mg.example.org", "sesame"));
    }

    [Fact]
    public async Task List_IsPaged()
    {
        foreach (var login in (string[])["c", "a", "b"])
            await SendAsync("POST", All, "login", login, "password", "sesame");
        Assert.Equal(
            "200 {\"total_count\":3,\"items\":[{\"mailbox\":\"b@mg.example.org\",\"login\":"
                + "\"b@mg.example.org\",\"created_at\":\"DATE\",\"size_bytes\":null}]}",
            await ApiCall.GetAsync(http, All + "?skip=1&limit=1"));
    }
}
