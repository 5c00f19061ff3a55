using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Postern.Mta;
using Postern.Mta.Inbound;
using Postern.Mta.Transports;
using Postern.Tests.Inbound;

namespace Postern.Tests.Transports;

/// <summary>Real scripts, run through /bin/sh from a directory of their own.</summary>
public sealed class PipeTransportTests : IDisposable
{
    const string Mail = "Subject: hi\r\n\r\nline one\r\nline two\r\n";

    static readonly InboundSource Source = new("mx.b.example", "0.1.0", "+", Path.GetTempPath());

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("pipe");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Run_ExitsZero_IsRelayedWithItsOutput()
    {
        var result = await RunAsync("cat >/dev/null; echo stored as 7", "a@b.example");
        var relayed = Assert.IsType<AttemptResult.Relayed>(result);
        Assert.Equal("2.0.0", relayed.Status.ToString());
        Assert.Equal("delivered via script service (stored as 7)", relayed.Text);
    }

    [Theory]
    // DESIGN §5: codes about the mail fail, all others keep it.
    [InlineData(65, "Failed", "5.6.0")]
    [InlineData(67, "Failed", "5.1.1")]
    [InlineData(68, "Failed", "5.1.2")]
    [InlineData(77, "Failed", "5.7.0")]
    [InlineData(1, "NextHopDown", "4.3.0")]
    [InlineData(64, "NextHopDown", "4.3.0")]
    [InlineData(69, "NextHopDown", "4.3.0")]
    [InlineData(70, "NextHopDown", "4.3.0")]
    [InlineData(71, "NextHopDown", "4.3.0")]
    [InlineData(73, "NextHopDown", "4.3.0")]
    [InlineData(74, "NextHopDown", "4.3.0")]
    [InlineData(75, "NextHopDown", "4.3.0")]
    [InlineData(76, "NextHopDown", "4.3.0")]
    [InlineData(78, "NextHopDown", "4.3.0")]
    [InlineData(126, "NextHopDown", "4.3.5")]
    [InlineData(127, "NextHopDown", "4.3.5")]
    [InlineData(255, "NextHopDown", "4.3.0")]
    public async Task Run_ExitCodeUnderSafe_FailsOnlyWhatIsAboutTheMail(int code, string kind, string status)
    {
        var result = await RunAsync(Exit(code), "a@b.example");
        Assert.Equal((kind, status), (result.GetType().Name, result.Status.ToString()));
    }

    [Theory]
    // global/sys_exits.c and pipe_command.c.
    [InlineData(1, "Failed", "5.3.0")]
    [InlineData(64, "Failed", "5.3.0")]
    [InlineData(65, "Failed", "5.6.0")]
    [InlineData(66, "Failed", "5.3.0")]
    [InlineData(67, "Failed", "5.1.1")]
    [InlineData(68, "Failed", "5.1.2")]
    [InlineData(69, "Failed", "5.3.0")]
    [InlineData(70, "Failed", "5.3.0")]
    [InlineData(71, "NextHopDown", "4.3.0")]
    [InlineData(72, "Failed", "5.3.0")]
    [InlineData(73, "Failed", "5.2.0")]
    [InlineData(74, "Failed", "5.3.0")]
    [InlineData(75, "NextHopDown", "4.3.0")]
    [InlineData(76, "Failed", "5.5.0")]
    [InlineData(77, "Failed", "5.7.0")]
    [InlineData(78, "Failed", "5.3.5")]
    [InlineData(127, "Failed", "5.3.0")]
    public async Task Run_ExitCodeUnderPostfix_FollowsItsTable(int code, string kind, string status)
    {
        var result = await RunAsync(
            Exit(code), new TransportOptions { ExitCodes = PipeExitCodes.Postfix }, "a@b.example");
        Assert.Equal((kind, status), (result.GetType().Name, result.Status.ToString()));
    }

