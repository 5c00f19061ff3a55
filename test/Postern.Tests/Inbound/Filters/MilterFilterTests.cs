using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Postern.Mta;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Inbound.Filters;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Tests.Doubles;
using static Postern.Tests.Doubles.ScriptedMilter;

namespace Postern.Tests.Inbound.Filters;

/// <summary>What milters are told, and what their answers become.</summary>
public sealed class MilterFilterTests
{
    const string Letter = "From: ann@out.example\r\nSubject: eins\r\n zwei\r\n\r\nbody\r\n";

    static readonly MilterOptions Options = new()
    {
        Name = "m",
        Address = FilterAddress.TryParse("127.0.0.1:8891", out var address, out _) ? address : null,
    };

    static readonly FilterQuestion Mail = new(
        new QueueId(12345),
        new ClientFacts
        {
            Address = "192.0.2.1",
            Port = 0x1234,
            Name = "out.example",
            Helo = "helo.example",
            Listener = "mx",
            Tls = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384",
        },
        new ReversePath(MailHall.Mailbox("ann@out.example")),
        [MailHall.Mailbox("b@in.example"), MailHall.Mailbox("c@in.example")])
    {
        Hostname = "mx.example",
    };

    static readonly string Id = new QueueId(12345).ToString();

    readonly ScriptedMilter milter = new();
    readonly FakeTimeProvider clock = new();
    readonly List<string?> notes = [];

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static PooledContent ContentOf(string text)
    {
        var content = new PooledContent();
        content.Append(Encoding.Latin1.GetBytes(text));
        return content;
    }

    MilterFilter Filter(FilterConnect? connect = null) =>
        new(connect ?? milter.ConnectAsync, (_, trouble) => notes.Add(trouble), clock);

    async Task<MilterAnswers> AskAsync(string letter = Letter, params MilterOptions[] milters)
    {
        using var content = ContentOf(letter);
        return await Filter().AskAsync(milters is [] ? [Options] : milters, Mail, content, Cancel);
    }

    async Task<MilterVerdict> JudgeAsync(string letter = Letter) =>
        Assert.Single((await AskAsync(letter)).Verdicts!);

    [Fact]
    public async Task Mail_IsToldInOrder_WithItsMacros()
    {
        Assert.Equal(new MilterVerdict("m", MilterResult.Accept, null), await JudgeAsync());
        Assert.Equal(
            [
                "O |||\u0006|||1|\u001f\u00f7\u00ff",
                "D Cj|mx.example|{daemon_name}|mx|v|Postern|_|out.example [192.0.2.1]|"
                    + "{client_addr}|192.0.2.1|{client_name}|out.example|{client_ptr}|out.example|"
                    + "{client_port}|4660|",
                "C out.example|4\u00124192.0.2.1|",
                "D H{tls_version}|TLSv1.3|{cipher}|TLS_AES_256_GCM_SHA384|",
                "H helo.example|",
                $"D Mi|{Id}|{{mail_addr}}|ann@out.example|{{mail_host}}|out.example|",
                "M <ann@out.example>|",
                $"D Ri|{Id}|{{rcpt_addr}}|b@in.example|{{rcpt_host}}|in.example|",
                "R <b@in.example>|",
                $"D Ri|{Id}|{{rcpt_addr}}|c@in.example|{{rcpt_host}}|in.example|",
                "R <c@in.example>|",
                $"D Ti|{Id}|",
                "T",
                "L From|ann@out.example|",
                "L Subject|eins\n zwei|",
                $"D Ni|{Id}|",
                "N",
                $"D Ei|{Id}|",
                "E",
                "Q",
            ], milter.Heard);
        Assert.Equal("body\r\n", Encoding.ASCII.GetString(milter.Body.ToArray()));
        Assert.Null(Assert.Single(notes));
    }

