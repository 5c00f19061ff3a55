using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Intake;
using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Reports;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Intake;

/// <summary>What mail of other servers meets at the door: checks, the fields that tell of them,
/// verdicts.</summary>
public sealed class SmtpDoorCheckedTests : IAsyncLifetime
{
    const string Client = "192.0.2.1";
    const string Letter = "From: ann@good.example\r\nSubject: x\r\n\r\nbody\r\n";
    static readonly CancellationToken None = CancellationToken.None;

    readonly ZoneResolver dns = new ZoneResolver()
        .Add("1.2.0.192.in-addr.arpa", "PTR", "out.good.example")
        .Add("out.good.example", "A", Client)
        .Add("good.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
        .Add("_dmarc.good.example", "TXT", "v=DMARC1; p=reject")
        .Add("bad.example", "TXT", "v=spf1 -all")
        .Add("_dmarc.bad.example", "TXT", "v=DMARC1; p=reject")
        .Add("1.2.0.192.zen.example", "A", "127.0.0.2");

    static readonly ClamavOptions Clamav = new()
    {
        Address = FilterAddress.TryParse("127.0.0.1:3310", out var address, out _) ? address : null,
    };

    readonly ScriptedClamd clamd = new();
    static readonly MilterOptions Milter = new()
    {
        Name = "m",
        Address = FilterAddress.TryParse("127.0.0.1:8891", out var address, out _) ? address : null,
    };

    readonly ScriptedRspamd rspamd = new();
    readonly ScriptedMilter milter = new();
    readonly MemoryBudget memory = new(1 << 20);
    IResolver? resolver;
    MailHall hall = null!;
    EventLog log = null!;
    SmtpDoor door = null!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await log.DisposeAsync();
        await hall.DisposeAsync();
    }

    void Open(params VerdictOptions[] verdicts) => Open(new InboundOptions
    {
        BlockLists = ["zen.example"],
        Verdicts = verdicts,
    });

    void Open(InboundOptions inbound)
    {
        var options = OptionsOf(Route("in", to: ["*@in.example"]) with { Accepts = MailDoors.Mx }) with
        {
            Hostname = "mx.example",
            Inbound = inbound,
            Domains = new Dictionary<string, DomainOptions> { ["in.example"] = new() },
            Forward = new ForwardOptions { ReturnPath = "bounces@return.example" },
        };
        hall = new MailHall(options);
        hall.Queue.ReturnPaths = new ReturnPaths(new byte[32]);
        log = new EventLog(
            new EventLogSettings { Hostname = "mx.example" }, hall.Clock, () => Stream.Null, Stream.Null);
        var settings =
            new DoorSettings(options, AccountDirectory.Load(options, []), AliasTable.Load(options, []));
        door = new SmtpDoor(
            new ListenOptions { On = "127.0.0.1:25", For = ListenFor.Mx },
            new MailIntake(hall.Store, hall.Queue, memory, hall.Clock), hall.Queue,
            new InboundRoutes(hall.Store), new AccountLimits(hall.Clock), new LoginThrottle(hall.Clock),
            new HandshakeThrottle(hall.Clock), hall.Health, log.Sessions, new Metrics(), () => settings)
        {
            Checker = new MailChecker(resolver ?? dns, hall.Clock)
            {
                Filters = new MailFilters(
                    (to, inTime) => to == Milter.Address
                        ? milter.ConnectAsync(to, inTime) : clamd.ConnectAsync(to, inTime),
                    rspamd.MakeHandler(), hall.Queue.NoteFilter, hall.Clock),
            },
        };
    }