    [Theory]
    [InlineData("5.7.1 no thanks", "Failed", "5.7.1", null)]
    [InlineData("4.2.2 mailbox full", "Deferred", "4.2.2", Blame.Recipient)]
    [InlineData("4.6.0 odd", "Deferred", "4.6.0", Blame.Message)]
    [InlineData("4.3.2 busy", "NextHopDown", "4.3.2", null)]
    public async Task Run_OutputBeginsWithAStatus_ThatDecidesBeforeTheExitCode(
        string output, string kind, string status, Blame? blame)
    {
        var result = await RunAsync($"cat >/dev/null; echo '{output}'; exit 75", "a@b.example");
        Assert.Equal((kind, status), (result.GetType().Name, result.Status.ToString()));
        Assert.Equal(output[6..], result.Text);
        Assert.Equal(blame, (result as AttemptResult.Deferred)?.Blame);
    }

    [Fact]
    public async Task Run_KilledBySignal_KeepsTheMail()
    {
        var result = await RunAsync("kill -TERM $$", "a@b.example");
        var down = Assert.IsType<AttemptResult.NextHopDown>(result);
        Assert.Contains("signal 15", down.Text, StringComparison.Ordinal);
        Assert.Null(down.Alarm);
    }

    [Theory]
    [InlineData(PipeExitCodes.Safe, typeof(AttemptResult.NextHopDown), "4.3.0")]
    [InlineData(PipeExitCodes.Postfix, typeof(AttemptResult.Failed), "5.3.0")]
    public async Task Run_OverTheTimeLimit_IsKilledWithItsGrandchildren(PipeExitCodes codes, Type kind,
        string status)
    {
        var pidFile = Path.Combine(folder.FullName, "pid");
        var options = new TransportOptions { TimeLimit = TimeSpan.FromMilliseconds(400), ExitCodes = codes };
        var result = await RunAsync(
            $"sleep 1000 & echo $! > {pidFile}; echo began; wait", options, "a@b.example");
        Assert.IsType(kind, result);
        Assert.Equal(status, result.Status.ToString());
        Assert.Contains("time limit", result.Text, StringComparison.Ordinal);
        Assert.EndsWith("Command output: began", result.Text, StringComparison.Ordinal);
        var grandchild =
            int.Parse(await File.ReadAllTextAsync(pidFile, Cancel), CultureInfo.InvariantCulture);
        // The signal was sent to all at once; each dies when it is scheduled next.
        for (var i = 0; i < 500 && !HasEnded(grandchild); i++)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
        Assert.True(HasEnded(grandchild), "the grandchild lives on");
    }

    [Fact]
    public async Task Run_LeavesABackgroundProcessWithItsOutput_EndsWithTheScript()
    {
        var options = new TransportOptions { TimeLimit = TimeSpan.FromSeconds(30) };
        var pidFile = Path.Combine(folder.FullName, "pid");
        var started = Stopwatch.GetTimestamp();
        var result =
            await RunAsync($"echo out; sleep 60 & echo $! > {pidFile}; exit 0", options, "a@b.example");
        Assert.IsType<AttemptResult.Relayed>(result);
        Assert.Contains("(out)", result.Text, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(25));
        using var left = Process.GetProcessById(
            int.Parse(await File.ReadAllTextAsync(pidFile, Cancel), CultureInfo.InvariantCulture));
        left.Kill();
    }

    [Fact]
    public async Task Run_ScriptReadsNothingOfAMegabyte_ItsExitCodeCounts()
    {
        var attempt = AttemptOf.Octets(new byte[1 << 20], AttemptOf.Sender, "a@b.example");
        var report = await Transport("exit 0", new TransportOptions()).AttemptAsync(attempt, Cancel);
        Assert.IsType<AttemptResult.Relayed>(report.Results[0]);
    }

    [Fact]
    public async Task Conversation_OfARefusal_HasTheExitCodeAndTheLastLines()
    {
        var attempt = AttemptOf.Text(Mail, "a@b.example", "c@b.example");
        var report = await Transport("cat >/dev/null; echo one; echo two; exit 67", new TransportOptions())
            .AttemptAsync(attempt, Cancel);
        Assert.Equal(
            [("/bin/sh", "exit 67\none\ntwo"), ("(and 1 other recipient)", null)],
            report.Talk!(1)!.Turns.Select(turn => (turn.Said, turn.Answer)));
    }