    [Fact]
    public async Task NullSender_AndAClientWithoutAName_AreTold()
    {
        using var content = ContentOf(Letter);
        await Filter().AskAsync([Options], Mail with
        {
            Sender = new ReversePath(null),
            Client = new ClientFacts { Address = "2001:db8::1", Helo = "x\r\n\0y" },
        }, content, Cancel);
        Assert.Contains("C [2001:db8::1]|6||2001:db8::1|", milter.Heard);
        Assert.Contains("H x???y|", milter.Heard);
        Assert.Contains("M <>|", milter.Heard);
    }

    [Fact]
    public async Task WhatAMilterDoesNotWant_ItIsNotTold()
    {
        milter.Agreed = [6, 0x31, 0x7f | 0x200];
        Assert.Equal(MilterResult.Accept, (await JudgeAsync()).Result);
        Assert.Equal("OEQ", string.Concat(milter.Heard.Select(one => one[0]).Where(code => code != 'D')));
        Assert.Equal(0, milter.Body.Length);
    }

    [Fact]
    public async Task WhatAMilterDoesNotAnswer_IsNotWaitedFor()
    {
        milter.Agreed = [6, 0x31, 0x8_0000 | 0x4_0000 | 0x1_f000 | 0x80];
        milter.Says["E"] = Packet('r');
        Assert.Equal(MilterResult.Reject, (await JudgeAsync()).Result);
        Assert.Equal("CHMRRTLLNEQ", string.Concat(
            milter.Heard.Skip(1).Select(one => one[0]).Where(code => code != 'D')));
        Assert.Equal("body\r\n", Encoding.ASCII.GetString(milter.Body.ToArray()));
    }

    [Fact]
    public async Task OldMilter_IsNotToldOfData()
    {
        milter.Agreed = [2, 1, 0];
        Assert.Equal(MilterResult.Accept, (await JudgeAsync()).Result);
        Assert.DoesNotContain("T", milter.Heard);
    }

    [Fact]
    public async Task LeadingBlanks_AreToldWhereTheyAreWanted()
    {
        milter.Agreed = [6, 0x31, 0x10_0000];
        milter.Says["E"] = [.. Packet('h', Texts("X", "\ty")), .. Packet('c')];
        Assert.Equal("X:\ty\r\n", (await AskAsync()).Fields);
        Assert.Contains("L Subject| eins\n zwei|", milter.Heard);
    }

    [Theory]
    [InlineData("C")]
    [InlineData("H")]
    [InlineData("M")]
    [InlineData("R")]
    [InlineData("T")]
    [InlineData("L")]
    [InlineData("N")]
    [InlineData("B")]
    [InlineData("E")]
    public async Task Answer_AtAnyStep_Decides(string step)
    {
        foreach (var (said, result, text) in new (byte[], MilterResult, string?)[]
        {
            (Packet('a'), MilterResult.Accept, null),
            (Packet('d'), MilterResult.Discard, null),
            (Packet('r'), MilterResult.Reject, "550 5.7.1 Command rejected"),
            (Packet('t'), MilterResult.Defer, "451 4.7.1 Service unavailable - try again later"),
            (Packet('4'), MilterResult.Defer, "451 4.7.1 Service unavailable - try again later"),
            (Packet('y', "554 5.7.9 no\0"), MilterResult.Reject, "554 5.7.9 no"),
            (Packet('y', "450 4.7.0 later\0"), MilterResult.Defer, "450 4.7.0 later"),
            ([.. Packet('p'), .. Packet('q', "odd\u001b\0"), .. Packet('a')],
                MilterResult.Quarantine, "odd?"),
            (Packet('y', "250 2.0.0 yes\0"), MilterResult.Error, "it does not talk as milters do"),
            (Packet('?'), MilterResult.Error, "it does not talk as milters do"),
            (Packet('c', "more"), MilterResult.Error, "it does not talk as milters do"),
            (Packet('b', "body"), MilterResult.Error, "it wants to replace the body, which is not offered"),
            (Packet('e', "<x>\0"), MilterResult.Error, "it wants to change the sender, which is not offered"),
            (Packet('+', "<x>\0"), MilterResult.Error, "it wants to add a recipient, which is not offered"),
            (Packet('-', "<x>\0"), MilterResult.Error,
                "it wants to take a recipient away, which is not offered"),
        })
        {
            notes.Clear();
            milter.Says[step] = said;
            var verdict = await JudgeAsync();
            Assert.Equal((step, result, text), (step, verdict.Result, verdict.Text));
            Assert.Equal(result == MilterResult.Error ? text : null, Assert.Single(notes));
        }
    }

