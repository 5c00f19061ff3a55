using Postern.Mta.Transports;
using Postern.Smtp;
using Postern.Smtp.Client;

namespace Postern.Tests.Transports;

public sealed class SmtpBlameTests
{
    [Theory]
    [InlineData(421, 4, 3, 2, "Service shutting down", true)]
    [InlineData(450, 4, 7, 1, "Error: too much mail from 192.0.2.1", true)]
    [InlineData(451, 4, 7, 500, "Server busy. Please try again later", true)]
    [InlineData(452, 4, 7, 0, "sending rate exceeded", true)]
    [InlineData(454, 4, 0, 0, "Throttling failure: Maximum sending rate exceeded.", true)]
    [InlineData(450, 4, 7, 1, "Greylisted, please try again", false)]
    [InlineData(450, 4, 2, 1, "The user is receiving mail too quickly", false)]
    [InlineData(452, 4, 5, 3, "Error: too many recipients", false)]
    [InlineData(550, 5, 7, 1, "too many messages", false)]
    [InlineData(451, 4, 7, 0, "Temporary server error. Please try again later", true)]
    [InlineData(451, 4, 7, 1, "Graylisting in action, please come back later", false)]
    [InlineData(451, 4, 3, 0, "Temporary lookup failure", false)]
    [InlineData(432, 4, 3, 2, "STOREDRV.Deliver; recipient thread limit exceeded", true)]
    [InlineData(452, 4, 3, 1, "Insufficient system resources", true)]
    [InlineData(452, 4, 2, 2, "The recipient's mailbox is over its storage limit", false)]
    public void SlowDown_IsACodeOrWordsAboutAPace(
        int code, int first, int second, int third, string text, bool slowDown) =>
        Assert.Equal(slowDown, SmtpBlame.SaysSlowDown(new Reply(code, new(first, second, third), text)));

    [Theory]
    [InlineData(452, "try later", true)]
    [InlineData(452, "too many recipients", false)]
    [InlineData(421, "Too many recipients, closing", true)]
    public void SlowDown_WithoutAStatus(int code, string text, bool slowDown) =>
        Assert.Equal(slowDown, SmtpBlame.SaysSlowDown(new Reply(code, null, text)));

    [Theory]
    [InlineData("4.7.0 Try again later, closing connection", true)]
    [InlineData("Domain d.example is not allowed to send: recipient limit exceeded, try again after", false)]
    public void Closing_InAGreeting_AsksForALowerPace_UnlessTheAccountIsMeant(string text, bool slowDown)
    {
        var refused = new OpenResult.Refused(SmtpStage.Greeting, new Reply(421, null, text));
        var target = new RelayTarget("relay.example", System.Net.IPAddress.Loopback, 25);
        var result = SmtpBlame.OfOpen(refused, target, NextHopOrigin.Configured, LoginNeed.None);
        var down = Assert.IsType<AttemptResult.NextHopDown>(result);
        Assert.Equal((slowDown, !slowDown), (down.SlowDown, down.Alarm is not null));
    }
}