    [Fact]
    public async Task Run_WritesMuchOutput_KeepsTheBeginning()
    {
        var result = await RunAsync(
                "cat >/dev/null; i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; exit 1",
            "a@b.example");
        Assert.InRange(result.Text.Length, 1000, 1200);
    }

    [Fact]
    public async Task Run_Input_IsFieldsAndContentWithBareLineFeeds()
    {
        var attempt = AttemptOf.Text("Subject: hi\r\n\r\nlast line", "sales+eu@b.example");
        var result = (await Transport("cat > got", new TransportOptions()).AttemptAsync(attempt, Cancel))
            .Results[0];
        Assert.IsType<AttemptResult.Relayed>(result);
        Assert.Equal(
            "Return-Path: <sender@from.example>\nX-Original-To: sales+eu@b.example\n"
            + "Delivered-To: sales+eu@b.example\n"
            + "Subject: hi\n\nlast line\n",
            Got());
    }

    [Fact]
    public async Task Run_LargeContent_ArrivesWhole()
    {
        var line = new string('x', 70) + "\r\n";
        var content = "Subject: big\r\n\r\n" + string.Concat(Enumerable.Repeat(line, 40_000));
        var attempt = AttemptOf.Text(content, "a@b.example", "c@b.example");
        await Transport("cat > got", new TransportOptions()).AttemptAsync(attempt, Cancel);
        Assert.Equal(
            "Return-Path: <sender@from.example>\n" + content.ReplaceLineEndings("\n"), Got());
    }

