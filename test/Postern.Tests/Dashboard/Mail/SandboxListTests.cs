using System.Text;
using Postern.Dashboard.Mail;
using Postern.Listeners;
using Postern.Tests.Configuration;

namespace Postern.Tests.Dashboard.Mail;

public sealed class SandboxListTests
{
    static SandboxMessage Mail(int number, string subject, string recipient = "b@example.net") =>
        new(number, default, "a@example.org", [recipient], default, "", subject, null);

    static IEnumerable<int> Numbers(SandboxList list) => list.Mails.Select(mail => mail.Number);

    [Fact]
    public void List_OfMany_IsPagedByNumber()
    {
        var all = Enumerable.Range(1, 120).Select(number => Mail(number, "x")).ToArray();
        var first = SandboxList.Of(all, "", "");
        Assert.Equal(Enumerable.Range(71, 50).Reverse(), Numbers(first));
        var last = SandboxList.Of(all, "", "21");
        Assert.Equal(Enumerable.Range(1, 20).Reverse(), Numbers(last));
        Assert.Equal(71, first.Next);
        Assert.Null(last.Next);
    }

    [Theory] // UI-14
    [InlineData(NormalizationForm.FormC, NormalizationForm.FormD)]
    [InlineData(NormalizationForm.FormD, NormalizationForm.FormC)]
    public void Search_FindsHangul_InEitherForm(NormalizationForm ofMail, NormalizationForm ofSearch)
    {
        var all = new[] { Mail(1, "주문 확인".Normalize(ofMail)), Mail(2, "other") };
        Assert.Equal([1], Numbers(SandboxList.Of(all, "주문".Normalize(ofSearch), "")));
        Assert.Equal([2, 1], Numbers(SandboxList.Of(all, "EXAMPLE.NET", "")));
        Assert.Empty(SandboxList.Of(all, "nobody", "").Mails);
    }

    [Theory]
    [InlineData(
        "Received: from x (y [1.2.3.4])\r\n\tby h (Postern) with ESMTP id 06E8KQV0G0800\r\n\tfor <b@c>;\r\n")]
    [InlineData("Received: by h (Postern) with HTTP id 06E8KQV0G0800;\r\n\tdate\r\n")]
    public void Message_ThatCameFromOurQueue_KnowsItsId(string received)
    {
        var mail = SandboxMessage.Of(
            default, "", [], Encoding.ASCII.GetBytes(received + "Subject: =?utf-8?q?=ed=95=9c?=\r\n\r\nx"));
        Assert.Equal("06E8KQV0G0800", mail.Queued?.ToString());
        Assert.Equal("한", mail.Subject);
    }

    [Fact]
    public void Sandbox_ThatIsFull_LetsTheOldestGo()
    {
        using var directory = new TemporaryDirectory();
        var sandbox = new SandboxMail(directory.PathOf(""), TimeProvider.System);
        using var socket = sandbox.Socket;
        for (var i = 0; i <= SandboxMail.MessagesMax; i++)
            sandbox.Keep(Mail(0, "x"));
        Assert.Equal(SandboxMail.MessagesMax, sandbox.Messages.Count);
        Assert.Null(sandbox.Find(1));
        var half = new byte[(SandboxMail.OctetsMax / 2) + 1];
        sandbox.Keep(Mail(0, "x") with { Octets = half });
        var last = sandbox.Keep(Mail(0, "x") with { Octets = half });
        Assert.Equal([last], sandbox.Messages.Select(mail => mail.Number));
    }
}
