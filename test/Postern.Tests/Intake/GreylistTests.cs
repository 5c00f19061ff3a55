using System.Globalization;
using System.Net;
using System.Text;
using Postern.Mta;
using Postern.Mta.Intake;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Tests.Doubles;

namespace Postern.Tests.Intake;

public sealed class GreylistTests
{
    static readonly TimeSpan Wait = TimeSpan.FromMinutes(5);
    static readonly GreylistOptions Options = new() { Wait = Wait };

    DateTimeOffset now = MailHall.Start;
    Greylist list;

    public GreylistTests() => list = new Greylist(() => now);

    TimeSpan? Ask(
        string client = "192.0.2.1", string sender = "a@sender.example", string recipient = "b@in.example",
        GreylistOptions? options = null) =>
        list.Ask(
            IPAddress.Parse(client), new ReversePath(sender.Length == 0 ? null : MailHall.Mailbox(sender)),
            MailHall.Mailbox(recipient), options ?? Options, out _);

    bool Knows(string client) => list.Knows(IPAddress.Parse(client), Options);

    /// <summary>A process that starts with what another left in the store.</summary>
    void Restart(params IEnumerable<ObjectChange> rows)
    {
        list = new Greylist(() => now);
        list.Restore(rows.Where(row => row.Json is not null)
            .Select(row => new StoredObject(row.Kind, row.Name, row.Json!.Value)));
    }

    [Fact]
    public void FirstTry_HasToComeAgain_AfterTheWait()
    {
        Assert.Equal(Wait, Ask());
        now += TimeSpan.FromMinutes(2);
        Assert.Equal(TimeSpan.FromMinutes(3), Ask());
        now += TimeSpan.FromMinutes(3);
        Assert.Null(Ask());
    }

    [Fact]
    public void TryThatAClockAheadOfThisOneWrote_HasToWaitNoLongerThanOthers()
    {
        now += TimeSpan.FromDays(400);
        Ask();
        var rows = list.TakeChanges(10);
        now -= TimeSpan.FromDays(400);
        Restart(rows);
        Assert.Equal(Wait, Ask());
        now += Wait;
        Assert.Null(Ask());
    }

