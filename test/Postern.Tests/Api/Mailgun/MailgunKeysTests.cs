using System.Text;
using System.Text.Json;

namespace Postern.Tests.Api.Mailgun;

public sealed class MailgunKeysTests : IAsyncLifetime
{
    readonly RunningServer server = new();
    HttpClient http = null!;

    public async ValueTask InitializeAsync()
    {
        await server.InitializeAsync();
        http = server.Api("key-account");
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await server.DisposeAsync();
    }

    async Task<(string Id, string Secret)> MakeAsync(params string[] fields)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var answer = await http.PostAsync("v1/keys", new FormUrlEncodedContent(
            fields.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1]))), cancel);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(cancel));
        var key = json.RootElement.GetProperty("key");
        return (key.GetProperty("id").GetString()!, key.GetProperty("secret").GetString()!);
    }

    static Task<string> MailAsync(HttpClient api, string domain) => ApiCall.SendAsync(
        api, "POST", $"v3/{domain}/messages", "from", "a@shop.example", "to", "r@net.example", "text", "x",
        "o:testmode", "yes");

    static void Is(string status, string answer) =>
        Assert.StartsWith(status + " ", answer, StringComparison.Ordinal);

    [Fact]
    public async Task Key_IsShownOnce()
    {
        const string key =
            "\"id\":\"SECRET\",\"description\":\"of the shop\",\"kind\":\"domain\",\"role\":\"sending\","
            + "\"created_at\":\"DATE\",\"updated_at\":\"DATE\",\"is_disabled\":false,"
            + "\"domain_name\":\"mg.example.org\",\"expires_at\":\"DATE\"";
        Assert.Equal(
            "200 {\"message\":\"great success\",\"key\":{" + key + ",\"secret\":\"SECRET\"}}",
            await ApiCall.SendAsync(
                http, "POST", "v1/keys", "role", "sending", "kind", "domain", "domain_name", "MG.example.org",
                "description", "of the shop", "expiration", "3600"));
        Assert.Equal(
            "200 {\"total_count\":1,\"items\":[{" + key + "}]}", await ApiCall.GetAsync(http, "v1/keys"));
    }

    [Fact]
    public async Task Key_ForSending_OpensSendingAsItsDomainAlone()
    {
        var (_, secret) = await MakeAsync("role", "sending", "domain_name", "mg.example.org");
        using var api = server.Api(secret);
        Is("200", await MailAsync(api, "mg.example.org"));
        Is("401", await MailAsync(api, "other.example.org"));
        Is("401", await ApiCall.GetAsync(api, "v3/mg.example.org/events"));
        Is("401", await ApiCall.GetAsync(api, "v4/domains/mg.example.org"));
        Is("401", await ApiCall.SendAsync(api, "DELETE", "v3/mg.example.org/envelopes"));
        Is("401", await ApiCall.GetAsync(api, "v4/domains"));
        Is("401", await ApiCall.GetAsync(api, "v1/keys"));
        Is("400", await ApiCall.SendAsync(api, "POST", "v3/mg.example.org/messages.mime"));
    }

    [Fact]
    public async Task Key_OfAKindForDomains_OpensNoMore_WhateverItsRole()
    {
        var (_, secret) = await MakeAsync("role", "admin", "kind", "domain", "domain_name", "mg.example.org");
        using var api = server.Api(secret);
        Is("200", await MailAsync(api, "mg.example.org"));
        Is("401", await ApiCall.GetAsync(api, "v3/mg.example.org/events"));
    }

    [Theory]
    [InlineData("admin")]
    [InlineData("developer")]
    public async Task Key_OfTheAccount_OpensAsTheFilesDo(string role)
    {
        var (_, secret) = await MakeAsync("role", role);
        using var api = server.Api(secret);
        Is("200", await MailAsync(api, "other.example.org"));
        Is("200", await ApiCall.GetAsync(api, "v4/domains"));
        Is("200", await ApiCall.SendAsync(api, "POST", "v4/domains", "name", "new.example"));
    }

    [Fact]
    public async Task Key_ForReading_ChangesAndSendsNothing()
    {
        var (_, secret) = await MakeAsync("role", "basic");
        using var api = server.Api(secret);
        Is("200", await ApiCall.GetAsync(api, "v4/domains"));
        Is("200", await ApiCall.GetAsync(api, "v3/mg.example.org/events"));
        Is("401", await MailAsync(api, "mg.example.org"));
        Is("401", await ApiCall.SendAsync(api, "POST", "v4/domains", "name", "new.example"));
        Is("401", await ApiCall.SendAsync(api, "POST", "v1/keys", "role", "admin"));
    }

    [Fact]
    public async Task Key_SurvivesARestart_AndOpensNothingOnceItIsRemoved()
    {
        var (id, secret) = await MakeAsync("role", "admin");
        await server.RestartAsync();
        using var api = server.Api(secret);
        Is("200", await ApiCall.GetAsync(api, "v1/keys"));
        using var account = server.Api("key-account");
        Assert.Equal(
            """200 {"message":"key deleted"}""", await ApiCall.SendAsync(account, "DELETE", "v1/keys/" + id));
        Assert.Equal("401 Forbidden", await ApiCall.GetAsync(api, "v1/keys"));
        Assert.Equal(
            """404 {"message":"key not found"}""",
            await ApiCall.SendAsync(account, "DELETE", "v1/keys/" + id));
    }

    [Fact]
    public async Task Key_RestsHashed()
    {
        var (_, secret) = await MakeAsync("role", "admin");
        var stored = Assert.Single(await server.Agent.Store.ReadObjectsAsync(
            "api-key", TestContext.Current.CancellationToken));
        var text = stored.Name + Encoding.UTF8.GetString(stored.Json.Span);
        Assert.DoesNotContain(secret[..32], text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_ShowsOneKindOrDomain_AndNoKeyOfTheFile()
    {
        await MakeAsync("role", "admin", "description", "one");
        await MakeAsync("role", "sending", "kind", "domain", "domain_name", "mg.example.org");
        Assert.Contains("\"total_count\":2", await ApiCall.GetAsync(http, "v1/keys"));
        Assert.Contains("\"total_count\":1", await ApiCall.GetAsync(http, "v1/keys?kind=domain"));
        Assert.Contains(
            "\"total_count\":1", await ApiCall.GetAsync(http, "v1/keys?domain_name=MG.example.org"));
        Assert.Contains("\"description\":\"one\"", await ApiCall.GetAsync(http, "v1/keys?kind=user"));
    }

    [Theory]
    [InlineData("400", "The 'role' parameter is one of admin, basic, developer, sending", "kind", "user")]
    [InlineData("400", "The 'role' parameter is one of admin, basic, developer, sending", "role", "1")]
    [InlineData("400", "The 'kind' parameter is one of user, domain, web", "role", "admin", "kind", "x")]
    [InlineData("400", "The 'domain_name' parameter is required for a key of a domain", "role", "sending")]
    [InlineData(
        "400", "The 'domain_name' parameter is required for a key of a domain", "role", "admin", "kind",
        "domain")]
    [InlineData("404", "Domain not found", "role", "sending", "domain_name", "no.example")]
    [InlineData(
        "400", "The 'expiration' parameter is a number of seconds, 315360000 at most", "role", "admin",
        "expiration", "-1")]
    public async Task Key_ThatCannotBe_IsNotMade(string status, string message, params string[] fields)
    {
        Assert.Equal(
            $$"""{{status}} {"message":"{{message}}"}""",
            await ApiCall.SendAsync(http, "POST", "v1/keys", fields));
        Assert.Equal("""200 {"total_count":0,"items":[]}""", await ApiCall.GetAsync(http, "v1/keys"));
    }

    [Fact]
    public async Task Keys_AreTheAccounts()
    {
        using var api = server.Api("key-mg");
        Assert.Equal("401 Forbidden", await ApiCall.GetAsync(api, "v1/keys"));
        Assert.Equal("401 Forbidden", await ApiCall.SendAsync(api, "POST", "v1/keys", "role", "admin"));
    }
}
