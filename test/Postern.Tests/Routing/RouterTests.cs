using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Queue;
using Postern.Mta.Routing;
using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.MailHall;

namespace Postern.Tests.Routing;

public sealed class RouterTests
{
    readonly FakeTimeProvider clock = new(Start);
    readonly RelayHealth health;

    public RouterTests() => health = new RelayHealth(clock);

    static RoutingQuestion Question(
        string sender = "a@shop.example.org", string to = "b@example.net", MailDoors door =
            MailDoors.Submission,
        string? account = null, string listener = "submission-587") => new(
            new ReversePath(sender.Length == 0 ? null : Mailbox(sender)), Mailbox(
                to), door, account, listener);

    RoutingDecision Decide(RoutingQuestion question, params RouteOptions[] routes) =>
        Router.Decide(RouteTable.From(OptionsOf(routes)), question, health);

    string? RouteOf(RoutingQuestion question, params RouteOptions[] routes) =>
        (Decide(question, routes) as RoutingDecision.Via)?.Route.Name;

    void Close(string lane) => health.Close(lane, (AttemptResult.NextHopDown)Results.Unreachable);

    [Fact]
    public void Routes_OfWhichSeveralFit_TheFirstInTheFileWins() =>
        Assert.Equal("first", RouteOf(Question(), Route("first"), Route("second")));

    [Fact]
    public void Routes_ThatDoNotFit_ArePassedOver() =>
        Assert.Equal("second", RouteOf(Question(), Route("first", to: ["*@other.org"]), Route("second")));

    [Theory]
    [InlineData("a@shop.example.org", "b@example.net", "both")]
    [InlineData("a@else.example.org", "b@example.net", null)]
    [InlineData("a@shop.example.org", "b@example.com", null)]
    public void Keys_AreJoinedByAnd(string sender, string to, string? route) => Assert.Equal(
        route, RouteOf(Question(sender, to), Route("both", ["*@shop.example.org"], ["*@example.net"])));

    [Theory]
    [InlineData("b@one.net")]
    [InlineData("b@two.net")]
    public void Items_AreJoinedByOr(string to) =>
        Assert.Equal("either", RouteOf(Question(to: to), Route("either", to: ["*@one.net", "*@two.net"])));

    [Theory]
    [InlineData("", "null")]
    [InlineData("a@shop.example.org", null)]
    public void NullSender_HasAPatternOfItsOwn(string sender, string? route) =>
        Assert.Equal(route, RouteOf(Question(sender), Route("null", from: ["<>"])));

    [Theory]
    [InlineData("shop", "submission-587", "own")]
    [InlineData("other", "submission-587", null)]
    [InlineData(null, "submission-587", null)]
    [InlineData("shop", "submission-465", null)]
    public void AccountAndListener_AreKeysToo(string? account, string listener, string? route) =>
        Assert.Equal(
        route, RouteOf(Question(account: account, listener: listener),
            Route("own") with { Account = ["shop"], Listener = ["submission-587"] }));

    [Theory]
    [InlineData(MailDoors.Submission, MailDoors.Submission | MailDoors.Api, true)]
    [InlineData(MailDoors.Api, MailDoors.Submission | MailDoors.Api, true)]
    [InlineData(MailDoors.Mx, MailDoors.Submission | MailDoors.Api, false)]
    [InlineData(MailDoors.Mx, MailDoors.Mx, true)]
    [InlineData(MailDoors.Submission, MailDoors.Mx, false)]
    public void Route_IsSeenOnlyByMailOfItsDoors(MailDoors door, MailDoors accepts, bool seen) =>
        Assert.Equal(
        seen, Decide(Question(door: door), Route("r") with { Accepts = accepts }) is RoutingDecision.Via);

    [Fact]
    public void Route_ThatSaysNothing_TakesSubmissionAndApiAlone() =>
        Assert.Equal(MailDoors.Submission | MailDoors.Api, new RouteOptions().Accepts);

