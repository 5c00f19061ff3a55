namespace Postern.Interop.Dashboard;

/// <summary>Ten ways a message goes wrong: its page names the cause and the mend as the command does, in two
/// languages, and shows by itself that the mend helped.</summary>
public sealed class TroubleTests(TroubleHouse house) : IClassFixture<TroubleHouse>
{
    PosternProcess Postern => house.Postern;

    [Fact]
    public async Task NextHop_ThatIsDown_IsNamedUntilItIsBack()
    {
        await using var mail = await TroubledMail.SendAsync(house, "down");
        await mail.IsNamedAsync(new Named("next-hop-down", "next hop down", "다음 홉 장애"));
        var mend = await mail.CommandOfMendAsync("to probe now: postern ");
        await using var relay = new FaultyRelay(port: house.DownPort);
        var answer = await Postern.CommandAsync(mend);
        // A probe of the queue's own may have been before it.
        if (!answer.Error.Contains("is not in the queue", StringComparison.Ordinal))
            answer.Succeeded();
        await mail.IsRelayedAsync();
        Assert.Equal(["box@down.test"], relay.Taken);
    }

    [Fact]
    public async Task Login_ThatIsRefused_IsAnAlarmUntilThePasswordIsRight()
    {
        await using var mail = await TroubledMail.SendAsync(house, "guarded");
        var told = await mail.IsNamedAsync(new Named("alarm", "alarm", "경보"));
        Assert.Contains("535 5.7.8", told.Text);
        await mail.HasAlarmAsync("guarded", told);
        Postern.Directory.WriteSecret("login", TroubleHouse.Password);
        await Postern.ReloadAsync(Postern.Settings);
        await mail.IsRelayedAsync();
        await mail.HasNoAlarmAsync("guarded", told);
        Assert.Equal(["box@guarded.test"], house.Guarded.Taken);
    }

    [Fact]
    public async Task Recipient_ThatIsRefused_IsADeadLetterUntilItIsReplayed()
    {
        await using var mail = await TroubledMail.SendAsync(house, "knowing", "mx");
        var told = await mail.IsNamedAsync(new Named("done", "failed", "실패") { Tone = "bad" });
        Assert.Contains("550 5.1.1 No such user here", told.Text);
        house.Knowing.Mend();
        await mail.PressAsync("Replay");
        await mail.IsRelayedAsync();
        Assert.Equal(["box@knowing.test"], house.Knowing.Taken);
    }

    [Fact]
    public async Task Recipient_ThatIsGreylisted_IsNamedUntilItIsTaken()
    {
        await using var mail = await TroubledMail.SendAsync(house, "grey");
        var told = await mail.IsNamedAsync(new Named("greylisted", "greylisted", "그레이리스팅"));
        Assert.Contains("451 4.7.1", told.Text);
        house.Grey.Mend();
        await mail.PressAsync("Try now");
        await mail.IsRelayedAsync();
        Assert.Equal(["box@grey.test"], house.Grey.Taken);
    }

    [Fact]
    public async Task Rate_ThatIsUsedUp_IsNamedUntilItIsRaised()
    {
        await house.SendAsync("paced", "submission");
        await using var mail = await TroubledMail.SendAsync(house, "paced");
        var told = await mail.IsNamedAsync(new Named("rate-limit", "rate limit", "속도 제한"));
        Assert.Contains(TroubleHouse.SlowRate, told.Text);
        await Postern.ReloadAsync(
            Postern.Settings.Replace(TroubleHouse.SlowRate, "100/s", StringComparison.Ordinal));
        await mail.IsRelayedAsync();
        Assert.Equal(["box@paced.test", "box@paced.test"], house.Paced.Taken);
    }

    [Fact]
    public async Task Message_ThatAnOperatorHolds_WaitsForItsRelease()
    {
        await using var mail = await TroubledMail.SendAsync(house, "awaited");
        await mail.IsNamedAsync(new Named("retry-time", "retry time", "재시도 시각 대기"));
        await mail.PressAsync("Hold");
        await mail.IsNamedAsync(new Named("held", "held", "보류"));
        house.Awaited.Mend();
        Assert.Empty(house.Awaited.Taken);
        await mail.PressAsync("Release");
        await mail.IsRelayedAsync();
        Assert.Equal(["box@awaited.test"], house.Awaited.Taken);
    }

    [Fact]
    public async Task Script_ThatFails_IsNamedUntilItIsRepaired()
    {
        await using var mail = await TroubledMail.SendAsync(house, "failing", "mx");
        var told = await mail.IsNamedAsync(new Named("next-hop-down", "next hop down", "다음 홉 장애"));
        Assert.Contains("lost my way", told.Text);
        await RepairAsync(mail, "failing");
    }

    [Fact]
    public async Task Script_ThatCannotStart_IsAnAlarmUntilItIsThere()
    {
        await using var mail = await TroubledMail.SendAsync(house, "absent", "mx");
        var told = await mail.IsNamedAsync(new Named("alarm", "alarm", "경보"));
        await mail.HasAlarmAsync("absent", told);
        await RepairAsync(mail, "absent");
        await mail.HasNoAlarmAsync("absent", told);
    }

    [Fact]
    public async Task PubSub_WithoutTheTopic_IsAnAlarmUntilItIsThere()
    {
        await using var pubsub = await PubSubEmulator.GoogleAsync(house.TopicPort);
        await using var mail = await TroubledMail.SendAsync(house, "topic", "mx");
        var told = await mail.IsNamedAsync(new Named("alarm", "alarm", "경보"));
        await mail.HasAlarmAsync("topic", told);
        await pubsub.CreateTopicAsync(TroubleHouse.Topic);
        await mail.PressAsync("Try now");
        await mail.IsRelayedAsync();
        await mail.HasNoAlarmAsync("topic", told);
    }

    [Fact]
    public async Task Reply_ThatIsLost_IsUncertainUntilSomebodyAsksForAnotherCopy()
    {
        await using var mail = await TroubledMail.SendAsync(house, "silent");
        var told = await mail.IsNamedAsync(new Named("uncertain", "uncertain", "결과 불확실"));
        Assert.Contains("which may make a second copy", told.Mend);
        house.Silent.Mend();
        await mail.PressAsync("Try now");
        await mail.IsRelayedAsync();
        Assert.Equal(["box@silent.test", "box@silent.test"], house.Silent.Taken);
    }

    [Fact]
    public async Task Message_WhoseTimeIsOver_IsADeadLetterUntilItIsReplayed()
    {
        await using var mail = await TroubledMail.SendAsync(house, "late", "mx");
        var told = await mail.IsNamedAsync(new Named("done", "expired", "만료됨") { Tone = "bad" });
        Assert.Contains("its time was over", told.Text);
        Assert.Contains("452 4.2.2", told.Text);
        house.Late.Mend();
        await mail.ReplayFromListAsync();
        await mail.IsRelayedAsync();
        Assert.Equal(["box@late.test"], house.Late.Taken);
    }

    async Task RepairAsync(TroubledMail mail, string script)
    {
        var got = Postern.Directory.PathOf(script + ".got");
        Postern.Directory.WriteScript(script, $"#!/bin/sh\n/bin/cat > {got}");
        await mail.PressAsync("Try now");
        await mail.IsRelayedAsync();
        Assert.Contains(
            "Subject: " + script, await File.ReadAllTextAsync(got, TestContext.Current.CancellationToken));
    }
}
