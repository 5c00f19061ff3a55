using System.Text;
using Postern.Mta;

namespace Postern.Tests.Api.Mailgun;

public sealed class MailgunDomainSettingsTests : IAsyncLifetime
{
    const string Base = "v3/domains/mg.example.org/";
    const string Html = "\\n<br>\\n<p><a href=\\\"%unsubscribe_url%\\\">unsubscribe</a></p>\\n";
    const string Text = "\\n\\nTo unsubscribe click: <%unsubscribe_url%>\\n\\n";
    const string Updated = "200 {\"message\":\"Domain tracking settings have been updated\",";

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

    Task<string> PutAsync(string path, params string[] fields) =>
        ApiCall.SendAsync(http, "PUT", Base + path, fields);

    [Fact]
    public async Task Connection_IsToldFlatAndNested()
    {
        Assert.Equal(
            "200 {\"require_tls\":false,\"skip_verification\":false,"
                + "\"connection\":{\"require_tls\":false,\"skip_verification\":false}}",
            await ApiCall.GetAsync(http, Base + "connection"));
        Assert.Equal(
            "200 {\"message\":\"Domain connection settings have been updated, may take 10 minutes to fully "
                + "propagate\",\"require_tls\":false,\"skip_verification\":true}",
            await PutAsync("connection", "require_tls", "False", "skip-verification", "1"));
        Assert.Equal(
            "200 {\"require_tls\":false,\"skip_verification\":true,"
                + "\"connection\":{\"require_tls\":false,\"skip_verification\":true}}",
            await ApiCall.GetAsync(http, Base + "connection"));
    }

