using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp.Sasl;
using Postern.Tests.Doubles;

namespace Postern.Tests.Api.Mailgun;

public sealed class MailgunDomainsTests : IAsyncLifetime
{
    const string Spf = "v=spf1 a:mx.example.org ~all";

    readonly FakeResolver dns = new();
    readonly RunningServer server;

    public MailgunDomainsTests() => server = new RunningServer { Resolver = dns };

    public ValueTask InitializeAsync() => server.InitializeAsync();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    /// <param name="state"><c>file</c>: active, and nobody knows since when.</param>
    static string Domain(
        string id, string name, string state, string prefix = "email", string scheme = "https") =>
        $"{{\"id\":\"{id}\",\"name\":\"{name}\","
        + (state == "file" ? "\"state\":\"active\"" : $"\"created_at\":\"DATE\",\"state\":\"{state}\"")
        + $",\"type\":\"custom\",\"is_disabled\":false,\"smtp_login\":\"postmaster@{name}\","
        + "\"spam_action\":\"disabled\",\"wildcard\":false,\"require_tls\":false,"
        + $"\"skip_verification\":false,\"web_prefix\":\"{prefix}\",\"web_scheme\":\"{scheme}\"}}";

    static string Records(string name, string valid, string mx = "", string spf = "") =>
        "\"receiving_dns_records\":[{\"is_active\":true,\"cached\":[" + mx + "],\"priority\":\"10\","
        + "\"record_type\":\"MX\",\"valid\":\"" + valid + "\",\"value\":\"mx.example.org\"}],"
        + "\"sending_dns_records\":[{\"is_active\":true,\"cached\":[" + spf + "],\"name\":\"" + name
        + "\",\"record_type\":\"TXT\",\"valid\":\"" + valid + "\",\"value\":\"" + Spf + "\"}]}";

    const string ShopId = "0f59463c606c5b0e5d3da81f";
    const string FileId = "99712df96a602bd2b3d69b20";

    static Task<string> CreateAsync(HttpClient http, string name, params string[] more) =>
        ApiCall.SendAsync(http, "POST", "v4/domains", ["name", name, .. more]);

    [Fact]
    public async Task Domain_IsMade_Shown_AndRemoved()
    {
        using var http = server.Api("key-account");
        var domain = Domain(ShopId, "shop.example", "unverified") + "," + Records("shop.example", "unknown");
        Assert.Equal(
            "200 {\"message\":\"Domain DNS records have been created\",\"domain\":" + domain,
            await CreateAsync(http, "shop.example"));
        foreach (var version in (string[])["v3", "v4"])
            Assert.Equal(
                "200 {\"domain\":" + domain,
                await ApiCall.GetAsync(http, $"{version}/domains/Shop.EXAMPLE"));
        Assert.Equal(
            """200 {"message":"Domain has been deleted"}""",
            await ApiCall.SendAsync(http, "DELETE", "v3/domains/shop.example"));
        Assert.Equal(
            """404 {"message":"Domain not found"}""",
            await ApiCall.GetAsync(http, "v4/domains/shop.example"));
        Assert.Equal(
            """404 {"message":"Domain not found"}""",
            await ApiCall.SendAsync(http, "DELETE", "v3/domains/shop.example"));
    }