    [Fact]
    public void Via_FirstIsClosed_TheSecondTakesOver()
    {
        Close("one");
        var via = Assert.IsType<RoutingDecision.Via>(Decide(Question(), Route("r", via: ["one", "two"])));
        Assert.Equal(("two", "two"), (via.Transport, via.Lane));
        Assert.Contains("one is resting", via.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Via_FirstMayBeProbed_IsTheProbe()
    {
        Close("one");
        clock.Advance(TimeSpan.FromSeconds(1));
        var via = Assert.IsType<RoutingDecision.Via>(Decide(Question(), Route("r", via: ["one", "two"])));
        Assert.Equal("one", via.Transport);
    }

    [Fact]
    public void Via_AllAreClosed_WaitsInTheFirstLane()
    {
        Close("one");
        Close("two");
        var via = Assert.IsType<RoutingDecision.Via>(Decide(Question(), Route("r", via: ["one", "two"])));
        Assert.Equal("one", via.Lane);
    }

    [Fact]
    public void Via_WhicheverItTakes_WaitsInTheFirstLane()
    {
        Assert.Equal(("one", "one"), LaneAndHome());
        Close("one");
        Assert.Equal(("two", "one"), LaneAndHome());
        Close("two");
        clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal(("one", "one"), LaneAndHome());

        (string, string) LaneAndHome()
        {
            var via =
                Assert.IsType<RoutingDecision.Via>(Decide(Question(), Route("r", via: ["one", "two"])));
            return (via.Lane, via.Home);
        }
    }

    [Fact]
    public void StandIns_AreTheOthersOfEachRouteThatSendsToOne()
    {
        var table = RouteTable.From(OptionsOf(
            Route("a", via: ["one", "two"]), Route("b", via: ["three", "one"]),
            Route("c", via: ["one", "four"]) with { All = true }, Route("d", via: ["five"])));
        Assert.Equal(["two", "three"], table.StandInsOf("one"));
        Assert.Equal(["one"], table.StandInsOf("two"));
        Assert.Empty(table.StandInsOf("four"));
        Assert.Empty(table.StandInsOf("five"));
    }

    [Fact]
    public void All_SendsToEachTransport()
    {
        var route = Route("r", via: ["one", "two"]) with { All = true };
        Assert.Equal(
            ["one", "two"], Assert.IsType<RoutingDecision.Split>(Decide(Question(), route)).Transports);
    }

    [Fact]
    public void All_WithOneTransport_IsNoSplit() =>
        Assert.IsType<RoutingDecision.Via>(Decide(Question(), Route("r", via: ["one"]) with { All = true }));

    [Fact]
    public void Bound_GoesThroughItsTransportWhateverTheRouteSays()
    {
        var table = RouteTable.From(OptionsOf(Route("r", via: ["one", "two"]) with { All = true }));
        var via = Assert.IsType<RoutingDecision.Via>(
            Router.DecideBound(table, "two", "r", Question(), health));
        Assert.Equal(("two", "r"), (via.Transport, via.Route.Name));
    }

    [Fact]
    public void Bound_ToAClosedTransport_WaitsThere()
    {
        Close("one");
        var table = RouteTable.From(OptionsOf(Route("r", via: ["one", "two"])));
        var via = Assert
            .IsType<RoutingDecision.Via>(Router.DecideBound(table, "one", "r", Question(), health));
        Assert.Equal("one", via.Lane);
    }

    [Fact]
    public void Bound_ToATransportThatIsGone_HasNone()
    {
        var table = RouteTable.From(OptionsOf(Route("r")));
        Assert.Equal("gone", Assert.IsType<RoutingDecision.NoTransport>(
            Router.DecideBound(table, "gone", "r", Question(), health)).Transport);
    }

    [Fact]
    public void Nothing_Fits_SaysWhoAndWhere()
    {
        var none = Assert
            .IsType<RoutingDecision.NoRoute>(Decide(Question(), Route("r", to: ["*@other.org"])));
        Assert.Equal(
            "no route takes mail from <a@shop.example.org> to <b@example.net> through submission", none.Why);
    }

    [Fact]
    public void SmtpWithoutHost_HasALaneForEachDomain()
    {
        var options = OptionsOf(Route("r", via: ["direct"])) with
        {
            Transports = new Dictionary<string, TransportOptions>
            {
                ["direct"] = new() { Kind = TransportKind.Smtp, Host = null },
            },
        };
        var via = Assert.IsType<RoutingDecision.Via>(
            Router.Decide(RouteTable.From(options), Question(to: "b@Example.NET"), health));
        Assert.Equal("direct example.net", via.Lane);
    }

    [Fact]
    public void MxDomains_AreThoseOfMxRoutes()
    {
        var table = RouteTable.From(OptionsOf(
            Route("in", to: ["info@in.example.org"]) with { Accepts = MailDoors.Mx },
            Route("out", to: ["*@out.example.org"])));
        Assert.True(table.ServesDomain("in.example.org"));
        Assert.False(table.ServesDomain("out.example.org"));
    }
}