    [Fact]
    public async Task Run_Arguments_ArePerRecipientWhereTheyNameOne()
    {
        var transport = Transport(Record, new TransportOptions(),
            "${sender}", "to=${recipient}", "$user/${extension}", "${queue_id}", "$$HOME", "a b;c");
        var report =
            await transport.AttemptAsync(AttemptOf.Text(Mail, "u+x@b.example", "v@b.example"), Cancel);
        Assert.All(report.Results, result => Assert.IsType<AttemptResult.Relayed>(result));
        Assert.Equal(
            ["sender@from.example", "to=u+x@b.example", "to=v@b.example", "u/x", "v/", "000000000YGJ0",
                "$HOME", "a b;c"],
            Got().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Run_AnArgumentNamesTheDomain_RunsOncePerDomain()
    {
        var transport = Transport(Record, new TransportOptions(), "${domain}", "${mailbox}");
        await transport.AttemptAsync(AttemptOf.Text(Mail, "u@b.example", "v@c.example", "w@B.example"),
            Cancel);
        Assert.Equal("b.example\nu\nw\nc.example\nv\n", Got());
    }

    [Fact]
    public async Task Run_PerRecipient_GivesEachItsOwnResult()
    {
        var transport = Transport("cat >/dev/null; [ \"$1\" = bad@b.example ] && exit 67; exit 0",
            new TransportOptions { Per = PipePer.Recipient }, "${recipient}");
        var report = await transport.AttemptAsync(
            AttemptOf.Text(Mail, "a@b.example", "bad@b.example", "c@b.example"), Cancel);
        Assert.Equal(["Relayed", "Failed", "Relayed"],
            report.Results.Select(result => result.GetType().Name));
    }

    [Fact]
    public async Task Run_Environment_IsOursAlone()
    {
        var attempt = AttemptOf.Text(Mail, "sales+eu@b.example");
        await Transport("cat >/dev/null; env > got", new TransportOptions()).AttemptAsync(attempt, Cancel);
        var environment = Got().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("POSTERN_SENDER=sender@from.example", environment);
        Assert.Contains("POSTERN_RECIPIENT=sales+eu@b.example", environment);
        Assert.Contains("POSTERN_RECIPIENTS=sales+eu@b.example", environment);
        Assert.Contains("POSTERN_EXTENSION=eu", environment);
        Assert.Contains("POSTERN_QUEUE_ID=000000000YGJ0", environment);
        Assert.Contains("POSTERN_CLIENT_ADDRESS=192.0.2.7", environment);
        Assert.Contains("POSTERN_CLIENT_HOSTNAME=unknown", environment);
        Assert.Contains("POSTERN_SASL_USERNAME=shop", environment);
        Assert.Contains("POSTERN_ENVID=QQ314159", environment);
        Assert.All(environment, line => Assert.True(
            line.StartsWith("POSTERN_", StringComparison.Ordinal)
            || line.Split('=')[0] is "PATH" or "PWD" or "OLDPWD" or "SHLVL" or "_", line));
    }

    [Fact]
    public async Task Run_Environment_TellsChecksInOneWordEach()
    {
        var attempt = AttemptOf.Text(Mail, "a@b.example");
        attempt = attempt with { Message = attempt.Message with { Checks = SampleChecks.Full } };
        await Transport("cat >/dev/null; env > got", new TransportOptions()).AttemptAsync(attempt, Cancel);
        var environment = Got().Split('\n');
        Assert.Equal(
            ["POSTERN_ARC=none", "POSTERN_DKIM=pass", "POSTERN_DMARC=pass", "POSTERN_DMARC_POLICY=reject",
                "POSTERN_SPAM=ham", "POSTERN_SPF=softfail", "POSTERN_VIRUS=clean"],
            environment.Where(line => line.StartsWith("POSTERN_SP", StringComparison.Ordinal)
                || line.StartsWith("POSTERN_D", StringComparison.Ordinal)
                || line.StartsWith("POSTERN_ARC", StringComparison.Ordinal)
                || line.StartsWith("POSTERN_VIRUS", StringComparison.Ordinal))
                .Where(line => !line.StartsWith("POSTERN_DOMAIN", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Run_Environment_HasNoControlCharactersAndNoLongValue()
    {
        var attempt = AttemptOf.Text(Mail, "a@b.example");
        attempt = attempt with
        {
            Message = attempt.Message with
            {
                MessageId = "<a\r\nEVIL=1\u0007" + new string('가', 2000) + ">",
                Client = attempt.Message.Client with { Helo = "x\ny" },
            },
        };
        await Transport("cat >/dev/null; env > got", new TransportOptions()).AttemptAsync(attempt, Cancel);
        Assert.Contains("\nPOSTERN_CLIENT_HELO=xy\n", Got(), StringComparison.Ordinal);
        Assert.Contains(
            "\nPOSTERN_MESSAGE_ID=<aEVIL=1" + new string('가', 338) + "\n", Got(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ListOfRecipientsThatLinuxWouldNotTake_IsLeftOut()
    {
        var local = new string('x', 60);
        var recipients = Enumerable.Range(1, 999).Select(i => $"{local}{i}@{local}.{local}.test").ToArray();
        var transport = Transport(
            "cat >/dev/null; echo \"${POSTERN_RECIPIENTS-none}\" > got", new TransportOptions());
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, recipients), Cancel);
        Assert.IsType<AttemptResult.Relayed>(report.Results[0]);
        Assert.Equal("none\n", Got());
    }

    [Fact]
    public async Task Run_Json_LiesInAPrivateFileWhileItRuns()
    {
        var transport = Transport(
            "cat >/dev/null; cp \"$POSTERN_JSON\" got; stat -c %a \"$POSTERN_JSON\"; echo $POSTERN_JSON",
            new TransportOptions { Json = true, Parse = InboundParse.Bodies });
        var report =
            await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "c@b.example"), Cancel);
        var said = Assert.IsType<AttemptResult.Relayed>(report.Results[0]).Text.Split('(', ')', ' ');
        Assert.Contains("600", said);
        var path = Assert.Single(said, word => word.StartsWith('/'));
        Assert.False(File.Exists(path), "it is removed after the run");
        using var document = JsonDocument.Parse(Got());
        var root = document.RootElement;
        Assert.Equal(["a@b.example", "c@b.example"], root.GetProperty("envelope").GetProperty("rcpt_to")
            .EnumerateArray().Select(row => row.GetProperty("address").GetString()));
        Assert.Equal("""{"mode":"none"}""", root.GetProperty("raw").GetRawText());
        Assert.Equal("line one\r\nline two",
            root.GetProperty("message").GetProperty("stripped").GetProperty("text").GetString());
    }

    [Fact]
    public async Task Run_JsonForAnotherUser_IsReadableByThatUserAlone()
    {
        if (!System.Environment.IsPrivilegedProcess)
            Assert.Skip("needs CAP_SETUID");
        var options = new TransportOptions
        {
            Argv = ["/bin/sh", "-c", "cat >/dev/null; head -c 30 \"$$POSTERN_JSON\"; ls -l $$POSTERN_JSON"],
            User = "nobody",
            Json = true,
        };
        await using var transport = new PipeTransport("script", options, Source, TimeProvider.System);
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        var text = Assert.IsType<AttemptResult.Relayed>(report.Results[0]).Text;
        Assert.Contains("{\"schema\":\"postern.inbound.v1\"", text, StringComparison.Ordinal);
        // The group's bits show the mask of the list where there is one; all others have nothing.
        Assert.Matches("-rw-(r--|---)---", text);
    }

    [Fact]
    public async Task Run_NullSender_IsMailerDaemonInArgvAndEmptyInTheEnvironment()
    {
        var transport =
            Transport("cat > mail; echo \"$1|$POSTERN_SENDER\" > got", new TransportOptions(), "${sender}");
        await transport.AttemptAsync(AttemptOf.Octets("X: y\r\n\r\n"u8.ToArray(), null, "a@b.example"),
            Cancel);
        Assert.Equal("MAILER-DAEMON|\n", Got());
        Assert.StartsWith("Return-Path: <>\n",
            await File.ReadAllTextAsync(Path.Combine(folder.FullName, "mail"), Cancel),
                StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_AddressBeginsWithADash_IsRefusedUnlessTheArgumentHasAPrefix()
    {
        var attempt = AttemptOf.Text(Mail, "-rf@b.example", "a@b.example");
        var bare = await Transport(Record, new TransportOptions(), "${recipient}")
            .AttemptAsync(attempt, Cancel);
        Assert.Equal(["Failed", "Relayed"], bare.Results.Select(result => result.GetType().Name));
        Assert.Equal("a@b.example\n", Got());
        var prefixed = await Transport(Record, new TransportOptions(), "to=${recipient}")
            .AttemptAsync(attempt, Cancel);
        Assert.All(prefixed.Results, result => Assert.IsType<AttemptResult.Relayed>(result));
    }

    [Fact]
    public async Task Run_IsInASessionOfItsOwn()
    {
        var result = await RunAsync(
            "cat >/dev/null; read -r line < /proc/self/stat; set -- $line; [ \"$1\" != x ] && echo \"$$ $6\"",
                "a@b.example");
        var text = result.Text.Split('(', ')')[1].Split(' ');
        Assert.Equal(text[0], text[1]);
    }

    [Theory]
    [InlineData("/nowhere/on-mail", "does not exist")]
    [InlineData("no-such-program-anywhere", "does not exist")]
    public async Task Start_TypoInThePath_HoldsTheMailUnderAnAlarm(string program, string text)
    {
        foreach (var codes in new[] { PipeExitCodes.Safe, PipeExitCodes.Postfix })
        {
            var options = new TransportOptions { Argv = [program], SameUser = true, ExitCodes = codes };
            await using var transport = new PipeTransport("script", options, Source, TimeProvider.System);
            var report =
                await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "c@b.example"), Cancel);
            Assert.All(report.Results, result =>
            {
                var down = Assert.IsType<AttemptResult.NextHopDown>(result);
                Assert.Equal(NextHopTrouble.Unreachable, down.Trouble);
                Assert.Equal("pipe", down.Alarm?.Kind);
                Assert.Contains(text, down.Text, StringComparison.Ordinal);
                Assert.NotEmpty(down.Alarm!.Mend);
            });
        }
    }

    [Theory]
    [SupportedOSPlatform("linux")]
    [InlineData("#!/nowhere/interpreter\n", UnixFileMode.UserRead | UnixFileMode.UserExecute, "interpreter")]
    [InlineData("#!/bin/sh\n", UnixFileMode.UserRead, "may not be executed")]
    public async Task Start_ScriptThatCannotRun_SaysWhy(string script, UnixFileMode mode, string text)
    {
        var path = Path.Combine(folder.FullName, "script");
        await File.WriteAllBytesAsync(path, System.Text.Encoding.ASCII.GetBytes(script), Cancel);
        File.SetUnixFileMode(path, mode);
        var options = new TransportOptions { Argv = [path], SameUser = true };
        await using var transport = new PipeTransport("script", options, Source, TimeProvider.System);
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        var down = Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]);
        Assert.Contains(text, down.Text, StringComparison.Ordinal);
        Assert.Equal("pipe", down.Alarm?.Kind);
    }

    [Fact]
    public async Task Start_DirectoryIsMissing_SaysSo()
    {
        var options = new TransportOptions { Directory = "/nowhere/at/all" };
        var down = Assert.IsType<AttemptResult.NextHopDown>(await RunAsync("exit 0", options, "a@b.example"));
        Assert.Contains("Directory", down.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_NoUserAndNotSameUser_IsRefused()
    {
        var options = new TransportOptions { Argv = ["/bin/true"] };
        Assert.NotNull(PipeTransport.FindAccountProblem(options));
        await using var transport = new PipeTransport("script", options, Source, TimeProvider.System);
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        Assert.Equal("pipe", Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]).Alarm?.Kind);
    }

    [Theory]
    [InlineData("root")]
    [InlineData("no-such-user-here")]
    public void Start_UserRootOrUnknown_IsAProblem(string user) =>
        Assert.NotNull(
            PipeTransport.FindAccountProblem(new TransportOptions { Argv = ["/bin/true"], User = user }));

    [Fact]
    public async Task Start_UserNobody_RunsAsThatUserWithoutCapabilities()
    {
        if (!System.Environment.IsPrivilegedProcess)
            Assert.Skip("needs CAP_SETUID");
        var options = new TransportOptions
        {
            Argv = ["/bin/sh", "-c", "cat >/dev/null; id -un; grep CapEff /proc/self/status; echo $$USER"],
            User = "nobody",
        };
        await using var transport = new PipeTransport("script", options, Source, TimeProvider.System);
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        Assert.Equal(
            "delivered via script service (nobody CapEff: 0000000000000000 nobody)", report.Results[0].Text);
    }

    [Fact]
    public async Task Start_ProgramMissingForTheUser_IsStillNotAnExitCode()
    {
        if (!System.Environment.IsPrivilegedProcess)
            Assert.Skip("needs CAP_SETUID");
        var path = Path.Combine(folder.FullName, "script");
        await File.WriteAllBytesAsync(path, "#!/bin/sh\n"u8.ToArray(), Cancel);
        var options =
            new TransportOptions { Argv = [path], User = "nobody", ExitCodes = PipeExitCodes.Postfix };
        await using var transport = new PipeTransport("script", options, Source, TimeProvider.System);
        var report = await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        Assert.Equal("pipe", Assert.IsType<AttemptResult.NextHopDown>(report.Results[0]).Alarm?.Kind);
    }

    [Theory]
    [InlineData("${nonsense}", "no macro ${nonsense}")]
    [InlineData("5$", "written $$")]
    [InlineData("${sender", "written $$")]
    public void FindProblem_BadMacro_SaysWhatIsWrong(string argument, string text)
    {
        var options = new TransportOptions { Argv = ["/bin/true", argument] };
        Assert.Contains(text, PipeTransport.FindProblem(options), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() =>
            new PipeTransport("script", options, Source, TimeProvider.System));
    }

    [Theory]
    [InlineData]
    [InlineData("bin/relative")]
    [InlineData("${recipient}")]
    public void FindProblem_BadProgram_IsFound(params string[] argv) =>
        Assert.NotNull(PipeTransport.FindProblem(new TransportOptions { Argv = argv }));

    [Fact]
    public async Task Cancelled_WhileRunning_KillsItAndIsUncertain()
    {
        var began = Path.Combine(folder.FullName, "began");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        using var watcher = new FileSystemWatcher(folder.FullName);
        watcher.Created += (_, _) => stop.Cancel();
        watcher.EnableRaisingEvents = true;
        var transport =
            Transport($": > {began}; sleep 1000", new TransportOptions { Per = PipePer.Recipient });
        var report =
            await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example", "c@b.example"), stop.Token);
        Assert.IsType<AttemptResult.Uncertain>(report.Results[0]);
        Assert.IsType<AttemptResult.NextHopDown>(report.Results[1]);
    }

    [Fact]
    public async Task Run_TwoHundredAtOnce_LeaveNoZombieAndNoDescriptor()
    {
        var transport = Transport("cat >/dev/null; sleep 1; echo $$ >> pids", new TransportOptions());
        await transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel);
        var before = OpenPipes();
        var runs = Enumerable.Range(0, 200)
            .Select(_ => transport.AttemptAsync(AttemptOf.Text(Mail, "a@b.example"), Cancel).AsTask());
        var reports = await Task.WhenAll(runs);
        Assert.All(reports, report => Assert.IsType<AttemptResult.Relayed>(report.Results[0]));
        Assert.InRange(OpenPipes(), 0, before + 40);
        // By their own words: children of other tests are none of these.
        var children = File.ReadAllLines(Path.Combine(folder.FullName, "pids"));
        Assert.Equal(201, children.Distinct().Count());
        Assert.DoesNotContain(children, child => IsOwnZombie(int.Parse(child, CultureInfo.InvariantCulture)));
    }

    // Positional parameters, one a line, appended.
    const string Record = "cat >/dev/null; for a in \"$@\"; do echo \"$a\" >> got; done";

    static string Exit(int code) =>
        string.Create(CultureInfo.InvariantCulture, $"cat >/dev/null; exit {code}");

    string Got() => File.ReadAllText(Path.Combine(folder.FullName, "got"));

    PipeTransport Transport(string script, TransportOptions options, params string[] arguments) => new(
        "script",
        options with
        {
            // sh -c takes dollars of its own.
            Argv = ["/bin/sh", "-c", script.Replace("$", "$$", StringComparison.Ordinal), "script",
                .. arguments],
            SameUser = true,
            Directory = options.Directory ?? folder.FullName,
        },
        Source,
        TimeProvider.System);

    Task<AttemptResult> RunAsync(string script, params string[] recipients) =>
        RunAsync(script, new TransportOptions(), recipients);

    async Task<AttemptResult> RunAsync(string script, TransportOptions options, params string[] recipients) =>
        (await Transport(script, options).AttemptAsync(AttemptOf.Text(Mail, recipients), Cancel)).Results[0];

    static int OpenPipes() => Directory.EnumerateFiles("/proc/self/fd")
        .Count(file => new FileInfo(file).LinkTarget?.StartsWith("pipe:", StringComparison.Ordinal) == true);

    static string? StateOf(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/stat").Split(") ")[1];
        }
        catch (IOException)
        {
            return null;
        }
    }

    // A killed orphan may wait a moment for init to reap it.
    static bool HasEnded(int process) => StateOf(process) is null or ['Z' or 'X', ..];

    static bool IsOwnZombie(int process) => StateOf(process)?.Split(' ') is ["Z", var parent, ..]
        && parent == System.Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
}
