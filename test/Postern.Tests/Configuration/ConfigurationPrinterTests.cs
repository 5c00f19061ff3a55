using Postern.Mta;
using Postern.Mta.Configuration;

namespace Postern.Tests.Configuration;

public sealed class ConfigurationPrinterTests
{
    static readonly ConfigurationSurroundings surroundings = new() { Variable = _ => "user:sesame" };

    const string Everything = """
        hostname = "mx.example.org"
        data = "/srv/postern"
        [[listen]]
        on = "0.0.0.0:25"
        for = "mx"
        proxy-protocol = ["10.0.0.0/8"]
        [[listen]]
        name = "users"
        on = "[::]:465"
        for = "submission"
        tls = "immediate"
        trusted = []
        [[listen]]
        on = "0.0.0.0:8025"
        for = "http"
        serves = ["api", "hooks"]
        behind-proxy = ["192.0.2.0/24"]
        [submission]
        trusted = ["127.0.0.0/8"]
        origin = "example.org"
        [aliases.table]
        "root" = ["a@example.org", "b@example.org"]
        "@old.example.org" = "@example.org"
        [inbound]
        delimiter = ""
        postmaster = "admin@example.org"
        [queue]
        lifetime = "36h"
        reserve = "2GB"
        [log]
        format = "postfix"
        [accounts."the shop"]
        password = "env:SHOP"
        senders = ["*@example.org", "\"a b\"@example.org"]
        [domains."example.org"]
        api-keys = ["env:KEY"]
        [transports.relay]
        kind = "smtp"
        host = "[smtp.example.net]:587"
        login = "env:LOGIN"
        rate = "100/s"
        ports = [587, 2525]
        [transports.script]
        kind = "pipe"
        argv = ["/bin/sh", "-c", "printf '\\n\t\"'"]
        exit-codes = "postfix"
        [transports.topic]
        kind = "pubsub"
        topic = "projects/acme/topics/mail"
        [[routes]]
        name = "in"
        to = ["*@*.example.org"]
        accepts = ["mx", "api"]
        via = ["topic", "script"]
        all = true
        [[routes]]
        from = ["<>"]
        account = ["the shop"]
        listener = ["users", "mx-25"]
        via = ["relay"]
        retry = ["30s", "2m"]
        give-up = "1d"
        delay-warning = "4h"
        priority = -3
        bounce = false
        """;

    static PosternOptions Read(string text)
    {
        var result = ConfigurationReader.ReadText(text, "postern.toml", surroundings);
        Assert.Empty(result.Errors);
        return result.Options;
    }

    [Fact]
    public void Print_ReadBack_GivesTheSame()
    {
        var printed = ConfigurationPrinter.Print(Read(Everything));
        Assert.Equal(printed, ConfigurationPrinter.Print(Read(printed)));
    }

    [Fact]
    public void PrintChanged_ReadBack_GivesTheSame()
    {
        var options = Read(Everything);
        Assert.Equal(
            ConfigurationPrinter.Print(options),
            ConfigurationPrinter.Print(Read(ConfigurationPrinter.PrintChanged(options))));
    }

    [Fact]
    public void Print_HasWhatTheFileSaid()
    {
        var printed = ConfigurationPrinter.Print(Read(Everything));
        foreach (var line in Everything.Split('\n')
            .Where(l => l.Length > 0 && !l.StartsWith('"') && l != "[aliases.table]"))
            Assert.Contains(line, printed, StringComparison.Ordinal);
    }

    [Fact]
    public void Print_NeverHoldsASecret() =>
        Assert.DoesNotContain(
            "sesame", ConfigurationPrinter.Print(Read(Everything)), StringComparison.Ordinal);

    [Fact]
    public void PrintChanged_OfDefaults_IsEmpty() =>
        Assert.Empty(ConfigurationPrinter.PrintChanged(new PosternOptions()));

