using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Postern.Mta.Accounts;

namespace Postern.Tests.Api;

public sealed class UsersTests : IAsyncLifetime
{
    readonly RunningServer server = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    async Task<(HttpStatusCode Status, string Answer)> AskAsync(
        HttpMethod method, string path, string? body = null)
    {
        using var http = server.Socket("admin.sock");
        using var request = new HttpRequestMessage(method, $"admin/v1/users{path}");
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await http.SendAsync(request, Cancel);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Cancel));
    }

    Task<(HttpStatusCode Status, string Answer)> AddAsync(string name, string role) =>
        AskAsync(HttpMethod.Post, "", $$"""{"name":"{{name}}","role":"{{role}}"}""");

    [Fact]
    public async Task User_WithAPassword_IsListedWithoutIt()
    {
        var (status, _) = await AskAsync(
            HttpMethod.Post, "", """{"name":"alice","role":"admin","password":"correct horse"}""");
        Assert.Equal(HttpStatusCode.OK, status);
        var (_, list) = await AskAsync(HttpMethod.Get, "");
        using var page = JsonDocument.Parse(list);
        var user = Assert.Single(page.RootElement.GetProperty("users").EnumerateArray());
        Assert.Equal("alice", user.GetProperty("name").GetString());
        Assert.Equal("admin", user.GetProperty("role").GetString());
        Assert.True(user.GetProperty("hasPassword").GetBoolean());
        Assert.Equal(4, user.EnumerateObject().Count());
    }

    [Theory]
    [InlineData("{}", "needs name and role")]
    [InlineData("[", "needs name and role")]
    [InlineData("""{"name":"a","role":"king"}""", "needs name and role")]
    [InlineData("""{"name":"a","role":"2"}""", "needs name and role")]
    [InlineData("""{"name":"first","role":"admin"}""", "no name of a user")]
    [InlineData("""{"name":"team/kim","role":"admin"}""", "no name of a user")]
    [InlineData("""{"name":"team\\kim","role":"admin"}""", "no name of a user")]
    [InlineData("""{"name":"kim#1","role":"admin"}""", "no name of a user")]
    [InlineData("""{"name":"..","role":"admin"}""", "no name of a user")]
    [InlineData("""{"name":"a","role":"admin","password":"short"}""", "no password")]
    [InlineData("""{"name":"a\ud800","role":"admin"}""", "")]
    public async Task User_ThatCannotBe_Is400AndSaysWhy(string body, string why)
    {
        var (status, answer) = await AskAsync(HttpMethod.Post, "", body);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(why, answer, StringComparison.Ordinal);
        Assert.Empty(server.Agent.Users.All);
    }

    [Fact]
    public async Task User_WhoIsThere_IsNotMadeAgain()
    {
        await AddAsync("alice", "admin");
        Assert.Equal(HttpStatusCode.Conflict, (await AddAsync("alice", "reader")).Status);
    }

    [Fact]
    public async Task LastAdmin_IsNotRemoved_UnlessHeIsTheLastUser()
    {
        await AddAsync("alice", "admin");
        await AddAsync("bob", "reader");
        var (status, answer) = await AskAsync(HttpMethod.Delete, "/alice");
        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Contains("last admin", answer, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Conflict,
            (await AskAsync(HttpMethod.Post, "/alice/role", """{"role":"reader"}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(HttpMethod.Delete, "/bob")).Status);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(HttpMethod.Delete, "/alice")).Status);
    }

    [Theory]
    [InlineData("DELETE", "/nobody", null)]
    [InlineData("POST", "/nobody/password", """{"password":"correct horse"}""")]
    [InlineData("POST", "/nobody/role", """{"role":"reader"}""")]
    [InlineData("POST", "/nobody/link", null)]
    public async Task User_WhoIsNotThere_Is404(string method, string path, string? body) =>
        Assert.Equal(
            HttpStatusCode.NotFound, (await AskAsync(HttpMethod.Parse(method), path, body)).Status);

    /// <summary>Of a time when more could stand in a name.</summary>
    [Theory]
    [InlineData("team/kim")]
    [InlineData("team%2Fkim")]
    [InlineData("team\\kim")]
    [InlineData("kim#1")]
    public async Task User_WhoseNameCouldNotBeGivenAnyMore_IsChangedAndRemoved(string name)
    {
        await server.Agent.Users.AddAsync(name, OperatorRole.Reader, null, Cancel);
        var path = "/" + Uri.EscapeDataString(name);
        Assert.Equal(HttpStatusCode.OK,
            (await AskAsync(HttpMethod.Post, path + "/role", """{"role":"operator"}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(HttpMethod.Delete, path)).Status);
        Assert.Empty(server.Agent.Users.All);
    }

    [Fact]
    public async Task PasswordAndRole_AreChanged()
    {
        await AddAsync("alice", "admin");
        await AddAsync("bob", "reader");
        Assert.Equal(HttpStatusCode.OK,
            (await AskAsync(HttpMethod.Post, "/bob/password", """{"password":"correct horse"}""")).Status);
        Assert.Equal(HttpStatusCode.OK,
            (await AskAsync(HttpMethod.Post, "/bob/role", """{"role":"operator"}""")).Status);
        var (_, list) = await AskAsync(HttpMethod.Get, "");
        Assert.Contains("\"operator\"", list, StringComparison.Ordinal);
        Assert.Contains("\"hasPassword\":true", list, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Link_OfAUser_LeadsToTheDashboard()
    {
        await AddAsync("alice", "admin");
        using var http = server.Socket("admin.sock");
        using var response = await http.PostAsync("admin/v1/users/alice/link", null, Cancel);
        var link = (await response.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("link");
        Assert.StartsWith(
            $"http://{server.AddressOf("http")}/login?token=", link.GetString(), StringComparison.Ordinal);
    }
}
