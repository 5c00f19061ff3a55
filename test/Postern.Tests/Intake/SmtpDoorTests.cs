using System.Buffers;
using System.Net;
using System.Text;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Events;
using Postern.Mta.Intake;
using Postern.Mta.Lists;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;
using Postern.Smtp;
using Postern.Smtp.Server;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Intake;

public sealed class SmtpDoorTests : IAsyncLifetime
{
    static readonly CancellationToken None = CancellationToken.None;

    static readonly PosternOptions Options = OptionsOf(
        Route("in", to: ["*@in.example.org", "info@mixed.example.org"], via: ["script"]) with
        {
            Accepts = MailDoors.Mx
        },
        Route("out", to: ["*@example.net", "*@example.org", "*@mx.example.org"])) with
    {
        Accounts = new Dictionary<string, AccountOptions>
        {
            ["shop"] = new()
            {
                Password = new Secret("env:SHOP", "secret"),
                Senders = [AddressPattern.Parse("*@shop.example.org")],
            },
            ["any"] = new() { Password = new Secret("env:ANY", "secret") },
        },
    };

    readonly List<IAsyncDisposable> opened = [];
    MailHall hall = null!;
    SmtpDoor door = null!;
    AccountLimits limits = null!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var thing in opened)
            await thing.DisposeAsync();
    }

    void Open(ListenFor kind, PosternOptions? options = null, IReadOnlyList<Network>? trusted = null)
    {
        options ??= Options;
        hall = new MailHall(options);
        opened.Add(hall);
        limits = new AccountLimits(hall.Clock);
        var settings =
            new DoorSettings(options, AccountDirectory.Load(options, []), AliasTable.Load(options, []));
        var log = new EventLog(
            new EventLogSettings { Hostname = "mx.example.org" }, hall.Clock, () => Stream.Null, Stream.Null);
        opened.Add(log);
        door = new SmtpDoor(
            new ListenOptions { On = "127.0.0.1:25", For = kind, Trusted = trusted },
            new MailIntake(hall.Store, hall.Queue, new MemoryBudget(1 << 20), hall.Clock), hall.Queue,
            new InboundRoutes(hall.Store), limits, new LoginThrottle(hall.Clock),
            new HandshakeThrottle(hall.Clock), hall.Health,
            log.Sessions, new Metrics(), () => settings);
    }

    static SessionFacts Session(
        ListenerKind kind, string remote = "192.0.2.1", string local = "198.51.100.1", string? user = null) =>
            new()
            {
                Listener = "test",
                Kind = kind,
                Remote = new IPEndPoint(IPAddress.Parse(remote), 4321),
                Local = new IPEndPoint(IPAddress.Parse(local), 25),
                StartedAt = Start,
                Helo = "client.example.com",
                IsExtended = true,
                UserName = user,
            };

    [Theory]
    [InlineData(ListAccess.Readonly, "any", "ok")]
    [InlineData(ListAccess.Members, "any", "ok")]
    [InlineData(ListAccess.Readonly, null, "550 5.7.1")]
    [InlineData(ListAccess.Members, null, "550 5.7.1")]
    [InlineData(ListAccess.Everyone, null, "ok")]
    [InlineData(ListAccess.Readonly, "robot@MG.example.org", "ok")]
    [InlineData(ListAccess.Readonly, "robot@elsewhere.example.org", "ok")]
    [InlineData(ListAccess.Readonly, "robot@other.example.org", "550 5.7.1")]
    [InlineData(ListAccess.Members, "robot@other.example.org", "550 5.7.1")]
    [InlineData(ListAccess.Everyone, "robot@other.example.org", "ok")]
    public async Task List_TakesFromWhoHasLoggedIn_AndFromOthersAsItSays(
        ListAccess access, string? user, string expected)
    {
        const string list = "l@mg.example.org";
        Open(ListenFor.Submission, Options with
        {
            Domains = new Dictionary<string, DomainOptions>
            {
                ["mg.example.org"] = new(),
                ["other.example.org"] = new(),
            },
        });
        await hall.Queue.PutObjectAsync(hall.Queue.Lists.Table.Put(
            list, new StoredList("", "", access, ReplyPreference.List, Start, 0)));
        await hall.Queue.Lists.ReloadAsync([list], None);
        var session = Session(ListenerKind.Submission, "127.0.0.1", "127.0.0.1", user);
        session.IsTrusted = true;
        Assert.Equal(expected, await RcptAsync(session, Transaction(), "L@MG.example.org"));
    }

    SessionFacts Mx()
    {
        Open(ListenFor.Mx);
        return Session(ListenerKind.Mx);
    }

    static MailTransaction Transaction(string sender = "a@example.com") =>
        new(new ReversePath(sender.Length == 0 ? null : Mailbox(sender)), MailParameters.None);

    static string Show(Reply? reply) => reply is null ? "ok" : $"{reply.Code} {reply.Status}";

    async ValueTask<string> MailAsync(SessionFacts session, string sender) =>
        Show(await door.MailAsync(session, Transaction(sender).ReversePath, MailParameters.None, None));

    async ValueTask<string> RcptAsync(SessionFacts session, MailTransaction transaction, string recipient)
    {
        var to = new EnvelopeRecipient(new ForwardPath(Mailbox(recipient)), RcptParameters.None);
        var reply = await door.RcptAsync(session, transaction, to, None);
        if (reply is null)
            transaction.Add(to);
        return Show(reply);
    }

    async ValueTask<string> ContentAsync(
        SessionFacts session, MailTransaction transaction, string content = "Subject: x\r\n\r\nbody\r\n")
    {
        await using var sink = await door.OpenContentAsync(session, transaction, None);
        await sink.WriteAsync(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(content)), None);
        return Show(await door.AcceptAsync(session, transaction, sink, None));
    }

    [Theory]
    [InlineData("me@in.example.org", "ok")]
    [InlineData("info@mixed.example.org", "ok")]
    [InlineData("INFO@MIXED.example.org", "ok")]
    [InlineData("nobody@mixed.example.org", "550 5.1.1")]
    [InlineData("b@example.net", "550 5.7.1")]
    [InlineData("b@gmail.example", "550 5.7.1")]
    [InlineData("b%gmail.example@example.net", "550 5.7.1")]
    [InlineData("lone", "550 5.7.1")]
    public async Task Mx_TakesWhatAnMxRouteTakes_AndNeverRelays(string recipient, string reply) =>
        Assert.Equal(reply, await RcptAsync(Mx(), Transaction(), recipient));

    [Theory]
    [InlineData("postmaster")]
    [InlineData("POSTMASTER@mixed.example.org")]
    public async Task Postmaster_NobodyNamed_IsTakenAndHeld(string recipient)
    {
        var session = Mx();
        var transaction = Transaction();
        Assert.Equal("ok", await RcptAsync(session, transaction, recipient));
        Assert.Equal("250 2.0.0", await ContentAsync(session, transaction));
        await hall.RunAsync();
        Assert.Equal(RecipientState.Held, hall.Only.State);
    }

    [Fact]
    public async Task Postmaster_Named_GetsItThere()
    {
        Open(ListenFor.Mx, Options with { Inbound = new InboundOptions { Postmaster = "ops@example.net" } });
        var session = Session(ListenerKind.Mx);
        var transaction = Transaction();
        Assert.Equal("ok", await RcptAsync(session, transaction, "postmaster@mixed.example.org"));
        Assert.Equal("250 2.0.0", await ContentAsync(session, transaction));
        await hall.RunAsync();
        Assert.Equal("ops@example.net", hall.Relay.Attempts[0].Recipients[0].Address.ToString());
    }

    [Fact]
    public async Task Postmaster_OfAnotherDomain_IsRelaying() =>
        Assert.Equal("550 5.7.1", await RcptAsync(Mx(), Transaction(), "postmaster@example.net"));

    [Theory]
    [InlineData("", "ok")]
    [InlineData("a@example.com", "ok")]
    [InlineData("lone", "504 5.5.2")]
    public async Task Mx_Sender_NeedsADomain(string sender, string reply) =>
        Assert.Equal(reply, await MailAsync(Mx(), sender));

    [Theory]
    [InlineData("a@shop.example.org", "b@example.net", "550 5.7.1")]
    [InlineData("a@SHOP.example.org", "B@Example.net", "550 5.7.1")]
    [InlineData("a@shop.example.org", "c@example.net", "ok")]
    [InlineData("a@shop.example.org", "tagged@example.net", "ok")]
    [InlineData("a@elsewhere.example", "b@example.net", "ok")]
    [InlineData("", "b@example.net", "ok")]
    public async Task Submission_ToWhomIsSuppressed_IsRefusedAtRcpt(
        string sender, string recipient, string reply)
    {
        await OpenWithListAsync(ListenFor.Submission, "shop.example.org");
        Assert.Equal(reply, await RcptAsync(
            Session(ListenerKind.Submission, user: "any"), Transaction(sender), recipient));
    }

    [Fact]
    public async Task Mx_ToWhomIsSuppressed_TakesIt()
    {
        await OpenWithListAsync(ListenFor.Mx, "*", "me@in.example.org");
        Assert.Equal("ok", await RcptAsync(
            Session(ListenerKind.Mx), Transaction("a@shop.example.org"), "me@in.example.org"));
    }

    [Fact]
    public async Task Refusal_OfWhomIsSuppressed_SaysSinceWhenAndWhy()
    {
        await OpenWithListAsync(ListenFor.Submission, "*");
        var to = new EnvelopeRecipient(new ForwardPath(Mailbox("b@example.net")), RcptParameters.None);
        var reply = await door.RcptAsync(
            Session(ListenerKind.Submission, user: "any"), Transaction("a@shop.example.org"), to, None);
        Assert.Equal(
            "550 5.7.1 <b@example.net>: Recipient address rejected: suppressed since 2026-01-02 03:04 UTC, "
            + "mail to it bounced: 551 gone? now",
            reply!.ToString());
    }

    /// <summary>A bounce, and an unsubscription from a tag, of mail of one domain.</summary>
    async Task OpenWithListAsync(ListenFor kind, string domain, string address = "b@example.net")
    {
        Open(kind, Options with
        {
            Domains = new Dictionary<string, DomainOptions> { ["shop.example.org"] = new() },
        });
        await hall.Queue.SuppressAsync(domain, SuppressionKind.Bounce, [new(address, new Suppression
        {
            Since = Start,
            Code = "551",
            Error = "gone\u202E now",
        })], None);
        await hall.Queue.SuppressAsync(
            domain, SuppressionKind.Unsubscribe, [new("tagged@example.net", new Suppression
            {
                Since = Start,
                Tags = ["news"],
            })], None);
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", null, true)]
    [InlineData("::1", "::1", null, true)]
    [InlineData("127.0.0.1", "198.51.100.1", null, false)]
    [InlineData("192.0.2.1", "127.0.0.1", null, false)]
    [InlineData("192.0.2.1", "198.51.100.1", "192.0.2.0/24", true)]
    [InlineData("127.0.0.1", "127.0.0.1", "192.0.2.0/24", false)]
    public async Task Submission_WithoutLogin_NeedsTrust(
        string remote, string local, string? trusted, bool may)
    {
        Open(ListenFor.Submission, trusted: trusted is null ? null : [Network.Parse(trusted)]);
        var session = Session(ListenerKind.Submission, remote, local);
        Assert.Null(await door.ConnectAsync(session, None));
        Assert.Equal(may ? "ok" : "530 5.7.0", await MailAsync(session, "a@example.org"));
    }

    [Fact]
    public async Task Submission_BehindAProxy_IsNeverTrusted()
    {
        Open(ListenFor.Submission);
        var session = new SessionFacts
        {
            Listener = "test",
            Kind = ListenerKind.Submission,
            Remote = new IPEndPoint(IPAddress.Loopback, 1),
            Local = new IPEndPoint(IPAddress.Loopback, 2),
            StartedAt = Start,
            IsProxied = true,
        };
        await door.ConnectAsync(session, None);
        Assert.Equal("530 5.7.0", await MailAsync(session, "a@example.org"));
    }

    [Fact]
    public async Task Mx_OnLoopback_IsNotTrusted()
    {
        Open(ListenFor.Mx);
        var session = Session(ListenerKind.Mx, "127.0.0.1", "127.0.0.1");
        await door.ConnectAsync(session, None);
        Assert.False(session.IsTrusted);
        Assert.Equal("550 5.7.1", await RcptAsync(session, Transaction(), "b@example.net"));
    }

    [Theory]
    [InlineData("shop", "a@shop.example.org", "ok")]
    [InlineData("shop", "a@SHOP.example.org", "ok")]
    [InlineData("shop", "", "ok")]
    [InlineData("shop", "a@example.org", "550 5.7.1")]
    [InlineData("shop", "lone", "550 5.7.1")]
    [InlineData("any", "a@anything.example", "ok")]
    public async Task Senders_OfAnAccount_RuleTheReversePath(string user, string sender, string reply)
    {
        Open(ListenFor.Submission);
        Assert.Equal(reply, await MailAsync(Session(ListenerKind.Submission, user: user), sender));
    }

    [Theory]
    [InlineData("shop", "From: a@shop.example.org", "250 2.0.0")]
    [InlineData("shop", "From: boss@example.org", "550 5.7.1")]
    [InlineData("shop", "From: a@shop.example.org\r\nSender: boss@example.org", "550 5.7.1")]
    [InlineData("any", "From: boss@example.org", "250 2.0.0")]
    public async Task Senders_OfAnAccount_RuleFromAndSender(string user, string header, string reply)
    {
        Open(ListenFor.Submission);
        var session = Session(ListenerKind.Submission, user: user);
        var transaction = Transaction("a@shop.example.org");
        Assert.Equal("ok", await RcptAsync(session, transaction, "b@example.net"));
        Assert.Equal(reply, await ContentAsync(session, transaction, $"{header}\r\n\r\nbody\r\n"));
        Assert.Equal(reply.StartsWith("250", StringComparison.Ordinal) ? 1 : 0, hall.Store.Recipients.Count);
    }

    [Fact]
    public async Task Submission_WithoutARoute_IsRefusedAtRcpt()
    {
        Open(ListenFor.Submission);
        Assert.Equal("550 5.7.1", await RcptAsync(
            Session(ListenerKind.Submission, user: "any"), Transaction(), "b@nowhere.example"));
    }

    [Fact]
    public async Task Recipient_GivenTwice_IsStoredOnce()
    {
        Open(ListenFor.Submission);
        var session = Session(ListenerKind.Submission, user: "any");
        var transaction = Transaction();
        Assert.Equal("ok", await RcptAsync(session, transaction, "b@example.net"));
        Assert.Equal("ok", await RcptAsync(session, transaction, "b@EXAMPLE.net"));
        Assert.Equal("ok", await RcptAsync(session, transaction, "B@example.net"));
        Assert.Equal("250 2.0.0", await ContentAsync(session, transaction));
        Assert.Equal(
            ["b@example.net", "B@example.net"], hall.Store.Recipients.Select(row => row.Address.ToString()));
    }

    [Fact]
    public async Task RefusedRecipient_IsNotStored()
    {
        Open(ListenFor.Submission);
        var session = Session(ListenerKind.Submission, user: "any");
        var transaction = Transaction();
        await RcptAsync(session, transaction, "b@nowhere.example");
        await RcptAsync(session, transaction, "b@example.net");
        await ContentAsync(session, transaction);
        Assert.Equal("b@example.net", hall.Only.Address.ToString());
    }

    [Theory]
    [InlineData(null, "mx.example.org")]
    [InlineData("example.org", "example.org")]
    public async Task LoneLocalParts_AreCompletedWhenSubmitted(string? origin, string domain)
    {
        Open(ListenFor.Submission, Options with { Submission = new SubmissionOptions { Origin = origin } });
        var session = Session(ListenerKind.Submission, user: "any");
        var transaction = Transaction("root");
        Assert.Equal("ok", await MailAsync(session, "root"));
        Assert.Equal("ok", await RcptAsync(session, transaction, "admin"));
        Assert.Equal("250 2.0.0", await ContentAsync(session, transaction));
        await hall.RunAsync();
        var attempt = Assert.Single(hall.Relay.Attempts);
        Assert.Equal($"<root@{domain}>", attempt.Sender.ToString());
        Assert.Equal($"admin@{domain}", attempt.Recipients[0].Address.ToString());
    }

    [Fact]
    public async Task LoneSender_IsCompletedBeforeTheRouteIsAskedAtRcpt()
    {
        Open(ListenFor.Submission, OptionsOf(Route("own", from: ["*@mx.example.org"])));
        Assert.Equal("ok", await RcptAsync(
            Session(ListenerKind.Submission, user: "any"), Transaction("root"), "b@example.net"));
    }

    [Fact]
    public async Task Alias_IsExpandedAtTheDoor()
    {
        var table = new Dictionary<string,
            IReadOnlyList<string>>
        { ["team@in.example.org"] = ["a@example.net", "b@example.net"] };
        Open(ListenFor.Mx, Options with { Aliases = new AliasOptions { Table = table } });
        var session = Session(ListenerKind.Mx);
        var transaction = Transaction();
        Assert.Equal("ok", await RcptAsync(session, transaction, "team@in.example.org"));
        Assert.Equal("250 2.0.0", await ContentAsync(session, transaction));
        await hall.RunAsync();
        Assert.Equal(2, Assert.Single(hall.Relay.Attempts).Recipients.Count);
    }

    [Fact]
    public async Task StoredMessage_TellsHowItCame()
    {
        Open(ListenFor.Submission);
        var session = Session(ListenerKind.Submission, user: "any");
        var transaction = Transaction();
        await RcptAsync(session, transaction, "b@example.net");
        await ContentAsync(session, transaction);
        var stored = await hall.Store.ReadMessageAsync(hall.Only.Message, None);
        var client = stored!.Message.Client;
        Assert.Equal(
            ("192.0.2.1", 4321, "client.example.com", "ESMTPA", "test", "any"),
            (client.Address, client.Port, client.Helo, client.Protocol, client.Listener, client.Account));
        Assert.Equal(MailDoors.Submission, stored.Message.Door);
    }

    [Fact]
    public async Task FullStore_Replies452_AndFailedStore451()
    {
        Open(ListenFor.Submission);
        var session = Session(ListenerKind.Submission, user: "any");
        var transaction = Transaction();
        await RcptAsync(session, transaction, "b@example.net");
        hall.Store.Health = StoreHealth.Full;
        Assert.Equal("452 4.3.1", await ContentAsync(session, transaction));
        hall.Store.Health = StoreHealth.Failed;
        Assert.Equal("451 4.3.0", await ContentAsync(session, transaction));
        Assert.Empty(hall.Store.Recipients);
    }

    [Fact]
    public async Task Logins_ThatFailTooOften_AreThrottled()
    {
        Open(ListenFor.Submission);
        var session = Session(ListenerKind.Submission);
        for (var i = 0; i < LoginThrottle.AddressFailuresMax; i++)
            door.Authenticated(session, "shop", succeeded: false);
        var lookup = await door.FindCredentialAsync(session, "shop", None);
        Assert.Equal(("454 4.7.0", null), (Show(lookup.Refusal), lookup.Credential));
    }
}
