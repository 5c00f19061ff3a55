using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Postern.Mta;
using Postern.Mta.Transports;
using Postern.Tests.Mta.Store;

namespace Postern.Tests.Transports;

/// <summary>Real directories; failures are those of the system calls themselves.</summary>
public sealed partial class MaildirTransportTests : IDisposable
{
    const string Mail = "Subject: hi\r\n\r\nline one\r\nline two\r\n";

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("maildir");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Mail_ForAMailbox_StandsInNewWithFieldsAndBareLineFeeds()
    {
        Make("bob");
        var relayed = Assert.IsType<AttemptResult.Relayed>(
            await DeliverAsync("${user}", "Subject: hi\r\n\r\nlast line", "bob+lists@b.example"));
        Assert.Equal(
            "Return-Path: <sender@from.example>\nX-Original-To: bob+lists@b.example\n"
            + "Delivered-To: bob+lists@b.example\n"
            + "Subject: hi\n\nlast line\n",
            await File.ReadAllTextAsync(PathOf("bob/new", relayed.RemoteId!), Cancel));
        Assert.Empty(Directory.GetFiles(PathOf("bob/tmp")));
    }

    [Fact]
    public async Task Name_OfAFile_FollowsMaildirAndNamesTheRecipient()
    {
        Make("bob");
        var relayed = Assert.IsType<AttemptResult.Relayed>(
            await DeliverAsync("${user}", Mail, "bob@b.example"));
        Assert.Matches(NameForm(), relayed.RemoteId);
        Assert.EndsWith("-000000000YGJ0-1.mx.example.org", relayed.RemoteId, StringComparison.Ordinal);
        Assert.DoesNotContain(':', relayed.RemoteId!);
    }