    [Fact]
    public void PrintChanged_HasOnlyWhatDiffers() => Assert.Equal(
        "[queue]\nlifetime = \"4d\"\n",
        ConfigurationPrinter.PrintChanged(Read(
            """
            [queue]
            lifetime = "96h"
            bounce-lifetime = "5d"
            [[listen]]
            on = "127.0.0.1:2525"
            for = "submission"
            """) with
        {
            Listen = [],
        }));

    [Fact]
    public void Document_InTheRepository_IsUpToDate()
    {
        var path = Repository.PathOf("docs/config.md");
        if (Environment.GetEnvironmentVariable("POSTERN_BLESS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var writer = new StreamWriter(path);
            writer.Write(ConfigurationDocument.Write());
        }
        Assert.Equal(ConfigurationDocument.Write(), File.ReadAllText(path));
    }

    [Fact]
    public void Sandbox_ConnectsToLoopbackOnly()
    {
        var options =
            SandboxOptions.Create("/d", new SandboxRelay("[127.0.0.1]:2600", "PEM", "u:p"), "/d/on-mail");
        Assert.All(options.Listen, l => Assert.StartsWith("127.0.0.1:", l.On, StringComparison.Ordinal));
        Assert.Equal(["[127.0.0.1]:2600"], options.Transports.Values.Select(t => t.Host).OfType<string>());
        Assert.All(options.Routes.SelectMany(r => r.Via), v => Assert.Contains(v, options.Transports.Keys));
        Assert.False(options.Webhooks.Public);
        Assert.Equal(["127.0.0.0/8", "::1"], options.Webhooks.Networks.Select(network => network.Text));
    }

    [Fact]
    public void List_MarksWhatDiffersFromTheDefault()
    {
        var found = ConfigurationPrinter.List(new PosternOptions
        {
            Hostname = "mx.example.org",
            Queue = new QueueOptions { Lifetime = TimeSpan.FromDays(1) },
        });
        Assert.Equal(
            new EffectiveSetting("[queue]", "lifetime", "\"1d\"", "\"5d\"", IsSet: true),
            Assert.Single(found, one => one is { Section: "[queue]", Key: "lifetime" }));
        Assert.All(
            found.Where(one => one.Section == "[limits]"), one => Assert.False(one.IsSet, one.Key));
    }

    [Fact]
    public void List_HasTheValuesThatPrintHas()
    {
        var options = Read(Everything);
        var listed = ConfigurationPrinter.List(options).Where(one => one.Value is not null)
            .Select(one => $"{one.Key} = {one.Value}");
        var printed = ConfigurationPrinter.Print(options).Split('\n')
            .Where(line => line.Length > 0 && line[0] != '[');
        Assert.Equal(printed, listed);
    }

    [Fact]
    public void List_NumbersTablesOfAList()
    {
        var options = new PosternOptions
        {
            Routes = [new RouteOptions { Name = "a" }, new RouteOptions { Name = "b" }],
        };
        Assert.Equal(
            ["[[routes]] 1 \"a\"", "[[routes]] 2 \"b\""],
            ConfigurationPrinter.List(options)
                .Where(one => one.Section.StartsWith("[[routes]]", StringComparison.Ordinal)
                    && one.Key == "name")
                .Select(one => $"{one.Section} {one.Value}"));
    }

    [Fact]
    public void List_ShowsASecretAsItsReference()
    {
        var options = new PosternOptions
        {
            Accounts = new Dictionary<string, AccountOptions>
            {
                ["shop"] = new() { Password = new Secret("file:/etc/shop.secret", "open-sesame") },
            },
        };
        var found = ConfigurationPrinter.List(options);
        Assert.Equal(
            "\"file:/etc/shop.secret\"",
            Assert.Single(found, one => one is { Section: "[accounts.shop]", Key: "password" }).Value);
        Assert.DoesNotContain(found, one => $"{one}".Contains("open-sesame", StringComparison.Ordinal));
    }
}