    [Fact]
    public async Task Domain_MadeAnew_HasNeitherWebhooksNorTemplatesOfTheOldOne_ButItsSuppressions()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "again.example");
        Assert.StartsWith("200", await ApiCall.SendAsync(
            http, "POST", "v3/domains/again.example/webhooks",
            "id", "opened", "url", "https://93.184.215.14/old"));
        Assert.StartsWith("200", await ApiCall.SendAsync(
            http, "POST", "v3/again.example/templates", "name", "old", "template", "hello"));
        Assert.StartsWith("200", await ApiCall.SendAsync(
            http, "POST", "v3/again.example/unsubscribes", "address", "kim@example.net"));
        Assert.StartsWith("200", await ApiCall.SendAsync(http, "DELETE", "v3/domains/again.example"));
        await CreateAsync(http, "again.example");
        Assert.DoesNotContain("old", await ApiCall.GetAsync(http, "v3/domains/again.example/webhooks"));
        Assert.StartsWith("404", await ApiCall.GetAsync(http, "v3/again.example/templates/old"));
        Assert.StartsWith(
            "200", await ApiCall.GetAsync(http, "v3/again.example/unsubscribes/kim@example.net"));
        Assert.StartsWith("200", await ApiCall.SendAsync(http, "DELETE", "v3/domains/again.example"));
    }

    [Fact]
    public async Task Domain_OfTheFile_IsActiveAndHasNoDate()
    {
        using var http = server.Api("key-mg");
        Assert.Equal(
            "200 {\"domain\":" + Domain(FileId, "mg.example.org", "file") + ","
                + Records("mg.example.org", "unknown"),
            await ApiCall.GetAsync(http, "v4/domains/mg.example.org"));
    }

    [Fact]
    public async Task Domain_OfTheFile_IsNotChanged()
    {
        using var http = server.Api("key-account");
        const string refusal =
            "409 {\"message\":\"Domain mg.example.org stands in the configuration file; change it there\"}";
        var before = await ApiCall.GetAsync(http, "v4/domains/mg.example.org");
        Assert.Equal(
            refusal, await ApiCall.SendAsync(http, "PUT", "v4/domains/mg.example.org", "web_prefix", "go"));
        Assert.Equal(refusal, await ApiCall.SendAsync(http, "DELETE", "v3/domains/MG.example.org"));
        Assert.Equal(
            """400 {"message":"This domain name is already taken"}""",
            await CreateAsync(http, "MG.Example.org"));
        Assert.Equal(before, await ApiCall.GetAsync(http, "v4/domains/mg.example.org"));
    }

    [Theory]
    [InlineData("name parameter is not a valid domain name", "name", "no domain")]
    [InlineData("name parameter is not a valid domain name", "name", "")]
    [InlineData("name parameter is not a valid domain name", "title", "x.example")]
    [InlineData(
        "Password is too short. It must be between 5 and 32 characters.", "name", "x.example",
        "smtp_password", "four")]
    [InlineData(
        "Password is too long. It must be between 5 and 32 characters.", "name", "x.example",
        "smtp_password", "012345678901234567890123456789012")]
    [InlineData("The 'web_prefix' parameter is no name of the DNS", "name", "x.example", "web_prefix", "a b")]
    [InlineData(
        "The 'web_scheme' parameter is one of http, https", "name", "x.example", "web_scheme", "ftp")]
    [InlineData("The 'require_tls' parameter is one of yes, no", "name", "x.example", "require_tls", "maybe")]
    public async Task Domain_ThatCannotBe_IsNotMade(string message, params string[] fields)
    {
        using var http = server.Api("key-account");
        Assert.Equal(
            $$"""400 {"message":"{{message}}"}""",
            await ApiCall.SendAsync(http, "POST", "v3/domains", fields));
        Assert.Contains("\"total_count\":2", await ApiCall.GetAsync(http, "v3/domains"));
    }

    [Fact]
    public async Task Domain_MadeTwice_IsRefused()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "shop.example");
        Assert.Equal(
            """400 {"message":"This domain name is already taken"}""",
            await CreateAsync(http, "SHOP.example."));
    }

    [Fact]
    public async Task Domain_IsUpdated()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "shop.example");
        Assert.Equal(
            "200 {\"message\":\"Domain has been updated\",\"domain\":"
                + Domain(ShopId, "shop.example", "unverified", "go", "http") + ","
                + Records("shop.example", "unknown"),
            await ApiCall.SendAsync(
                http, "PUT", "v4/domains/shop.example", "web_prefix", "go", "web_scheme", "http",
                "spam_action", "tag", "wildcard", "true"));
    }

    [Fact]
    public async Task Verify_FindsTheRecords_AndTheDomainIsActive()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "shop.example");
        dns.Mx("shop.example", "other.example", "mx.example.org").Text(
            "shop.example", "v=spf1 a:mx.example.org -all", "unlike");
        var domain = Domain(ShopId, "shop.example", "active") + "," + Records(
            "shop.example", "valid", "\"0 other.example\",\"1 mx.example.org\"",
            "\"v=spf1 a:mx.example.org -all\"");
        Assert.Equal(
            "200 {\"message\":\"Domain DNS records have been updated\",\"domain\":" + domain,
            await ApiCall.SendAsync(http, "PUT", "v4/domains/shop.example/verify"));
        Assert.Equal("200 {\"domain\":" + domain, await ApiCall.GetAsync(http, "v4/domains/shop.example"));
    }

    [Fact]
    public async Task Verify_FindsWrongRecords_AndTheDomainIsNot()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "shop.example");
        Assert.Equal(
            "200 {\"message\":\"Domain DNS records have been updated\",\"domain\":"
                + Domain(ShopId, "shop.example", "unverified") + "," + Records("shop.example", "invalid"),
            await ApiCall.SendAsync(http, "PUT", "v3/domains/shop.example/verify"));
        dns.Text("shop.example", Spf, Spf).Mx("shop.example", "other.example");
        Assert.Contains(
            "\"state\":\"unverified\"",
            await ApiCall.SendAsync(http, "PUT", "v3/domains/shop.example/verify"));
    }

    [Fact]
    public async Task Domain_OfTheFile_IsVerifiedToo_AndStaysActive()
    {
        using var http = server.Api("key-mg");
        Assert.Equal(
            "200 {\"message\":\"Domain DNS records have been updated\",\"domain\":"
                + Domain(FileId, "mg.example.org", "file") + "," + Records("mg.example.org", "invalid"),
            await ApiCall.SendAsync(http, "PUT", "v3/domains/mg.example.org/verify"));
    }

    [Fact]
    public async Task List_IsSearchedSortedAndPaged()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "shop.example");
        await CreateAsync(http, "art.example");
        dns.Text("shop.example", Spf);
        await ApiCall.SendAsync(http, "PUT", "v4/domains/shop.example/verify");
        Assert.Equal(
            "4: art.example mg.example.org other.example.org shop.example", await NamesAsync(http, ""));
        Assert.Equal("4: mg.example.org other.example.org", await NamesAsync(http, "skip=1&limit=2"));
        Assert.Equal("4: ", await NamesAsync(http, "skip=4"));
        Assert.Equal(
            "4: shop.example other.example.org mg.example.org art.example",
            await NamesAsync(http, "sort=name:desc"));
        Assert.Equal("2: art.example shop.example", await NamesAsync(http, "search=t.ex&search=.EXAMPLE",
            name => !name.EndsWith("org", StringComparison.Ordinal), 4));
        Assert.Equal("1: art.example", await NamesAsync(http, "state=unverified"));
        Assert.Equal(
            "3: mg.example.org other.example.org shop.example", await NamesAsync(http, "state=active"));
        Assert.Equal("0: ", await NamesAsync(http, "state=disabled"));
    }

    static async Task<string> NamesAsync(
        HttpClient http, string query, Func<string, bool>? only = null, int? counted = null)
    {
        using var json = System.Text.Json.JsonDocument.Parse(await http.GetStringAsync(
            "v4/domains?" + query, TestContext.Current.CancellationToken));
        var names = json.RootElement.GetProperty("items").EnumerateArray()
            .Select(item => item.GetProperty("name").GetString()!).Where(only ?? (_ => true)).ToArray();
        var total = json.RootElement.GetProperty("total_count").GetInt32();
        if (counted is not null)
            Assert.Equal(counted, total);
        return $"{(counted is null ? total : names.Length)}: {string.Join(' ', names)}";
    }

    [Theory]
    [InlineData("limit=1001", "The 'limit' parameter can't be larger than 1000")]
    [InlineData("skip=x", "The 'skip' parameter is no number")]
    [InlineData("state=asleep", "The 'state' parameter is one of active, unverified, disabled")]
    [InlineData("sort=size:asc", "The 'sort' parameter is one of name:asc, name:desc")]
    public async Task List_AskedWrongly_Is400(string query, string message)
    {
        using var http = server.Api("key-account");
        Assert.Equal(
            $$"""400 {"message":"{{message}}"}""", await ApiCall.GetAsync(http, "v3/domains?" + query));
    }

    [Theory]
    [InlineData("GET", "v3/domains")]
    [InlineData("POST", "v4/domains")]
    [InlineData("DELETE", "v3/domains/mg.example.org")]
    [InlineData("GET", "v4/domains/other.example.org")]
    [InlineData("PUT", "v4/domains/other.example.org/verify")]
    [InlineData("DELETE", "v3/other.example.org/envelopes")]
    public async Task Key_OfADomain_OpensItsOwnAlone(string method, string path)
    {
        using var http = server.Api("key-mg");
        Assert.Equal("401 Forbidden", await ApiCall.SendAsync(http, method, path));
        using var stranger = server.Api("no-key");
        Assert.Equal("401 Forbidden", await ApiCall.SendAsync(stranger, method, path));
    }

    [Fact]
    public async Task Domain_MayBeOfAnyScript()
    {
        using var http = server.Api("key-account");
        Assert.Contains("\"name\":\"xn--bcher-kva.example\"", await CreateAsync(http, "Bücher.example"));
        Assert.StartsWith(
            "200 ", await ApiCall.GetAsync(http, "v4/domains/b%C3%BCcher.example"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Domain_Sends_FromItsFirstMoment()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "shop.example");
        Assert.StartsWith("200 ", await SendAsync(http, "shop.example"), StringComparison.Ordinal);
    }

    static Task<string> SendAsync(HttpClient http, string domain, params string[] more) => ApiCall.SendAsync(
        http, "POST", $"v3/{domain}/messages",
        ["from", "a@shop.example", "to", "r@net.example", "text", "x", .. more]);

    [Fact]
    public async Task Domain_AndWhatWasSeen_SurviveARestart()
    {
        string before;
        using (var http = server.Api("key-account"))
        {
            await CreateAsync(http, "shop.example", "web_prefix", "go", "smtp_password", "sesame");
            dns.Text("shop.example", Spf);
            await ApiCall.SendAsync(http, "PUT", "v4/domains/shop.example/verify");
            before = await ApiCall.GetAsync(http, "v4/domains");
            Assert.Contains("\"state\":\"active\",", before);
        }
        await server.RestartAsync();
        using var again = server.Api("key-account");
        Assert.Equal(before, await ApiCall.GetAsync(again, "v4/domains"));
        Assert.True(ScramSha256.Verify(
            server.Agent.Accounts.FindCredential("postmaster@shop.example"), "sesame"));
    }

    [Fact]
    public async Task Domain_Removed_TakesItsKeysLoginsAndSettingsAlong()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "shop.example", "smtp_password", "sesame", "web_prefix", "go");
        await CreateAsync(http, "workshop.example", "smtp_password", "sesame");
        await ApiCall.SendAsync(http, "POST", "v1/keys", "role", "sending", "domain_name", "shop.example");
        await ApiCall.SendAsync(http, "DELETE", "v3/domains/shop.example");
        Assert.Equal("""200 {"total_count":0,"items":[]}""", await ApiCall.GetAsync(http, "v1/keys"));
        Assert.Equal(
            ["postmaster@workshop.example", "robot@other.example.org"],
            server.Agent.Accounts.All.Select(account => account.Name));
        Assert.Contains("\"web_prefix\":\"email\"", await CreateAsync(http, "shop.example"));
    }

    [Fact]
    public async Task Password_OfPostmaster_IsChangedWithTheDomain()
    {
        using var http = server.Api("key-account");
        await CreateAsync(http, "shop.example", "smtp_password", "sesame");
        await ApiCall.SendAsync(http, "PUT", "v4/domains/shop.example", "smtp_password", "open-up");
        Assert.True(ScramSha256.Verify(
            server.Agent.Accounts.FindCredential("postmaster@shop.example"), "open-up"));
    }

    [Fact]
    public async Task Queues_AreNeverDisabled()
    {
        using var http = server.Api("key-mg");
        Assert.Equal(
            """200 {"regular":{"is_disabled":false},"scheduled":{"is_disabled":false}}""",
            await ApiCall.GetAsync(http, "v3/domains/mg.example.org/sending_queues"));
    }

    [Fact]
    public async Task Envelopes_Deleted_CancelWhatWaitsOfTheirDomainAlone()
    {
        using var http = server.Api("key-account");
        // Scheduled, so that no attempt is under way.
        var tomorrow = TimeProvider.System.GetUtcNow().AddDays(1).ToString("r");
        foreach (var domain in (string[])["mg.example.org", "other.example.org"])
            await SendAsync(
                http, domain, "h:Message-Id", $"<m@{domain}>", "o:deliverytime", tomorrow);
        Assert.Equal(["<m@mg.example.org>", "<m@other.example.org>"], await WaitingAsync());
        Assert.Equal(
            """200 {"message":"done"}""",
            await ApiCall.SendAsync(http, "DELETE", "v3/mg.example.org/envelopes"));
        Assert.Equal(["<m@other.example.org>"], await WaitingAsync());
    }

    async Task<IEnumerable<string>> WaitingAsync()
    {
        var page = await server.Agent.Store.ListAsync(
            QueueFilter.All, default, 100, TestContext.Current.CancellationToken);
        return page.Messages
            .Where(mail => mail.Recipients.Any(row => row.State != RecipientState.Done))
            .Select(mail => mail.Message.MessageId).Order(StringComparer.Ordinal);
    }
}