    [Fact]
    public async Task Attempt_ForSeveral_PutsOneFileIntoEachMailbox()
    {
        Make("b.example/bob");
        Make("c.example/eve");
        var attempt = AttemptOf.Text(Mail, "bob@b.example", "eve@C.EXAMPLE", "Bob@b.example");
        var report = await Transport("${domain}/${user}").AttemptAsync(attempt, Cancel);
        Assert.All(report.Results, result => Assert.IsType<AttemptResult.Relayed>(result));
        Assert.Equal(2, Directory.GetFiles(PathOf("b.example/bob/new")).Length);
        Assert.Single(Directory.GetFiles(PathOf("c.example/eve/new")));
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public async Task Folders_ThatAreMissing_AreMadeForTheirOwnerAlone()
    {
        Make("bob");
        await DeliverAsync("${user}", Mail, "bob@b.example");
        foreach (var name in (string[])["bob/tmp", "bob/new", "bob/cur"])
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
                File.GetUnixFileMode(PathOf(name)));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Directory.GetFiles(PathOf("bob/new"))[0]));
    }

    [Fact]
    public async Task Mailbox_WhoseNameIsTheOperators_IsMade()
    {
        Make("bob");
        Assert.IsType<AttemptResult.Relayed>(
            await DeliverAsync("${user}/Maildir", Mail, "bob@b.example"));
        Assert.IsType<AttemptResult.Relayed>(await DeliverAsync("everything", Mail, "x@b.example"));
        Assert.Single(Directory.GetFiles(PathOf("bob/Maildir/new")));
        Assert.Single(Directory.GetFiles(PathOf("everything/new")));
    }

    [Theory]
    [InlineData("${user}")]
    [InlineData("${user}/Maildir")]
    public async Task Mailbox_WhoseNameIsAStrangers_IsNotMadeAndWaitsAlone(string pattern)
    {
        Make("bob");
        var attempt = AttemptOf.Text(Mail, "nobody@b.example", "bob@b.example");
        var results = (await Transport(pattern).AttemptAsync(attempt, Cancel)).Results;
        Assert.Equal(Blame.Recipient, Assert.IsType<AttemptResult.Deferred>(results[0]).Blame);
        Assert.IsType<AttemptResult.Relayed>(results[1]);
        Assert.False(Directory.Exists(PathOf("nobody")));
    }

    [Theory]
    [InlineData("\"..\"@b.example")]
    [InlineData("\".\"@b.example")]
    [InlineData("\".hidden\"@b.example")]
    [InlineData("\"../eve\"@b.example")]
    [InlineData("a/b@b.example")]
    [InlineData("/etc@b.example")]
    public async Task Address_ThatWouldLeaveTheRoot_IsRefused(string address)
    {
        Make("root/eve");
        Make("eve");
        var failed = Assert.IsType<AttemptResult.Failed>(await DeliverAsync("root/${user}", Mail, address));
        Assert.Equal("5.1.1", failed.Status.ToString());
        Assert.Empty(Directory.GetFiles(folder.FullName, "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("root/.${extension}", "bob@b.example")]
    [InlineData("root/${extension}", "bob@b.example")]
    [InlineData("root/${extension}${extension}", "\"bob+.\"@b.example")]
    public async Task Address_ThatGivesNoName_IsRefused(string pattern, string address)
    {
        Make("root");
        Assert.IsType<AttemptResult.Failed>(await DeliverAsync(pattern, Mail, address));
    }

    [Fact]
    public async Task Name_LongerThanAFileSystemTakes_IsRefused()
    {
        Make("root");
        var failed = await DeliverAsync(
            "root/${user}${user}${user}${user}${user}", Mail, new string('a', 60) + "@b.example");
        Assert.IsType<AttemptResult.Failed>(failed);
    }

    [Fact]
    public async Task Root_ThatIsMissing_HoldsTheMailUnderAnAlarm()
    {
        var down = Assert.IsType<AttemptResult.NextHopDown>(
            await DeliverAsync("away/${user}", Mail, "bob@b.example"));
        Assert.Equal("maildir", down.Alarm?.Kind);
        Assert.Contains("does not exist", down.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Root_ThatIsEmpty_CountsAsNotMounted()
    {
        Make("mnt");
        var down = Assert.IsType<AttemptResult.NextHopDown>(
            await DeliverAsync("mnt/${user}", Mail, "bob@b.example"));
        Assert.Equal("maildir", down.Alarm?.Kind);
        Assert.Contains("holds nothing", down.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mailbox_ThatIsAFile_IsNotTouched()
    {
        await using (File.Create(PathOf("bob")))
        {
        }
        Assert.IsType<AttemptResult.Deferred>(await DeliverAsync("${user}", Mail, "bob@b.example"));
        var down = Assert.IsType<AttemptResult.NextHopDown>(await DeliverAsync("bob", Mail, "x@b.example"));
        Assert.NotNull(down.Alarm);
        Assert.Equal(0, new FileInfo(PathOf("bob")).Length);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public async Task Mailbox_ThatMayNotBeWritten_HoldsTheMailUnderAnAlarm()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "root may write everywhere");
        Make("bob");
        File.SetUnixFileMode(PathOf("bob"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var down = Assert.IsType<AttemptResult.NextHopDown>(
            await DeliverAsync("${user}", Mail, "bob@b.example"));
        Assert.Equal(("maildir", "4.3.5"), (down.Alarm?.Kind, down.Status.ToString()));
    }

    [Theory]
    [InlineData(true, "4.3.1", "make room")]
    [InlineData(false, "4.3.0", "see to the disk")]
    public async Task Disk_ThatTakesNothing_HoldsTheMailAndLeavesNothing(
        bool isFull, string status, string mend)
    {
        Make("bob");
        var attempt = AttemptOf.Text(Mail, "bob@b.example");
        Descriptors? replaced = null;
        attempt = attempt with
        {
            Content = new ContentThatActs(attempt.Content, () =>
            {
                var file = Assert.Single(Directory.GetFiles(PathOf("bob/tmp")));
                // A pipe can be written and not flushed: EINVAL.
                replaced = isFull
                    ? Descriptors.Replace(file, "/dev/full", FileAccess.Write)
                    : Descriptors.ReplaceByPipe(file);
            }),
        };
        AttemptResult result;
        using (new Undo(() => replaced?.Dispose()))
            result = (await Transport("${user}").AttemptAsync(attempt, Cancel)).Results[0];
        var down = Assert.IsType<AttemptResult.NextHopDown>(result);
        Assert.Equal((status, mend), (down.Status.ToString(), down.Alarm?.Mend));
        Assert.Empty(Directory.GetFiles(PathOf("bob/tmp")));
        Assert.Empty(Directory.GetFiles(PathOf("bob/new")));
    }

    [Fact]
    public async Task Stop_WhileAFileIsWritten_LeavesNothingAndNoDoubt()
    {
        Make("bob");
        using var stop = new CancellationTokenSource();
        var attempt = AttemptOf.Text(Mail, "bob@b.example", "eve@b.example");
        attempt = attempt with { Content = new ContentThatActs(attempt.Content, stop.Cancel) };
        var report = await Transport("${user}").AttemptAsync(attempt, stop.Token);
        Assert.All(report.Results, result =>
            Assert.Equal("4.3.2", Assert.IsType<AttemptResult.NextHopDown>(result).Status.ToString()));
        Assert.Empty(Directory.GetFiles(PathOf("bob/tmp")));
        Assert.Empty(Directory.GetFiles(PathOf("bob/new")));
    }

    [Theory]
    [InlineData("new", "")]
    [InlineData("cur", ":2,S")]
    public async Task Repeat_AfterAnAttemptThatEndedUnknown_FindsItsFile(string where, string flags)
    {
        Make("bob");
        var first = Assert.IsType<AttemptResult.Relayed>(
            await DeliverAsync("${user}", Mail, "bob@b.example")).RemoteId!;
        if (flags.Length > 0)
            File.Move(PathOf("bob/new", first), PathOf($"bob/{where}", first + flags), overwrite: true);
        var attempt = AttemptOf.Text(Mail, "bob@b.example");
        attempt = attempt with
        {
            Recipients = [.. attempt.Recipients.Select(recipient => recipient with { Uncertain = 1 })],
        };
        var again = (await Transport("${user}").AttemptAsync(attempt, Cancel)).Results[0];
        Assert.Equal(first + flags, Assert.IsType<AttemptResult.Relayed>(again).RemoteId);
        Assert.Single(Directory.GetFiles(PathOf("bob"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Repeat_WhereTheFirstLeftOnlyTmp_WritesAnew()
    {
        Make("bob/tmp");
        var attempt = AttemptOf.Text(Mail, "bob@b.example");
        await using (File.Create(PathOf("bob/tmp", $"1.M1P1Q1-{attempt.Message.Id}-1.mx.example.org")))
        {
        }
        attempt = attempt with
        {
            Recipients = [.. attempt.Recipients.Select(recipient => recipient with { Uncertain = 1 })],
        };
        var result = (await Transport("${user}").AttemptAsync(attempt, Cancel)).Results[0];
        Assert.IsType<AttemptResult.Relayed>(result);
        Assert.Single(Directory.GetFiles(PathOf("bob/new")));
    }

    [Fact]
    public async Task Mail_OfManySegments_ArrivesWhole()
    {
        Make("bob");
        var content = "Subject: big\r\n\r\n"
            + string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", 40_000));
        var relayed = Assert.IsType<AttemptResult.Relayed>(
            await DeliverAsync("${user}", content, "bob@b.example"));
        var got = await File.ReadAllTextAsync(PathOf("bob/new", relayed.RemoteId!), Cancel);
        Assert.EndsWith("Delivered-To: bob@b.example\n" + content.ReplaceLineEndings("\n"), got,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_OfTheRoot_RaisesAndEndsTheAlarm()
    {
        var transport = Transport("mail/${user}");
        var wrong = Assert.IsType<TransportFinding.Wrong>(await transport.CheckAsync(Cancel));
        Assert.Equal("maildir", wrong.Alarm.Kind);
        Make("mail");
        var well = Assert.IsType<TransportFinding.Well>(await transport.CheckAsync(Cancel));
        Assert.Equal(["maildir"], well.DisprovedKinds);
    }

    async Task<AttemptResult> DeliverAsync(string pattern, string content, string recipient) =>
        (await Transport(pattern).AttemptAsync(AttemptOf.Text(content, recipient), Cancel)).Results[0];

    MaildirTransport Transport(string pattern) => new(
        "box", new TransportOptions { Kind = TransportKind.Maildir, Directory = PathOf(pattern) },
        "mx.example.org", "+", TimeProvider.System);

    void Make(string name) => Directory.CreateDirectory(PathOf(name));

    string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([folder.FullName, .. parts]);

    [GeneratedRegex(@"^[0-9]{10}\.M[0-9]{1,6}P[0-9]+Q[0-9]+-[0-9A-Z]{13}-1\.mx\.example\.org$")]
    private static partial Regex NameForm();

    sealed class Undo(Action undo) : IDisposable
    {
        public void Dispose() => undo();
    }

    /// <summary>Does something when it is read.</summary>
    sealed class ContentThatActs(Postern.Smtp.ContentSource content, Action act) : Postern.Smtp.ContentSource
    {
        public override long Octets => content.Octets;
        public override bool HasEightBit => content.HasEightBit;
        public override bool HasEightBitHeader => content.HasEightBitHeader;

        public override System.IO.Pipelines.PipeReader OpenReader()
        {
            act();
            return content.OpenReader();
        }
    }
}