    async Task<string> SendAsync(
        string sender = "ann@good.example", string content = Letter, string client = Client,
        string to = "b@in.example", CancellationTokenSource? leaving = null,
        string helo = "out.good.example")
    {
        var session = new SessionFacts
        {
            Listener = "mx",
            Kind = ListenerKind.Mx,
            Remote = new IPEndPoint(IPAddress.Parse(client), 4321),
            Local = new IPEndPoint(IPAddress.Parse("198.51.100.1"), 25),
            StartedAt = Start,
            Helo = helo,
            IsExtended = true,
        };
        Assert.Null(await door.ConnectAsync(session, None));
        var path = new ReversePath(sender.Length == 0 ? null : Mailbox(sender));
        var transaction = new MailTransaction(path, MailParameters.None);
        Assert.Null(await door.MailAsync(session, path, MailParameters.None, None));
        foreach (var one in to.Split(','))
        {
            var recipient = new EnvelopeRecipient(new ForwardPath(Mailbox(one)), RcptParameters.None);
            Assert.Null(await door.RcptAsync(session, transaction, recipient, None));
        }
        await using var sink = await door.OpenContentAsync(session, transaction, None);
        await sink.WriteAsync(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(content)), None);
        var accepted = door.AcceptAsync(session, transaction, sink, leaving?.Token ?? None);
        leaving?.Cancel();
        var reply = await accepted;
        await hall.RunAsync();
        return $"{reply.Code} {reply.Status} {reply.Lines[0]}";
    }

    QueuedMessage Stored => hall.Relay.Attempts[^1].Message;

    string Prefix => Encoding.UTF8.GetString(Stored.Edits.Prefix.Span);

    [Fact]
    public async Task GoodMail_IsTakenWithWhatWasFoundOut()
    {
        Open();
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        var checks = Stored.Checks!;
        Assert.Equal(
            (AuthenticationResult.Pass, AuthenticationResult.Pass, AuthenticationResult.None,
                AuthenticationResult.Pass, "out.good.example"),
            (checks.Spf!.Result, checks.Dmarc!.Result, checks.DkimResult!.Value, checks.Iprev!.Result,
                Stored.Client.Name));
        Assert.Equal(["zen.example"], checks.Listed);
        Assert.Equal(
            "spf=pass dkim=none dmarc=pass arc=none iprev=pass listed=zen.example",
            Assert.Single(hall.Store.Events, one => one.Kind == EventKind.Accepted).Checks);
        Assert.StartsWith("Authentication-Results: mx.example;\r\n", Prefix, StringComparison.Ordinal);
        Assert.Contains("spf=pass", Prefix, StringComparison.Ordinal);
        Assert.Contains("dmarc=pass", Prefix, StringComparison.Ordinal);
        Assert.Contains("\r\nReceived: from out.good.example (out.good.example [192.0.2.1])", Prefix,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(VerdictAction.Reject, "550 5.7.26 Message rejected: DMARC fail for bad.example")]
    [InlineData(VerdictAction.Defer, "451 4.7.26 Message rejected: DMARC fail for bad.example")]
    public async Task ForgedMail_IsRefusedByAVerdict_AndLeavesNothing(VerdictAction action, string expected)
    {
        Open(new VerdictOptions
        {
            Name = "forged",
            Action = action,
            Dmarc = [AuthenticationResult.Fail],
            DmarcPolicy = [DmarcPolicy.Reject],
        });
        Assert.Equal(expected, await SendAsync("ann@bad.example", Letter.Replace("good", "bad",
            StringComparison.Ordinal)));
        Assert.Empty(hall.Store.Recipients);
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PeerThatLeavesWhileItsMailIsChecked_TakesNoMemoryAlong()
    {
        resolver = new SilentResolver();
        Open(new InboundOptions { Checks = [MailCheck.Dmarc] });
        using var leaving = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SendAsync(leaving: leaving));
        Assert.Equal(1 << 20, memory.FreeOctets);
        Assert.Empty(hall.Store.Recipients);
    }

    [Fact]
    public async Task MailThatAVerdictRefuses_TakesNoMemoryAlong()
    {
        Open(new VerdictOptions { Name = "all", Action = VerdictAction.Reject });
        await SendAsync();
        Assert.Equal(1 << 20, memory.FreeOctets);
    }

    [Fact]
    public async Task LargeContent_ThatAVerdictRefuses_LeavesNoFile()
    {
        Open(new VerdictOptions { Name = "all", Action = VerdictAction.Reject });
        var large = Letter + string.Concat(Enumerable.Repeat("0123456789012345678901234567890123456789\r\n",
            20_000));
        Assert.StartsWith("550 5.7.1 ", await SendAsync(content: large), StringComparison.Ordinal);
        Assert.Empty(hall.Disk.Files);
    }

    [Fact]
    public async Task Quarantine_HoldsTheMail_AndSaysWhy()
    {
        Open(new VerdictOptions
        {
            Name = "listed",
            Action = VerdictAction.Quarantine,
            Listed = ["zen.example"],
        });
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        Assert.Equal(RecipientState.Held, hall.Only.State);
        Assert.Empty(hall.Relay.Attempts);
        var why = Assert.Single(await hall.Queue.WhyAsync(hall.Only.Message, None));
        Assert.Contains("verdict listed: the client is listed by zen.example", why.Text,
            StringComparison.Ordinal);
        await hall.Queue.ReleaseAsync(new QueueSelection.One(hall.Only.Message), "operator", None);
        await hall.RunAsync();
        Assert.Equal(RecipientOutcome.Relayed, hall.Only.Outcome);
    }

    [Fact]
    public async Task Tag_MarksTheMail_AndOnlyWeDo()
    {
        Open(new VerdictOptions { Name = "soft", Action = VerdictAction.Tag });
        await SendAsync(content: "X-Postern-Verdict: forged\r\n"
            + "Authentication-Results: MX.example; dmarc=pass\r\n"
            + "Authentication-Results: other.example; dmarc=pass\r\n" + Letter);
        Assert.StartsWith("X-Postern-Verdict: soft\r\nAuthentication-Results: mx.example;", Prefix,
            StringComparison.Ordinal);
        var cut = Stored.Edits.Cuts;
        Assert.Equal([(0L, 27L), (27L, 48L)], cut.Select(range => (range.Start, range.Length)));
    }

    [Fact]
    public async Task ForgedResult_IsCutForTheMembersOfAMailingListToo()
    {
        const string list = "all@in.example";
        Open();
        await hall.Queue.PutObjectAsync(hall.Queue.Lists.Table.Put(
            list, new StoredList("", "", ListAccess.Everyone, ReplyPreference.List, Start, 0)));
        await hall.Queue.Lists.ReloadAsync([list], None);
        await hall.Queue.PutObjectAsync(hall.Queue.Lists.Members.Put(
            MailingList.PrefixOf(list) + "m@in.example", new ListMember("", true, null)));
        await SendAsync(to: list, content: "List-Id: <theirs>\r\n"
            + "Authentication-Results: mx.example; dmarc=pass\r\n" + Letter);
        var member = Assert.Single(hall.Relay.Attempts[^1].Recipients);
        Assert.NotNull(member.List);
        var cut = Stored.EditsOf(member).Cuts;
        Assert.Equal([(0L, 19L), (19L, 48L)], cut.Select(range => (range.Start, range.Length)));
    }

    [Fact]
    public async Task UncheckedClient_MeetsNoVerdict_AndAsksNothingOfDns()
    {
        Open(new VerdictOptions { Name = "all", Action = VerdictAction.Reject });
        Assert.StartsWith("250 ", await SendAsync(client: "127.0.0.1"), StringComparison.Ordinal);
        Assert.Null(Stored.Checks);
        Assert.Empty(dns.Asked);
    }

    [Fact]
    public async Task DnsThatDoesNotAnswer_IsTempError_NeverAPass()
    {
        dns.Silent("slow.example").Silent("_dmarc.slow.example").Silent("2.2.0.192.in-addr.arpa");
        Open();
        Assert.StartsWith("250 ", await SendAsync(
            "ann@slow.example", Letter.Replace("good", "slow", StringComparison.Ordinal), "192.0.2.2"),
            StringComparison.Ordinal);
        var checks = Stored.Checks!;
        Assert.Equal(
            (AuthenticationResult.Temperror, AuthenticationResult.Temperror, AuthenticationResult.Temperror),
            (checks.Spf!.Result, checks.Dmarc!.Result, checks.Iprev!.Result));
        Assert.Null(Stored.Client.Name);
    }

    [Fact]
    public async Task NameThatDoesNotLeadBack_IsNoName()
    {
        dns.Add("3.2.0.192.in-addr.arpa", "PTR", "out.good.example");
        Open();
        await SendAsync(client: "192.0.2.3");
        Assert.Equal((AuthenticationResult.Fail, null), (Stored.Checks!.Iprev!.Result, Stored.Client.Name));
        Assert.Contains("(unknown [192.0.2.3])", Prefix, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.255.255.254", 0)]
    [InlineData("10.0.0.1", 0)]
    [InlineData("127.0.0.11", 1)]
    public async Task BlockList_NamesAClientInItsOwnRangeAlone(string answer, int lists)
    {
        dns.Add("9.2.0.192.zen.example", "A", answer);
        Open();
        await SendAsync(client: "192.0.2.9");
        Assert.Equal(lists, Stored.Checks!.Listed.Count);
    }

    [Fact]
    public async Task AllowList_KeepsAClientOffTheBlockLists()
    {
        dns.Add("1.2.0.192.list.dnswl.example", "A", "127.0.5.1");
        Open(new InboundOptions { BlockLists = ["zen.example"], AllowLists = ["list.dnswl.example"] });
        await SendAsync();
        Assert.Empty(Stored.Checks!.Listed);
        Assert.DoesNotContain("A 1.2.0.192.zen.example", dns.Asked);
    }

    [Fact]
    public async Task BlockList_IsAskedAboutIpv6ByNibbles()
    {
        const string reversed =
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.example";
        dns.Add(reversed, "A", "127.0.0.2");
        Open();
        await SendAsync(client: "2001:db8::1");
        Assert.Equal(["zen.example"], Stored.Checks!.Listed);
    }

    [Fact]
    public async Task HeloThatLies_IsRefusedByAVerdict_AndAnHonestOneIsTold()
    {
        Open(new InboundOptions
        {
            Checks = [MailCheck.Helo],
            Verdicts =
            [
                new VerdictOptions
                {
                    Name = "helo",
                    Action = VerdictAction.Reject,
                    Helo = [AuthenticationResult.Fail, AuthenticationResult.Permerror],
                },
            ],
        });
        Assert.Equal(
            "550 5.7.1 Message rejected: HELO fail: it is our own name", await SendAsync(helo: "MX.example"));
        Assert.Equal(
            "550 5.7.1 Message rejected: HELO permerror: it is no full name of a host",
            await SendAsync(helo: "localhost"));
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        Assert.Equal(new HeloVerdict(AuthenticationResult.Pass, null), Stored.Checks!.Helo);
        Assert.Equal(
            "helo=pass", Assert.Single(hall.Store.Events, one => one.Kind == EventKind.Accepted).Checks);
        // RFC 8601 §2.7 has no method for it: the field does not tell of it.
        Assert.StartsWith("Authentication-Results: mx.example; none\r\n", Prefix, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NullSender_IsCheckedByItsHelo()
    {
        dns.Add("out.good.example", "TXT", "v=spf1 a -all");
        Open();
        await SendAsync("");
        Assert.Equal(
            (AuthenticationResult.Pass, SpfScope.Helo, "out.good.example"),
            (Stored.Checks!.Spf!.Result, Stored.Checks.Spf.Scope, Stored.Checks.Spf.Domain));
    }

    [Fact]
    public async Task InfectedMail_IsRefusedByAVerdict()
    {
        Open(new InboundOptions
        {
            Clamav = Clamav,
            Verdicts =
            [
                new VerdictOptions
                {
                    Name = "virus",
                    Action = VerdictAction.Reject,
                    Virus = [VirusResult.Infected],
                },
            ],
        });
        clamd.Reply = "stream: Eicar-Test-Signature FOUND\0";
        Assert.Equal("550 5.7.1 Message rejected: virus Eicar-Test-Signature", await SendAsync());
        Assert.Empty(hall.Store.Recipients);
        clamd.Reply = "stream: OK\0";
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        Assert.Equal(
            new VirusVerdict(VirusResult.Clean, "clamav 1.4.3", null), Stored.Checks!.Virus);
        Assert.Equal(Letter, Encoding.Latin1.GetString(clamd.Received.ToArray()));
    }

    [Fact]
    public async Task Scanner_ThatIsDown_IsAnAlarmUntilItAnswers_AndMailIsTaken()
    {
        Open(new InboundOptions { Clamav = Clamav });
        clamd.IsDown = true;
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        Assert.Equal(VirusResult.Error, Stored.Checks!.Virus!.Result);
        Assert.DoesNotContain("X-Postern-Verdict", Prefix, StringComparison.Ordinal);
        var alarm = Assert.Single(hall.Alarms.Raised);
        Assert.Equal(
            ("filter", "inbound clamav", "clamav gives no answer: Connection refused; mail is taken without "
                + "it unless a verdict says else"),
            (alarm.Kind, alarm.Subject, alarm.Text));
        await SendAsync();
        Assert.Same(alarm, Assert.Single(hall.Alarms.Raised));
        clamd.IsDown = false;
        await SendAsync();
        Assert.Empty(hall.Alarms.Raised);
    }

    [Fact]
    public async Task Scanner_ThatIsNotConfiguredAnyMore_HasNoAlarm()
    {
        Open(new InboundOptions { Clamav = Clamav });
        clamd.IsDown = true;
        await SendAsync();
        hall.Queue.WatchFilters();
        Assert.Single(hall.Alarms.Raised);
        hall.Queue.Apply(hall.Options with { Inbound = new InboundOptions() });
        hall.Queue.WatchFilters();
        Assert.Empty(hall.Alarms.Raised);
    }

    [Fact]
    public async Task Scanner_ThatIsDown_CanKeepMailOut()
    {
        Open(new InboundOptions
        {
            Clamav = Clamav,
            Verdicts =
            [
                new VerdictOptions
                {
                    Name = "unscanned",
                    Action = VerdictAction.Defer,
                    Virus = [VirusResult.Error],
                },
            ],
        });
        clamd.IsDown = true;
        Assert.Equal(
            "451 4.7.1 Message rejected: the virus scanner gives no answer", await SendAsync());
    }

    [Fact]
    public async Task Scanner_IsAskedWhereNothingElseIsChecked_ButNotAboutUncheckedClients()
    {
        Open(new InboundOptions { Checks = [], Clamav = Clamav });
        await SendAsync(client: "127.0.0.1");
        Assert.Empty(clamd.Commands);
        Assert.Null(Stored.Checks);
        await SendAsync();
        Assert.Equal(["zINSTREAM", "zVERSION"], clamd.Commands);
        Assert.Equal(VirusResult.Clean, Stored.Checks!.Virus!.Result);
        Assert.Empty(dns.Asked);
    }

    [Fact]
    public async Task Spam_IsRefusedByAVerdict_AndTheFilterKnowsWhoSentIt()
    {
        Open(new InboundOptions
        {
            Clamav = Clamav,
            Rspamd = new RspamdOptions { Url = "http://rspamd.example:11333" },
            Verdicts =
            [
                new VerdictOptions { Name = "spam", Action = VerdictAction.Reject, Spam = [SpamResult.Spam] },
                new VerdictOptions
                {
                    Name = "suspect",
                    Action = VerdictAction.Tag,
                    Spam = [SpamResult.Suspect],
                },
            ],
        });
        rspamd.Body = """{"action":"reject","score":12.3,"required_score":6}""";
        Assert.Equal(
            "550 5.7.1 Message rejected: spam, score 12.3 of 6", await SendAsync(client: $"::ffff:{Client}"));
        Assert.Equal(
            (Client, "out.good.example", "out.good.example", "<ann@good.example>", "<b@in.example>"),
            (rspamd["IP"], rspamd["Helo"], rspamd["Hostname"], rspamd["From"], rspamd["Rcpt"]));
        rspamd.Body = """{"action":"add header","score":5,"required_score":6}""";
        Assert.StartsWith("250 ", await SendAsync(""), StringComparison.Ordinal);
        Assert.Equal("<>", rspamd["From"]);
        Assert.Equal(Stored.Id.ToString(), rspamd["Queue-Id"]);
        Assert.Equal(
            (new SpamVerdict(SpamResult.Suspect, 5, 6, "rspamd 3.4"), VirusResult.Clean),
            (Stored.Checks!.Spam, Stored.Checks.Virus!.Result));
        Assert.StartsWith("X-Postern-Verdict: suspect\r\n", Prefix, StringComparison.Ordinal);
        rspamd.Status = 500;
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        Assert.Equal("inbound rspamd", Assert.Single(hall.Alarms.Raised).Subject);
    }

    [Fact]
    public async Task LargeContent_IsFilteredFromItsFile_ByBothAtOnce()
    {
        Open(new InboundOptions
        {
            Clamav = Clamav,
            Rspamd = new RspamdOptions { Url = "http://rspamd.example:11333" },
        });
        var large = Letter + string.Concat(Enumerable.Range(0, 30_000).Select(
            line => string.Create(CultureInfo.InvariantCulture, $"{line:D40}\r\n")));
        Assert.StartsWith("250 ", await SendAsync(content: large), StringComparison.Ordinal);
        Assert.NotNull(Stored.ContentFile);
        var sent = Encoding.Latin1.GetBytes(large);
        Assert.Equal(sent, clamd.Received.ToArray());
        Assert.Equal(sent, rspamd.Received);
        Assert.Equal(
            (SpamResult.Ham, VirusResult.Clean), (Stored.Checks!.Spam!.Result, Stored.Checks.Virus!.Result));
    }

    [Fact]
    public async Task Milter_RefusesInItsOwnWords_WhateverVerdictsSay()
    {
        Open(new InboundOptions
        {
            Milters = [Milter],
            Verdicts = [new VerdictOptions { Name = "all", Action = VerdictAction.Accept }],
        });
        milter.Says["E"] = ScriptedMilter.Packet('y', "554 5.7.9 Not here\0");
        Assert.Equal("554 5.7.9 Not here", await SendAsync());
        Assert.Empty(hall.Store.Recipients);
        Assert.Equal(1 << 20, memory.FreeOctets);
    }

    [Fact]
    public async Task ReturnPathOfOurs_MeetsNoVerdict_AndSparesNobodyElseIt()
    {
        Open(new InboundOptions
        {
            Milters = [Milter],
            Verdicts = [new VerdictOptions
            {
                Name = "bad",
                Action = VerdictAction.Reject,
                Spf = [AuthenticationResult.Fail],
            }],
        });
        var id = await hall.AcceptAsync("x@elsewhere.example");
        var path = hall.Queue.ReturnPaths!.Of(id, "return.example").ToString();
        Assert.StartsWith("250 ", await SendAsync("a@bad.example", to: path), StringComparison.Ordinal);
        Assert.StartsWith("550 5.7.23 ", await SendAsync("a@bad.example", to: $"{path},b@in.example"),
            StringComparison.Ordinal);
        milter.Says["E"] = ScriptedMilter.Packet('r');
        Assert.StartsWith("250 ", await SendAsync(to: path), StringComparison.Ordinal);
        Assert.StartsWith("550 5.7.1 ", await SendAsync(to: $"{path},b@in.example"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Milter_ThatDoesNotDecide_IsForVerdicts()
    {
        Open(new InboundOptions
        {
            Milters = [Milter with { Decides = false }],
            Verdicts =
            [
                new VerdictOptions
                {
                    Name = "milled",
                    Action = VerdictAction.Tag,
                    Milter = [MilterResult.Reject],
                },
            ],
        });
        milter.Says["E"] = ScriptedMilter.Packet('r');
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        Assert.StartsWith("X-Postern-Verdict: milled\r\n", Prefix, StringComparison.Ordinal);
        Assert.Equal(
            new MilterVerdict("m", MilterResult.Reject, "550 5.7.1 Command rejected"),
            Assert.Single(Stored.Checks!.Milters!));
        Assert.Contains(
            "milter=m:reject", Assert.Single(hall.Store.Events, one => one.Kind == EventKind.Accepted).Checks,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData('d', "milter m would discard it")]
    [InlineData('q', "milter m: odd")]
    public async Task MailThatAMilterWouldHoldOrDiscard_IsHeld(char said, string expected)
    {
        Open(new InboundOptions { Milters = [Milter] });
        milter.Says["E"] = said == 'd' ? ScriptedMilter.Packet('d')
            : [.. ScriptedMilter.Packet('q', "odd\0"), .. ScriptedMilter.Packet('c')];
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        Assert.Equal(RecipientState.Held, hall.Only.State);
        Assert.Contains(
            expected, Assert.Single(await hall.Queue.WhyAsync(hall.Only.Message, None)).Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task FieldsOfAMilter_StandBelowOurResults_AndWhatItChangesIsCut()
    {
        Open(new InboundOptions { Checks = [], Milters = [Milter] });
        milter.Says["E"] =
        [
            .. ScriptedMilter.Packet('m', ScriptedMilter.Numbered(1, "Subject", "***")),
            .. ScriptedMilter.Packet('i', ScriptedMilter.Numbered(0, "X-Spam", "no")),
            .. ScriptedMilter.Packet('a'),
        ];
        const string forged = "Authentication-Results: mx.example; dkim=pass\r\n";
        Assert.StartsWith("250 ", await SendAsync(content: forged + Letter), StringComparison.Ordinal);
        Assert.StartsWith(
            "Authentication-Results: mx.example; none\r\nX-Spam: no\r\nSubject: ***\r\nReceived: ", Prefix,
            StringComparison.Ordinal);
        Assert.Equal(
            [forged, "Subject: x\r\n"],
            Stored.Edits.Cuts.Select(range =>
                (forged + Letter).Substring((int)range.Start, (int)range.Length)));
        Assert.DoesNotContain("L Authentication-Results|mx.example; dkim=pass|", milter.Heard);
    }

    [Theory]
    [InlineData(MilterOutage.Accept, "250 ", "mail is taken without it unless a verdict says else")]
    [InlineData(MilterOutage.Defer, "451 4.7.1 Service unavailable", "mail is deferred until it does")]
    public async Task Milter_ThatIsDown_IsAnAlarmUntilItAnswers(
        MilterOutage whenDown, string reply, string text)
    {
        Open(new InboundOptions { Milters = [Milter with { WhenDown = whenDown }] });
        milter.IsDown = true;
        Assert.StartsWith(reply, await SendAsync(), StringComparison.Ordinal);
        var alarm = Assert.Single(hall.Alarms.Raised);
        Assert.Equal(
            ("filter", "inbound milter m", $"milter m gives no answer: Connection refused; {text}"),
            (alarm.Kind, alarm.Subject, alarm.Text));
        milter.IsDown = false;
        Assert.StartsWith("250 ", await SendAsync(), StringComparison.Ordinal);
        Assert.Empty(hall.Alarms.Raised);
    }

    [Fact]
    public async Task LargeContent_IsToldToAMilterFromItsFile()
    {
        Open(new InboundOptions { Checks = [], Milters = [Milter] });
        var body = string.Concat(Enumerable.Range(0, 30_000).Select(
            line => string.Create(CultureInfo.InvariantCulture, $"{line:D40}\r\n")));
        Assert.StartsWith(
            "250 ", await SendAsync(content: "Subject: x\r\n\r\n" + body), StringComparison.Ordinal);
        Assert.NotNull(Stored.ContentFile);
        Assert.Equal(body, Encoding.Latin1.GetString(milter.Body.ToArray()));
    }
}