    [Theory]
    [InlineData("{\"skip_verification\":true,\"x\":[1]}", "\"skip_verification\":true}")]
    [InlineData("[]", "400 {\"message\":\"Invalid json: an object is expected\"}")]
    [InlineData(
        "{\"require_tls\":2}", "400 {\"message\":\"The 'require_tls' parameter is one of yes, no\"}")]
    public async Task Fields_MayComeAsJson(string body, string end)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await http.PutAsync(
            Base + "connection", content, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.EndsWith(end, $"{(int)answer.StatusCode} {text}", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tls_ThatATransportMayGoWithout_IsNotPromised()
    {
        Assert.Equal(
            "501 {\"message\":\"require_tls cannot be kept: transport relay may send without TLS; set tls = "
                + "\\\"required\\\" on it\"}",
            await PutAsync("connection", "require_tls", "true"));
        Assert.Contains("\"require_tls\":false,", await ApiCall.GetAsync(http, Base + "connection"));
    }

    [Fact]
    public async Task Tls_ThatEveryTransportRequires_IsPromised()
    {
        await using var strict = new RunningServer { RelayTls = TransportTls.Required };
        await strict.InitializeAsync();
        using var api = strict.Api("key-mg");
        Assert.EndsWith(
            "\"require_tls\":true,\"skip_verification\":false}",
            await ApiCall.SendAsync(api, "PUT", Base + "connection", "require_tls", "true"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tracking_IsOffAtFirst() => Assert.Equal(
        "200 {\"tracking\":{\"open\":{\"active\":false,\"place_at_the_top\":false},"
            + "\"click\":{\"active\":false},\"unsubscribe\":{\"active\":false,"
            + $"\"html_footer\":\"{Html}\",\"text_footer\":\"{Text}\"}},\"web_scheme\":\"https\"}}}}",
        await ApiCall.GetAsync(http, Base + "tracking"));

    [Fact]
    public async Task Tracking_IsSet_AndSurvivesARestart()
    {
        Assert.Equal(
            Updated + "\"open\":{\"active\":true,\"place_at_the_top\":false}}",
            await PutAsync("tracking/open", "active", "yes"));
        Assert.Equal(
            Updated + "\"open\":{\"active\":true,\"place_at_the_top\":true}}",
            await PutAsync("tracking/open", "place_at_the_top", "true"));
        Assert.Equal(
            Updated + "\"click\":{\"active\":true}}", await PutAsync("tracking/click", "active", "1"));
        Assert.Equal(
            Updated + "\"click\":{\"active\":\"htmlonly\"}}",
            await PutAsync("tracking/click", "active", "htmlonly"));
        Assert.Equal(
            Updated + "\"unsubscribe\":{\"active\":true,\"html_footer\":\"<b>\",\"text_footer\":\"out\"}}",
            await PutAsync(
                "tracking/unsubscribe", "active", "true", "html_footer", "<b>", "text_footer", "out"));
        await server.RestartAsync();
        using var again = server.Api("key-mg");
        Assert.Equal(
            "200 {\"tracking\":{\"open\":{\"active\":true,\"place_at_the_top\":true},"
                + "\"click\":{\"active\":\"htmlonly\"},\"unsubscribe\":{\"active\":true,"
                + "\"html_footer\":\"<b>\",\"text_footer\":\"out\"},\"web_scheme\":\"https\"}}",
            await ApiCall.GetAsync(again, Base + "tracking"));
    }

    [Theory]
    [InlineData("tracking/open", "active", "maybe", "The 'active' parameter is one of yes, no")]
    [InlineData("tracking/click", "active", "", "The 'active' parameter is one of yes, no")]
    [InlineData("connection", "require_tls", "2", "The 'require_tls' parameter is one of yes, no")]
    [InlineData("web_prefix", "web_prefix", "a/b", "The 'web_prefix' parameter is no name of the DNS")]
    [InlineData("web_prefix", "prefix", "go", "The 'web_prefix' parameter is no name of the DNS")]
    [InlineData("dkim_selector", "dkim_selector", "/", "The 'dkim_selector' parameter is no name of the DNS")]
    public async Task Setting_ThatCannotBeRead_ChangesNothing(
        string path, string name, string value, string message)
    {
        var before = await ApiCall.GetAsync(http, Base + "tracking");
        Assert.Equal($$"""400 {"message":"{{message}}"}""", await PutAsync(path, name, value));
        Assert.Equal(before, await ApiCall.GetAsync(http, Base + "tracking"));
    }

    [Fact]
    public async Task Footer_HasALimit() => Assert.Equal(
        """400 {"message":"The 'html_footer' parameter may have 16384 octets"}""",
        await PutAsync("tracking/unsubscribe", "html_footer", new string('x', 16385)));

    [Fact]
    public async Task Names_InFrontOfTheDomain_AreSet_AlsoByTheQuery()
    {
        Assert.Equal(
            """200 {"message":"Domain web prefix updated"}""", await PutAsync("web_prefix?web_prefix=go"));
        Assert.Contains(
            "\"web_prefix\":\"go\"", await ApiCall.GetAsync(http, "v4/domains/mg.example.org"));
        Assert.Equal(
            """200 {"message":"DKIM selector changed"}""",
            await PutAsync("dkim_selector", "dkim_selector", "s1"));
    }

    [Fact]
    public async Task Authority_IsTheDomainItself() => Assert.Equal(
        "200 {\"message\":\"Domain DKIM authority has not been changed\",\"changed\":false,"
            + "\"sending_dns_records\":[{\"is_active\":true,\"cached\":[],\"name\":\"mg.example.org\","
            + "\"record_type\":\"TXT\",\"valid\":\"unknown\",\"value\":\"v=spf1 a:mx.example.org ~all\"}]}",
        await PutAsync("dkim_authority", "self", "true"));

    [Theory]
    [InlineData("GET", "v4/domains/mg.example.org/keys")]
    [InlineData("PUT", "v4/domains/mg.example.org/keys/s1/activate")]
    [InlineData("GET", "v1/dkim/keys")]
    [InlineData("POST", "v1/dkim/keys")]
    [InlineData("DELETE", "v1/dkim/keys")]
    public async Task DkimKeys_AreAbsent(string method, string path)
    {
        using var account = server.Api("key-account");
        Assert.Equal(
            """501 {"message":"Postern signs no mail yet: it has no DKIM keys"}""",
            await ApiCall.SendAsync(account, method, path));
    }

    [Theory]
    [InlineData("v3/domains/mg.example.org/ips", """200 {"items":[],"total_count":0}""")]
    [InlineData("v3/ips", """200 {"items":[],"total_count":0,"assignable_to_pools":[]}""")]
    [InlineData("v1/ip_pools", """200 {"ip_pools":[],"message":"success"}""")]
    [InlineData("v3/ip_pools", """200 {"ip_pools":[],"message":"success"}""")]
    [InlineData("v5/accounts/subaccounts", """200 {"subaccounts":[],"total":0}""")]
    public async Task Lists_OfWhatPosternHasNot_AreEmpty(string path, string expected)
    {
        using var account = server.Api("key-account");
        Assert.Equal(expected, await ApiCall.GetAsync(account, path));
        Assert.StartsWith("404 {", await ApiCall.GetAsync(account, path + "/x"), StringComparison.Ordinal);
        using var other = server.Api("key-other");
        Assert.Equal("401 Forbidden", await ApiCall.GetAsync(other, path));
    }

    [Fact]
    public async Task Settings_OfADomainThatIsNot_Are404()
    {
        const string expected = """404 {"message":"Domain not found"}""";
        Assert.Equal(expected, await ApiCall.GetAsync(http, "v3/domains/no.example/connection"));
        Assert.Equal(
            expected,
            await ApiCall.SendAsync(http, "PUT", "v3/domains/no.example/tracking/open", "active", "no"));
    }
}
