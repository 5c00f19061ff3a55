using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Postern.Mta;
using Postern.Mta.Configuration;

namespace Postern.Tests.Configuration;

public sealed class ConfigurationReaderTests
{
    const string Smtp = "[transports.relay]\nkind = \"smtp\"\nhost = \"[127.0.0.1]:2600\"\n";

    const string PubSub = "kind = \"pubsub\"\ntopic = \"projects/acme/topics/mail\"\n";

    const string Listener = "\n[[listen]]\non = \"127.0.0.1:2525\"\nfor = \"submission\"\n";

    /// <summary>
    /// With a listener at the end where a text is about something else: every file has one.
    /// </summary>
    static ConfigurationResult Read(string text) => ReadAsItIs(
        text.Contains("listen", StringComparison.Ordinal) ? text : text + Listener);

    static ConfigurationResult ReadAsItIs(string text) => ConfigurationReader.ReadText(
        text, "postern.toml",
        new ConfigurationSurroundings
        {
            Variable = name => name switch
            {
                "SECRET" => "user:pass",
                "HEADERS" => "authorization=Bearer abc",
                _ => null,
            },
        });

    static string[] ErrorsOf(string text) => [.. Read(text).Errors.Select(e => e.ToString())];

    static PosternOptions OptionsOf(string text)
    {
        var result = Read(text);
        Assert.Empty(result.Errors);
        return result.Options;
    }

    [Fact]
    public void AFile_WithAListenerAlone_GivesTheDefaults()
    {
        var options = OptionsOf("");
        Assert.Equal(
            ConfigurationPrinter.Print(new PosternOptions { Listen = options.Listen }),
            ConfigurationPrinter.Print(options));
    }