    [Theory]
    [InlineData("192.0.2.1", "a@sender.example", "c@in.example")]
    [InlineData("192.0.2.1", "d@sender.example", "b@in.example")]
    [InlineData("192.0.3.1", "a@sender.example", "b@in.example")]
    [InlineData("192.0.2.1", "", "b@in.example")]
    public void OtherTriplet_IsAFirstTryOfItsOwn(string client, string sender, string recipient)
    {
        Ask();
        now += Wait;
        Assert.Equal(Wait, Ask(client, sender, recipient));
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.250")]
    [InlineData("2001:db8::1", "2001:db8::ffff:1")]
    public void SecondTry_FromAnotherHostOfTheNetwork_Passes(string first, string second)
    {
        Ask(first, "A@sender.example");
        now += Wait;
        Assert.Null(Ask(second, "a@Sender.example"));
    }

    [Fact]
    public void NetworkThatCameAgain_IsKnownForAll_AndItsNeighboursAreNot()
    {
        Ask();
        Assert.False(Knows("192.0.2.1"));
        now += Wait;
        Ask();
        Assert.True(Knows("192.0.2.77"));
        Assert.False(Knows("192.0.3.1"));
    }

    [Fact]
    public void AllowAfter_Three_WantsThreeThatCameAgain()
    {
        var options = Options with { AllowAfter = 3 };
        string[] senders = ["a@s.example", "b@s.example", "c@s.example"];
        foreach (var sender in senders)
            Ask(sender: sender, options: options);
        now += Wait;
        foreach (var sender in senders)
        {
            Assert.False(list.Knows(IPAddress.Parse("192.0.2.1"), options));
            Assert.Null(Ask(sender: sender, options: options));
            Assert.Null(Ask(sender: sender, options: options));
        }
        Assert.True(list.Knows(IPAddress.Parse("192.0.2.1"), options));
    }

    [Fact]
    public void SecondTry_ThatComesTooLate_IsAFirstOne()
    {
        Ask();
        now += Options.RetryWithin + TimeSpan.FromSeconds(1);
        Assert.Equal(Wait, Ask());
    }

    [Fact]
    public void KnownNetwork_IsForgottenAfterItsTime_ButNotWhileItComes()
    {
        Ask();
        now += Wait;
        Ask();
        for (var month = 0; month < 12; month++)
        {
            now += TimeSpan.FromDays(30);
            list.Sweep(Options);
            Assert.True(Knows("192.0.2.1"));
        }
        now += Options.Keep + TimeSpan.FromSeconds(1);
        Assert.False(Knows("192.0.2.1"));
        Assert.Equal(Wait, Ask());
    }

    [Fact]
    public void Sweep_ForgetsFirstTriesThatNobodyRepeated_AndTheirRows()
    {
        Ask();
        Assert.NotNull(Assert.Single(list.TakeChanges(10)).Json);
        now += Options.RetryWithin + TimeSpan.FromSeconds(1);
        list.Sweep(Options);
        Assert.Equal(0, list.Count);
        Assert.Null(Assert.Single(list.TakeChanges(10)).Json);
    }

    [Fact]
    public void WhoPassed_IsKnownAfterARestart_ByTheRowThatTheAnswerGave()
    {
        Ask();
        now += Wait;
        list.Ask(
            IPAddress.Parse("192.0.2.1"), new ReversePath(MailHall.Mailbox("a@sender.example")),
            MailHall.Mailbox("b@in.example"), Options, out var kept);
        Restart(kept!);
        Assert.True(Knows("192.0.2.9"));
    }

    [Fact]
    public void FirstTry_IsRememberedOverARestart_OnceItIsWritten()
    {
        Ask();
        var rows = list.TakeChanges(10);
        now += Wait;
        Restart(rows);
        Assert.Null(Ask());
        Restart();
        Assert.Equal(Wait, Ask());
    }

    [Fact]
    public void FirstTries_OfOneNetwork_AreOneRow_AndAKnownOneIsWrittenOnceADay()
    {
        for (var i = 0; i < 10; i++)
            Ask(sender: $"a{i}@sender.example");
        Assert.Single(list.TakeChanges(10));
        Assert.Empty(list.TakeChanges(10));
        now += Wait;
        Ask(sender: "a1@sender.example");
        for (var hour = 0; hour < 23; hour++, now += TimeSpan.FromHours(1))
            Assert.True(Knows("192.0.2.1"));
        Assert.Empty(list.TakeChanges(10));
        now += TimeSpan.FromHours(1);
        Knows("192.0.2.1");
        Assert.Single(list.TakeChanges(10));
    }

    [Fact]
    public void NetworkWithTooManyFirstTries_HasTheOldestForAll_AndFillsNoOthersMemory()
    {
        for (var i = 0; i < Greylist.TriesPerNetworkMax; i++)
            Assert.Equal(Wait, Ask(sender: $"a{i}@sender.example"));
        now += Wait / 2;
        Assert.Equal(Wait / 2, Ask(sender: "more@sender.example"));
        Assert.Equal(Wait, Ask("198.51.100.1"));
        now += Wait / 2;
        Assert.Null(Ask(sender: "other@sender.example"));
        Assert.False(Knows("192.0.2.1"));
    }

    [Fact]
    public void FullMemory_TakesTheMailOfStrangers_AndForgetsNobody()
    {
        Ask("192.0.2.1");
        now += Wait;
        Ask("192.0.2.1");
        Ask("198.51.100.1");
        for (var i = 0; list.Count < Greylist.NetworksMax; i++)
            Assert.Equal(Wait, Ask(string.Create(
                CultureInfo.InvariantCulture, $"2001:db8:{i >> 16:x}:{i & 0xFFFF:x}::1")));
        Assert.Null(Ask("203.0.113.1"));
        Assert.Equal(Greylist.NetworksMax, list.Count);
        Assert.True(Knows("192.0.2.1"));
        Assert.Equal(Wait, Ask("198.51.100.1"));
        now += Options.RetryWithin + TimeSpan.FromSeconds(1);
        list.Sweep(Options);
        Assert.Equal(1, list.Count);
        Assert.Equal(Wait, Ask("203.0.113.1"));
    }

    [Theory]
    [InlineData("192.0.2.0/24", "{")]
    [InlineData("192.0.2.0/24", "null")]
    [InlineData("192.0.2.0/24", "[]")]
    [InlineData("nonsense", """{"passes":1,"seen-at":"2026-01-02T03:04:05+00:00","tries":[]}""")]
    public void RowThatCannotBeRead_IsSkipped(string name, string json)
    {
        Restart(new ObjectChange(Greylist.ObjectKind, name, Encoding.UTF8.GetBytes(json)));
        Assert.Equal(0, list.Count);
    }

    [Fact]
    public void RowOfOtherVersion_WithoutTries_IsRead()
    {
        Restart(new ObjectChange(
            Greylist.ObjectKind, "192.0.2.0/24",
            """{"passes":1,"seen-at":"2026-01-02T03:04:05+00:00"}"""u8.ToArray()));
        Assert.True(Knows("192.0.2.1"));
    }
}
