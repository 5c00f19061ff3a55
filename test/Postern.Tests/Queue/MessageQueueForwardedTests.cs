using System.Globalization;
using Postern.Mta;
using Postern.Mta.Events;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Queue;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Queue;

/// <summary>Mail from outside that goes on to an address elsewhere.</summary>
public sealed class MessageQueueForwardedTests
{
    const string Ann = "ann@good.example";
    const string Report = "From: MAILER-DAEMON@gmail.example\r\nSubject: failed\r\n\r\nno such user\r\n";

    static readonly string[] Sales = ["sales@in.example"];

    [Fact]
    public async Task ForwardedMail_LeavesInOurName_AndItsReportGoesToItsSenderOnce()
    {
        await using var house = new ForwardingHouse();
        Assert.StartsWith("250 ", await house.SendAsync(Ann, Sales), StringComparison.Ordinal);
        var path = house.SenderOut;
        Assert.Matches("^bounces\\+[0-9A-Z]{13}\\.F-[0-9a-f]{20}@return\\.example$", path);
        Assert.Equal("x@gmail.example", house.Hall.Relay.Attempts[^1].Recipients[0].Address.ToString());

        Assert.StartsWith(
            "250 ", await house.SendAsync("", [path.ToLowerInvariant()], Report), StringComparison.Ordinal);
        Assert.Equal(2, house.Hall.Relay.Attempts.Count);
        Assert.Equal(("", Ann),
            (house.SenderOut, house.Hall.Relay.Attempts[^1].Recipients[0].Address.ToString()));
        Assert.DoesNotContain("Delivered-To", house.Hall.Relay.Contents[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_StillFindsTheSender_WhenTheRowsOfTheMessageHaveGone()
    {
        await using var house = new ForwardingHouse();
        await house.SendAsync(Ann, Sales);
        var id = house.Hall.Relay.Attempts[^1].Message.Id;
        var now = house.Hall.Clock.GetUtcNow();
        await house.Hall.Store.SweepAsync(
            now + TimeSpan.FromDays(6), now - TimeSpan.FromDays(7), CancellationToken.None);
        Assert.Null(await house.Hall.Store.ReadMessageAsync(id, CancellationToken.None));
        Assert.StartsWith(
            "250 ", await house.SendAsync("", [house.SenderOut], Report), StringComparison.Ordinal);
        Assert.Equal(Ann, house.Hall.Relay.Attempts[^1].Recipients[0].Address.ToString());
    }

    [Fact]
    public async Task Path_TakesReportsAlone_ForItsTime_AndNoOther()
    {
        await using var house = new ForwardingHouse();
        await house.SendAsync(Ann, Sales);
        var path = house.SenderOut;
        // Whoever got the mail knows its return path.
        Assert.StartsWith("550 5.7.1 ", await house.SendAsync("spam@gmail.example", [path]),
            StringComparison.Ordinal);
        Assert.StartsWith("550 5.1.1 ", await house.SendAsync(
            "", [path.Replace(".F-", ".U-", StringComparison.Ordinal)]), StringComparison.Ordinal);
        Assert.StartsWith("550 5.1.1 ", await house.SendAsync(
            "", [path.Replace(".F-", "-", StringComparison.Ordinal)]), StringComparison.Ordinal);
        house.Hall.Clock.Advance(TimeSpan.FromDays(20));
        Assert.StartsWith("250 ", await house.SendAsync("", [path], Report), StringComparison.Ordinal);
        house.Hall.Clock.Advance(TimeSpan.FromDays(2));
        Assert.StartsWith("550 5.1.1 ", await house.SendAsync("", [path], Report), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_OfMailThatItsSenderDidNotSend_IsPassedOnToNobody()
    {
        await using var house = new ForwardingHouse();
        await house.SendAsync("ann@bad.example", Sales);
        Assert.Matches("^bounces\\+[0-9A-Z]{13}\\.U-[0-9a-f]{20}@", house.SenderOut);
        Assert.StartsWith(
            "250 ", await house.SendAsync("", [house.SenderOut], Report), StringComparison.Ordinal);
        Assert.Single(house.Hall.Relay.Attempts);
        Assert.Contains(house.Hall.Events(EventKind.Accepted), fact => fact.Why
            == "its sender did not send it: SPF fail");
    }

    [Theory]
    [InlineData("", "")]
    [InlineData(Ann, Ann)]
    public async Task Sender_IsKept_OfReportsAndWhereNobodyAskedForAnother(string sender, string expected)
    {
        await using var house = new ForwardingHouse(options => sender.Length == 0 ? options : options with
        {
            Forward = new ForwardOptions(),
        });
        await house.SendAsync(sender, Sales);
        Assert.Equal(expected, house.SenderOut);
    }

    [Fact]
    public async Task OwnReturnPathOfTheTransport_GoesBeforeThatOfForwardedMail()
    {
        await using var house = new ForwardingHouse(options => options with
        {
            Transports = new Dictionary<string, TransportOptions>(options.Transports)
            {
                ["relay"] = options.Transports["relay"] with { ReturnPath = "bounces@relay.example" },
            },
        });
        await house.SendAsync(Ann, Sales);
        Assert.EndsWith("@relay.example", house.SenderOut, StringComparison.Ordinal);
        Assert.Contains(".F-", house.SenderOut, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MailForAServerInside_KeepsItsSender_AndGetsNeitherMarkNorSeal()
    {
        await using var house = new ForwardingHouse();
        Assert.StartsWith(
            "250 ", await house.SendAsync(Ann, ["box@in.example"]), StringComparison.Ordinal);
        var attempt = Assert.Single(house.Inner.Attempts);
        Assert.Equal(Ann, attempt.Sender.Mailbox!.ToString());
        Assert.Equal("box@in.example", attempt.Recipients[0].Address.ToString());
        Assert.DoesNotContain("Delivered-To", house.Inner.Contents[0], StringComparison.Ordinal);
        Assert.DoesNotContain("ARC-", house.Inner.Contents[0], StringComparison.Ordinal);
        Assert.EndsWith(ForwardingHouse.Letter, house.Inner.Contents[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Alias_WithACopyInside_TellsTheTwoApart()
    {
        // Both go through one transport, where they could share a transaction.
        await using var house = new ForwardingHouse(options => options with
        {
            Routes = [options.Routes[0] with { Via = ["relay"] }, options.Routes[1]],
        });
        await house.SendAsync(Ann, ["both@in.example"]);
        var sent = house.Hall.Relay.Attempts.Zip(house.Hall.Relay.Contents).ToDictionary(
            one => one.First.Recipients.Single().Address.ToString());
        Assert.Equal(Ann, sent["both@in.example"].First.Sender.Mailbox!.ToString());
        Assert.DoesNotContain("Delivered-To", sent["both@in.example"].Second, StringComparison.Ordinal);
        Assert.Contains(".F-", sent["z@gmail.example"].First.Sender.Mailbox!.ToString(),
            StringComparison.Ordinal);
        Assert.Contains("Delivered-To: both@in.example\r\n", sent["z@gmail.example"].Second,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task ForwardedRecipients_DoNotHearOfEachOther()
    {
        await using var house = new ForwardingHouse();
        await house.SendAsync(Ann, ["sales@in.example", "desk@in.example"]);
        Assert.Equal(["x@gmail.example", "y@gmail.example"], house.Hall.Relay.Attempts
            .Select(attempt => attempt.Recipients.Single().Address.ToString()).Order());
        Assert.All(house.Hall.Relay.Contents, content => Assert.Single(
            content.Split("\r\n"), line => line.StartsWith("Delivered-To:", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task RouteForForwardedMail_GoesFirst_WhereverItStands_AndMakesNoRelay()
    {
        await using var house = new ForwardingHouse(options => options with
        {
            Routes =
            [
                .. options.Routes,
                Route("on", via: ["other"]) with { Accepts = MailDoors.Forward },
            ],
            Transports = new Dictionary<string, TransportOptions>(options.Transports)
            {
                ["other"] = options.Transports["relay"],
            },
        });
        await house.SendAsync(Ann, Sales);
        Assert.Empty(house.Hall.Ways["relay"].Attempts);
        Assert.Contains(".F-", Assert.Single(house.Hall.Ways["other"].Attempts).Sender.Mailbox!.ToString(),
            StringComparison.Ordinal);
        Assert.StartsWith("550 5.7.1 ", await house.SendAsync(Ann, ["x@gmail.example"]),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task RefusedForwardedMail_IsADeadLetter_AndNobodyIsTold()
    {
        await using var house = new ForwardingHouse();
        var refused = new Postern.Mta.Transports.AttemptResult.Failed(new EnhancedStatus(5, 1, 1), "no user");
        house.Hall.Relay.Otherwise = refused;
        await house.SendAsync(Ann, Sales);
        Assert.Single(house.Hall.Events(EventKind.DeadLettered));
        Assert.Empty(house.Hall.Events(EventKind.BouncedToSender));
        Assert.Single(house.Hall.Relay.Attempts);
    }

    [Theory]
    [InlineData(MailDoors.Submission, 0)]
    [InlineData(MailDoors.Forward, 1)]
    public async Task RouteThatBounces_TellsStrangersOnlyWhereItIsForTheirMail(MailDoors accepts, int told)
    {
        await using var house = new ForwardingHouse(options => options with
        {
            Routes = [options.Routes[0], options.Routes[1] with { Bounce = true, Accepts = accepts }],
        });
        house.Hall.Relay.Otherwise =
            new Postern.Mta.Transports.AttemptResult.Failed(new EnhancedStatus(5, 1, 1), "no user");
        await house.SendAsync(Ann, Sales);
        Assert.Equal(told, house.Hall.Events(EventKind.BouncedToSender).Count());
        Assert.Equal(1 - told, house.Hall.Events(EventKind.DeadLettered).Count());
    }

    [Fact]
    public async Task LoopOfTwoAddresses_EndsAfterOneRound_AsADeadLetter()
    {
        await using var house = new ForwardingHouse();
        await house.SendAsync(Ann, Sales);
        // The other server has such an alias back to us.
        var back = "Received: by mx.gmail.example; Fri, 2 Jan 2026 03:04:05 +0000\r\n"
            + house.Hall.Relay.Contents[0];
        Assert.StartsWith("250 ", await house.SendAsync(house.SenderOut, Sales, back),
            StringComparison.Ordinal);
        Assert.Single(house.Hall.Relay.Attempts);
        var ended = Assert.Single(house.Hall.Events(EventKind.DeadLettered));
        Assert.Equal(
            ("a mail loop: what was forwarded from <sales@in.example> came back to it", "x@gmail.example",
                "sales@in.example"),
            (ended.Why, ended.RecipientAddress, ended.OriginalAddress));
        var failed = Assert.Single(house.Hall.Events(EventKind.Failed));
        Assert.Equal(("5.4.6", EventSeverity.Permanent), (failed.Status, failed.Severity));
        Assert.Empty(house.Hall.Events(EventKind.BouncedToSender));
        var row = house.Hall.Store.Recipients[^1];
        Assert.Equal((RecipientState.Done, RecipientOutcome.Failed), (row.State, row.Outcome));
        Assert.True(row.KeepUntil > house.Hall.Clock.GetUtcNow());
    }

    [Fact]
    public async Task Loop_EndsForTheAddressThatItCameBackTo_AndForNoOther()
    {
        await using var house = new ForwardingHouse();
        var content = "Delivered-To: sales@in.example\r\n" + ForwardingHouse.Letter;
        Assert.StartsWith("250 ", await house.SendAsync(
            Ann, ["sales@in.example", "desk@in.example"], content), StringComparison.Ordinal);
        Assert.Equal("y@gmail.example", Assert.Single(house.Hall.Relay.Attempts).Recipients.Single()
            .Address.ToString());
        Assert.StartsWith("554 5.4.6 ", await house.SendAsync(Ann, ["box@in.example"],
            "Delivered-To: box@in.example\r\n" + content), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ForwardOfARouteOfTheApi_IsForwardedMailToo_AndEndsALoop()
    {
        await using var house = new ForwardingHouse();
        async Task AcceptAsync(string? trouble)
        {
            var mail = Mail(house.Hall.Letter(Ann, MailDoors.Mx), "hook@mg.example");
            await house.Hall.Queue.AcceptAsync(mail with
            {
                Recipients =
                [
                    mail.Recipients[0] with
                    {
                        Expansion = new RouteExpansion(
                            "api:1", [new RouteChild.Address(Mailbox("x@gmail.example"), "api:1")]),
                        Trouble = trouble,
                    },
                ],
            });
            await house.Hall.RunAsync();
        }
        await AcceptAsync(null);
        Assert.Contains(".F-", house.SenderOut, StringComparison.Ordinal);
        Assert.StartsWith("Delivered-To: hook@mg.example\r\n", house.Hall.Relay.Contents[0],
            StringComparison.Ordinal);
        await AcceptAsync("a loop");
        Assert.Single(house.Hall.Relay.Attempts);
        Assert.Equal("a loop", Assert.Single(house.Hall.Events(EventKind.DeadLettered)).Why);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(30_000, true)]
    public async Task CheckedMail_IsSealed_AndAReceiverFindsTheChainWhole(int lines, bool isInAFile)
    {
        await using var house = new ForwardingHouse();
        var content = ForwardingHouse.Letter + string.Concat(Enumerable.Range(0, lines).Select(
            line => string.Create(CultureInfo.InvariantCulture, $"line {line}\r\n")));
        await house.SendAsync(Ann, Sales, content);
        var left = house.Hall.Relay.Contents[0];
        Assert.Equal(isInAFile, house.Hall.Relay.Attempts[0].Message.ContentFile is not null);
        Assert.StartsWith("ARC-Seal: a=rsa-sha256;", left, StringComparison.Ordinal);
        Assert.Contains(
            "ARC-Authentication-Results: i=1; mx.in.example;\r\n spf=pass", left, StringComparison.Ordinal);
        Assert.EndsWith(content, left, StringComparison.Ordinal);
        var verdict = await house.CheckChainAsync(left);
        Assert.Equal(AuthenticationResult.Pass, verdict.Result);
        Assert.Equal(["in.example"], verdict.Sealers);
        Assert.Equal(AuthenticationResult.Fail, (await house.CheckChainAsync(
            left.Replace("Subject: x", "Subject: y", StringComparison.Ordinal))).Result);
    }

    [Fact]
    public async Task Chain_ThatCame_GetsTheNextSet_AndOneGivenUpGetsNone()
    {
        await using var house = new ForwardingHouse();
        await house.SendAsync(Ann, Sales);
        var once = house.Hall.Relay.Contents[0].Replace("Delivered-To: sales@in.example\r\n", "",
            StringComparison.Ordinal);
        await house.SendAsync(Ann, Sales, once);
        var twice = house.Hall.Relay.Contents[1];
        Assert.StartsWith("ARC-Seal: ", twice, StringComparison.Ordinal);
        Assert.Contains("cv=pass; d=in.example;\r\n i=2;", twice, StringComparison.Ordinal);
        Assert.Equal(["in.example", "in.example"], (await house.CheckChainAsync(twice)).Sealers);
        Assert.Equal(AuthenticationResult.Pass, (await house.CheckChainAsync(twice)).Result);

        await house.SendAsync(Ann, Sales, once.Replace("body", "other", StringComparison.Ordinal));
        var broken = house.Hall.Relay.Contents[2];
        Assert.Contains("cv=fail; d=in.example;\r\n i=2;", broken, StringComparison.Ordinal);
        await house.SendAsync(Ann, Sales, broken.Replace("Delivered-To: sales@in.example\r\n", "",
            StringComparison.Ordinal));
        Assert.DoesNotContain("i=3;", house.Hall.Relay.Contents[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chain_ThatDnsKeepsFromUsNow_IsNotSealedAsBroken()
    {
        await using var first = new ForwardingHouse();
        await first.SendAsync(Ann, Sales);
        var once = first.Hall.Relay.Contents[0].Replace("Delivered-To: sales@in.example\r\n", "",
            StringComparison.Ordinal);
        await using var house = new ForwardingHouse(dns: new ZoneResolver()
            .Add("good.example", "TXT", "v=spf1 ip4:192.0.2.1 -all").Silent("arc._domainkey.in.example"));
        await house.SendAsync(Ann, Sales, once);
        Assert.Equal(AuthenticationResult.Temperror,
            house.Hall.Relay.Attempts[0].Message.Checks!.Arc!.Result);
        var left = house.Hall.Relay.Contents[0];
        Assert.DoesNotContain("cv=fail", left, StringComparison.Ordinal);
        // Whoever has the keys finds it as whole as it was.
        Assert.Equal(AuthenticationResult.Pass, (await first.CheckChainAsync(left)).Result);
    }

    [Fact]
    public async Task MailThatWasNotChecked_OrThatNobodySeals_HasNoSeal()
    {
        await using var house = new ForwardingHouse();
        await house.SendAsync(Ann, Sales, client: "127.0.0.1");
        Assert.DoesNotContain("ARC-", house.Hall.Relay.Contents[0], StringComparison.Ordinal);
        await using var without = new ForwardingHouse(options => options with
        {
            Forward = new ForwardOptions { ReturnPath = "bounces@return.example" },
        });
        await without.SendAsync(Ann, Sales);
        Assert.DoesNotContain("ARC-", without.Hall.Relay.Contents[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task MailOfOurOwnPeople_ThroughAnAlias_KeepsItsSender_AndGetsNoMark()
    {
        await using var house = new ForwardingHouse();
        await house.Hall.AcceptAsync(house.Hall.Letter(), "team@in.example=x@gmail.example,y@gmail.example");
        await house.Hall.RunAsync();
        var attempt = Assert.Single(house.Hall.Relay.Attempts);
        Assert.Equal("sender@example.org", attempt.Sender.Mailbox!.ToString());
        Assert.Equal(2, attempt.Recipients.Count);
        Assert.StartsWith("Subject: hello", house.Hall.Relay.Contents[0], StringComparison.Ordinal);
    }
}