    [Theory]
    [InlineData("")]
    [InlineData("hostname = \"mx.example.org\"\n[queue]\nlifetime = \"5d\"")]
    public void AFile_WithoutAListener_IsAnErrorOnLineOne(string text)
    {
        var error = Assert.Single(ReadAsItIs(text).Errors).ToString();
        Assert.StartsWith("postern.toml:1: listen: nobody can hand in mail", error, StringComparison.Ordinal);
        Assert.Contains("add [[listen]]", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("otlp = \"127.0.0.1:4318\"", "telemetry.otlp: \"127.0.0.1:4318\" is no URL")]
    [InlineData("otlp = \"http://h/?x\"", "telemetry.otlp: \"http://h/?x\" is no URL")]
    [InlineData("protocol = \"udp\"", "telemetry.protocol: \"udp\" is none of \"http\", \"grpc\"")]
    [InlineData("sample = 1.5", "telemetry.sample: must be from 0 to 1")]
    [InlineData("sample = -1", "telemetry.sample: must be from 0 to 1")]
    [InlineData("sample = nan", "telemetry.sample: must be from 0 to 1")]
    [InlineData("sample = \"all\"", "telemetry.sample: must be a fraction such as 0.1, not text")]
    [InlineData("headers = \"env:SECRET\"", "telemetry.headers: env:SECRET holds something else")]
    [InlineData("otlp = \"http://collector.example:4318\"\nheaders = \"env:HEADERS\"",
        "telemetry.headers: would be readable on the way")]
    public void Telemetry_ThatCannotBe_IsAnError(string line, string expected) =>
        Assert.Contains(expected, Assert.Single(ErrorsOf($"[telemetry]\n{line}")), StringComparison.Ordinal);

    [Theory]
    [InlineData("http://127.0.0.1:4318")]
    [InlineData("http://localhost:4318")]
    [InlineData("https://collector.example:4318")]
    public void Telemetry_WithAToken_GoesWhereNobodyReadsIt(string url) =>
        Assert.Empty(ErrorsOf($"[telemetry]\notlp = \"{url}\"\nheaders = \"env:HEADERS\""));

    [Theory]
    [InlineData("0.25", 0.25)]
    [InlineData("1", 1)]
    [InlineData("0", 0)]
    [InlineData("1.0", 1)]
    public void Telemetry_PrintsAsItWasRead(string sample, double expected)
    {
        var options = OptionsOf(
            $"[telemetry]\notlp = \"http://127.0.0.1:4317/\"\nprotocol = \"grpc\"\nsample = {sample}");
        Assert.Equal(
            new TelemetryOptions
            {
                Otlp = "http://127.0.0.1:4317/",
                Protocol = OtlpProtocol.Grpc,
                Sample = expected,
            },
            options.Telemetry);
        Assert.Equal(options.Telemetry, OptionsOf(ConfigurationPrinter.Print(options)).Telemetry);
    }

    [Fact]
    public void Verdicts_StandBelowInbound_AndPrintAsTheyWereRead()
    {
        const string verdicts = """

            [[inbound.verdicts]]
            name = "listed"
            action = "defer"
            listed = ["zen.example"]

            [[inbound.verdicts]]
            name = "verdict-2"
            action = "quarantine"
            dmarc = ["fail", "permerror"]
            dmarc-policy = ["reject"]

            """;
        var options = OptionsOf("[inbound]\nblock-lists = [\"zen.example\"]\n"
            + verdicts.Replace("name = \"verdict-2\"\n", "", StringComparison.Ordinal));
        Assert.Contains(verdicts, ConfigurationPrinter.PrintChanged(options), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("block-lists = [\"http://zen\"]", "inbound.block-lists[1]: \"http://zen\" is no DNS zone")]
    [InlineData("checks = [\"spam\"]", "inbound.checks: \"spam\" is none of \"spf\", \"dkim\"")]
    [InlineData("checks = [\"spf\"]\n[[inbound.verdicts]]\naction = \"reject\"\ndkim = \"fail\"",
        "inbound.verdicts[1].dkim: is never known; add \"dkim\" to inbound.checks")]
    [InlineData("[[inbound.verdicts]]\naction = \"drop\"", "inbound.verdicts[1].action: \"drop\" is none of")]
    [InlineData("[[inbound.verdicts]]\nspf = \"fail\"", "inbound.verdicts[1].action: ")]
    [InlineData("[[inbound.verdicts]]\naction = \"tag\"\nspf = \"failed\"", "did you mean \"fail\"?")]
    [InlineData("[[inbound.verdicts]]\naction = \"tag\"\nlisted = \"zen.example\"",
        "inbound.verdicts[1].listed")]
    [InlineData("[[inbound.verdicts]]\naction = \"tag\"\nvirus = \"infected\"",
        "inbound.verdicts[1].virus: is never known; set inbound.clamav.address")]
    [InlineData("[[inbound.verdicts]]\naction = \"tag\"\nspam = \"error\"",
        "inbound.verdicts[1].spam: is never known; set inbound.rspamd.url")]
    [InlineData("[inbound.rspamd]\nurl = \"127.0.0.1:11333\"",
        "inbound.rspamd.url: \"127.0.0.1:11333\" is no URL")]
    [InlineData("[inbound.rspamd]\ntimeout = \"0s\"", "inbound.rspamd.timeout: must be")]
    [InlineData("[[inbound.verdicts]]\naction = \"tag\"\nhelo = \"fail\"",
        "inbound.verdicts[1].helo: is never known; add \"helo\" to inbound.checks")]
    [InlineData("greet-wait = \"2m\"", "inbound.greet-wait: must be 1m at most")]
    [InlineData("[inbound.rates]\nmessages = \"60/m\"", "inbound.rates.messages: \"60/m\" is no rate")]
    [InlineData("[inbound.greylist]\nwait = \"5h\"", "inbound.greylist.wait: must be 4h at most")]
    [InlineData("[inbound.greylist]\nwait = \"5m\"\nretry-within = \"5m\"",
        "inbound.greylist.retry-within: must be longer than inbound.greylist.wait")]
    [InlineData("[inbound.greylist]\nwait = \"5m\"\nkeep = \"1d\"",
        "inbound.greylist.keep: must be 7d at least")]
    [InlineData("[inbound.greylist]\nallow-after = 0", "inbound.greylist.allow-after: must be from 1 to 32")]
    [InlineData("[inbound.clamav]\naddress = \"/run/clamd\"",
        "inbound.clamav.address: \"/run/clamd\" is no address of a filter")]
    [InlineData("[inbound.clamav]\ntimeout = \"10m\"", "inbound.clamav.timeout: must be")]
    [InlineData("[inbound.clamav]\nsize-max = \"0\"", "inbound.clamav.size-max: ")]
    [InlineData("[[inbound.verdicts]]\naction = \"defer\"\nmilter = \"error\"",
        "inbound.verdicts[1].milter: is never known; set inbound.milters")]
    [InlineData("[[inbound.milters]]\nname = \"x\"", "inbound.milters[1].address: ")]
    [InlineData("[[inbound.milters]]\nname = \"a b\"\naddress = \"127.0.0.1:8891\"",
        "inbound.milters[1].name: must be letters")]
    [InlineData("[[inbound.milters]]\naddress = \"127.0.0.1:8891\"\ntimeout = \"6m\"",
        "inbound.milters[1].timeout: must be")]
    [InlineData("[[inbound.milters]]\nname = \"a\"\naddress = \"127.0.0.1:8891\"\n"
        + "[[inbound.milters]]\nname = \"a\"\naddress = \"127.0.0.1:8892\"",
        "inbound.milters[2].name: \"a\" is the name of a milter above too")]
    [InlineData("[[inbound.milters]]\naddress = \"127.0.0.1:8891\"\ntimeout = \"3m\"\n"
        + "[[inbound.milters]]\naddress = \"127.0.0.1:8892\"\ntimeout = \"3m\"",
        "inbound.milters: their timeouts are 6m together, and may be 5m")]
    public void Inbound_ThatCannotMeanAnything_IsAnError(string text, string expected) =>
        Assert.Contains(ErrorsOf("[inbound]\n" + text),
            error => error.Contains(expected, StringComparison.Ordinal));

    [Theory]
    [InlineData("url = \"https://links.example.org\"")]
    [InlineData("url = \"https://example.org:8443/mail\"\nown-names = true")]
    public void Tracking_WithAUrl_IsTaken(string settings) =>
        Assert.NotNull(OptionsOf("[tracking]\n" + settings).Tracking.Url);

    [Theory]
    [InlineData("url = \"links.example.org\"", "tracking.url: \"links.example.org\" is no URL")]
    [InlineData("url = \"https://x.example/?a\"", "tracking.url: \"https://x.example/?a\" is no URL")]
    [InlineData("url = \"https://x.example/'\"", "tracking.url: \"https://x.example/'\" is no URL")]
    [InlineData("own-names = true", "tracking.own-names: needs tracking.url beside it")]
    public void Tracking_WithoutAGoodUrl_IsAnError(string settings, string error) => Assert.Contains(
        error, Assert.Single(ErrorsOf("[tracking]\n" + settings)), StringComparison.Ordinal);

    [Theory]
    [InlineData("hostnme = \"a\"", "postern.toml:1: hostnme: unknown key; did you mean \"hostname\"?")]
    [InlineData("\n[transports.mailgun]\nkind = \"smtp\"\nhots = \"a\"",
        "postern.toml:4: transports.mailgun.hots: unknown key; did you mean \"host\"?")]
    [InlineData("[tls]\nzzzzzzzz = 1",
        "postern.toml:2: tls.zzzzzzzz: unknown key; the keys here are certificate, key")]
    [InlineData(
        "[queue]\nlifetime = 5", "postern.toml:2: queue.lifetime: must be text in quotes, not a number")]
    [InlineData("[queue]\nlifetime = \"5 days\"",
        "postern.toml:2: queue.lifetime: \"5 days\" is no duration; write \"100ms\", \"30s\", \"5m\", "
        + "\"4h\" or \"5d\"")]
    [InlineData("[limits]\nmessage-size = \"50\"",
        "postern.toml:2: limits.message-size: \"50\" is no size; write \"25MB\" (10^6 octets) or "
        + "\"50MiB\" (2^20)")]
    [InlineData("[limits]\nrecipients = \"many\"",
        "postern.toml:2: limits.recipients: must be a number such as 100, not text")]
    [InlineData("[limits]\nrecipients = 1", "postern.toml:2: limits.recipients: must be from 100 to 100000")]
    [InlineData("[log]\nformat = \"jsn\"",
        "postern.toml:2: log.format: \"jsn\" is none of \"console\", \"json\", \"postfix\"; did you mean "
        + "\"json\"?")]
    [InlineData("queue = 3", "postern.toml:1: queue: must be a table; write [queue] and its keys below it")]
    [InlineData("[routes]\nvia = \"a\"", "postern.toml:1: routes: must be tables; write [[routes]]")]
    [InlineData("hostname = \"a\"\nhostname = \"b\"",
        "postern.toml:2: hostname: is already set on line 1; keep one of the two")]
    [InlineData(
        "[queue]\n[log]\n[queue]", "postern.toml:3: queue: already stands on line 1; put its keys there")]
    [InlineData("[transports.t]\nkind = \"pipe\"\nargv = [\"/bin/cat\"]\nsame-user = true\n[[routes]]\n"
        + "via = [\"t\"]\ngive-up = \"4h\"\ndelay-warning = \"4h\"",
        "postern.toml:8: routes[1].delay-warning: must be less than the 4h after which the recipient ends")]
    [InlineData("[transports.t]\nkind = \"pipe\"\nargv = [\"/bin/cat\"]\nsame-user = true\n[[routes]]\n"
        + "via = [\"t\"]\ndelay-warning = \"0s\"",
        "postern.toml:7: routes[1].delay-warning: must be longer than nothing")]
    [InlineData("[transports.t]\nmax-connections = 3", "postern.toml:1: transports.t.kind: is missing")]
    [InlineData("[transports.t]\nkind = \"pipe\"\nargv = [\"/bin/cat\"]\nhost = \"a\"",
        "postern.toml:4: transports.t.host: belongs to kind = \"smtp\", \"mailgun\" or \"lmtp\" only; "
        + "take it out")]
    [InlineData(
        "hostname = \"a b\"", "postern.toml:1: hostname: \"a b\" is no host name; write \"mx.example.org\"")]
    public void Mistake_InAFile_IsToldWithLineKeyAndMend(string text, string error) =>
        Assert.Equal([error], ErrorsOf(text));

    [Fact]
    public void Mistakes_OfAFile_AreAllTold() => Assert.Equal(
        ["postern.toml:1", "postern.toml:3", "postern.toml:4"],
        Read("hostnam = 1\n[queue]\nlifetime = true\nreserve = \"x\"").Errors.Select(
            e => $"{e.File}:{e.Line}"));

    [Theory]
    [InlineData("password = \"hunter2\"")]
    [InlineData("password = hunter2")]
    [InlineData("password = \"env:hunter2!\"")]
    public void PastedPassword_IsNeverRepeated(string line)
    {
        var errors = ErrorsOf("[accounts.a]\n" + line);
        Assert.NotEmpty(errors);
        Assert.DoesNotContain(errors, e => e.Contains("hunter2", StringComparison.Ordinal));
    }

    [Fact]
    public void Syntax_Broken_IsToldWithItsLine() =>
        Assert.StartsWith(
            "postern.toml:2: not TOML", ErrorsOf("[queue]\nlifetime = \n")[0], StringComparison.Ordinal);

    [Theory]
    [InlineData("0.0.0.0:25", null)]
    [InlineData("127.0.0.1:0", null)]
    [InlineData("[::1]:587", null)]
    [InlineData("::1:587", "write \"[::1]:587\"")]
    [InlineData("localhost:25", "is no address with a port")]
    [InlineData("127.0.0.1:70000", "is no port")]
    [InlineData("127.1:25", "is no address with a port")]
    public void ListenAddress_IsChecked(string on, string? part)
    {
        var errors = ErrorsOf($"[[listen]]\non = \"{on}\"\nfor = \"mx\"");
        if (part is null)
            Assert.Empty(errors);
        else
            Assert.Contains(part, Assert.Single(errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("on = \"0.0.0.0:80\"\nfor = \"http\"\nserves = [\"api\"]", "plain http off loopback")]
    [InlineData("on = \"0.0.0.0:80\"\nfor = \"http\"\ntls = \"immediate\"", "says what it serves")]
    [InlineData("on = \"0.0.0.0:80\"\nfor = \"http\"\nserves = [\"api\"]\ntls = \"immediate\"", null)]
    [InlineData(
        "on = \"0.0.0.0:80\"\nfor = \"http\"\nserves = [\"api\"]\nbehind-proxy = [\"10.0.0.0/8\"]", null)]
    [InlineData("on = \"127.0.0.1:80\"\nfor = \"http\"", null)]
    [InlineData("on = \"127.0.0.1:25\"\nfor = \"mx\"\nserves = [\"api\"]", "belongs to for = \"http\" only")]
    [InlineData("on = \"127.0.0.1:25\"\nfor = \"mx\"\nproxy-protocol = \"10.0.0.1/8\"",
        "did you mean \"10.0.0.0/8\"?")]
    public void Listener_OfItsKind_IsChecked(string lines, string? part)
    {
        var errors = ErrorsOf("[[listen]]\n" + lines);
        if (part is null)
            Assert.Empty(errors);
        else
            Assert.Contains(part, Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Listeners_OnOneAddress_AreRefused() => Assert.Equal(
        ["postern.toml:5: listen[2].on: \"127.0.0.1:25\" is taken by the listener on line 1"],
        ErrorsOf(
            "[[listen]]\non = \"127.0.0.1:25\"\nfor = \"mx\"\n[[listen]]\non = \"127.0.0.1:25\"\nfor = "
            + "\"submission\""));

    [Theory]
    [InlineData("via = [\"relai\"]",
        "postern.toml:5: routes[1].via[1]: there is no transport \"relai\"; did you mean \"relay\"?")]
    [InlineData("via = []", "postern.toml:5: routes[1].via: names no transport")]
    [InlineData("via = \"relay\"\naccount = \"bob\"",
        "postern.toml:6: routes[1].account[1]: there is no account \"bob\"; there are no accounts")]
    [InlineData("via = \"relay\"\naccepts = \"mx\"",
        "postern.toml:6: routes[1].accepts: an mx route names its recipients; add to = [\"*@example.org\"]")]
    [InlineData("via = \"relay\"\naccepts = \"mx\"\nto = \"*@*\"",
        "postern.toml:7: routes[1].to[1]: \"*@*\" with accepts = \"mx\" would make an open relay; name "
        + "the domains")]
    [InlineData("via = \"relay\"\nto = \"example.org\"",
        "postern.toml:6: routes[1].to: an address pattern has an @; did you mean \"*@example.org\" or "
        + "\"example.org@...\"?")]
    public void Route_IsChecked(string lines, string error) =>
        Assert.Contains(error, ErrorsOf($"{Smtp}[[routes]]\n{lines}"));

    [Theory]
    [InlineData("[smtp.mailgun.org]:587", null)]
    [InlineData("smtp.mailgun.org:587, [192.0.2.1] [2001:db8::1]:25", null)]
    [InlineData("example.net", null)]
    [InlineData("192.0.2.1:25", "an address needs brackets")]
    [InlineData("2001:db8::1", "an address needs brackets")]
    [InlineData("[smtp.mailgun.org:587", "no closing bracket")]
    [InlineData("[a]:0", "is no port")]
    [InlineData("[a]:smtp", "is no port")]
    [InlineData("[a]587", "is no port")]
    [InlineData("a_b c!", "is no host name")]
    public void NextHop_IsChecked(string host, string? part)
    {
        var errors = ErrorsOf($"[transports.t]\nkind = \"smtp\"\nhost = \"{host}\"");
        if (part is null)
            Assert.Empty(errors);
        else
            Assert.Contains(part, Assert.Single(errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[smtp.example.net]:587", "none", 1)]
    [InlineData("[smtp.example.net]:587", "opportunistic", 1)]
    [InlineData("[smtp.example.net]:587", "required", 0)]
    [InlineData("[127.0.0.1]:587", "none", 0)]
    [InlineData("[127.0.0.1]:587, [192.0.2.1]", "none", 1)]
    public void Login_OffLoopback_NeedsTls(string host, string tls, int errors) =>
        Assert.Equal(errors, ErrorsOf(
        $"[transports.t]\nkind = \"smtp\"\nhost = \"{host}\"\ntls = \"{tls}\"\nlogin = "
        + "\"env:SECRET\"").Length);

    [Theory]
    [InlineData("kind = \"pipe\"\nargv = [\"cat\"]", "whole path")]
    [InlineData("kind = \"pipe\"\nargv = []", "names no program")]
    [InlineData("kind = \"pipe\"", "argv: is missing")]
    [InlineData("kind = \"maildir\"", "directory: is missing; write directory = \"/var/mail/${user}\"")]
    [InlineData("kind = \"maildir\"\ndirectory = \"\"", "directory: write a path")]
    [InlineData("kind = \"maildir\"\ndirectory = \"/\"", "is no whole path")]
    [InlineData("kind = \"maildir\"\ndirectory = \"/m/${usr}\"", "there is no macro ${usr}")]
    [InlineData("kind = \"maildir\"\ndirectory = \"/m/${sender}\"", "${sender} does not name the recipient")]
    [InlineData("kind = \"maildir\"\ndirectory = \"/m/$\"", "a dollar that stands for itself")]
    [InlineData("kind = \"lmtp\"", "host: is missing; write \"127.0.0.1:24\"")]
    [InlineData("kind = \"lmtp\"\nhost = \"127.0.0.1:25\"", "LMTP is never spoken on port 25")]
    [InlineData("kind = \"webhook\"\nkey = \"env:SECRET\"", "url: is missing")]
    [InlineData("kind = \"webhook\"\nurl = \"https://a.org/\"", "key: is missing")]
    [InlineData("kind = \"webhook\"\nkey = \"env:SECRET\"\nurl = \"http://a.org/\"",
        "must be https off loopback")]
    [InlineData("kind = \"webhook\"\nkey = \"env:SECRET\"\nurl = \"https://a.org/\"\nform = \"xml\"",
        "is none of \"json\", \"mailgun\", \"mailgun-mime\"")]
    [InlineData("kind = \"pubsub\"\ntopic = \"mail\"", "write \"projects/PROJECT/topics/TOPIC\"")]
    [InlineData(PubSub + "claim-bucket = \"mail\"", "is no bucket; write \"gs://bucket/prefix\"")]
    [InlineData(PubSub + "claim-bucket = \"gs://mail/a//b\"", "\"a//b\" is no prefix")]
    [InlineData(PubSub + "claim-bucket = \"s3://mail\"", "needs claim-login beside it")]
    [InlineData(PubSub + "claim-bucket = \"gs://mail\"\nclaim-login = \"env:SECRET\"",
        "claim-login: is of s3")]
    [InlineData(PubSub + "claim-bucket = \"gs://mail\"\nclaim-directory = \"/c\"",
        "claim-directory: is of files")]
    [InlineData(PubSub + "claim-bucket = \"gs://mail\"\nclaim-url = \"https://a.org\"",
        "claim-url: is of files")]
    [InlineData(PubSub + "claim-bucket = \"gs://mail\"\nclaim-endpoint = \"http://a.org\"",
        "claim-endpoint: must be https off loopback")]
    [InlineData(PubSub + "claim-bucket = \"s3://mail\"\nclaim-login = \"env:SECRET\"\n"
        + "claim-region = \"EU West\"", "is no region")]
    [InlineData(PubSub + "claim-region = \"eu-west-3\"", "has no effect without claim-bucket")]
    [InlineData(PubSub + "claim-expires = \"1d\"", "has no effect without claim-url")]
    [InlineData(PubSub + "claim-url = \"http://a.org\"", "claim-url: must be https off loopback")]
    [InlineData(PubSub + "claim-url = \"https://a.org/?x\"", "claim-url: \"https://a.org/?x\" is no URL")]
    [InlineData(PubSub + "claim-url = \"https://a.org\"\nclaim-keep = \"1d\"",
        "claim-keep: must not be shorter than claim-expires")]
    [InlineData("kind = \"smtp\"\nclaim-bucket = \"gs://mail\"", "claim-bucket")]
    [InlineData("kind = \"mailgun\"\nkey = \"env:SECRET\"", "domain: is missing")]
    [InlineData("kind = \"mailgun\"\ndomain = \"a.org\"", "key: is missing")]
    [InlineData("kind = \"mailgun\"\ndomain = \"a org\"\nkey = \"env:SECRET\"",
        "postern.toml:3: transports.t.domain: \"a org\" is no domain; write \"mg.example.org\"")]
    [InlineData("kind = \"mailgun\"\ndomain = \"a.org\"\nkey = \"env:SECRET\"\nregion = \"ue\"",
        "postern.toml:5: transports.t.region: ")]
    [InlineData("kind = \"mailgun\"\ndomain = \"a.org\"\nkey = \"env:SECRET\"\nhost = \"127.0.0.1:8443\"",
        "an address needs brackets")]
    [InlineData("kind = \"mailgun\"\ndomain = \"a.org\"\nkey = \"env:SECRET\"\nhost = \"a.org, b.org\"",
        "is no host name")]
    [InlineData("kind = \"mailgun\"\ndomain = \"a.org\"\nkey = \"env:SECRET\"\nreturn-path = \"keep\"",
        "return-path")]
    [InlineData("kind = \"redis\"\nstream = \"mail\"", "servers: is missing")]
    [InlineData("kind = \"redis\"\nstream = \"mail\"\nservers = []", "names no server")]
    [InlineData("kind = \"redis\"\nservers = [\"localhost\"]", "stream: is missing")]
    [InlineData("kind = \"redis\"\nstream = \"mail\"\nservers = [\"localhost\", \"redis://a:b@c\"]",
        "is no server")]
    [InlineData("kind = \"redis\"\nstream = \"mail\"\nservers = [\"a.example\"]\ntls = \"opportunistic\"",
        "tls: a broker's is")]
    [InlineData("kind = \"redis\"\nstream = \"mail\"\nservers = [\"localhost\", \"a.example\"]\n"
        + "tls = \"none\"\nlogin = \"env:SECRET\"", "a login off loopback needs tls")]
    [InlineData("kind = \"redis\"\nstream = \"mail\"\nservers = [\"localhost\"]\nargv = [\"/bin/cat\"]",
        "argv")]
    [InlineData("kind = \"nats\"\nservers = [\"localhost\"]", "subject: is missing")]
    [InlineData("kind = \"nats\"\nservers = [\"localhost\"]\nsubject = \"mail.>\"", "is no subject")]
    [InlineData("kind = \"nats\"\nservers = [\"nats://localhost\"]\nsubject = \"mail\"", "is no server")]
    [InlineData("kind = \"nats\"\nservers = [\"localhost\"]\nsubject = \"mail\"\nstream = \"mail\"",
        "stream")]
    [InlineData("kind = \"rabbitmq\"\nservers = [\"localhost\"]",
        "routing-key: is missing; without exchange it is the name of a queue")]
    [InlineData("kind = \"kafka\"\nservers = [\"localhost\"]", "topic: is missing")]
    [InlineData("kind = \"kafka\"\nservers = [\"localhost\"]\ntopic = \"projects/p/topics/mail\"",
        "is no topic; its name has 1 to 249 letters")]
    [InlineData("kind = \"redis\"\nstream = \"mail\"\nservers = [\"localhost\"]\nvirtual-host = \"/\"",
        "virtual-host")]
    [InlineData("kind = \"smtp\"\nservers = [\"localhost\"]", "servers")]
    [InlineData("kind = \"smtp\"\nrate = \"many\"", "is no rate")]
    [InlineData("kind = \"smtp\"\nreturn-path = \"drop\"", "must be \"keep\" or an address")]
    public void Transport_OfItsKind_IsChecked(string lines, string part) =>
        Assert.Contains(part, Assert.Single(ErrorsOf("[transports.t]\n" + lines)), StringComparison.Ordinal);

    [Theory]
    [InlineData("claim-bucket = \"gs://mail/in\"")]
    [InlineData("claim-bucket = \"s3://mail\"\nclaim-endpoint = \"http://127.0.0.1:9000\"\n"
        + "claim-login = \"env:SECRET\"\nclaim-region = \"auto\"")]
    [InlineData("claim-url = \"https://mx.example.org/claims\"\nclaim-expires = \"1d\"\n"
        + "claim-keep = \"30d\"")]
    [InlineData("claim-keep = \"none\"\ninline-max = \"5MB\"")]
    public void Claims_OfEachKind_AreTaken(string lines) =>
        Assert.NotNull(OptionsOf("[transports.t]\n" + PubSub + lines).Transports["t"]);

    [Fact]
    public void Transport_WithANameOverTheLimitOfAmqp_IsToldForEach()
    {
        var name = new string('n', 256);
        var errors = ErrorsOf($"""
            [transports.t]
            kind = "rabbitmq"
            servers = ["localhost"]
            exchange = "{name}"
            routing-key = "{name}"
            virtual-host = "{name}"
            """);
        Assert.Equal(3, errors.Count(
            error => error.EndsWith("has more than 255 octets", StringComparison.Ordinal)));
    }

    [Fact]
    public void Transport_OfEachBroker_IsReadWithItsTarget()
    {
        var transports = OptionsOf("""
            [transports.n]
            kind = "nats"
            servers = ["n.example", "[2001:db8::1]:4223"]
            subject = "mail.in"
            [transports.r]
            kind = "rabbitmq"
            servers = ["r.example"]
            exchange = "mail"
            virtual-host = "acme"
            [transports.q]
            kind = "rabbitmq"
            servers = ["r.example"]
            routing-key = "mail"
            [transports.k]
            kind = "kafka"
            servers = ["k.example:9093"]
            topic = "mail.in"
            """).Transports;
        Assert.Equal("mail.in", transports["k"].Topic);
        Assert.Equal("mail.in", transports["n"].Subject);
        Assert.Equal(("mail", null, "acme"),
            (transports["r"].Exchange, transports["r"].RoutingKey, transports["r"].VirtualHost));
        Assert.Equal((null, "mail", "/"),
            (transports["q"].Exchange, transports["q"].RoutingKey, transports["q"].VirtualHost));
    }

    [Fact]
    public void Values_OfAllKinds_AreRead()
    {
        var options = OptionsOf(Smtp + """
            rate = "5000/day"
            [limits]
            message-size = "25MB"
            [queue]
            lifetime = "4h"
            [[routes]]
            accepts = "api"
            via = "relay"
            priority = 5
            retry = ["100ms", "30s"]
            """);
        Assert.Equal(new Rate(5000, TimeSpan.FromDays(1)), options.Transports["relay"].Rate);
        Assert.Equal(25_000_000, options.Limits.MessageSize);
        Assert.Equal(TimeSpan.FromHours(4), options.Queue.Lifetime);
        var route = Assert.Single(options.Routes);
        Assert.Equal(("route-1", MailDoors.Api, 5), (route.Name, route.Accepts, route.Priority));
        Assert.Equal([TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30)], route.Retry);
    }

    [Fact]
    public void SecretFile_OthersCanRead_IsRefused()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.Write("s", "x\n", UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Equal(
            $"postern.toml:2: accounts.a.password: others can read {path}; run: chmod o-rwx {path}",
            Assert.Single(ErrorsOf($"[accounts.a]\npassword = \"file:{path}\"")));
    }

    [Theory]
    [InlineData("pass\n", "pass")]
    [InlineData("pass\n\n", "pass\n")]
    [InlineData("pass", "pass")]
    public void SecretFile_LosesOneFinalLineEnd(string text, string value)
    {
        using var directory = new TemporaryDirectory();
        var path = directory.Write("s", text);
        var options = OptionsOf($"[accounts.a]\npassword = \"file:{path}\"");
        Assert.Equal(value, options.Accounts["a"].Password!.Value);
    }

    [Fact]
    public void Certificate_WithoutItsFile_IsToldAtItsLine() => Assert.Equal(
        ["postern.toml:2: tls.certificate: /nowhere/c.pem does not exist",
            "postern.toml:3: tls.key: /nowhere/k.pem does not exist"],
        ErrorsOf("[tls]\ncertificate = \"/nowhere/c.pem\"\nkey = \"/nowhere/k.pem\""));

    [Fact]
    public void Certificate_WithAKeyOfAnother_IsToldAtTheKey()
    {
        using var directory = new TemporaryDirectory();
        using var key = ECDsa.Create();
        using var other = ECDsa.Create();
        using var certificate = new CertificateRequest("CN=a", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        var chain = directory.Write("c.pem", certificate.ExportCertificatePem(), (UnixFileMode)0x1A4);
        var good = directory.Write("good.pem", key.ExportPkcs8PrivateKeyPem());
        var wrong = directory.Write("wrong.pem", other.ExportPkcs8PrivateKeyPem());
        Assert.Empty(ErrorsOf($"[tls]\ncertificate = \"{chain}\"\nkey = \"{good}\""));
        Assert.StartsWith("postern.toml:3: tls.key: ",
            Assert.Single(ErrorsOf($"[tls]\ncertificate = \"{chain}\"\nkey = \"{wrong}\"")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void AliasFile_WithAMistake_IsToldWithItsOwnLine()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.Write("virtual", "# ours\nroot@a.org |/bin/cat\n");
        Assert.StartsWith($"{path}:2: root@a.org: ",
            Assert.Single(ErrorsOf($"[aliases]\nfiles = [\"{path}\"]")), StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_File_IsAnError() =>
        Assert.Equal("/nowhere/postern.toml: does not exist",
            Assert.Single(ConfigurationReader.Read("/nowhere/postern.toml", new()).Errors).ToString());

    [Fact]
    public void Example_OfTheRepository_IsGood() =>
        Assert.Empty(ConfigurationReader.Read(Repository.PathOf("postern.toml"), new()).Errors);
}
