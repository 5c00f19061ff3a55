using Postern.Cli;
using Postern.Smtp;
using Postern.Smtp.Client;
using Postern.Tests.Smtp.Client;

namespace Postern.Tests.Cli;

public sealed class SendCommandTests
{
    static readonly SendRequest Plain = new("", "a@b.example", ["c@d.example"], "", "");

    [Theory]
    [InlineData("127.0.0.1:2525", "127.0.0.1", 2525)]
    [InlineData("mail.example.org:587", "mail.example.org", 587)]
    [InlineData("[::1]:25", "::1", 25)]
    public void Server_HostAndPort_AreRead(string text, string host, int port) =>
        Assert.Equal((host, port), SendCommand.ServerOf(text));

    [Theory]
    [InlineData("mail.example.org")]
    [InlineData("127.0.0.1")]
    [InlineData(":25")]
    [InlineData("mail.example.org:0")]
    [InlineData("mail.example.org:70000")]
    [InlineData("a b:25")]
    public void Server_Nonsense_IsAWrongCommandLine(string text) => Assert.Equal(
        ExitCode.Usage, Assert.Throws<CommandException>(() => SendCommand.ServerOf(text)).ExitCode);

    [Theory]
    [InlineData(null, null, null, 25, true, TlsMode.None)]
    [InlineData(null, null, null, 25, false, TlsMode.Opportunistic)]
    [InlineData(null, "shop", null, 587, true, TlsMode.Opportunistic)]
    [InlineData(null, "shop", null, 587, false, TlsMode.Required)]
    [InlineData(null, null, "file:ca", 25, true, TlsMode.Required)]
    [InlineData(null, null, null, 465, true, TlsMode.Immediate)]
    [InlineData("none", "shop", null, 465, false, TlsMode.None)]
    [InlineData("starttls", null, null, 465, true, TlsMode.Required)]
    [InlineData("immediate", null, null, 25, false, TlsMode.Immediate)]
    public void Tls_IsWhatWasAskedFor_ElseWhatFits(
        string? tls, string? user, string? ca, int port, bool isLoopback, TlsMode expected) =>
        Assert.Equal(
            expected, SendCommand.TlsOf(Plain with { Tls = tls, User = user, Ca = ca }, port, isLoopback));

    [Theory]
    [InlineData("a\nb\n", "a\r\nb\r\n")]
    [InlineData("a\r\nb\r\n", "a\r\nb\r\n")]
    [InlineData("\n\na", "\r\n\r\na")]
    [InlineData("a\rb\r", "a\rb\r")]
    [InlineData("", "")]
    public void Message_GetsLineEndsOfTheWire_AndNoOtherChange(string text, string expected) => Assert.Equal(
        expected,
        System.Text.Encoding.ASCII.GetString(
            MailContent.WithLineEnds(System.Text.Encoding.ASCII.GetBytes(text))));

    [Theory]
    [InlineData("안녕", "잘 됩니다", "a@b.example", true, false)]
    [InlineData("x", "y", "a@b.example", false, false)]
    [InlineData("x", "y", "가@b.example", true, true)]
    public void Composed_SaysWhatItNeedsOfTheServer(
        string subject, string body, string from, bool eightBit, bool eightBitHeader)
    {
        var content = MailContent.Compose(Plain with { Subject = subject, From = from }, body);
        Assert.Equal((eightBit, eightBitHeader), (content.HasEightBit, content.HasEightBitHeader));
    }

    public static TheoryData<TransactionResult, int> Endings => new()
    {
        { new TransactionResult.MailRefused(new Reply(451, null, "later")), 75 },
        { new TransactionResult.MailRefused(new Reply(550, null, "no")), 65 },
        { new TransactionResult.DataRefused(SmtpStage.Data, new Reply(452, null, "full"), []), 75 },
        { new TransactionResult.Completed([], new Reply(554, null, "no")), 65 },
        { new TransactionResult.NoRecipientAccepted([Refusal(550)]), 65 },
        { new TransactionResult.NoRecipientAccepted([Refusal(450), Refusal(550)]), 75 },
        { new TransactionResult.PeerClosing(SmtpStage.RcptTo, new Reply(421, null, "bye"), []), 75 },
        { new TransactionResult.NotOffered(NeededExtension.SmtpUtf8), 65 },
        { new TransactionResult.TooLarge(2, 1), 65 },
        { new TransactionResult.Lost(SmtpStage.Body, LossCause.PeerClosed, "lost", []), 75 },
        { new TransactionResult.Uncertain(LossCause.TimedOut, "timed out", []), 75 },
    };

    [Theory]
    [MemberData(nameof(Endings))]
    public void Failure_OfAMail_HasItsExitCode(TransactionResult result, int expected) =>
        Assert.Equal(expected, SendFailure.Of(result).ExitCode);

    public static TheoryData<OpenResult, int> Openings => new()
    {
        { new OpenResult.Refused(SmtpStage.Greeting, new Reply(421, null, "busy")), 75 },
        { new OpenResult.Refused(SmtpStage.Greeting, new Reply(554, null, "no")), 69 },
        { new OpenResult.TlsNotOffered(), 69 },
        { new OpenResult.CertificateRefused("self-signed"), 69 },
        { new OpenResult.LoginNotOffered(), 69 },
        { new OpenResult.LoginNeedsTls(), 64 },
        { new OpenResult.LoginRefused("PLAIN", new Reply(535, null, "no")), 77 },
        { new OpenResult.LoginRefused("PLAIN", new Reply(454, null, "later")), 75 },
        { new OpenResult.Lost(SmtpStage.Greeting, LossCause.PeerClosed, "lost"), 69 },
    };

    [Theory]
    [MemberData(nameof(Openings))]
    public void Failure_OfASession_HasItsExitCodeAndNamesTheServer(OpenResult result, int expected)
    {
        var failure = SendFailure.Of(result, "mail.example.org:25");
        Assert.Equal(expected, failure.ExitCode);
        Assert.StartsWith("mail.example.org:25: ", failure.Message, StringComparison.Ordinal);
    }

    static RecipientReply Refusal(int code) => new(
        new EnvelopeRecipient(new ForwardPath(Relays.Address("c@d.example")), RcptParameters.None),
        new Reply(code, null, "no"));
}
