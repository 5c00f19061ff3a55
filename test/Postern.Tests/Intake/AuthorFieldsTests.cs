using System.Buffers;
using System.Text;
using Postern.Mta.Accounts;
using Postern.Mta.Intake;
using Postern.Mta.Routing;

namespace Postern.Tests.Intake;

public sealed class AuthorFieldsTests
{
    static readonly SenderRules Rules = new([AddressPattern.Parse("*@example.org")], "+");

    // AUT-14
    [Theory]
    [InlineData("From: a@example.org", true)]
    [InlineData("From: A <a@example.org>, \"b, c\" <b@EXAMPLE.ORG>", true)]
    [InlineData("From: a@example.org\r\nSender: b@example.org", true)]
    [InlineData("Subject: nobody", true)]
    [InlineData("From: x@other.net", false)]
    [InlineData("From: a@example.org, x@other.net", false)]
    [InlineData("From: a@example.org\r\nSender: x@other.net", false)]
    [InlineData("From: a@example.org\r\nFrom: b@example.org", false)]
    [InlineData("From: a@example.org <x@other.net>", false)]
    [InlineData("From: \"a@example.org\" <x@other.net>", false)]
    [InlineData("From: team: a@example.org, x@other.net;", false)]
    [InlineData("From: <<<", false)]
    [InlineData("from : x@other.net", false)]
    [InlineData("From:\r\n x@other.net", false)]
    [InlineData("no field\r\nFrom: x@other.net", true)]
    [InlineData("Subject: x\r\nno field\r\nFrom: x@other.net", false)]
    [InlineData("From: a@example.org\r\n: no field\r\nSender: x@other.net", false)]
    public void Authors_MustBeTheAccounts(string header, bool allowed)
    {
        var scan = HeaderScan.Of(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(header + "\r\n\r\n")));
        Assert.Equal(allowed, AuthorFields.AreAllowed(scan, Rules));
    }
}