    [Fact]
    public async Task AcceptedEarly_NothingMoreIsTold()
    {
        milter.Says["M"] = Packet('a');
        await JudgeAsync();
        Assert.Equal("OCHMQ", string.Concat(milter.Heard.Select(one => one[0]).Where(code => code != 'D')));
    }

    [Theory]
    [InlineData("550 5.1.1 b\0", null, "550 5.1.1 b")]
    [InlineData(null, "550 5.1.1 c\0", "550 5.1.1 c")]
    [InlineData("550 5.1.1 b\0", "550 5.1.1 c\0", "550 5.1.1 b")]
    [InlineData("550 5.1.1 b\0", "450 4.7.1 c\0", "450 4.7.1 c")]
    [InlineData("450 4.7.1 b\0", "550 5.1.1 c\0", "450 4.7.1 b")]
    public async Task RefusedRecipient_IsTheReplyToAll(string? toB, string? toC, string expected)
    {
        if (toB is not null)
            milter.Says["R <b@in.example>|"] = Packet('y', toB);
        if (toC is not null)
            milter.Says["R <c@in.example>|"] = Packet('y', toC);
        var answers = await AskAsync();
        Assert.Equal(expected, Assert.Single(answers.Verdicts!).Text);
        Assert.Equal(expected, answers.Refusal!.ToString());
        Assert.Equal(2, milter.Heard.Count(one => one[0] == 'R'));
        Assert.DoesNotContain("E", milter.Heard);
    }

    [Fact]
    public async Task Changes_AreMade_AndTheNextMilterSeesThem()
    {
        var second = new ScriptedMilter();
        milter.Says["E"] =
        [
            .. Packet('p'), .. Packet('m', Numbered(1, "Subject", "*** eins")),
            .. Packet('i', Numbered(0, "Authentication-Results", "mx.example; dkim=pass")),
            .. Packet('h', Texts("X-Spam", "no")), .. Packet('c'),
        ];
        second.Says["E"] = [.. Packet('m', Numbered(1, "From", "")), .. Packet('a')];
        using var content = ContentOf(Letter);
        var other = Options with
        {
            Name = "n",
            Address = FilterAddress.TryParse("127.0.0.1:8892", out var address, out _) ? address : null,
        };
        var answers = await Filter((to, cancel) => (to == Options.Address ? milter : second)
            .ConnectAsync(to, cancel)).AskAsync([Options, other], Mail, content, Cancel);
        Assert.Equal(
            "Authentication-Results: mx.example; dkim=pass\r\nSubject: *** eins\r\nX-Spam: no\r\n",
            answers.Fields);
        Assert.Equal(
            ["Subject: eins\r\n zwei\r\n", "From: ann@out.example\r\n"],
            answers.Cuts.Select(range => Letter.Substring((int)range.Start, (int)range.Length)));
        Assert.Equal(
            ["L Authentication-Results|mx.example; dkim=pass|", "L From|ann@out.example|",
                "L Subject|*** eins|", "L X-Spam|no|"],
            second.Heard.Where(one => one[0] == 'L'));
    }

    [Theory]
    [InlineData('h', "N", "it changes the header before it has seen the message")]
    [InlineData('h', "E", "it hung up")]
    [InlineData('r', "E", null)]
    public async Task Changes_OfAMilterThatDoesNotEndWell_AreNotMade(char last, string step, string? trouble)
    {
        var change = Packet('h', Texts("X", "y"));
        milter.Says[step] = last == 'h' ? change : [.. change, .. Packet(last)];
        milter.HangsUpAfter = step;
        var answers = await AskAsync();
        Assert.Equal(("", 0), (answers.Fields, answers.Cuts.Count));
        Assert.Equal(trouble, Assert.Single(notes));
    }

    /// <summary>What it says before the end: to the negotiation, and to ten commands.</summary>
    const int OctetsUntilTheEnd = 17 + 10 * 5;

    [Fact]
    public async Task Fields_WithoutEnd_AreAnError()
    {
        milter.Says["E"] = [.. Enumerable.Repeat(
            Packet('h', Texts("X", new string('a', 900))), 80).SelectMany(one => one), .. Packet('a')];
        Assert.Equal(
            "it writes a field without a proper name, or far too much of them", (await JudgeAsync()).Text);
    }

    [Fact]
    public async Task Progress_WithoutEnd_IsAnError()
    {
        milter.Says["E"] = [.. Enumerable.Repeat(Packet('p'), 10_001).SelectMany(one => one)];
        Assert.Equal("it does not come to an end", (await JudgeAsync()).Text);
    }

    [Theory]
    [InlineData(1u, 1u, "it wants version 1 of the protocol")]
    [InlineData(7u, 1u, "it wants version 7 of the protocol")]
    [InlineData(6u, 0x1ffu, null)]
    public async Task Negotiation_IsLookedAt(uint version, uint actions, string? trouble)
    {
        // Whoever asks for more than it uses, as rspamd does, is heard.
        milter.Agreed = [version, actions, 0];
        await JudgeAsync();
        Assert.Equal(trouble, Assert.Single(notes));
    }

    [Fact]
    public async Task Macros_ThatAMilterAsksFor_AreNoTrouble()
    {
        milter.Says["O"] = Packet('O', Numbered(6) + Numbered(0x31) + Numbered(0) + Numbered(1, "j i"));
        Assert.Equal(MilterResult.Accept, (await JudgeAsync()).Result);
    }

    [Fact]
    public async Task Milter_ThatNeedsMoreThanIsOffered_HangsUp_AndTheAlarmSaysWhatIs()
    {
        milter.OctetsMax = 0;
        Assert.Equal(
            "it hung up when it was told that it may add, change and delete header fields and quarantine, "
            + "and no more", (await JudgeAsync()).Text);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData((256 << 10) + 1u)]
    [InlineData(uint.MaxValue)]
    public async Task Packet_OfNoSize_IsAnError(uint length)
    {
        milter.Says["E"] = Encoding.Latin1.GetBytes(Numbered(length) + new string('a', 300_000));
        Assert.Equal("it does not talk as milters do", (await JudgeAsync()).Text);
    }

    [Fact]
    public async Task Milter_ThatHangsUpAnywhere_IsAnError()
    {
        milter.Says["E"] = [.. Packet('m', Numbered(1, "Subject", "x")), .. Packet('q', "odd\0")];
        var whole = OctetsUntilTheEnd + milter.Says["E"]!.Length;
        for (var octets = 0; octets <= whole; octets++)
        {
            milter.OctetsMax = octets;
            var answers = await AskAsync();
            Assert.Equal((octets, MilterResult.Error), (octets, Assert.Single(answers.Verdicts!).Result));
            Assert.Equal(("", null, null), (answers.Fields, answers.Quarantine, answers.Refusal));
        }
    }

    [Fact]
    public async Task Noise_IsNoMoreThanAnError()
    {
        var chance = new Random(815);
        for (var i = 0; i < 3000; i++)
        {
            var step = "OCHMRTLNBE"[chance.Next(10)];
            var noise = new byte[chance.Next(1, 60)];
            chance.NextBytes(noise);
            // Some of it is nearly right.
            if (chance.Next(4) > 0 && noise.Length > 5)
            {
                noise = noise[..(5 + chance.Next(noise.Length - 5))];
                (noise[0], noise[1], noise[2], noise[3]) = (0, 0, 0, (byte)(noise.Length - 4));
                noise[4] = (byte)"acdhimpqrsty+-be24fO"[chance.Next(20)];
            }
            milter.Says.Clear();
            milter.Says[$"{step}"] = [.. noise, .. Packet('a')];
            milter.HangsUpAfter = $"{step}";
            var answers = await AskAsync();
            Assert.Single(answers.Verdicts!);
            Assert.DoesNotContain('\0', answers.Fields);
        }
    }

    [Fact]
    public async Task Message_Of5MiB_ArrivesInChunks_AsItIs()
    {
        var body = new byte[5 << 20];
        new Random(1).NextBytes(body);
        using var content = new PooledContent();
        content.Append(Encoding.ASCII.GetBytes("Subject: x\r\n\r\n"));
        content.Append(body);
        await Filter().AskAsync([Options], Mail, content, Cancel);
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(milter.Body.ToArray()));
        Assert.Equal(65_535, milter.ChunkOctetsMax);
    }

    [Fact]
    public async Task LongReply_GoesOut_AndIsStoredInPart()
    {
        milter.Says["E"] = Packet(
            'y', $"550-5.7.1 {new string('a', 400)}\r\n550 5.7.1 {new string('b', 400)}\0");
        var answers = await AskAsync();
        Assert.Equal(512, Assert.Single(answers.Verdicts!).Text!.Length);
        Assert.Equal([400, 400], answers.Refusal!.Lines.Select(line => line.Length));
    }

    [Fact]
    public async Task Body_ThatIsSkipped_IsNotSentOn()
    {
        milter.Says["B"] = Packet('s');
        Assert.Equal(
            MilterResult.Accept, (await JudgeAsync("Subject: x\r\n\r\n" + new string('a', 200_000))).Result);
        Assert.Equal(65_535, milter.Body.Length);
        Assert.Contains("E", milter.Heard);
    }

    [Theory]
    [InlineData("Subject: x\r\n", "L Subject|x|", "")]
    [InlineData("Subject: x\r\n\r\n", "L Subject|x|", "")]
    [InlineData("Subject: x", "L Subject|x|", "")]
    [InlineData("no header at all\r\n\r\nbody\r\n", null, "no header at all\r\n\r\nbody\r\n")]
    [InlineData("\r\nbody\r\n", null, "\r\nbody\r\n")]
    [InlineData("", null, "")]
    public async Task Content_IsCutWhereTheHeaderEnds(string letter, string? field, string body)
    {
        Assert.Equal(MilterResult.Accept, (await JudgeAsync(letter)).Result);
        Assert.Equal(field is null ? [] : [field], milter.Heard.Where(one => one[0] == 'L'));
        Assert.Equal(body, Encoding.Latin1.GetString(milter.Body.ToArray()));
    }

    [Fact]
    public async Task Field_LargerThanAPacket_IsCut()
    {
        await JudgeAsync($"Subject: {new string('a', 100_000)}\r\n\r\n");
        Assert.Equal(65_535, milter.Heard.Single(one => one[0] == 'L').Length - "L ".Length);
    }

    [Fact]
    public async Task Message_OverSizeMax_IsSkipped()
    {
        var answers = await AskAsync(Letter, Options with { SizeMax = 10 });
        Assert.Equal(MilterResult.Skipped, Assert.Single(answers.Verdicts!).Result);
        Assert.Equal((0, 0), (milter.Connections, notes.Count));
    }

    [Theory]
    [InlineData('r', true, MilterOutage.Accept, "550 5.7.1 Command rejected", null)]
    [InlineData('t', true, MilterOutage.Accept, "451 4.7.1 Service unavailable - try again later", null)]
    [InlineData('d', true, MilterOutage.Accept, null, "milter m would discard it")]
    [InlineData('q', true, MilterOutage.Accept, null, "milter m: odd")]
    [InlineData('?', true, MilterOutage.Accept, null, null)]
    [InlineData('?', true, MilterOutage.Defer, "451 4.7.1 Service unavailable - try again later", null)]
    [InlineData('?', false, MilterOutage.Defer, "451 4.7.1 Service unavailable - try again later", null)]
    [InlineData('r', false, MilterOutage.Accept, null, null)]
    [InlineData('d', false, MilterOutage.Accept, null, null)]
    [InlineData('q', false, MilterOutage.Accept, null, null)]
    public async Task WhatAMilterSays_IsDoneWhereItDecides(
        char said, bool decides, MilterOutage whenDown, string? refusal, string? quarantine)
    {
        milter.Says["E"] = said == 'q' ? [.. Packet('q', "odd\0"), .. Packet('c')] : Packet(said);
        var answers = await AskAsync(Letter, Options with { Decides = decides, WhenDown = whenDown });
        Assert.Equal((refusal, quarantine), (answers.Refusal?.ToString(), answers.Quarantine));
    }

    [Theory]
    [InlineData('r', true, 1)]
    [InlineData('d', true, 1)]
    [InlineData('r', false, 2)]
    [InlineData('c', true, 2)]
    public async Task Milter_AfterOneThatHasDecided_IsSkipped(char said, bool decides, int asked)
    {
        milter.Says["E"] = Packet(said);
        var answers = await AskAsync(
            Letter, Options with { Decides = decides }, Options with { Name = "n", Decides = decides });
        Assert.Equal(asked, milter.Connections);
        Assert.Equal(asked == 1, answers.Verdicts![1] == new MilterVerdict("n", MilterResult.Skipped, null));
    }

    [Fact]
    public async Task Milter_ThatIsDown_IsAnError()
    {
        milter.IsDown = true;
        Assert.Equal(new MilterVerdict("m", MilterResult.Error, "Connection refused"), await JudgeAsync());
        Assert.Equal("Connection refused", Assert.Single(notes));
    }

    [Theory]
    [InlineData("O")]
    [InlineData("R")]
    [InlineData("E")]
    public async Task Milter_ThatIsTooSlow_IsAnErrorAtItsTimeout(string step)
    {
        milter.Says[step] = step == "E" ? Packet('p') : null;
        var asked = JudgeAsync();
        clock.Advance(Options.Timeout - TimeSpan.FromMilliseconds(1));
        Assert.False(asked.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(new MilterVerdict("m", MilterResult.Error, "it is too slow"), await asked);
    }

    [Fact]
    public async Task Session_ThatEnds_EndsTheConversation()
    {
        milter.Says["M"] = null;
        using var content = ContentOf(Letter);
        using var over = new CancellationTokenSource();
        var asked = Filter().AskAsync([Options], Mail, content, over.Token).AsTask();
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        Assert.Empty(notes);
    }

    [Fact]
    public async Task OneMilter_HasAHundredConnectionsAtMost()
    {
        milter.Says["M"] = null;
        using var content = ContentOf(Letter);
        var filter = Filter();
        var asked = Enumerable.Range(0, 101).Select(_ =>
            filter.AskAsync([Options], Mail, content, Cancel).AsTask()).ToList();
        Assert.Equal(100, milter.Connections);
        clock.Advance(Options.Timeout);
        Assert.All(await Task.WhenAll(asked), answers =>
            Assert.Equal("it is too slow", Assert.Single(answers.Verdicts!).Text));
        milter.Says.Clear();
        await filter.AskAsync([Options], Mail, content, Cancel);
        Assert.Null(notes[^1]);
    }
}
